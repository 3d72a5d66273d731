"""DSNs with real Postfixes on both sides, and with a next MTA that knows nothing of them."""

import asyncio
import email
import email.policy
import json
from collections.abc import Callable, Iterator
from email.message import EmailMessage

import pytest

from tests.e2e.client import Client
from tests.e2e.conftest import Launch, require_postfix
from tests.e2e.next_mta import NextMta
from tests.e2e.postfix import Arrival, Postfix

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ADA, BOB, NOBODY = "ada@corp.example", "bob@shop.example", "nobody@shop.example"
MAIL = (
    b"From: Ada <ada@corp.example>\r\nTo: Bob <bob@shop.example>\r\nSubject: Order 40318872\r\n"
    b"Message-ID: <order@corp.example>\r\n\r\nHello Bob,\r\nas agreed.\r\n"
)
LICENCE = MAIL.replace(b"as agreed.", b"my driver's license number is I1234562 (California).")


@pytest.fixture
def refusing_postfix() -> Iterator[Postfix]:
    """Give a Postfix that takes mail for anyone but nobody@shop.example."""
    require_postfix()
    postfix = Postfix.next_mta(NOBODY)
    try:
        postfix.start()
        yield postfix
    finally:
        postfix.stop()


async def ask(port: int, mail: str, *rcpts: str, content: bytes = MAIL, offered: bool = True) -> list[str]:
    """Send a mail whose MAIL and RCPT have these arguments; return what was said to each command.

    What is asked is honoured also where the next MTA has no DSN and it is not `offered`.
    """
    async with Client(port) as client:
        assert offered == ("250-DSN" in await client.command("EHLO client.corp.example"))
        said = [await client.command(f"MAIL FROM:{mail}")]
        said += [await client.command(f"RCPT TO:{rcpt}") for rcpt in rcpts]
        said.append(await client.command("DATA"))
        return [*said, await client.content(content)]


def report(content: bytes) -> tuple[EmailMessage, list[dict[str, str]]]:
    """Return a DSN and its groups of fields, read with the standard library."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert (message.get_content_type(), message["Auto-Submitted"]) == ("multipart/report", "auto-replied")
    fields = list(message.iter_parts())[1]
    assert isinstance(fields, EmailMessage)
    return message, [dict(group.items()) for group in fields.get_payload()]  # type: ignore[union-attr]


def reports(arrivals: list[Arrival]) -> list[list[dict[str, str]]]:
    """Return the fields of the DSNs among what arrived."""
    return [report(one.content)[1] for one in arrivals if one.reverse_path == "" and one.recipient == ADA]


async def test_postfix_behind_tells_of_success(gateway: Launch, next_postfix: Postfix) -> None:
    """It offers DSN, so the request is its: one notification, and it is Postfix's own."""
    running = await gateway(next_postfix.port)
    said = await ask(
        running.port, f"<{ADA}> RET=HDRS ENVID=QQ+2B1", f"<{BOB}> NOTIFY=SUCCESS ORCPT=rfc822;Bob+40shop.example"
    )
    assert [reply[:3] for reply in said] == ["250", "250", "354", "250"]
    ((message, recipient),) = reports(await next_postfix.until(2))
    assert (message["Reporting-MTA"], message["Original-Envelope-Id"]) == ("dns; mta.example", "QQ+1")
    assert (recipient["Action"], recipient["Original-Recipient"]) == ("delivered", "rfc822;Bob@shop.example")


async def test_a_refusal_is_told_as_it_was_asked_for(gateway: Launch, refusing_postfix: Postfix) -> None:
    """NOTIFY=NEVER and the null reverse-path: nothing. Asked for: one DSN with the whole mail, which Postfix takes."""
    running = await gateway(refusing_postfix.port)
    for mail, rcpt in (
        (f"<{ADA}>", f"<{NOBODY}> NOTIFY=NEVER"),
        (f"<{ADA}>", f"<{NOBODY}> NOTIFY=SUCCESS,DELAY"),
        ("<>", f"<{NOBODY}> NOTIFY=FAILURE"),
    ):
        assert (await ask(running.port, mail, f"<{BOB}> NOTIFY=NEVER", rcpt))[-1][:3] == "250"
    custody = await running.run("quarantine", "list", "--json", "--state", "due,delivered,failed")
    assert custody.stdout == b"", custody.stderr
    asked = (f"<{BOB}> NOTIFY=NEVER", f"<{NOBODY}> NOTIFY=FAILURE ORCPT=rfc822;none+40shop.example")
    assert (await ask(running.port, f"<{ADA}> RET=FULL ENVID=x", *asked))[-1][:3] == "250"
    arrivals = await refusing_postfix.until(5)
    (groups,) = reports(arrivals)
    assert groups[0]["Reporting-MTA"] == "dns; gateway.corp.example"
    assert groups[1] == groups[1] | {
        "Original-Recipient": "rfc822;none@shop.example",
        "Final-Recipient": f"rfc822; {NOBODY}",
        "Action": "failed",
        "Status": "5.1.1",
        "Remote-MTA": "dns; [127.0.0.1]",
    }
    (sent,) = [one for one in arrivals if one.recipient == ADA]
    assert list(report(sent.content)[0].iter_parts())[2].get_content_type() == "message/rfc822"
    assert sent.content.count(b"as agreed.") == 1


