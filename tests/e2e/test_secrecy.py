"""Invariant (h), on the whole gateway: nothing that it writes or says holds text of a message."""

import email.message
import email.policy
import json
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.e2e.client import Client, send
from tests.e2e.gateway import POLICY, Gateway
from tests.e2e.next_mta import NextMta

pytestmark = pytest.mark.e2e

MARK = "zq7391"  # stands in every string that a client chooses
CARD, IBAN = "4111 1111 1111 1111", "GB33BUKB20201555555555"  # published test numbers
FOUND = (CARD, CARD.replace(" ", ""), IBAN)
REFUSING = {
    **POLICY,
    "actions": {"refuse": {"do": "reject", "explanation": "Accounts do not leave by mail."}},
    "rules": [
        {
            "id": "no-accounts",
            "when": {"finding": "identifier.IBAN"},
            "then": "refuse",
        }
    ],
}


def mail(body: str, recipients: tuple[str, ...]) -> bytes:
    """Return a mail whose every part is marked: header, text, HTML, names of files."""
    message = email.message.EmailMessage(email.policy.SMTP)
    message["From"] = f"{MARK} Ada <{MARK}.ada@corp.example>"
    message["To"] = ", ".join(f"{MARK} <{recipient}>" for recipient in recipients)
    message["Subject"] = f"{MARK} subject"
    message["Message-ID"] = f"<{MARK}.{abs(hash(body))}@corp.example>"
    message["X-Own"] = f"{MARK} field"
    message.set_content(f"{MARK} {body}\n")
    message.add_alternative(f"<p title='{MARK}'>{MARK} {body}</p>", subtype="html")
    message.add_attachment(MARK.encode(), maintype="application", subtype="octet-stream", filename=f"{MARK}.bin")
    return message.as_bytes()


def outsider(number: int) -> str:
    """Return a marked address of an organisation of its own."""
    return f"{MARK}.{number}@customer-{number}.example"


def everything_written(folder: Path) -> bytes:
    """Return the bytes of every file below `folder` that the gateway made."""
    made = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".yaml")
    return b"\n".join(path.read_bytes() for path in made)


@pytest.mark.slow
async def test_nothing_of_a_message_is_written_or_said(
    gateway: Callable[..., Awaitable[Gateway]], next_mta: NextMta
) -> None:
    """At level debug: each disposition, refusals, a loop, broken mails and sessions, a release, a refused reload."""
    one = await gateway(next_mta.port, policy=REFUSING, settings={"log": {"level": "debug"}, "notices": {}})
    author, bob = f"{MARK}.ada@corp.example", outsider(0)
    everyone = tuple(outsider(number) for number in range(12))
    refused, later = outsider(90), outsider(91)
    next_mta.script.replies = {
        refused: f"550 5.1.1 <{refused}> {MARK} is unknown here",
        later: f"451 4.2.0 <{later}> {MARK} comes later",
    }
    replies = [
        await send(one.port, author, (bob,), mail("nothing special", (bob,))),
        await send(one.port, author, everyone, mail("for all of you", everyone)),
        await send(one.port, author, (bob,), mail(f"my card is {CARD}", (bob,))),
        await send(one.port, author, (bob,), mail(f"my account is IBAN {IBAN}", (bob,))),
        await send(one.port, author, (bob, refused, later), mail("some of you", (bob, refused, later))),
        await send(one.port, author, (bob,), b"Received: by x\r\n" * 99 + mail("round and round", (bob,))),
        await send(one.port, author, (bob,), b"To: " + MARK.encode() + b'"<\r\nContent-Type: multipart/x\r\n\r\nx\r\n'),
    ]
    async with Client(one.port) as client:
        replies += [await client.command(line) for line in (f"EHLO {MARK}.example", MARK, f"MAIL FROM:<{MARK}", "DATA")]
        await client.mail(author, (bob,), f"{MARK} bare\n{MARK}\r\n".encode())
    async with Client(one.port) as client:
        client.write(f"MAIL FROM:<{author}>\r\nRCPT TO:<{bob}>\r\nDATA\r\n{MARK}".encode())
        client.abort()
    held = json.loads((await one.run("quarantine", "list", "--json", "--state", "held")).stdout.splitlines()[0])
    await one.run("quarantine", "release", held["id"], "--why", f"{MARK} asked for it")
    await one.event("delivery")
    one.write_policy({**REFUSING, "packs": ["no-such-pack"]})
    one.reload()
    await one.event("reload_refused")
    metrics = (await one.get("/metrics")).text
    ready = (await one.get("/readyz")).text
    await one.stop()

    dispositions = [event["disposition"] for event in one.events("decided")]
    assert dispositions[:4] == ["forward", "rewrite", "hold", "reject"]
    assert [reply[:3] for reply in replies[:4]] == ["250", "250", "250", "550"]
    said = "\n".join((metrics, ready, *replies[:4], *replies[5:7])).casefold()
    assert [text for text in (MARK, *FOUND) if text.casefold() in said] == []
    written = everything_written(one.folder).lower()
    assert [text for text in (MARK, *FOUND) if text.lower().encode() in written] == []
    assert list(one.scratch.iterdir()) == []


@pytest.mark.slow
async def test_a_traceback_shows_no_text(gateway: Callable[..., Awaitable[Gateway]], next_mta: NextMta) -> None:
    """When a held mail cannot be committed, the client hears 451, and the log has types and places only."""
    one = await gateway(next_mta.port, settings={"log": {"level": "debug"}})
    other = sqlite3.connect(one.database, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    reply = await send(one.port, "ada@corp.example", ("bob@example.net",), mail(f"card {CARD}", ("bob@example.net",)))
    other.close()
    await one.stop()
    assert reply[:3] == "451"
    assert MARK not in reply + one.errors.read_text()
    assert [event for event in one.events("store_unavailable") if event["frames"]] != []
