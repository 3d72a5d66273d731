"""One transaction: octets as DATA carries them, a reply for each recipient, faults at every stage."""

import asyncio
import re
import shutil
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.mail.edit import Edited
from dlp_gateway.mail.reply import Reply
from dlp_gateway.ports import Progress
from dlp_gateway.smtp import transaction
from dlp_gateway.smtp.transaction import stuffed
from tests.e2e.postfix import free_port
from tests.resident import growing
from tests.smtp.peers import (
    ALL,
    UNREACHABLE,
    Hosts,
    Listen,
    Peer,
    Smarthosts,
    codes,
    deliver,
    dies_at,
    forever,
)
from tests.waiting import PATIENCE

QUEUED = Reply(code=250, enhanced="2.0.0", text="Ok: queued as 4711")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", b""),
        (b"\r\n", b"\r\n"),
        (b".\r\n", b"..\r\n"),
        (b"a\r\n.b\r\n..\r\n", b"a\r\n..b\r\n...\r\n"),
        (b"no end", b"no end\r\n"),
        (b".", b"..\r\n"),
    ],
)
def test_dots_are_doubled(content: bytes, expected: bytes) -> None:
    """RFC 5321 4.5.2; only a missing last line end is added."""
    assert expected == stuffed(content)


@given(lines=st.lists(st.sampled_from([b"", b".", b"..", b".a", b"a.", b"a"]), max_size=20))
def test_no_line_is_a_lone_dot(lines: list[bytes]) -> None:
    """Nothing in a message can end it."""
    octets = stuffed(b"".join(line + b"\r\n" for line in lines))
    assert b"\r\n.\r\n" not in b"\r\n" + octets


@given(st.lists(st.sampled_from((b".", b"..", b"\r\n", b"\r", b"\n", b"a"))).map(b"".join), st.integers(1, 7))
def test_blocks_are_stuffed_as_the_whole_is(content: bytes, size: int) -> None:
    """Wherever they part a line end from the dot behind it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transaction, "BLOCK", size)
        for end in (0, *(match.end() for match in re.finditer(rb"\r\n", content)), len(content)):
            blocks = list(transaction.stuffed_blocks(Edited(content[:end], content, end)))
            assert b"".join(blocks) == stuffed(content)
            assert len(blocks) >= len(content) // size


async def test_a_large_message_is_sent_without_a_copy(host: Hosts, smarthost: Smarthosts) -> None:
    """However many dots there are to double."""
    content = b"..\r\n" * 10_000_000
    arrived = 0

    async def script(peer: Peer) -> None:
        nonlocal arrived
        await peer.greet(*ALL[:1])
        while await peer.line() != b"DATA":
            pass
        await peer.send("250 2.1.0 Ok", "250 2.1.5 Ok", "354 Go ahead")
        end = b""
        while end != b"\r\n.\r\n":
            octets = await peer.reader.read(262_144)
            end = (end + octets)[-5:]
            arrived += len(octets)
        await peer.send("250 2.0.0 Ok: queued as 4711")

    peer = await host(script)
    with growing() as growth:
        delivery = await deliver(smarthost(peer.port), content)
    assert codes(delivery) == [(250, "2.0.0")]
    assert arrived == 5 * len(content) // 4 + 3
    assert growth.peak < 0.3 * len(content)


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
    awaited = {"connect": "connect", "ehlo": "connect", "dot": "final_dot"}.get(stage, "command")
    delivery = await deliver(smarthost(peer.port, **{awaited: 0.3}))
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
    await asyncio.wait_for(ended.wait(), PATIENCE)
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


@pytest.mark.parametrize("stage", ["mail", "dot"])
async def test_all_lines_of_a_reply_together_have_the_time_of_one(
    host: Hosts, smarthost: Smarthosts, stage: str
) -> None:
    """A host that says one line after another, and never the last, is given up as one that says nothing."""

    async def script(peer: Peer) -> None:
        await peer.greet(*ALL)
        for answer in ("250 Ok", "250 Ok", "354 Go") if stage == "dot" else ():
            await peer.line()
            await peer.send(answer)
        if stage == "dot":
            await peer.content()
        for _ in range(100):
            await peer.send("250-go on")
            await asyncio.sleep(0.05)

    peer = await host(script)
    begun = asyncio.get_running_loop().time()
    delivery = await deliver(smarthost(peer.port, command=0.3, final_dot=0.3))
    assert codes(delivery) == [(451, "4.4.2")]
    assert bool(delivery.unknown) == (stage == "dot")
    assert asyncio.get_running_loop().time() - begun < 2


async def test_nobody_waits_long_for_the_reply_to_rset(
    host: Hosts, smarthost: Smarthosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was said of the recipients is told soon, and the connection is used no more."""
    monkeypatch.setattr(transaction, "_FAREWELL", 0.2)

    async def script(peer: Peer) -> None:
        await peer.greet(*ALL)
        for answer in ("250 Ok", "550 5.1.1 Nobody", "554 5.5.1 No recipient"):
            await peer.line()
            await peer.send(answer)
        await peer.line()
        await asyncio.sleep(30)

    peer = await host(script)
    ours = smarthost(peer.port)
    begun = asyncio.get_running_loop().time()
    assert codes(await deliver(ours)) == [(550, "5.1.1")]
    assert asyncio.get_running_loop().time() - begun < 2


