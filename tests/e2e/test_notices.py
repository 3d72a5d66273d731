"""Notices of the whole gateway, read where they arrive: in a Maildir of Postfix, and at peers that misbehave."""

import asyncio
import email
import email.policy
import json
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from tests.e2e.client import send
from tests.e2e.conftest import Launch
from tests.e2e.gateway import POLICY, Gateway
from tests.e2e.next_mta import NextMta, Transaction
from tests.e2e.postfix import Arrival, Postfix

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ON: dict[str, Any] = {"notices": {"contact": "the help desk"}}
CUSTOMERS = tuple(f"c{number}@shop{number}.example" for number in range(37))
NUMBER = "I1234562"
SUBJECT = "Van for Mr Miller"


def licence(name: str = "dl", fields: str = "") -> bytes:
    """Return a mail that is held."""
    return (
        f"From: Ada <ada@corp.example>\r\nTo: rent@shop.example\r\nSubject: {SUBJECT}\r\n"
        f"Message-ID: <{name}@client.example>\r\n{fields}\r\n"
        f"Hi, my driver's license number is {NUMBER} (California).\r\n"
    ).encode()


def bulk(fields: str = "") -> bytes:
    """Return a mail whose recipients are hidden from each other."""
    return (
        f"From: Ada <ada@corp.example>\r\nTo: {', '.join(CUSTOMERS)}\r\nSubject: {SUBJECT}\r\n"
        f"Message-ID: <bulk@client.example>\r\n{fields}\r\nDear customers,\r\nplease confirm.\r\n"
    ).encode()


def read(content: bytes) -> EmailMessage:
    """Return a mail as another library reads it."""
    return email.message_from_bytes(content, policy=email.policy.default)  # type: ignore[return-value]


def text(content: bytes) -> str:
    """Return what people read of a notice."""
    mail = read(content)
    part = mail.get_body(("plain",)) or next(mail.iter_parts())  # type: ignore[attr-defined]
    return str(part.get_content()).replace("\r\n", "\n").replace(" \n", " ")


async def mailbox(postfix: Postfix, address: str, count: int, seconds: float = 60.0) -> list[Arrival]:
    """Wait for `count` mails to an address."""
    end = time.monotonic() + seconds
    while len(found := [one for one in postfix.arrivals() if one.recipient == address]) < count:
        assert time.monotonic() < end, f"{len(found)} of {count} mails to {address}"
        await asyncio.sleep(0.05)
    return found


async def held(running: Gateway) -> list[dict[str, Any]]:
    """Return what is held."""
    listed = await running.run("quarantine", "list", "--json", "--state", "held")
    return [json.loads(line) for line in listed.stdout.splitlines()]


async def until(running: Gateway, sample: str, least: float, seconds: float = 60.0) -> None:
    """Wait until a metric is high enough."""
    end = time.monotonic() + seconds
    while (found := await running.metric(sample)) < least:
        assert time.monotonic() < end, f"{sample}: {found}"
        await asyncio.sleep(0.1)


def queued(kind: str, result: str = "queued") -> str:
    """Return the name of a sample."""
    return f'dlp_notices_total{{kind="{kind}",result="{result}"}}'


def change(running: Gateway, statement: str, *values: object) -> None:
    """Change the database of a gateway that is stopped, as time would."""
    with closing(sqlite3.connect(running.database)) as database, database:
        assert database.execute(statement, values).rowcount


def microseconds(ago: timedelta) -> int:
    """Return a time in the past as custody writes it."""
    return int((datetime.now(UTC) - ago).timestamp() * 1_000_000)


