"""Clients that leave: before the final dot, during the hand-over, and without the reply."""

import asyncio
import ctypes
import socket
import struct
from dataclasses import replace

import pytest

from dlp_gateway.smtp.door import Security
from tests.smtp.peers import Authority, Client, Listen, Recorder
from tests.smtp.test_session import CONTENT, MAIL, RCPT
from tests.waiting import until


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"EHLO client.example\r\n",
        b"EHLO client.example\r\n" + MAIL,
        b"EHLO client.example\r\n" + MAIL + RCPT,
        b"EHLO client.example\r\n" + MAIL + RCPT + b"DATA\r\n",
        b"EHLO client.example\r\n" + MAIL + RCPT + b"DATA\r\n" + CONTENT,
        b"EHLO client.example\r\n" + MAIL + RCPT + b"DATA\r\n" + CONTENT + b".",
        b"EHLO client.example\r\n" + MAIL + RCPT + b"DATA\r\n" + CONTENT + b".\r",
    ],
)
@pytest.mark.parametrize("reset", [False, True])
async def test_disconnect_before_the_final_dot_hands_nothing_over(listen: Listen, said: bytes, *, reset: bool) -> None:
    """At every stage, politely or by a reset: nothing was sent, and nothing of the session is left."""
    gateway = await listen()
    client = await gateway.greeted()
    client.writer.write(said)
    await client.writer.drain()
    await asyncio.sleep(0.02)
    if reset:
        client.writer.transport.abort()
    else:
        client.close()
    await until(lambda: gateway.door.sessions == 0)
    assert gateway.handler.taken == []


@pytest.mark.parametrize("again", [False, True])
async def test_the_handler_is_told_who_read_what_was_said_again(listen: Listen, *, again: bool) -> None:
    """By whatever he says next."""
    gateway = await listen()
    gateway.handler.reply = replace(gateway.handler.reply, again=again)
    client = await gateway.greeted()
    await client.begin()
    await client.say(CONTENT + b".\r\n")
    assert gateway.handler.heard_again == []
    await client.say(b"NOOP\r\n")
    assert [content for _, content in gateway.handler.heard_again] == ([CONTENT] if again else [])
    await client.say(b"NOOP\r\n")
    assert len(gateway.handler.heard_again) == again


@pytest.mark.parametrize("way", ["half", "close", "abort"])
async def test_disconnect_after_the_final_dot_does_not_stop_the_hand_over(listen: Listen, way: str) -> None:
    """Hazard 1: the message is handed over to the end, and the handler learns that nobody read the reply."""
    gateway = await listen(Recorder(delay=0.1))
    client = await gateway.greeted()
    await client.begin()
    client.writer.write(CONTENT + b".\r\n")
    await until(lambda: gateway.handler.taken)
    if way == "half":
        client.writer.write_eof()
        assert await client.hear() == "250 2.0.0 taken"
    elif way == "close":
        client.close()
    else:
        client.writer.transport.abort()
    await until(lambda: gateway.handler.lost)
    (envelope, _), *_ = gateway.handler.taken
    assert gateway.handler.finished == [envelope.id]
    assert gateway.handler.lost == [(envelope, CONTENT, gateway.handler.reply)]


async def test_client_that_goes_on_has_read_the_reply(listen: Listen) -> None:
    """A further command is the sign; without one, a clean end is none."""
    gateway = await listen()
    polite, silent = await gateway.greeted(), await gateway.greeted()
    for client in (polite, silent):
        await client.begin()
        await client.say(CONTENT + b".\r\n")
    await polite.say(b"NOOP\r\n")
    polite.close()
    silent.close()
    await until(lambda: gateway.door.sessions == 0 and gateway.handler.lost)
    assert [envelope.id for envelope, *_ in gateway.handler.lost] == [gateway.handler.taken[1][0].id]


@pytest.mark.parametrize("way", ["close", "reset", "early"])
async def test_quit_sent_with_the_final_dot_is_no_sign_but_an_orderly_end_is(listen: Listen, way: str) -> None:
    """Postfix does so: it read the replies if it closes behind them, not if it resets or had closed before."""
    gateway = await listen(Recorder(delay=0.05))
    client = await gateway.greeted()
    await client.begin()
    client.writer.write(CONTENT + b".\r\nQUIT\r\n")
    if way == "early":
        client.writer.write_eof()
    assert [(await client.hear())[:3] for _ in range(3)] == ["250", "221", ""]
    if way == "reset":
        client.reset()
    else:
        client.close()
    await until(lambda: gateway.door.sessions == 0)
    assert await gateway.door.drain(1) == 0
    assert len(gateway.handler.lost) == (0 if way == "close" else 1)


async def test_silence_after_the_reply_counts_as_unanswered_in_time(listen: Listen) -> None:
    """The content of a message is not kept as long as a connection is; a later command changes nothing."""
    gateway = await listen(confirmation=0.05)
    client = await gateway.greeted()
    await client.begin()
    await client.say(CONTENT + b".\r\n")
    await until(lambda: gateway.handler.lost)
    assert (await client.say(b"NOOP\r\n")).startswith("250")
    client.close()
    await until(lambda: gateway.door.sessions == 0)
    assert len(gateway.handler.lost) == 1


def cut(client: Client) -> None:
    """Have the kernel drop every segment that comes for this client, as a cut wire does (socket(7))."""
    code = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # a filter that returns 0 octets
    attach = getattr(socket, "SO_ATTACH_FILTER", 26)
    client.writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, attach, struct.pack("HL", 1, ctypes.addressof(code))
    )


