"""Delivery to real and scripted smarthosts: recipients, extensions, faults at every stage, kept connections, TLS."""

import asyncio
import base64
import shutil
import socket
import ssl

import pytest
from aiosmtpd import smtp as library_server

from dlp_gateway.mail.reply import Reply
from dlp_gateway.ports import Delivery, Progress
from dlp_gateway.smtp.smarthost import Security, Smarthost, Unavailable
from dlp_gateway.smtp.transaction import LOST
from tests.smtp.peers import Authority, Hosts, Listen, Peer, Smarthosts, until

CONTENT = b"Subject: hello\r\n\r\n.dot\r\n\r\ntext\r\n"
ALL = ("PIPELINING", "SIZE 1000000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
QUEUED = Reply(code=250, enhanced="2.0.0", text="Ok: queued as 4711")
UNREACHABLE = (451, "4.4.1")


async def deliver(
    smarthost: Smarthost,
    content: bytes = CONTENT,
    recipients: tuple[str, ...] = ("bob@example.org",),
    **options: object,
) -> Delivery:
    """Deliver with the ordinary envelope."""
    settings = {"reverse_path": "alice@corp.example", "body_8bit": False, "smtputf8": False} | options
    return await smarthost.deliver(content, recipients=recipients, **settings)  # type: ignore[arg-type]


def codes(delivery: Delivery) -> list[tuple[int, str]]:
    """Return code and enhanced code for each recipient."""
    return [(reply.code, reply.enhanced) for _, reply in delivery.replies]


async def forever(peer: Peer) -> None:
    """Take one transaction after another."""
    await peer.greet(*ALL)
    while True:
        await peer.take()


@pytest.mark.parametrize("extensions", [ALL, ALL[1:]], ids=["pipelined", "stepwise"])
async def test_each_recipient_gets_its_own_reply(
    host: Hosts, smarthost: Smarthosts, extensions: tuple[str, ...]
) -> None:
    """Accepted, deferred and refused in one transaction; the octets arrive as they are, stuffed."""
    got: list[bytes] = []

    async def script(peer: Peer) -> None:
        await peer.greet(*extensions)
        got.append(await peer.take(later="450 4.2.1 Mailbox busy", never="550-5.1.1 No such\r\n550 5.1.1 user"))

    progress: list[Progress] = []

    async def hook(told: Progress) -> None:
        progress.append(told)

    peer = await host(script)
    recipients = ("bob@example.org", "later@example.org", "never@example.org", "carol@example.net")
    delivery = await deliver(smarthost(peer.port), recipients=recipients, before_final_dot=hook)
    later = Reply(code=450, enhanced="4.2.1", text="Mailbox busy")
    never = Reply(code=550, enhanced="5.1.1", text="No such user")
    assert delivery.replies == (
        (recipients[0], QUEUED),
        (recipients[1], later),
        (recipients[2], never),
        (recipients[3], QUEUED),
    )
    assert not delivery.in_doubt
    assert progress == [
        Progress(
            accepted=(recipients[0], recipients[3]),
            deferred=((recipients[1], later),),
            refused=((recipients[2], never),),
        )
    ]
    assert got == [b"Subject: hello\r\n\r\n..dot\r\n\r\ntext\r\n"]


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


@pytest.mark.parametrize("extensions", [ALL, ALL[1:]], ids=["pipelined", "stepwise"])
@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ({"mail": "550 5.7.1 Not you"}, (550, "5.7.1")),
        ({"data": "451 4.3.1 Full"}, (451, "4.3.1")),
        ({"data": "554 5.7.1 No"}, (554, "5.7.1")),
        ({"dot": "451 4.7.1 Greylisted"}, (451, "4.7.1")),
        ({"dot": "552 5.3.4 Too big"}, (552, "5.3.4")),
        ({"dot": "421 4.3.2 Stopping"}, (421, "4.3.2")),
        ({"bob": "552 Too many recipients"}, (452, "4.5.3")),
        ({"bob": "552 5.2.2 Mailbox full"}, (552, "5.2.2")),
        ({"mail": "421 4.3.2 Stopping"}, (421, "4.3.2")),
        ({"bob": "421 4.7.0 Enough"}, (421, "4.7.0")),
        ({"data": "421 4.7.0 Enough"}, (421, "4.7.0")),
        ({"mail": "354 What"}, (451, "4.4.2")),
        ({"data": "250 2.0.0 What"}, (451, "4.4.2")),
        ({"bob": "550 2.0.0 Wrong class"}, (550, "")),
        ({"mail": "250", "bob": "250", "data": "354", "dot": "250"}, (250, "")),
    ],
)
async def test_reply_at_each_stage_holds_for_the_recipient(
    host: Hosts, smarthost: Smarthosts, extensions: tuple[str, ...], replies: dict[str, str], expected: tuple[int, str]
) -> None:
    """Wherever the smarthost says no, nothing is in doubt and nothing is raised."""

    async def script(peer: Peer) -> None:
        await peer.greet(*extensions)
        while True:
            await peer.take(**replies)

    peer = await host(script)
    delivery = await deliver(smarthost(peer.port))
    assert codes(delivery) == [expected]
    assert not delivery.in_doubt