async def test_an_author_hears_it_in_his_own_mailbox(gateway: Launch, next_postfix: Postfix) -> None:
    """Held, released, discarded, rewritten: each within seconds, in his language, and with nothing of the mail."""
    running = await gateway(next_postfix.port, settings=ON)
    for name in ("one", "two"):
        reply = await send(running.port, "ada@corp.example", ("rent@shop.example",), licence(name))
        assert reply.startswith("250")
    first, second = await mailbox(next_postfix, "ada@corp.example", 2)
    assert {read(one.content)["In-Reply-To"] for one in (first, second)} == {
        "<one@client.example>",
        "<two@client.example>",
    }
    assert "has not been sent yet: it is waiting for a review" in text(first.content)
    assert "driver's licence number" in text(first.content)
    assert "Questions? the help desk" in text(first.content)
    one, two = await held(running)
    assert (await running.run("quarantine", "release", one["id"])).returncode == 0
    assert (await running.run("quarantine", "discard", two["id"], "--why", "no vans")).returncode == 0
    await mailbox(next_postfix, "rent@shop.example", 1)
    decided = [text(arrival.content) for arrival in (await mailbox(next_postfix, "ada@corp.example", 4))[2:]]
    assert sorted(("on its way to one recipient" in said, "will not be sent to one" in said) for said in decided) == [
        (False, True),
        (True, False),
    ]
    reply = await send(running.port, "ada@corp.example", CUSTOMERS, bulk("Accept-Language: de-DE, en-US\r\n"))
    assert reply.startswith("250")
    everything = await mailbox(next_postfix, "ada@corp.example", 5)
    assert "37 Personen außerhalb wurden voreinander verborgen" in text(everything[4].content)
    for arrival in everything:
        assert arrival.reverse_path == ""
        assert read(arrival.content)["Auto-Submitted"] == "auto-generated"
        whole = arrival.content.decode() + text(arrival.content)
        assert [secret for secret in (SUBJECT, NUMBER, "shop", "no vans") if secret in whole] == []
    assert NUMBER not in running.errors.read_text()
    assert "ada@" not in running.errors.read_text()


async def test_nobody_decided_in_time(gateway: Launch, next_postfix: Postfix) -> None:
    """Fourteen days later the mail is not sent, and its author has a report that programs understand too."""
    running = await gateway(next_postfix.port, settings=ON)
    await send(running.port, "ada@corp.example", ("rent@shop.example",), licence())
    await mailbox(next_postfix, "ada@corp.example", 1)
    (item,) = await held(running)
    await running.stop()
    change(running, "UPDATE payloads SET expires_at = ?", microseconds(timedelta(seconds=1)))
    await running.start()
    report = read((await mailbox(next_postfix, "ada@corp.example", 2))[1].content)
    assert report["Subject"] == "Your mail was not sent: nobody decided in time"
    assert report.get_content_type() == "multipart/report"
    human, status, returned = report.iter_parts()
    assert "<rent@shop.example>" in human.get_content()
    assert "Final-Recipient: rfc822; rent@shop.example" in str(status)
    assert "Status: 5.7.1" in str(status)
    assert "<dl@client.example>" in returned.get_payload()
    assert [secret for secret in (SUBJECT, NUMBER) if secret in report.as_string()] == []
    shown = json.loads((await running.run("quarantine", "show", item["id"], "--json")).stdout)
    assert [event["after"] for event in shown["events"]] == ["held", "expired"]
    assert [one.recipient for one in next_postfix.arrivals()] == ["ada@corp.example"] * 2


RETRIED_SOON: dict[str, Any] = {
    "url": "sqlite:///custody.db",
    "key_file": "custody.key",
    "keep": "30d",
    "retry": {"first": "1s", "longest": "1s", "max_age": "5d"},
}


