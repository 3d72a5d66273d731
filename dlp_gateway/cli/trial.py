"""Sends the demo's mails through a running gateway, and holds what came out against what had to."""

import asyncio
import mailbox
import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dlp_gateway.cli.samples import INSIDE, Sample
from dlp_gateway.journal import Query, SqlJournal
from dlp_gateway.mail.address import canonical, domain_of
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.parse import parse
from dlp_gateway.mail.reference import own_id
from dlp_gateway.policy.verdict import Disposition
from dlp_gateway.ports import Entry

_PATIENCE: Final = 10.0  # seconds for the journal, which writes in groups at most a second late


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What became of one sample: the gateway's reply, the journal's entry, and the copies by recipient."""

    sample: Sample
    reply: str
    entry: Entry | None
    copies: tuple[tuple[str, Message], ...]

    @property
    def problem(self) -> str:
        """Return what is not as it should be, or ""."""
        sample, entry = self.sample, self.entry
        if entry is None:
            return f"the journal does not know it (the gateway said: {self.reply})"
        if entry.disposition is not sample.expected:
            return f"expected {sample.expected.label}"
        if sample.reason and not any(rule.startswith(sample.reason) for rule in entry.reasons):
            return f"expected the rule {sample.reason}"
        reached = sorted(recipient for recipient, _ in self.copies)
        if entry.disposition is Disposition.HOLD:
            return "a copy left although it is held" if reached else ""
        if reached != sorted(sample.recipients):
            return f"{len(reached)} of {len(sample.recipients)} recipients have it"
        original = parse(sample.content)
        for recipient, copy in self.copies:
            if copy.raw[copy.body_start :] != sample.content[original.body_start :]:
                return "a body was changed"
            if entry.disposition is Disposition.FORWARD and copy.visible != original.visible:
                return "the recipient fields of a clean mail were changed"
            if entry.disposition is Disposition.REWRITE and _outsiders_but(copy, recipient):
                return "an outsider still sees another outsider"
        return ""


def _outsiders_but(copy: Message, reader: str) -> tuple[str, ...]:
    """Return the outsiders whom `reader`, who may be one himself, sees in his copy."""
    shown = dict.fromkeys(canonical(visible.address) for visible in copy.visible)
    return tuple(address for address in shown if domain_of(address) != INSIDE and address != canonical(reader))


async def run(
    samples: tuple[Sample, ...], port: int, journal: SqlJournal, maildir: Path, tell: Callable[[Sample], None]
) -> tuple[Trial, ...]:
    """Send every sample to 127.0.0.1:`port`, wait for the journal, and collect; `tell` is called before each one."""
    answers = []
    for sample in samples:
        tell(sample)
        answers.append(await asyncio.to_thread(_send, sample, port))
    entries = await _entries(journal, len(samples))
    copies = await asyncio.to_thread(_copies, maildir)
    return tuple(
        Trial(
            sample=sample,
            reply=answer,
            entry=entries.get(own_id(parse(sample.content))),
            copies=copies.get(own_id(parse(sample.content)), ()),
        )
        for sample, answer in zip(samples, answers, strict=True)
    )


def _send(sample: Sample, port: int) -> str:
    """Send one sample as a mail client would and return the final reply."""
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        client.ehlo("demo.corp.example")
        code, words = client.mail(sample.reverse_path, ["BODY=8BITMIME"])
        for recipient in sample.recipients:
            if code == 250:
                code, words = client.rcpt(recipient)
        if code == 250:
            code, words = client.data(sample.content)
        return f"{code} {words.decode('utf-8', 'replace')}"


async def _entries(journal: SqlJournal, wanted: int) -> dict[str, Entry]:
    """Return the journal's entries by Message-ID as soon as there are `wanted`, or what there is when time is up."""
    deadline = asyncio.get_running_loop().time() + _PATIENCE
    while True:
        entries = {entry.message_id: entry for entry in await journal.entries(Query())}
        if len(entries) >= wanted or asyncio.get_running_loop().time() > deadline:
            return entries
        await asyncio.sleep(0.1)


def _copies(maildir: Path) -> dict[str, tuple[tuple[str, Message], ...]]:
    """Return by Message-ID the copies in the Maildir, each with the recipient whom the next MTA delivered it to."""
    found: dict[str, list[tuple[str, Message]]] = {}
    box = mailbox.Maildir(maildir)
    for key in box.iterkeys():
        message = parse(box.get_bytes(key))
        recipient = message.named("Delivered-To")[0].body.decode("utf-8", "replace")
        found.setdefault(own_id(message), []).append((recipient, message))
    return {message_id: tuple(copies) for message_id, copies in found.items()}