async def dies_at(peer: Peer, stage: str) -> None:
    """Go away when `stage` is reached."""
    if stage == "connect":
        return
    await peer.send("220 smarthost.example")
    await peer.line()
    if stage == "ehlo":
        return
    await peer.send("250-smarthost.example", "250 PIPELINING")
    for wanted in (b"MAIL", b"RCPT", b"DATA"):
        line = await peer.line()
        assert line.startswith(wanted)
        if stage == wanted.decode().lower():
            return
        await peer.send("354 Go" if wanted == b"DATA" else "250 2.0.0 Ok")
    if stage == "354":
        return
    await peer.content()


@pytest.mark.parametrize(
    ("stage", "expected", "in_doubt"),
    [
        ("connect", UNREACHABLE, False),
        ("ehlo", UNREACHABLE, False),
        ("mail", (451, "4.4.2"), False),
        ("rcpt", (451, "4.4.2"), False),
        ("data", (451, "4.4.2"), False),
        ("dot", (451, "4.4.2"), True),
    ],
)
@pytest.mark.parametrize("silent", [False, True], ids=["dies", "hangs"])
async def test_smarthost_that_goes_away_at_each_stage(
    host: Hosts, smarthost: Smarthosts, stage: str, expected: tuple[int, str], *, in_doubt: bool, silent: bool
) -> None:
    """Before the final dot it is a 451, behind it the outcome is unknown; never a second attempt on its own."""

    async def script(peer: Peer) -> None:
        await dies_at(peer, stage)
        if silent:
            await asyncio.sleep(30)

    peer = await host(script)
    patience = {"connect": 0.3, "command": 0.3, "final_dot": 0.3}
    delivery = await deliver(smarthost(peer.port, **patience))
    assert codes(delivery) == [expected]
    assert delivery.unknown == (frozenset({"bob@example.org"}) if in_doubt else frozenset())
    assert len(peer.peers) == 1


@pytest.mark.parametrize("size", [3_000, 3_000_000])
async def test_hook_is_run_before_the_final_dot_and_may_stop_it(host: Hosts, smarthost: Smarthosts, size: int) -> None:
    """What it raises comes through, the connection is cut, and the smarthost never saw the end of the message."""
    got = bytearray()
    ended = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.greet(*ALL[2:], "SIZE 0", "PIPELINING")
        for answer in ("250 Ok", "250 Ok", "354 Go"):
            await peer.line()
            await peer.send(answer)
        while octets := await peer.reader.read(65_536):
            got.extend(octets)
        ended.set()

    async def hook(_: Progress) -> None:
        raise LookupError("lease lost")

    peer = await host(script)
    with pytest.raises(LookupError):
        await deliver(smarthost(peer.port), b"x" * size + b"\r\n", before_final_dot=hook)
    await asyncio.wait_for(ended.wait(), 2)
    assert b"\r\n.\r\n" not in got