async def test_patience_counts_from_reply_to_reply(host: Hosts, smarthost: Smarthosts) -> None:
    """RFC 5321 4.5.3.2: each command has its own time, also where all were sent at once."""

    async def script(peer: Peer) -> None:
        await peer.greet(*ALL)
        for _ in range(6):
            await peer.line()
        for answer in ("250 Ok", *["250 Ok"] * 4, "354 Go"):
            await asyncio.sleep(0.2)
            await peer.send(answer)
        await peer.content()
        await peer.send("250 2.0.0 Ok")

    peer = await host(script)
    recipients = tuple(f"u{number}@example.org" for number in range(4))
    delivery = await deliver(smarthost(peer.port, command=1.0), recipients=recipients)
    assert codes(delivery) == [(250, "2.0.0")] * 4


@pytest.mark.parametrize("extensions", [ALL, ALL[1:]], ids=["pipelined", "stepwise"])
async def test_the_last_word_of_a_smarthost_that_closes_is_told(
    host: Hosts, smarthost: Smarthosts, extensions: tuple[str, ...]
) -> None:
    """A 421 in place of all replies that are due (RFC 5321 3.8) is the reason, not that the connection is lost."""

    async def script(peer: Peer) -> None:
        await peer.greet(*extensions)
        await peer.line()
        await peer.send("421 4.3.2 Going down")

    peer = await host(script)
    delivery = await deliver(smarthost(peer.port))
    assert (codes(delivery), delivery.put_off) == ([(421, "4.3.2")], True)


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


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("552 5.3.4 Too large", (552, "5.3.4")),
        ("554-5.7.1 Not\r\n554 5.7.1 this", (554, "5.7.1")),
        ("452 4.3.1 Disk full", (452, "4.3.1")),
        ("421 4.3.2 Stopping", (421, "4.3.2")),
        ("250 2.0.0 Ok: queued as 4711", (451, "4.4.2")),
        ("354 Go on", (451, "4.4.2")),
    ],
)
@pytest.mark.parametrize("reads_on", [False, True])
async def test_what_is_said_in_the_midst_of_the_content_is_the_answer(
    host: Hosts, smarthost: Smarthosts, said: str, expected: tuple[int, str], *, reads_on: bool
) -> None:
    """A smarthost that will not read it all; but none took what it has not read, and the connection is left."""
    ended: list[bytes] = []

    async def script(peer: Peer) -> None:
        await peer.greet(*ALL[2:], "PIPELINING")
        for answer in ("250 Ok", "250 Ok", "354 Go"):
            await peer.line()
            await peer.send(answer)
        await peer.reader.read(1000)
        await peer.send(said)
        await asyncio.sleep(0.1)
        while reads_on and (octets := await peer.reader.read(65_536)):
            ended[:] = [octets[-5:]]

    peer = await host(script, forever)
    ours = smarthost(peer.port)
    delivery = await deliver(ours, b"x" * 30_000_000 + b"\r\n")
    assert (codes(delivery), delivery.in_doubt) == ([expected], False)
    assert codes(await deliver(ours)) == [(250, "2.0.0")]
    assert len(peer.peers) == 2
    assert ended != [b"\r\n.\r\n"]


@pytest.mark.parametrize(
    ("said", "expected", "in_doubt"),
    [
        ("552 5.3.4 Too large", (552, "5.3.4"), False),
        ("421 4.3.2 Stopping", (421, "4.3.2"), False),
        ("250 2.0.0 Ok: queued as 4711", (451, "4.4.2"), True),
    ],
)
async def test_what_is_said_before_the_end_of_a_message_is_sent_is_no_250(
    host: Hosts, smarthost: Smarthosts, said: str, expected: tuple[int, str], *, in_doubt: bool
) -> None:
    """The kernel has all of it, with the final dot, and the smarthost cannot have: it reads nothing."""

    async def script(peer: Peer) -> None:
        peer.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_000)
        await peer.greet(*ALL[2:], "PIPELINING")
        for answer in ("250 Ok", "250 Ok", "354 Go"):
            await peer.line()
            await peer.send(answer)
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(0.2)
        await peer.send(said)
        await asyncio.sleep(0.2)

    peer = await host(script, forever)
    ours = smarthost(peer.port, final_dot=5.0)
    delivery = await deliver(ours, b"x" * 200_000 + b"\r\n")
    assert (codes(delivery), delivery.in_doubt) == ([expected], in_doubt)
    assert codes(await deliver(ours)) == [(250, "2.0.0")]
    assert len(peer.peers) == 2


@pytest.mark.parametrize("content", [b"", b"no line end", b".", b"\r\n", b"a\r\n.", b"x" * 70_000 + b"\r\n..\r\n"])
async def test_octets_arrive_unchanged(listen: Listen, smarthost: Smarthosts, content: bytes) -> None:
    """Through our own door: only a missing last CRLF is added, for the end of data begins with it."""
    gateway = await listen()
    assert codes(await deliver(smarthost(gateway.port), content)) == [(250, "2.0.0")]
    expected = content if content.endswith(b"\r\n") or not content else content + b"\r\n"
    assert gateway.handler.taken[0][1] == expected


@pytest.mark.skipif(shutil.which("smtp-sink") is None, reason="Postfix's smtp-sink is not installed")
async def test_postfix_sink_takes_pipelined_mail(smarthost: Smarthosts) -> None:
    """A server of Postfix's make, with PIPELINING, a hundred recipients and a large message."""
    port = free_port()
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