async def delivered(running: Gateway, count: int) -> None:
    """Wait until custody knows that `count` of its mails arrived; killed before, it could only be in doubt."""
    async with asyncio.timeout(60):
        while sum(one["state"] == "delivered" for one in running.events("delivery")) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_killed_at_every_stage_it_is_told_once(gateway: Launch, next_postfix: Postfix) -> None:
    """What was held before a power cut is told after it, and what was told is not told again."""
    running = await gateway(next_postfix.port, settings={**ON, "custody": RETRIED_SOON})

    async def hold(name: str) -> None:
        await send(running.port, "ada@corp.example", ("rent@shop.example",), licence(name))

    await hold("m0")  # and nobody was told
    await running.kill_all()
    await running.start()
    await delivered(running, 1)
    await asyncio.to_thread(next_postfix.shell, 'postfix -c "$MAIL_CONFIG" stop')
    await hold("m1")
    await running.event("notice", 2)  # it is written, and cannot leave
    await running.kill_all()
    await asyncio.to_thread(next_postfix.shell, 'postfix -c "$MAIL_CONFIG" start')
    await running.start()
    await delivered(running, 2)
    await hold("m2")
    await delivered(running, 3)
    await running.kill_all()
    await running.start()
    found = await mailbox(next_postfix, "ada@corp.example", 3)
    await send(running.port, "ben@corp.example", ("rent@shop.example",), licence("last"))
    await mailbox(next_postfix, "ben@corp.example", 1)
    again = await mailbox(next_postfix, "ada@corp.example", len(found))
    assert sorted(read(one.content)["In-Reply-To"] for one in again) == [
        f"<m{number}@client.example>" for number in range(3)
    ]


@pytest.mark.parametrize(
    ("reply", "outcome", "times"), [("452 4.2.2 Mailbox full", "due", 2), ("552 5.2.2 Mailbox full", "failed", 1)]
)
async def test_a_full_mailbox(gateway: Launch, next_mta: NextMta, reply: str, outcome: str, times: int) -> None:
    """The notice is tried again, or has failed; nobody is told of that, and nothing else waits for it."""
    running = await gateway(next_mta.port, settings={**ON, "custody": RETRIED_SOON})
    next_mta.script.replies = {"ada@corp.example": reply}
    await send(running.port, "ada@corp.example", ("rent@shop.example",), licence())
    deliveries = await running.event("delivery", times)
    assert {one["state"] for one in deliveries} == {outcome}
    await send(running.port, "ben@corp.example", ("rent@shop.example",), licence("other"))
    (told,) = await next_mta.until(1)
    assert told.recipients == ("ben@corp.example",)
    if outcome == "due":
        next_mta.script.replies = {}
        assert {one.recipients for one in await next_mta.until(2)} == {("ben@corp.example",), ("ada@corp.example",)}
    else:
        await until(running, queued("held", "failed"), 1.0)
    assert await running.metric(queued("held")) == 2.0


def anything() -> dict[str, Any]:
    """Return a policy that holds every mail, as of high severity."""
    rule = {"id": "all", "when": {"none": [{"finding": "identifier.PASSPORT"}]}, "then": "review", "severity": "high"}
    return {**POLICY, "rules": [rule]}


@pytest.mark.parametrize("policy", [POLICY, anything()], ids=["passes", "held"])
async def test_a_loop_of_notices_ends(gateway: Launch, next_mta: NextMta, policy: dict[str, Any]) -> None:
    """A smarthost that hands all mail back: a notice makes no other, neither for its author nor for a reviewer."""
    notices = {"contact": "the help desk", "reviewers": ["rita@corp.example"]}
    running = await gateway(
        next_mta.port, policy=policy, settings={"notices": notices, "limits": {"message_size": "50MB", "hops": 10}}
    )
    replies: list[str] = []

    async def back(one: Transaction) -> None:
        content = b"Received: by next.example;\r\n\tSat, 21 Nov 2026 22:08:57 +0000\r\n" + one.content
        replies.append(await send(running.port, one.reverse_path, one.recipients, content))

    async def loop() -> None:
        done = 0
        while True:
            transactions = await next_mta.until(done + 1, 60)
            for one in transactions[done:]:
                await back(one)
                done += 1

    looping = asyncio.create_task(loop())
    await send(running.port, "ada@corp.example", ("rent@shop.example",), licence())
    if policy is POLICY:
        await running.event("rejected")
        assert replies[-1].startswith("554 5.4.6")
        expected = {"held": 1.0, "urgent": 0.0}
    else:
        await until(running, 'dlp_messages_total{disposition="hold"}', 3.0)
        expected = {"held": 1.0, "urgent": 1.0}
    await asyncio.sleep(5)  # two rounds in which nothing may happen
    assert {kind: await running.metric(queued(kind)) for kind in expected} == expected
    looping.cancel()
    await asyncio.gather(looping, return_exceptions=True)


