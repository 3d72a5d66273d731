"""Delivery over kept connections: reuse, extensions, bounds, addresses that reach no wire."""

import asyncio

import pytest

from dlp_gateway.mail.envelope import DsnRequest, Notify, RecipientRequest, Ret
from dlp_gateway.mail.reply import Reply
from dlp_gateway.ports import Delivery, Progress
from dlp_gateway.smtp.transaction import LOST
from tests.smtp.peers import (
    ALL,
    CONTENT,
    Hosts,
    Peer,
    Smarthosts,
    codes,
    deliver,
    dies_at,
    forever,
)
from tests.waiting import until

QUEUED = Reply(code=250, enhanced="2.0.0", text="Ok: queued as 4711")


async def test_connection_is_kept_and_used_again(host: Hosts, smarthost: Smarthosts) -> None:
    """Also after a transaction in which nobody was accepted, and the last one used is the first to be used again."""

    async def script(peer: Peer) -> None:
        await peer.greet(*ALL)
        await peer.take()
        await peer.take(bob="550 5.1.1 No", data="503 5.5.1 No recipients")
        await peer.take(bob="550 5.1.1 No", dot="554 5.5.1 No recipients")
        await peer.take(mail="451 4.3.0 Not now", bob="503 5.5.1 MAIL first", data="503 5.5.1 MAIL first")
        await peer.take()

    peer = await host(script)
    ours = smarthost(peer.port)
    heard = [codes(await deliver(ours))[0] for _ in range(5)]
    assert heard == [(250, "2.0.0"), (550, "5.1.1"), (550, "5.1.1"), (451, "4.3.0"), (250, "2.0.0")]
    assert len(peer.peers) == 1


@pytest.mark.parametrize("farewell", ["", "421 4.4.2 Idle too long"])
async def test_stale_connection_is_replaced_once(host: Hosts, smarthost: Smarthosts, farewell: str) -> None:
    """A connection closed while idle, with or without a word, is no outage."""

    async def first(peer: Peer) -> None:
        await peer.greet(*ALL)
        await peer.take()
        if farewell:
            await peer.send(farewell)

    peer = await host(first, forever)
    ours = smarthost(peer.port)
    await deliver(ours)
    await until(lambda: not any(kept.usable for kept in ours._pools[0]._idle))
    assert codes(await deliver(ours)) == [(250, "2.0.0")]
    assert len(peer.peers) == 2


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
async def test_kept_connection_lost_before_the_final_dot_is_retried_once(
    host: Hosts, smarthost: Smarthosts, stage: str
) -> None:
    """Nothing had taken effect; a fresh connection that is lost too is a 451."""

    async def first(peer: Peer) -> None:
        await peer.greet(*ALL)
        await peer.take()
        for wanted in ("mail", "rcpt", "data"):
            await peer.line()
            if stage == wanted:
                return
            await peer.send("250 Ok")

    async def second(peer: Peer) -> None:
        await dies_at(peer, "mail")

    peer = await host(first, forever)
    ours = smarthost(peer.port)
    await deliver(ours)
    assert codes(await deliver(ours)) == [(250, "2.0.0")]
    other = await host(first, second)
    ours = smarthost(other.port)
    await deliver(ours)
    assert codes(await deliver(ours)) == [(451, "4.4.2")]
    assert len(other.peers) == 2


async def test_kept_connection_lost_behind_the_final_dot_is_never_retried(host: Hosts, smarthost: Smarthosts) -> None:
    """It would be a second copy."""

    async def script(peer: Peer) -> None:
        await peer.greet(*ALL)
        await peer.take()
        for answer in ("250 Ok", "250 Ok", "354 Go"):
            await peer.line()
            await peer.send(answer)
        await peer.content()

    peer = await host(script)
    ours = smarthost(peer.port)
    await deliver(ours)
    delivery = await deliver(ours)
    assert delivery == Delivery(replies=(("bob@example.org", LOST),), unknown=frozenset({"bob@example.org"}))
    assert len(peer.peers) == 1


async def test_extensions_are_used_where_offered(host: Hosts, smarthost: Smarthosts) -> None:
    """SIZE in octets, BODY for 8-bit content or a client's word, SMTPUTF8 for a client's word or an address."""
    peer = await host(forever)
    ours = smarthost(peer.port)
    await deliver(ours)
    await deliver(ours, body_8bit=True, reverse_path="")
    await deliver(ours, "Subject: x\r\n\r\né\r\n".encode())
    await deliver(ours, recipients=("jörg@example.org",), smtputf8=True)
    mails = [line for line in peer.peers[0].heard if line.startswith(b"MAIL")]
    assert mails == [
        b"MAIL FROM:<alice@corp.example> SIZE=32",
        b"MAIL FROM:<> SIZE=32 BODY=8BITMIME",
        b"MAIL FROM:<alice@corp.example> SIZE=18 BODY=8BITMIME",
        b"MAIL FROM:<alice@corp.example> SIZE=32 SMTPUTF8",
    ]
    assert "RCPT TO:<jörg@example.org>".encode() in peer.peers[0].heard


