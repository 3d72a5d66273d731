"""The peers themselves: what tests with the gateway rely on."""

import asyncio
import subprocess
from collections.abc import Awaitable, Callable

import pytest

from tests.e2e.client import Client, send
from tests.e2e.next_mta import NextMta, Stage, Transaction
from tests.e2e.postfix import Postfix

pytestmark = pytest.mark.e2e

Send = Callable[..., Awaitable[subprocess.CompletedProcess[str]]]

MAIL = b"From: Ada <ada@corp.example>\r\nTo: bob@example.net\r\nSubject: Hello\r\n\r\nHello Bob\r\n"


@pytest.mark.parametrize(
    "content",
    [b"", b"\r\n", MAIL, MAIL + b".\r\n..\r\n.x\r\n", MAIL + b"bare\n.\r\nline\r\n", b"x" * 200_000 + b"\r\n"],
)
async def test_content_is_recorded_byte_for_byte(content: bytes, next_mta: NextMta) -> None:
    """Dots are unstuffed once, and a dot behind a bare LF does not end the content."""
    assert await send(next_mta.port, "ada@corp.example", ("bob@example.net",), content) == "250 2.0.0 Queued as 1"
    expected = Transaction(
        mail="FROM:<ada@corp.example>", recipients=("bob@example.net",), content=content, answered=True
    )
    assert [expected] == next_mta.transactions


async def test_some_recipients_are_deferred_or_refused(next_mta: NextMta) -> None:
    """The mail goes to those that were accepted."""
    next_mta.script.replies = {"later@example.net": "451 4.2.0 Later", "never@example.net": "550 5.1.1 Nobody"}
    async with Client(next_mta.port) as client:
        replies = await client.mail("", ("later@example.net", "bob@example.net", "never@example.net"), MAIL)
    assert [reply[:3] for reply in replies] == ["250", "451", "250", "550", "354", "250"]
    assert [(one.reverse_path, one.recipients) for one in next_mta.transactions] == [("", ("bob@example.net",))]


async def test_without_recipients_there_is_no_content(next_mta: NextMta) -> None:
    """DATA is refused, and the session goes on."""
    next_mta.script.replies = {"RCPT": "452 4.3.1 Full"}
    async with Client(next_mta.port) as client:
        replies = await client.mail("ada@corp.example", ("bob@example.net",), MAIL)
        assert replies[-1][:3] == "554"
        assert (await client.command("RSET"))[:3] == "250"
    assert next_mta.transactions == []


@pytest.mark.parametrize("stage", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "content", "dot"])
async def test_it_dies_at_the_stage_that_it_is_told(stage: Stage, next_mta: NextMta) -> None:
    """The connection ends without a reply; only after the final dot is there a mail, not answered."""
    next_mta.script.deaths = {stage}
    async with Client(next_mta.port) as client:
        await client.command("EHLO client.example")
        replies = await client.mail("ada@corp.example", ("bob@example.net",), MAIL)
    assert replies[-1] == ""
    assert ([False] if stage == "dot" else []) == [one.answered for one in next_mta.transactions]


async def test_it_is_as_slow_as_it_is_told(next_mta: NextMta) -> None:
    """A pause comes before the reply, for a stage that is named."""
    next_mta.script.pauses = {"dot": 0.3}
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await send(next_mta.port, "ada@corp.example", ("bob@example.net",), MAIL)
    assert loop.time() - begun >= 0.3


async def test_it_comes_back_on_its_port(next_mta: NextMta) -> None:
    """A next MTA that was switched off refuses connections, and later is where it was."""
    await next_mta.stop()
    with pytest.raises(ConnectionRefusedError):
        await send(next_mta.port, "ada@corp.example", ("bob@example.net",), MAIL)
    await next_mta.start()
    assert (await send(next_mta.port, "ada@corp.example", ("bob@example.net",), MAIL))[:3] == "250"


async def test_swaks_sends_to_postfix(swaks: Send, next_postfix: Postfix) -> None:
    """A mail by swaks lies in the Maildir once for each recipient, with its envelope."""
    done = await swaks(next_postfix.port, "--from", "ada@corp.example", "--to", "bob@example.net,cy@example.org")
    assert done.returncode == 0, done.stdout
    arrivals = await next_postfix.until(2)
    assert {"bob@example.net", "cy@example.org"} == {one.recipient for one in arrivals}
    assert {"ada@corp.example"} == {one.reverse_path for one in arrivals}
    assert all(b"\r\nThis is a test mailing\r\n" in one.content for one in arrivals)


async def test_msmtp_sends_to_the_scripted_mta(msmtp: Send, next_mta: NextMta) -> None:
    """A mail by msmtp is recorded."""
    done = await msmtp(next_mta.port, "Subject: Hello\n\n.dot\n", "--from=ada@corp.example", "bob@example.net")
    assert done.returncode == 0, done.stderr
    (transaction,) = await next_mta.until(1)
    assert transaction.recipients == ("bob@example.net",)
    assert transaction.content.endswith(b"\r\n\r\n.dot\r\n")


async def test_postfix_relays_to_its_smarthost(front_postfix: Callable[[int], Postfix], next_mta: NextMta) -> None:
    """A Postfix in front hands on what it is given, and tries again what was deferred."""
    postfix = front_postfix(next_mta.port)
    next_mta.script.replies = {"bob@example.net": "451 4.2.0 Later"}
    reply = await send(postfix.port, "ada@corp.example", ("bob@example.net", "cy@example.org"), MAIL)
    assert reply[:3] == "250"
    await next_mta.until(1)
    next_mta.script.replies = {}
    first, second = await next_mta.until(2)
    assert (first.recipients, second.recipients) == (("cy@example.org",), ("bob@example.net",))
    assert second.content.endswith(MAIL)
