"""The whole gateway with real peers: what an administrator is promised, seen from outside."""

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable

import pytest

from tests.e2e.client import Client, send
from tests.e2e.conftest import Launch, Ran
from tests.e2e.next_mta import NextMta
from tests.e2e.postfix import Postfix

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CUSTOMERS = tuple(f"c{number}@shop{number}.example" for number in range(40))
CLEAN = (
    b"From: Ada <ada@corp.example>\r\nTo: Bob <bob@shop.example>\r\nSubject: Order 40318872\r\n"
    b"Message-ID: <clean@corp.example>\r\n\r\nHello Bob,\r\n.\r\n..two\r\nas agreed.\r\n"
)
BULK = (
    b"From: Ada <ada@corp.example>\r\nTo: " + b",\r\n ".join(c.encode() for c in CUSTOMERS) + b"\r\n"
    b"Cc: dora@corp.example\r\nBcc: boss@corp.example\r\nSubject: Spring offer\r\n"
    b"Message-ID: <bulk@corp.example>\r\n\r\nDear customers,\r\nplease confirm.\r\n"
)
LICENCE = (
    b"From: Ada <ada@corp.example>\r\nTo: rent@shop.example\r\nSubject: Van\r\nMessage-ID: <dl@corp.example>\r\n\r\n"
    b"Hi, my driver's license number is I1234562 (California).\r\n"
)


async def test_clean_mail_passes_untouched(gateway: Launch, next_mta: NextMta) -> None:
    """The body and every header byte arrive as sent, behind one Received field that names nobody."""
    running = await gateway(next_mta.port)
    assert (await send(running.port, "ada@corp.example", ("bob@shop.example",), CLEAN))[:3] == "250"
    transaction = next_mta.transactions[0]
    assert transaction.content.endswith(CLEAN)
    trace = transaction.content.removesuffix(CLEAN)
    assert trace.startswith(b"Received: ")
    assert b"bob@" not in trace
    assert b"127.0.0.1" not in trace
    assert (transaction.reverse_path, transaction.recipients) == ("ada@corp.example", ("bob@shop.example",))


async def test_forty_customers_are_hidden_and_the_answer_to_all_is_held(gateway: Launch, next_mta: NextMta) -> None:
    """The mass mail leaves with nobody shown to anybody; the reply-all waits, and leaves rewritten when released."""
    running = await gateway(next_mta.port)
    everybody = (*CUSTOMERS, "dora@corp.example", "boss@corp.example")
    assert (await send(running.port, "ada@corp.example", everybody, BULK))[:3] == "250"
    sent = next_mta.transactions[0]
    assert sent.recipients == everybody
    assert not any(customer.encode() in sent.content for customer in CUSTOMERS)
    assert b"\r\nCc: dora@corp.example\r\n" in sent.content
    assert b"boss@" not in sent.content
    assert sent.content.endswith(b"\r\n\r\nDear customers,\r\nplease confirm.\r\n")

    answer = BULK.replace(b"<bulk@", b"<answer@").replace(
        b"Subject: ", b"In-Reply-To: <bulk@corp.example>\r\nSubject: Re: "
    )
    assert (await send(running.port, "dora@corp.example", CUSTOMERS, answer))[:3] == "250"
    assert len(next_mta.transactions) == 1
    listed = [json.loads(line) for line in (await running.run("quarantine", "list", "--json")).stdout.splitlines()]
    assert [(one["state"], one["reverse_path"], len(one["recipients"])) for one in listed] == [
        ("held", "dora@corp.example", 40)
    ]
    assert {"reply-all", "bulk-visible"} <= set(listed[0]["reasons"])
    released = await running.run("quarantine", "release", listed[0]["id"])
    assert released.returncode == 0, released.stderr
    copies = (await next_mta.until(41))[1:]  # a second mail to the same people: a copy for each
    assert sorted(recipient for copy in copies for recipient in copy.recipients) == sorted(CUSTOMERS)
    for copy in copies:
        assert [one for one in CUSTOMERS if f"{one}".encode() in copy.content] == list(copy.recipients)
    again = await running.run("quarantine", "release", listed[0]["id"])
    assert again.returncode == 1
    await asyncio.sleep(1.5)
    assert len(next_mta.transactions) == 41