ASKED = DsnRequest(
    ret=Ret.HDRS,
    envelope_id="QQ+2B314159",
    recipients={
        "bob@example.org": RecipientRequest(notify=Notify.SUCCESS | Notify.DELAY, original="rfc822;b+2Bx@example.org"),
        "carol@example.net": RecipientRequest(notify=Notify.NEVER),
        "nobody": RecipientRequest(notify=Notify.SUCCESS),
    },
)


@pytest.mark.parametrize("extensions", [("DSN", *ALL), ("DSN",)], ids=["pipelined", "stepwise"])
async def test_requests_for_dsns_are_passed_on(host: Hosts, smarthost: Smarthosts, extensions: tuple[str, ...]) -> None:
    """As they came, and nothing where nothing was asked (RFC 3461 5.2.1)."""

    async def script(peer: Peer) -> None:
        await peer.greet(*extensions)
        while True:
            await peer.take()

    peer = await host(script)
    recipients = ("bob@example.org", "carol@example.net", "dave@example.com", "nobody")
    delivery = await deliver(smarthost(peer.port), recipients=recipients, dsn=ASKED)
    assert (codes(delivery)[:3], delivery.notifies) == ([(250, "2.0.0")] * 3, True)
    mail, *rcpts = [line for line in peer.peers[0].heard if line.startswith((b"MAIL", b"RCPT"))]
    assert mail.endswith(b" RET=HDRS ENVID=QQ+2B314159")
    assert rcpts == [
        b"RCPT TO:<bob@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Bx@example.org",
        b"RCPT TO:<carol@example.net> NOTIFY=NEVER",
        b"RCPT TO:<dave@example.com>",
    ]


@pytest.mark.parametrize("extensions", [ALL, ALL[1:]], ids=["pipelined", "stepwise"])
async def test_a_smarthost_without_dsn_hears_of_no_request(
    host: Hosts, smarthost: Smarthosts, extensions: tuple[str, ...]
) -> None:
    """And the caller knows that it sends no notifications (RFC 3461 5.2.2 (a))."""

    async def script(peer: Peer) -> None:
        await peer.greet(*extensions)
        await peer.take()

    peer = await host(script)
    delivery = await deliver(smarthost(peer.port), dsn=ASKED)
    assert (codes(delivery), delivery.notifies) == ([(250, "2.0.0")], False)
    assert b"MAIL FROM:<alice@corp.example> SIZE=32" in peer.peers[0].heard
    assert b"RCPT TO:<bob@example.org>" in peer.peers[0].heard


@pytest.mark.parametrize(
    ("extensions", "original", "expected"),
    [
        (("DSN", "SMTPUTF8"), "utf-8;jörg@example.org", " ORCPT=utf-8;jörg@example.org"),
        (("DSN",), "utf-8;jörg@example.org", " ORCPT=utf-8;j\\x{F6}rg@example.org"),
        (("DSN",), "utf-8;" + "ö" * 200, ""),
    ],
)
async def test_original_recipients_beyond_ascii(
    host: Hosts, smarthost: Smarthosts, extensions: tuple[str, ...], original: str, expected: str
) -> None:
    """As they are where the smarthost has SMTPUTF8, else in ASCII, if that is not too long (RFC 6533 3)."""

    async def script(peer: Peer) -> None:
        await peer.greet(*extensions)
        await peer.take()

    peer = await host(script)
    asked = DsnRequest(recipients={"bob@example.org": RecipientRequest(original=original)})
    assert codes(await deliver(smarthost(peer.port), smtputf8=True, dsn=asked)) == [(250, "2.0.0")]
    assert f"RCPT TO:<bob@example.org>{expected}".encode() in peer.peers[0].heard


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        ("Subject: x\r\n\r\né\r\n".encode(), {}, (554, "5.6.3")),
        (CONTENT, {"body_8bit": True}, (250, "2.0.0")),
        (CONTENT, {"smtputf8": True}, (250, "2.0.0")),
        ("Subject: é\r\n\r\n\r\n".encode(), {"smtputf8": True}, (553, "5.6.7")),
        (CONTENT, {"smtputf8": True, "recipients": ("jörg@example.org",)}, (553, "5.6.7")),
        (CONTENT, {"smtputf8": True, "reverse_path": "jörg@corp.example"}, (553, "5.6.7")),
        (b"x" * 2000 + b"\r\n", {}, (552, "5.3.4")),
    ],
)
async def test_nothing_is_downgraded_in_silence(
    host: Hosts, smarthost: Smarthosts, content: bytes, options: dict[str, object], expected: tuple[int, str]
) -> None:
    """What a message needs and the smarthost lacks is a refusal; a promise that is not needed is dropped."""

    async def script(peer: Peer) -> None:
        await peer.greet("SIZE 1000")
        while True:
            await peer.take()

    peer = await host(script)
    assert codes(await deliver(smarthost(peer.port), content, **options)) == [expected]
    assert [line for line in peer.peers[0].heard if b"BODY" in line or b"UTF8" in line] == []