async def test_connection_that_breaks_during_the_hook_leaves_no_doubt(host: Hosts, smarthost: Smarthosts) -> None:
    """The final dot was never sent; the hook is not run a second time, though the connection was a kept one."""
    calls = []
    gone = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.greet(*ALL)
        await peer.take()
        for answer in ("250 Ok", "250 Ok", "354 Go"):
            await peer.line()
            await peer.send(answer)
        peer.writer.close()
        await peer.writer.wait_closed()
        gone.set()

    async def hook(progress: Progress) -> None:
        calls.append(progress)
        await gone.wait()
        await asyncio.sleep(0.02)

    peer = await host(script)
    ours = smarthost(peer.port)
    await deliver(ours)
    delivery = await deliver(ours, before_final_dot=hook)
    assert (codes(delivery), delivery.in_doubt, len(calls), len(peer.peers)) == ([(451, "4.4.2")], False, 1, 1)


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
    await asyncio.sleep(0.05)
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


GARBAGE = [
    "garbage",
    "25",
    "999 no",
    "250_what",
    "\x00\x00\x00",
    "250-one\r\n251 two",
    "250-" + "x" * 20_000,
    "\r\n".join(["250-endless"] * 2000),
    "\r\n250 Ok",
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda text: repr(text[:12]))
async def test_garbage_ends_the_connection(host: Hosts, smarthost: Smarthosts, garbage: str) -> None:
    """Endless, too long, or no reply at all: 451, and the connection is never used again."""

    async def script(peer: Peer) -> None:
        await peer.greet(*ALL)
        await peer.line()
        await peer.send(garbage)
        await peer.reader.read()

    peer = await host(script, forever)
    ours = smarthost(peer.port)
    assert [codes(await deliver(ours)) for _ in range(2)] == [[(451, "4.4.2")], [(250, "2.0.0")]]


async def test_unasked_reply_cannot_be_taken_for_another(host: Hosts, smarthost: Smarthosts) -> None:
    """One reply too many, whenever it comes, and the connection is given up: replies are never mis-paired."""

    async def early(peer: Peer) -> None:
        await peer.greet(*ALL)
        await peer.take(dot="250 2.0.0 Ok: queued as 4711\r\n250 2.0.0 Ok: once more")
        await peer.reader.read()

    async def late(peer: Peer) -> None:
        await peer.greet(*ALL)
        await peer.take()
        await asyncio.sleep(0.05)
        await peer.send("250 2.0.0 Ok: late")
        await peer.reader.read()

    async def honest(peer: Peer) -> None:
        await peer.greet(*ALL)
        await peer.take(bob="550 5.1.1 No", data="503 5.5.1 No")

    peer = await host(early, late, honest)
    ours = smarthost(peer.port)
    assert codes(await deliver(ours)) == [(250, "2.0.0")]
    assert codes(await deliver(ours)) == [(250, "2.0.0")]
    await asyncio.sleep(0.1)
    assert codes(await deliver(ours)) == [(550, "5.1.1")]
    assert len(peer.peers) == 3


async def test_refusal_in_the_midst_of_the_content_is_no_doubt(host: Hosts, smarthost: Smarthosts) -> None:
    """A smarthost that gives up while we send: the final dot was never sent."""

    async def script(peer: Peer) -> None:
        await peer.greet(*ALL[2:], "PIPELINING")
        for answer in ("250 Ok", "250 Ok", "354 Go"):
            await peer.line()
            await peer.send(answer)
        await peer.reader.read(1000)
        await peer.send("452 4.3.1 Disk full")

    peer = await host(script)
    delivery = await deliver(smarthost(peer.port), b"x" * 8_000_000 + b"\r\n")
    assert (codes(delivery), delivery.in_doubt) == ([(451, "4.4.2")], False)


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