@pytest.mark.parametrize("is_cut", [False, True])
async def test_a_reply_that_never_arrived_was_not_read(listen: Listen, *, is_cut: bool) -> None:
    """(i) TCP knows when the network to a silent client is cut: his system acknowledges nothing."""
    gateway = await listen(Recorder(delay=0.3), confirmation=0.5)
    client = await gateway.greeted()
    await client.begin()
    client.writer.write(CONTENT + b".\r\n")
    await until(lambda: gateway.handler.taken)
    await asyncio.sleep(0.1)  # for the acknowledgement of ours
    if is_cut:
        cut(client)
    await until(lambda: gateway.handler.lost)
    assert gateway.handler.written == [not is_cut]


def pipelined(*contents: bytes) -> bytes:
    """Return whole transactions, to be said at once (RFC 3030 4.2)."""
    return b"".join(MAIL + RCPT + b"BDAT %d LAST\r\n" % len(content) + content for content in contents)


@pytest.mark.parametrize("goes_on", [True, False])
async def test_a_reply_between_pipelined_transactions_was_written(listen: Listen, *, goes_on: bool) -> None:
    """(i) The acknowledgement of the first is still out when the second is begun: that says nothing of who reads it."""
    gateway = await listen()
    client = await gateway.greeted()
    await client.say(b"EHLO client.example\r\n")
    client.writer.write(pipelined(CONTENT, CONTENT, CONTENT))
    assert [(await client.hear())[:3] for _ in range(9)] == ["250"] * 9
    if goes_on:
        await client.say(b"NOOP\r\n")
    client.close()
    await until(lambda: gateway.door.sessions == 0)
    assert await gateway.door.drain(2) == 0
    assert gateway.handler.written == ([] if goes_on else [True] * 3)


async def test_replies_to_pipelined_transactions_may_all_be_lost(listen: Listen) -> None:
    """(i) None of them is forgotten for the sake of those behind it."""
    gateway = await listen(Recorder(delay=0.1), confirmation=0.2)
    client = await gateway.greeted()
    await client.say(b"EHLO client.example\r\n")
    client.writer.write(pipelined(CONTENT, CONTENT))
    await until(lambda: gateway.handler.taken)
    await asyncio.sleep(0.05)  # for the acknowledgement of ours
    cut(client)
    await until(lambda: len(gateway.handler.lost) == 2)
    assert gateway.handler.written == [False, False]


@pytest.mark.parametrize("secure", [False, True])
async def test_our_last_word_does_not_make_the_reply_before_it_unread(
    listen: Listen, authority: Authority, *, secure: bool
) -> None:
    """(i) When the gateway stops it says 421, and TLS its own goodbye: what is not acknowledged then is that."""
    security = {"security": Security.IMPLICIT, "tls_context": authority.server} if secure else {}
    gateway = await listen(**security)
    client = await gateway.client(authority.client() if secure else None)
    await client.hear()
    await client.begin()
    await client.say(CONTENT + b".\r\n")
    await asyncio.sleep(0.1)  # for the acknowledgement
    assert await gateway.door.drain(2) == 0
    assert gateway.handler.written == [True]


async def test_handler_that_raises_is_answered_with_a_reference(
    listen: Listen, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hazard 7: a 451 with the envelope's id, and the exception's text in no reply and no log."""
    gateway = await listen(Recorder(error=RuntimeError("secret /var/lib/x")))
    client = await gateway.greeted()
    await client.begin()
    reply = await client.say(CONTENT + b".\r\n")
    assert reply == (f"451 4.3.0 Internal error, reference {gateway.handler.taken[0][0].id}; try again later")
    assert (await client.say(MAIL)).startswith("250")
    output = capsys.readouterr()
    assert "secret" not in output.out + output.err


async def test_handler_is_told_at_once_that_the_client_left_during_the_hand_over(listen: Listen) -> None:
    """(i) Before the outcome is known: a retry may come first."""
    gateway = await listen(Recorder(delay=0.4))
    client = await gateway.greeted()
    await client.begin()
    client.writer.write(CONTENT + b".\r\n")
    await until(lambda: len(gateway.handler.taken) == 1)
    client.close()
    await until(lambda: len(gateway.handler.abandoned_while_under_way) == 1)
    assert gateway.handler.lost == []
    await until(lambda: len(gateway.handler.lost) == 1)


@pytest.mark.parametrize("is_there", [True, False])
async def test_whoever_left_before_the_reply_may_be_there_to_read_it(listen: Listen, *, is_there: bool) -> None:
    """One who ended his side (`nc -N`) can; of one who closed the system refuses it."""
    gateway = await listen(Recorder(delay=0.6))
    client = await gateway.greeted()
    await client.begin()
    client.writer.write(CONTENT + b".\r\n")
    await until(lambda: len(gateway.handler.taken) == 1)
    if is_there:
        client.writer.write_eof()
        assert (await client.hear())[:3] == "250"
    else:
        client.close()
    await until(lambda: len(gateway.handler.lost) == 1)
    assert gateway.handler.written == [is_there]


async def test_handler_that_raises_when_told_of_a_lost_reply_stops_nothing(listen: Listen) -> None:
    """The door does not depend on it."""

    class Failing(Recorder):
        async def unanswered(self, *_: object, written: bool) -> None:
            raise OSError(28, "full")

    gateway = await listen(Failing())
    client = await gateway.greeted()
    await client.begin()
    await client.say(CONTENT + b".\r\n")
    client.close()
    await until(lambda: gateway.door.sessions == 0)
    assert await gateway.door.drain(1) == 0
