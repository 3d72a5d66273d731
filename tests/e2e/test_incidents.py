"""Incidents that were reported and fined, replayed through a whole gateway with its default policy; see `incidents/`.

An incident is a row of mails. `to`, `cc` and `bcc` are people ("1-17": seventeen outsiders of as many homes), `self` or
"insiders 1-400"; `envelope` says who gets it where the header does not; `answers` names the mail it replies to.
`expect` is `stopped` (nobody outside sees anybody else outside), `held` (nothing leaves) or `passes` (all get it, as it
was written).
"""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import getaddresses
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.e2e.client import Client
from tests.e2e.conftest import Launch
from tests.e2e.gateway import Gateway
from tests.e2e.next_mta import NextMta, Transaction

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FOLDER: Final = Path(__file__).with_name("incidents")
INCIDENTS: Final = {
    file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*.yaml"))
}
_PICTURE: Final = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb0043") + bytes(64) + bytes.fromhex("ffd9")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail of an incident, written out."""

    message_id: str
    reverse_path: str
    recipients: tuple[str, ...]
    content: bytes
    expect: str


def people(words: str, author: str) -> tuple[str, ...]:
    """Return the addresses that the words of an incident mean."""
    found: list[str] = []
    inside = False
    for word in words.split():
        if word == "insiders":
            inside = True
        elif word == "self":
            found.append(author)
        elif "@" in word:
            found.append(word)
        else:
            first, _, last = word.partition("-")
            numbers = range(int(first), int(last or first) + 1)
            found += [f"colleague{n}@corp.example" if inside else f"person{n}@home{n}.example" for n in numbers]
    return tuple(found)


def written(number: int, said: dict[str, Any], ids: dict[str, str]) -> Mail:
    """Write a mail as its author's program would."""
    author = (
        f"person{said['author'].split()[1]}@home{said['author'].split()[1]}.example"
        if "author" in said
        else said["from"]
    )
    shown = {name: people(str(said[name]), said["from"]) for name in ("to", "cc", "bcc") if name in said}
    mail = EmailMessage(policy=SMTP)
    mail["From"] = author
    for name in ("to", "cc"):
        if name in shown:
            named = [f"{a.partition('@')[0].title()} Example <{a}>" if said.get("names") else a for a in shown[name]]
            mail[name.title()] = ", ".join(named)
    mail["Subject"] = said["subject"]
    message_id = f"<incident.{number}@corp.example>"
    mail["Message-ID"] = message_id
    if "answers" in said:
        mail["In-Reply-To"] = mail["References"] = ids[said["answers"]]
    mail.set_content(said["text"] + "\n")
    if name := said.get("attachment"):
        main, sub = ("image", "jpeg") if name.endswith("jpg") else ("text", "csv")
        mail.add_attachment(_PICTURE if main == "image" else b"name,born\n", maintype=main, subtype=sub, filename=name)
    if "id" in said:
        ids[said["id"]] = message_id
    everybody = tuple(dict.fromkeys(address for addresses in shown.values() for address in addresses))
    recipients = people(str(said["envelope"]), said["from"]) if "envelope" in said else everybody
    return Mail(
        message_id=message_id,
        reverse_path=said["from"],
        recipients=recipients,
        content=mail.as_bytes(),
        expect=said["expect"],
    )


def outsiders_shown(content: bytes) -> set[str]:
    """Return the outsiders in the recipient fields of a copy, read independently of the gateway."""
    fields = message_from_bytes(content).get_all
    values = [str(value) for name in ("To", "Cc", "Resent-To", "Resent-Cc") for value in fields(name, [])]
    addresses = {address.lower() for _, address in getaddresses(values) if "@" in address}
    return {address for address in addresses if not address.endswith("@corp.example")}


async def settled(gateway: Gateway) -> None:
    """Wait until nothing is left that leaves by itself."""
    for _ in range(100):
        if not (await gateway.run("quarantine", "list", "--state", "due", "--json")).stdout.strip():
            return
        await asyncio.sleep(0.2)
    raise TimeoutError("mail is still due")


def problems(mail: Mail, copies: list[Transaction]) -> list[str]:
    """Return what is wrong with what left of one mail."""
    wrong: list[str] = []
    if mail.expect == "held":
        return ["something left"] if copies else []
    received = Counter(recipient for copy in copies for recipient in copy.recipients)
    wrong += [f"{one} got {count} copies" for one, count in received.items() if count > 1]
    if mail.expect == "passes":
        wrong += [f"{one} got nothing" for one in mail.recipients if one not in received]
        wrong += ["it was changed" for copy in copies if not copy.content.endswith(mail.content)]
        return wrong
    for copy in copies:
        seen = outsiders_shown(copy.content)
        readers = {recipient for recipient in copy.recipients if not recipient.endswith("@corp.example")}
        others = seen if len(readers) > 1 else seen - readers
        if readers and others:
            wrong.append(f"{len(others)} outsiders are shown to {len(readers)} people outside")
    return wrong


@pytest.mark.parametrize("incident", INCIDENTS)
async def test_incident_is_stopped(incident: str, gateway: Launch, next_mta: NextMta) -> None:
    """With the default policy no incident happens again, and what harms nobody passes."""
    running = await gateway(next_mta.port, settings={"limits": {"recipients": 2000}})
    ids: dict[str, str] = {}
    mails = [written(number, said, ids) for number, said in enumerate(INCIDENTS[incident]["mails"], 1)]
    for mail in mails:
        async with Client(running.port) as client:
            await client.command("EHLO mail.corp.example")
            replies = await client.mail(mail.reverse_path, mail.recipients, mail.content)
            assert re.match(r"250|550", replies[-1]), replies[-1]
    await settled(running)
    left = {mail.message_id: [] for mail in mails}
    for transaction in next_mta.transactions:
        message_id = str(message_from_bytes(transaction.content)["Message-ID"])
        if message_id in left:
            left[message_id].append(transaction)
    assert [(n, p) for n, mail in enumerate(mails, 1) for p in problems(mail, left[mail.message_id])] == []
