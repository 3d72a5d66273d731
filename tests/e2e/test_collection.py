"""Mails of other people's test suites through the whole gateway: none lost, none changed, nothing crashes.

`MAIL_COLLECTION` names a folder of .eml and mbox files, such as a checkout of a MIME library's tests; without it, our
own odd mails are sent.
"""

import os
import re
from pathlib import Path

import pytest

from dlp_gateway.content import mailbox
from dlp_gateway.content.text import Account, File
from dlp_gateway.mail.header import body_start
from tests.e2e.client import Client
from tests.e2e.conftest import Launch
from tests.e2e.gateway import POLICY, Gateway
from tests.e2e.next_mta import NextMta

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FOLDER = Path(os.environ.get("MAIL_COLLECTION") or Path(__file__).parents[1] / "eml")
_BLIND = re.compile(rb"^(?:resent-)?bcc:[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE | re.MULTILINE)  # never passed on
SENDER, RECIPIENT = "ann@corp.example", "ben@bakery.example"


def collection() -> list[tuple[str, bytes]]:
    """Return name and octets of each mail, with the line ends that SMTP has."""
    found = []
    for path in sorted((*FOLDER.rglob("*.eml"), *FOLDER.rglob("*.mbox"))):
        if "evasion" in path.parts:  # they have a test of their own
            continue
        raw = path.read_bytes()
        boxed = [piece.content for piece in mailbox.messages(raw, Account()) if isinstance(piece, File)]
        for number, mail in enumerate(boxed if path.suffix == ".mbox" else [raw]):
            lines = re.sub(rb"\r\n|\r|\n", b"\r\n", mail)
            found.append((f"{path.name} {number}", lines if lines.endswith(b"\r\n") else lines + b"\r\n"))
    return found


async def sent(running: Gateway) -> list[tuple[str, bytes]]:
    """Send all, and return those that were taken; the others had a NUL, which no mail may have (RFC 5321 4.5.2)."""
    taken = []
    async with Client(running.port) as client:
        await client.command("EHLO client.example")
        for name, content in collection():
            replies = await client.mail(SENDER, (RECIPIENT,), content)
            if replies[-1].startswith("250"):
                taken.append((name, content))
            else:
                assert (replies[-1][:3], b"\0" in content) == ("554", True), name
                await client.command("RSET")
    return taken


async def test_what_is_forwarded_is_what_was_sent(gateway: Launch, next_mta: NextMta) -> None:
    """Where rules only observe, every mail arrives, its body octet for octet, its header below ours."""
    running = await gateway(next_mta.port, policy={**POLICY, "mode": "observe"})
    taken = await sent(running)
    arrived = await next_mta.until(len(taken), seconds=60)
    for (name, content), transaction in zip(taken, arrived, strict=True):
        assert transaction.content[body_start(transaction.content) :] == content[body_start(content) :], name
        assert _BLIND.sub(b"", content[: body_start(content)]) in transaction.content, name
    assert running.events("worker_died") == []


async def test_no_mail_is_lost(gateway: Launch, next_mta: NextMta) -> None:
    """Where rules act, each is forwarded, rewritten or held; none fails to be inspected."""
    running = await gateway(next_mta.port)
    taken = await sent(running)
    listed = await running.run("quarantine", "list", "--json", "--limit", "1000")
    held = [line for line in listed.stdout.splitlines() if line]
    assert len(next_mta.transactions) + len(held) == len(taken)
    metrics = (await running.get("/metrics")).text.splitlines()
    assert [line for line in metrics if line.startswith("dlp_failures_total{") and not line.endswith(" 0.0")] == []
    assert running.events("worker_died") == []