async def test_success_where_the_next_mta_knows_no_dsn(gateway: Launch, next_mta: NextMta) -> None:
    """It hears of no request, and we tell that the mail was passed on, for whom it was asked."""
    running = await gateway(next_mta.port)
    await ask(
        running.port, f"<{ADA}> RET=FULL ENVID=QQ+2B1", f"<{BOB}> NOTIFY=SUCCESS", "<eve@shop.example>", offered=False
    )
    mail, dsn = await next_mta.until(2)
    assert ("RET" in mail.mail, "ENVID" in mail.mail, mail.parameters) == (False, False, ("", ""))
    assert (dsn.reverse_path, dsn.recipients, dsn.parameters) == ("", (ADA,), ("",))
    message, (about_mail, *about_recipients) = report(dsn.content)
    assert about_mail["Original-Envelope-Id"] == "QQ+1"
    assert [(one["Final-Recipient"], one["Action"]) for one in about_recipients] == [(f"rfc822; {BOB}", "relayed")]
    assert list(message.iter_parts())[2].get_content_type() == "text/rfc822-headers"


async def test_a_held_mail_keeps_its_request(gateway: Launch, next_mta: NextMta) -> None:
    """Released by a reviewer, it leaves with what was asked when it came; a DSN of ours asks for none."""
    next_mta.script.extensions = (*next_mta.script.extensions, "DSN")
    running = await gateway(next_mta.port)
    asked = "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob+40shop.example"
    await ask(running.port, f"<{ADA}> RET=HDRS ENVID=QQ+2B1", f"<{BOB}> {asked}", content=LICENCE)
    held = json.loads((await running.run("quarantine", "list", "--json", "--state", "held")).stdout)
    assert next_mta.transactions == []
    assert (await running.run("quarantine", "release", held["id"])).returncode == 0
    (mail,) = await next_mta.until(1)
    assert mail.mail.endswith(" RET=HDRS ENVID=QQ+2B1")
    assert mail.parameters == (asked,)
    next_mta.script.replies = {NOBODY: "550 5.1.1 No such user"}
    await ask(running.port, f"<{ADA}>", f"<{BOB}>", f"<{NOBODY}>")
    _, second, dsn = await next_mta.until(3)
    assert (second.parameters, dsn.parameters) == (("",), ("NOTIFY=NEVER",))


async def test_postfix_in_front_passes_on_what_it_was_asked(
    gateway: Launch, next_mta: NextMta, front_postfix: Callable[[int], Postfix]
) -> None:
    """By SMTP and by sendmail(1): we offer DSN, so it hands the request to us, and we hand it on."""
    next_mta.script.extensions = (*next_mta.script.extensions, "DSN")
    front = front_postfix((await gateway(next_mta.port)).port)
    await ask(front.port, f"<{ADA}> RET=HDRS ENVID=QQ+2B1", f"<{BOB}> NOTIFY=SUCCESS,FAILURE")
    (mail,) = await next_mta.until(1)
    assert mail.mail.endswith(" RET=HDRS ENVID=QQ+2B1")
    assert mail.parameters == (f"NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;{BOB}",)
    await asyncio.to_thread(front.sendmail, MAIL, "-f", ADA, "-N", "never", "-V", "by-hand", BOB)
    _, mail = await next_mta.until(2)
    assert mail.mail.endswith(" ENVID=by-hand")
    assert mail.parameters == (f"NOTIFY=NEVER ORCPT=rfc822;{BOB}",)