async def test_who_is_told_nothing(gateway: Launch, next_mta: NextMta) -> None:
    """An author outside, a program, a bounce, and the author of a mail about which a rule is only watching."""
    watching = {"set": {"payment.mode": "observe"}}
    running = await gateway(next_mta.port, policy={**POLICY, **watching}, settings=ON)
    to = ("rent@shop.example",)
    await send(running.port, "mallory@shop.example", to, licence("outside"))
    await send(running.port, "", to, licence("bounce"))
    await send(running.port, "cron@corp.example", to, licence("program", "Auto-Submitted: auto-generated\r\n"))
    await send(running.port, "list@corp.example", to, licence("list", "List-Id: <friends.corp.example>\r\n"))
    watched = licence("watched").replace(b"my driver's license number is I1234562", b"my card is 4111 1111 1111 1111")
    assert (await send(running.port, "ada@corp.example", to, watched)).startswith("250")
    await send(running.port, "ben@corp.example", to, licence("last"))
    passed, told = await next_mta.until(2)
    assert (passed.reverse_path, told.recipients) == ("ada@corp.example", ("ben@corp.example",))
    counts = {result: await running.metric(queued("held", result)) for result in ("outside", "automatic", "queued")}
    assert counts == {"outside": 1.0, "automatic": 3.0, "queued": 1.0}
    assert [one for one in running.events("notice") if one["kind"] == "rewritten"] == []


async def test_a_storm_and_its_summary(gateway: Launch, next_mta: NextMta) -> None:
    """A script whose mails are all held gets two notices, and one with the rest when the hour is over."""
    settings = {"notices": {"limit": {"each": 2, "together": 100}, "languages": {"corp.example": "nl"}}}
    running = await gateway(next_mta.port, settings=settings)
    for number in range(12):
        mail = licence(f"m{number}").replace(b"Hi, my driver's", b"driver's")
        await send(running.port, "script@corp.example", ("rent@shop.example",), mail)
    await until(running, queued("held", "collected"), 10.0)
    assert [one.recipients for one in await next_mta.until(2)] == [("script@corp.example",)] * 2
    await running.stop()
    change(running, "UPDATE notice_windows SET since = ?", microseconds(timedelta(hours=2)))
    await running.start()
    summary = (await next_mta.until(3))[2]
    assert read(summary.content)["Content-Language"] == "nl"
    assert "- 10 e-mails wachten op een controle" in text(summary.content)
    assert len(next_mta.transactions) == 3


async def test_reviewers(gateway: Launch, next_mta: NextMta) -> None:
    """At once for a reply to all, and every day what waits; an address outside is a problem with its place."""
    notices = {"authors": "off", "reviewers": ["rita@corp.example"], "digest": "1d"}
    running = await gateway(next_mta.port, settings={"notices": notices})
    await send(running.port, "ada@corp.example", CUSTOMERS, bulk())
    answer = bulk("In-Reply-To: <bulk@client.example>\r\n").replace(b"ID: <bulk@", b"ID: <answer@")
    await send(running.port, "dora@corp.example", CUSTOMERS, answer)
    await send(running.port, "ada@corp.example", ("rent@shop.example",), licence())
    urgent = (await next_mta.until(2))[1]
    assert (urgent.reverse_path, urgent.recipients) == ("", ("rita@corp.example",))
    assert "author: dora@corp.example; recipients: 37; severity: high" in text(urgent.content)
    ids = {one["reverse_path"]: one["id"] for one in await held(running)}
    assert f"dlp-gateway quarantine release {ids['dora@corp.example']}" in text(urgent.content)
    await running.stop()
    change(running, "UPDATE notice_marks SET value = ? WHERE name = 'digest'", microseconds(timedelta(days=1)))
    await running.start()
    digest = text((await next_mta.until(3))[2].content)
    assert "Recipients whose mail is waiting for a review: 38." in digest
    assert all(one in digest for one in ids.values())
    assert [secret for secret in (SUBJECT, NUMBER, "shop.example", "shop1.example") if secret in digest] == []
    assert len(next_mta.transactions) == 3

    running.config.write_text(running.config.read_text().replace("rita@corp.example", "rita@shop.example"))
    checked = await running.run("check")
    assert checked.returncode == 78
    assert b"this address is in none of the policy's `inside` domains" in checked.stdout + checked.stderr
    running.reload()
    await running.event("reload_refused")