async def test_a_licence_is_held_then_discarded(gateway: Launch, next_mta: NextMta) -> None:
    """A held mail is at nobody's until a human decides; what he did is on record, and no number is in any log."""
    running = await gateway(next_mta.port)
    assert (await send(running.port, "ada@corp.example", ("rent@shop.example",), LICENCE))[:3] == "250"
    listed = json.loads((await running.run("quarantine", "list", "--json", "--state", "held")).stdout)
    assert listed["reasons"] == ["identity-documents.licence"]
    assert (await running.run("quarantine", "discard", listed["id"], "--why", "typo")).returncode == 0
    shown = json.loads((await running.run("quarantine", "show", listed["id"], "--json")).stdout)
    assert [event["after"] for event in shown["events"]] == ["held", "discarded"]
    assert shown["events"][1]["actor"] not in {"", None}
    exported = await running.run("quarantine", "export", listed["id"])
    assert exported.stdout == LICENCE
    assert next_mta.transactions == []
    assert "I1234562" not in running.errors.read_text()
    assert b"I1234562" not in running.database.read_bytes()
    assert await running.metric('dlp_messages_total{disposition="hold"}') == 1.0


async def test_some_recipients_deferred_and_refused(gateway: Launch, next_mta: NextMta) -> None:
    """The deferred one is delivered later from custody, the author hears of the refused one, nobody gets it twice."""
    running = await gateway(next_mta.port, settings={"custody": _custody(first="1s")})
    next_mta.script.replies = {"later@x.example": "450 4.2.0 Later", "never@x.example": "550 5.1.1 Nobody"}
    recipients = ("now@x.example", "later@x.example", "never@x.example")
    assert (await send(running.port, "ada@corp.example", recipients, CLEAN))[:3] == "250"
    assert next_mta.transactions[0].recipients == ("now@x.example",)
    next_mta.script.replies = {}
    transactions = await next_mta.until(3)
    assert sorted(one.recipients for one in transactions[1:]) == [("ada@corp.example",), ("later@x.example",)]
    report = next(one for one in transactions if one.recipients == ("ada@corp.example",))
    assert report.reverse_path == ""
    assert b"never@x.example" in report.content
    assert b"now@x.example" not in report.content.split(b"text/rfc822-headers")[0]


def _custody(**retry: str) -> dict[str, object]:
    return {"url": "sqlite:///custody.db", "key_file": "custody.key", "keep": "30d", "retry": retry}


async def test_none_taken_is_451_and_the_client_keeps_it(gateway: Launch, next_mta: NextMta) -> None:
    """Smarthost down: 451 4.4.1; up again: the same mail passes; nothing was kept meanwhile."""
    running = await gateway(next_mta.port)
    await next_mta.stop()
    assert (await send(running.port, "ada@corp.example", ("bob@shop.example",), CLEAN))[:9] == "451 4.4.1"
    assert (await running.get("/readyz")).status_code == 503
    await next_mta.start()
    assert (await send(running.port, "ada@corp.example", ("bob@shop.example",), CLEAN))[:3] == "250"
    assert (await running.run("quarantine", "list", "--json")).stdout == b""