@pytest.mark.parametrize("content", [b"", b"no line end", b".", b"\r\n", b"a\r\n.", b"x" * 70_000 + b"\r\n..\r\n"])
async def test_octets_arrive_unchanged(listen: Listen, smarthost: Smarthosts, content: bytes) -> None:
    """Through our own door: only a missing last CRLF is added, for the end of data begins with it."""
    gateway = await listen()
    assert codes(await deliver(smarthost(gateway.port), content)) == [(250, "2.0.0")]
    expected = content if content.endswith(b"\r\n") or not content else content + b"\r\n"
    assert gateway.handler.taken[0][1] == expected


async def test_unreachable_smarthost_is_a_451(smarthost: Smarthosts, capsys: pytest.CaptureFixture[str]) -> None:
    """Refused connection, unknown name: never an exception."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert codes(await deliver(smarthost(port))) == [UNREACHABLE]
    assert codes(await deliver(smarthost(port, host="does-not-exist.invalid"))) == [UNREACHABLE]
    assert codes(await deliver(smarthost(port, host="x" * 300))) == [UNREACHABLE]
    with pytest.raises(Unavailable):
        await smarthost(port).probe()


async def test_probe_tells_what_is_offered(host: Hosts, smarthost: Smarthosts) -> None:
    """And leaves with QUIT."""
    peer = await host(forever)
    extensions = await smarthost(peer.port).probe()
    assert (extensions.pipelining, extensions.eight_bit, extensions.smtputf8) == (True, True, True)
    assert (extensions.size, extensions.tls) == (1_000_000, False)
    assert "ENHANCEDSTATUSCODES" in extensions.names
    await asyncio.sleep(0.05)
    assert peer.peers[0].heard[-1] == b"QUIT"


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
    await asyncio.sleep(0.3)
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


# --- TLS and AUTH -----------------------------------------------------------------------------------------------------


class _Hooks:
    """aiosmtpd's handler, as a smarthost with TLS and AUTH."""

    def __init__(self) -> None:
        self.taken: list[tuple[bytes, bool, object]] = []

    async def handle_DATA(  # noqa: N802  aiosmtpd's name
        self, _: object, session: library_server.Session, envelope: library_server.Envelope
    ) -> str:
        """Take it."""
        self.taken.append((envelope.content, session.ssl is not None, session.authenticated))
        return "250 2.0.0 Ok: queued as 4711"


async def library(hooks: _Hooks, *, implicit: ssl.SSLContext | None = None, **options: object) -> asyncio.Server:
    """Start aiosmtpd as it comes."""
    return await asyncio.get_running_loop().create_server(
        lambda: library_server.SMTP(hooks, hostname="smarthost.example", **options), "127.0.0.1", 0, ssl=implicit
    )


@pytest.mark.parametrize("security", [Security.REQUIRED, Security.OPPORTUNISTIC])
async def test_starttls_with_a_library_server(smarthost: Smarthosts, authority: Authority, security: Security) -> None:
    """Two messages over one TLS connection, through the exchanged protocol."""
    hooks = _Hooks()
    server = await library(hooks, tls_context=authority.server)
    port = server.sockets[0].getsockname()[1]
    ours = smarthost(port, host="localhost", security=security, tls_context=authority.client())
    assert [codes(await deliver(ours)) for _ in range(2)] == [[(250, "2.0.0")]] * 2
    assert [(content, tls) for content, tls, _ in hooks.taken] == [(CONTENT, True)] * 2
    assert (await ours.probe()).tls
    server.close()


async def test_implicit_tls(smarthost: Smarthosts, authority: Authority) -> None:
    """Port 465 (RFC 8314 3.3)."""
    hooks = _Hooks()
    server = await library(hooks, implicit=authority.server)
    port = server.sockets[0].getsockname()[1]
    ours = smarthost(port, host="localhost", security=Security.IMPLICIT, tls_context=authority.client())
    assert codes(await deliver(ours)) == [(250, "2.0.0")]
    server.close()