async def test_the_owner_of_a_group_hears_of_it_and_nobody_behind_it(gateway: Launch, next_mta: NextMta) -> None:
    """A customer's answer to a group with customers in it: held, its owner told, and the notice stays inside."""
    running = await gateway(next_mta.port, settings={"notices": {"languages": {"corp.example": "de"}}})
    answer = (
        b"Delivered-To: customers@corp.example\r\nFrom: Kim <kim@mail.example>\r\nTo: customers@corp.example\r\n"
        b"Subject: My licence\r\nMessage-ID: <answer@mail.example>\r\nList-Id: <customers.corp.example>\r\n\r\n"
        b"Here it is.\r\n"
    )
    assert (await send(running.port, "kim@mail.example", CUSTOMERS, answer)).startswith("250")
    (told,) = await next_mta.until(1)
    assert (told.reverse_path, told.recipients) == ("", ("customers@corp.example",))
    assert "leitet sie an 37 weitere Personen außerhalb weiter" in text(told.content)
    whole = told.content.decode() + text(told.content)
    assert [secret for secret in ("My licence", "kim", "Kim", "shop") if secret in whole] == []
    # The group passes on the notice as it does any mail: list software in the name of the list, others as it is.
    for reverse_path in ("", "customers-bounces@corp.example"):
        passed_on = b"List-Id: <customers.corp.example>\r\n" + told.content
        reply = await send(running.port, reverse_path, ("kim@mail.example", *CUSTOMERS[:2]), passed_on)
        assert reply.startswith("550 5.7.1 This notice is for people inside only")
        assert (await send(running.port, reverse_path, ("dora@corp.example",), passed_on)).startswith("250")
    (item,) = await held(running)
    assert (await running.run("quarantine", "discard", item["id"])).returncode == 0
    await until(running, queued("owner-discarded"), 1.0)
    everything = await next_mta.until(4)
    assert [one.recipients for one in everything[1:]] == [*[("dora@corp.example",)] * 2, ("customers@corp.example",)]
    assert "an 37 Empfänger nicht weitergeleitet wird" in text(everything[3].content)
    assert await running.metric(queued("owner-held")) == 1.0


async def test_a_split_mail_is_told_once_and_names_no_audience(gateway: Launch, next_mta: NextMta) -> None:
    """Thirty-seven copies, one notice with the right number; the second one says that it is the second this month."""
    running = await gateway(next_mta.port, settings=ON)
    others = tuple(one.replace("c", "d", 1) for one in CUSTOMERS)  # to the same again it would be a second strike
    for number, people in enumerate((CUSTOMERS, others), 1):
        mail = bulk().replace(", ".join(CUSTOMERS).encode(), ", ".join(people).encode())
        mail = mail.replace(SUBJECT.encode(), b"HIV clinic newsletter").replace(b"<bulk@", f"<{number}@".encode())
        assert (await send(running.port, "ada@corp.example", people, mail)).startswith("250")
        await until(running, queued("rewritten"), float(number))
    everything = await next_mta.until(2 * (len(CUSTOMERS) + 1), 60)
    first, second = (one for one in everything if not one.reverse_path)
    for told in (first, second):
        assert told.recipients == ("ada@corp.example",)
        assert "37 people outside were hidden from each other: each of them got a separate copy" in text(told.content)
        assert "Bcc" not in text(told.content)
        whole = (told.content.decode() + text(told.content)).lower()
        assert [word for word in ("hiv", "clinic", "newsletter", "shop") if word in whole] == []
    assert "So far this month" not in text(first.content)
    assert "So far this month, 2 of your mails were changed" in text(second.content)
    assert await running.metric(queued("rewritten")) == 2.0