@pytest.mark.parametrize(
    "bad",
    ["", "a@b>\r\nRCPT TO:<c@d.example", "a\x00@b.example", "nobody", "a b@c.example", "<a@b.example>,<c@d.example>"],
)
async def test_bad_address_reaches_no_wire(host: Hosts, smarthost: Smarthosts, bad: str) -> None:
    """Whoever calls: an address that is none is refused here, the others are sent, and the hook is told."""
    peer = await host(forever)
    told: list[Progress] = []

    async def hook(progress: Progress) -> None:
        told.append(progress)

    delivery = await deliver(smarthost(peer.port), recipients=(bad, "bob@example.org"), before_final_dot=hook)
    assert codes(delivery) == [(553, "5.1.3"), (250, "2.0.0")]
    assert [line for line in peer.peers[0].heard if line.startswith(b"RCPT")] == [b"RCPT TO:<bob@example.org>"]
    assert told[0].accepted == ("bob@example.org",)
    assert told[0].refused == ((bad, delivery.replies[0][1]),)


async def test_nobody_to_send_to_needs_no_smarthost(smarthost: Smarthosts) -> None:
    """Not even one that is there."""
    delivery = await deliver(smarthost(1), recipients=("nobody",))
    assert codes(delivery) == [(553, "5.1.3")]
    assert codes(await deliver(smarthost(1), reverse_path="nobody")) == [(553, "5.1.7")]


async def test_at_most_so_many_connections(host: Hosts, smarthost: Smarthosts) -> None:
    """The others wait for a free one, and after a while get a 451."""
    gate = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.greet(*ALL)
        await gate.wait()
        while True:
            await peer.take()

    peer = await host(script)
    ours = smarthost(peer.port, connections=2, slot=0.1, command=5)
    waiting = [asyncio.create_task(deliver(ours)) for _ in range(4)]
    await until(lambda: sum(task.done() for task in waiting) == 2)
    assert [codes(task.result()) for task in waiting if task.done()] == [[(451, "4.4.5")]] * 2
    gate.set()
    heard = [codes(delivery)[0] for delivery in await asyncio.gather(*waiting)]
    assert sorted(heard) == [(250, "2.0.0")] * 2 + [(451, "4.4.5")] * 2
    assert len(peer.peers) == 2


async def test_idle_connection_is_left(host: Hosts, smarthost: Smarthosts) -> None:
    """With QUIT, before the smarthost does it."""
    peer = await host(forever)
    ours = smarthost(peer.port, idle=0.1)
    await deliver(ours)
    await until(lambda: peer.peers[0].heard[-1] == b"QUIT")


async def test_cancelled_delivery_takes_its_connection_with_it(host: Hosts, smarthost: Smarthosts) -> None:
    """What was half said must not be continued by the next message."""

    async def script(peer: Peer) -> None:
        await peer.greet(*ALL)
        await peer.take()
        await peer.reader.read()

    peer = await host(script, forever)
    ours = smarthost(peer.port)
    await deliver(ours)
    task = asyncio.create_task(deliver(ours))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert codes(await deliver(ours)) == [(250, "2.0.0")]
    assert len(peer.peers) == 2


async def test_many_messages_at_a_time_keep_their_replies(host: Hosts, smarthost: Smarthosts) -> None:
    """Forty at once over four connections: each gets the answer to its own recipient."""

    async def script(peer: Peer) -> None:
        await peer.greet(*ALL)
        while True:
            await peer.take(**{f"u{number}": f"550 5.1.{number} No {number}" for number in range(1, 40, 2)})

    peer = await host(script)
    ours = smarthost(peer.port, connections=4, slot=5)
    deliveries = await asyncio.gather(*(deliver(ours, recipients=(f"u{n}@example.org",)) for n in range(40)))
    expected = [[(550, f"5.1.{n}")] if n % 2 else [(250, "2.0.0")] for n in range(40)]
    assert [codes(delivery) for delivery in deliveries] == expected