@pytest.mark.parametrize("fault", ["unknown authority", "other name", "not offered"])
async def test_required_tls_fails_closed(
    smarthost: Smarthosts, authority: Authority, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No certificate of a trusted authority for this name, no mail; opportunistic TLS does not mind."""
    hooks = _Hooks()
    context = {"unknown authority": authority.server, "other name": authority.other, "not offered": None}[fault]
    server = await library(hooks, tls_context=context)
    port = server.sockets[0].getsockname()[1]
    trust = ssl.create_default_context() if fault == "unknown authority" else authority.client()
    ours = smarthost(port, host="localhost", security=Security.REQUIRED, tls_context=trust)
    assert codes(await deliver(ours)) == [UNREACHABLE]
    assert hooks.taken == []
    lax = smarthost(port, host="localhost", security=Security.OPPORTUNISTIC)
    assert codes(await deliver(lax)) == [(250, "2.0.0")]
    assert [tls for _, tls, _ in hooks.taken] == [fault != "not offered"]
    server.close()


async def test_broken_handshake_is_no_reason_for_plain_text(host: Hosts, smarthost: Smarthosts) -> None:
    """Where STARTTLS is offered, opportunistic TLS means TLS or nothing."""

    async def script(peer: Peer) -> None:
        await peer.greet("STARTTLS", "PIPELINING")
        await peer.line()
        await peer.send("220 Go", "this is no handshake")
        await peer.reader.read()

    peer = await host(script)
    ours = smarthost(peer.port, security=Security.OPPORTUNISTIC, connect=1.0)
    assert codes(await deliver(ours)) == [UNREACHABLE]
    assert b"MAIL" not in b"".join(peer.peers[0].heard)


@pytest.mark.parametrize("right", [True, False])
async def test_login_under_tls(
    smarthost: Smarthosts, authority: Authority, capsys: pytest.CaptureFixture[str], *, right: bool
) -> None:
    """A refused login is our trouble: the client gets a 451, never a 535; the password is in no log."""
    password = base64.b32encode(b"not a real password").decode()
    hooks = _Hooks()
    server = await library(
        hooks,
        tls_context=authority.server,
        auth_required=True,
        auth_callback=lambda _, login, word: (login, word) == (b"gateway", password.encode()),
    )
    port = server.sockets[0].getsockname()[1]
    ours = smarthost(
        port,
        host="localhost",
        security=Security.REQUIRED,
        tls_context=authority.client(),
        user="gateway",
        password=password if right else "wrong",
    )
    assert codes(await deliver(ours)) == ([(250, "2.0.0")] if right else [UNREACHABLE])
    assert password not in repr(ours._options)
    output = capsys.readouterr()
    assert password not in output.out + output.err
    server.close()


@pytest.mark.skipif(shutil.which("smtp-sink") is None, reason="Postfix's smtp-sink is not installed")
async def test_postfix_sink_takes_pipelined_mail(smarthost: Smarthosts) -> None:
    """A server of Postfix's make, with PIPELINING, a hundred recipients and a large message."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sink = await asyncio.create_subprocess_exec("smtp-sink", "-u", "nobody", f"127.0.0.1:{port}", "16")
    try:
        ours = smarthost(port)
        for _ in range(80):
            if codes(await deliver(ours)) != [UNREACHABLE]:
                break
            await asyncio.sleep(0.05)
        recipients = tuple(f"u{number}@example.org" for number in range(100))
        delivery = await deliver(ours, b"x" * 900 + b"\r\n" + b".\r\n" * 300_000, recipients=recipients)
        assert [code for code, _ in codes(delivery)] == [250] * 100
    finally:
        sink.kill()
        await sink.wait()