async def test_a_client_that_goes_away_after_the_dot_gets_no_second_copy(gateway: Launch, next_mta: NextMta) -> None:
    """(i) The hand-over goes on without the client; his retry is answered, and the next MTA has one mail."""
    running = await gateway(next_mta.port, settings={"processes": {"receivers": 2}})
    next_mta.script.pauses = {"dot": 2.0}
    async with Client(running.port) as client:
        await client.command("EHLO client.example")
        await client.command("MAIL FROM:<ada@corp.example>")
        await client.command("RCPT TO:<bob@shop.example>")
        await client.command("DATA")
        client.write(CLEAN.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        await asyncio.sleep(0.3)
        client.abort()
    await next_mta.until(1)
    next_mta.script.pauses = {}
    await asyncio.sleep(0.5)  # clients come back after seconds at the least; that it left is on disk after milliseconds
    replies = [await send(running.port, "ada@corp.example", ("bob@shop.example",), CLEAN)]
    while replies[-1].startswith("451 4.3.2"):  # the first hand-over is still under way
        await asyncio.sleep(0.2)
        replies.append(await send(running.port, "ada@corp.example", ("bob@shop.example",), CLEAN))
    assert replies[-1][:3] == "250"
    assert len(next_mta.transactions) == 1
    assert (await send(running.port, "ada@corp.example", ("eve@shop.example",), CLEAN))[:3] == "250"
    assert [one.recipients for one in next_mta.transactions] == [("bob@shop.example",), ("eve@shop.example",)]


async def test_clients_that_come_back_at_once_get_no_second_copy(gateway: Launch, next_mta: NextMta) -> None:
    """(i) Twelve hang up behind the final dot and send the mail again within milliseconds: each leaves once."""
    running = await gateway(next_mta.port, settings={"processes": {"receivers": 1}})
    mails = [b"Message-ID: <%d@corp.example>\r\n%b" % (number, CLEAN) for number in range(12)]

    async def insist(mail: bytes) -> str:
        async with Client(running.port) as client:
            for line in ("EHLO client.example", "MAIL FROM:<ada@corp.example>", "RCPT TO:<bob@shop.example>", "DATA"):
                await client.command(line)
            client.write(mail.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        return await send(running.port, "ada@corp.example", ("bob@shop.example",), mail)

    assert {reply[:3] for reply in await asyncio.gather(*map(insist, mails))} == {"250"}
    await asyncio.sleep(0.3)
    assert len(next_mta.transactions) == len(mails)


async def test_postfix_on_both_sides(
    gateway: Launch, front_postfix: Callable[[int], Postfix], next_postfix: Postfix
) -> None:
    """A real Postfix has us as relayhost and another is our smarthost: a mass mail comes out with nobody shown."""
    running = await gateway(next_postfix.port)
    front = await asyncio.to_thread(front_postfix, running.port)
    everybody = (*CUSTOMERS, "dora@corp.example")
    assert (await send(front.port, "ada@corp.example", everybody, BULK))[:3] == "250"
    arrivals = await next_postfix.until(len(everybody))
    assert sorted(one.recipient for one in arrivals) == sorted(everybody)
    for arrival in arrivals:
        header = arrival.content.partition(b"\n\n")[0]
        seen = {
            customer for customer in CUSTOMERS if customer.encode() in header.replace(arrival.recipient.encode(), b"")
        }
        assert seen == set()


async def test_swaks_and_msmtp(
    gateway: Launch,
    next_postfix: Postfix,
    swaks: Callable[..., Awaitable[Ran]],
    msmtp: Callable[..., Awaitable[Ran]],
) -> None:
    """Real clients send through us: what is clean arrives, what is held does not, and both are told 250."""
    running = await gateway(next_postfix.port)
    told = await swaks(running.port, "--from", "ada@corp.example", "--to", "bob@shop.example", "--body", "Hello Bob")
    assert told.returncode == 0, told.stdout
    held = await swaks(
        running.port, "--from", "ada@corp.example", "--to", "bob@shop.example", "--data", LICENCE.decode()
    )
    assert held.returncode == 0, held.stdout
    sent = await msmtp(
        running.port, CLEAN.replace(b"\r\n", b"\n").decode(), "--from=ada@corp.example", "bob@shop.example"
    )
    assert sent.returncode == 0, sent.stderr
    assert len(await next_postfix.until(2)) == 2
    listed = (await running.run("quarantine", "list", "--json")).stdout.splitlines()
    assert [json.loads(line)["state"] for line in listed] == ["held"]


async def test_reload_puts_a_good_policy_in_force_and_refuses_a_bad_one(gateway: Launch, next_mta: NextMta) -> None:
    """SIGHUP: new rules apply to the next session; a broken file leaves the old rules, and says so."""
    running = await gateway(next_mta.port)
    running.write_policy({"version": 1, "inside": ["corp.example"], "packs": ["bulk-visible"]})
    running.reload()
    await running.event("reloaded")
    assert (await send(running.port, "ada@corp.example", ("rent@shop.example",), LICENCE))[:3] == "250"
    assert len(next_mta.transactions) == 1
    running.write_policy({"version": 1, "inside": ["corp.example"], "packs": ["no-such-pack"]})
    running.reload()
    refused = await running.event("reload_refused")
    assert "no such pack" in str(refused[0]["problems"])
    assert (await send(running.port, "ada@corp.example", ("rent@shop.example",), LICENCE))[:3] == "250"
    assert len(next_mta.transactions) == 2


async def test_a_dead_receiver_is_replaced_and_nobody_outlives_the_supervisor(
    gateway: Launch, next_mta: NextMta
) -> None:
    """Kill -9 a receiver: another takes its place; kill -9 the supervisor: everything is gone."""
    running = await gateway(next_mta.port, settings={"processes": {"receivers": 2}})
    receivers = [pid for pid, command in running.processes().items() if "dlp-gateway: receiver" in command]
    os.kill(receivers[0], signal.SIGKILL)
    await running.event("receiver_restarted")
    assert (await send(running.port, "ada@corp.example", ("bob@shop.example",), CLEAN))[:3] == "250"
    await running.kill()
