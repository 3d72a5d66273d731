"""Octets and time: TLS in both ways, timeouts, clients that do not read or do not stop, memory."""

import ast
import asyncio
import contextlib
import inspect
import os
import smtplib
import ssl
import textwrap
import tracemalloc

import pytest
import uvloop
from aiosmtpd.smtp import SMTP

from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.reply import Reply
from dlp_gateway.smtp.dialogue import Dialogue
from dlp_gateway.smtp.intake import Intake
from dlp_gateway.smtp.listener import Door, ListenerOptions, Security, protocol_factory
from dlp_gateway.smtp.session import Session
from dlp_gateway.smtp.wire import Wire
from tests.smtp.peers import LOOPBACK, Authority, Client, Gateway, Listen, Recorder, refused
from tests.waiting import PATIENCE, until

MAIL = b"MAIL FROM:<alice@corp.example>\r\n"
CONTENT = b"Subject: hello\r\n\r\ntext\r\n"


def send(port: int, context: ssl.SSLContext, *, implicit: bool) -> list[str]:
    """Send two messages with the standard library; return what EHLO offered under TLS."""
    kind = smtplib.SMTP_SSL if implicit else smtplib.SMTP
    arguments = {"context": context} if implicit else {}
    with kind("localhost", port, local_hostname="client.example", timeout=5, **arguments) as client:
        if not implicit:
            client.starttls(context=context)
        client.ehlo()
        for _ in range(2):
            client.sendmail("alice@corp.example", ["bob@example.org"], CONTENT)
        return sorted(client.esmtp_features)


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.IMPLICIT])
async def test_tls_with_the_standard_library(listen: Listen, authority: Authority, security: Security) -> None:
    """Both ways, and STARTTLS is not offered where TLS is on."""
    gateway = await listen(security=security, tls_context=authority.server)
    offered = await asyncio.to_thread(send, gateway.port, authority.client(), implicit=security is Security.IMPLICIT)
    assert offered == ["8bitmime", "chunking", "dsn", "enhancedstatuscodes", "pipelining", "size", "smtputf8"]
    assert [content for _, content in gateway.handler.taken] == [CONTENT] * 2


async def secured(gateway: Gateway, authority: Authority, injected: bytes = b"") -> Client:
    """Return a client that said STARTTLS, and `injected` behind it in the same segment."""
    client = await gateway.greeted()
    await client.say(b"EHLO client.example\r\n")
    assert await client.say(b"STARTTLS\r\n" + injected) == "220 2.0.0 Ready to start TLS"
    await client.writer.start_tls(authority.client(), server_hostname="localhost")
    return client


async def test_what_was_said_before_tls_is_forgotten(listen: Listen, authority: Authority) -> None:
    """Injected commands are not obeyed, and greeting and transaction begin anew (RFC 3207 4.2)."""
    gateway, before = await listen(security=Security.STARTTLS, tls_context=authority.server), refused("injection")
    client = await secured(gateway, authority, injected=b"EHLO evil.example\r\nMAIL FROM:<evil@example.net>\r\n")
    assert await client.say(b"NOOP\r\n") == "250 2.0.0 Ok"
    assert await client.say(MAIL) == "503 5.5.1 Say EHLO first"
    assert refused("injection") == before + 1
    await client.begin()
    assert await client.say(CONTENT + b".\r\n") == "250 2.0.0 taken"
    assert gateway.handler.taken[0][0].reverse_path == "alice@corp.example"


async def test_second_starttls_is_refused(listen: Listen, authority: Authority) -> None:
    """Hazard 12: the session goes on."""
    gateway = await listen(security=Security.STARTTLS, tls_context=authority.server)
    client = await secured(gateway, authority)
    assert await client.say(b"STARTTLS\r\n") == "503 5.5.1 TLS is on already"
    assert "STARTTLS" not in await client.say(b"EHLO client.example\r\n")
    assert await client.say(b"QUIT\r\n") == "221 2.0.0 Bye"


async def test_starttls_with_an_argument_or_without_tls(listen: Listen, authority: Authority) -> None:
    """501 and 502; the session goes on in plain text."""
    gateway = await listen(security=Security.STARTTLS, tls_context=authority.server)
    client = await gateway.greeted()
    assert await client.say(b"STARTTLS now\r\n") == "501 5.5.4 This command takes no argument"
    plain = await listen()
    client = await plain.greeted()
    assert await client.say(b"STARTTLS\r\n") == "502 5.5.1 Not offered here"


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.IMPLICIT])
@pytest.mark.parametrize("octets", [b"", b"this is no handshake\r\n"], ids=["silent", "garbage"])
async def test_handshake_has_a_deadline(
    listen: Listen, authority: Authority, security: Security, octets: bytes
) -> None:
    """Who never finishes it holds no place at the door."""
    gateway = await listen(security=security, tls_context=authority.server, handshake=0.2)
    client = await gateway.client()
    if security is Security.STARTTLS:
        await client.hear()
        await client.say(b"EHLO client.example\r\n")
        await client.say(b"STARTTLS\r\n")
    client.writer.write(octets)
    await client.all()
    await until(lambda: gateway.door.sessions == 0 and not gateway.door._knocking)


async def test_implicit_tls_without_tls_is_cut(authority: Authority) -> None:
    """A server that was started without TLS by mistake serves nobody in plain text."""
    options = ListenerOptions(
        hostname="gateway.example", networks=LOOPBACK, security=Security.IMPLICIT, tls_context=authority.server
    )
    door = Door(options, Recorder())
    server = await asyncio.get_running_loop().create_server(protocol_factory(door), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
    writer.close()
    server.close()


async def test_disconnect_under_tls_does_not_stop_the_hand_over(listen: Listen, authority: Authority) -> None:
    """As in plain text (hazard 1)."""
    gateway = await listen(Recorder(delay=0.1), security=Security.STARTTLS, tls_context=authority.server)
    client = await secured(gateway, authority)
    await client.begin()
    client.writer.write(CONTENT + b".\r\n")
    await until(lambda: gateway.handler.taken)
    client.close()
    await until(lambda: gateway.handler.lost)
    assert len(gateway.handler.finished) == 1


@pytest.mark.parametrize("said", [b"", b"EHLO client.example\r\n", b"NOO"])
async def test_silent_client_is_told_and_left(listen: Listen, said: bytes) -> None:
    """421 4.4.2 (RFC 5321 4.5.3.2.7), half a command or none."""
    gateway = await listen(idle=0.2)
    client = await gateway.greeted()
    client.writer.write(said)
    assert (await client.all()).endswith("421 4.4.2 Timeout\r\n")


async def test_slow_command_is_measured_as_a_whole(listen: Listen) -> None:
    """An octet now and then does not move the deadline of a command."""
    gateway = await listen(idle=0.3)
    client = await gateway.greeted()
    began = asyncio.get_running_loop().time()
    for octet in b"NOOP and more and more and more":
        client.writer.write(bytes([octet]))
        await asyncio.sleep(0.05)
        if client.writer.transport.is_closing():
            break
    await until(lambda: gateway.door.sessions == 0)
    assert asyncio.get_running_loop().time() - began < 2


async def test_message_has_a_deadline_for_each_block_and_in_all(listen: Listen) -> None:
    """Silence ends it soon, a trickle ends it in the end."""
    gateway = await listen(data_block=0.6, data_total=1.8)
    silent, trickling = await gateway.greeted(), await gateway.greeted()
    await silent.begin()
    await trickling.begin()
    silent.writer.write(b"Subject: x\r\n")

    async def trickle() -> None:
        while True:
            trickling.writer.write(b"x")
            await asyncio.sleep(0.05)

    task = asyncio.create_task(trickle())
    assert await silent.all() == "421 4.4.2 Timeout\r\n"
    assert gateway.door.sessions == 1
    assert await trickling.hear() == "421 4.4.2 Timeout"
    task.cancel()
    assert gateway.handler.taken == []


async def test_hand_over_is_not_hurried_by_the_client_s_deadline(listen: Listen) -> None:
    """Hazard 1: aiosmtpd's timeout would cancel a slow pipeline."""
    gateway = await listen(Recorder(delay=0.4), idle=0.1, data_block=0.1)
    client = await gateway.greeted()
    await client.begin()
    assert await client.say(CONTENT + b".\r\n") == "250 2.0.0 taken"


async def test_replies_that_are_not_read_are_not_forgotten(listen: Listen) -> None:
    """A client that reads late gets them all, in order: neither side's full buffers stop the session for good."""
    gateway = await listen(errors=10**9, junk_commands=10**9)
    client = await gateway.greeted()
    client.writer.transport.pause_reading()
    commands = b"HELP\r\n" * 1000
    for _ in range(60):
        client.writer.write(commands)
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.2)
    client.writer.transport.resume_reading()
    client.writer.write(b"QUIT\r\n")
    lines = (await client.all()).splitlines()
    assert (len(lines), lines[-1][:3], {line[:3] for line in lines[:-1]}) == (60_001, "221", {"214"})


async def test_client_that_does_not_read_is_cut(listen: Listen) -> None:
    """Our replies are not kept for ever, nor are its commands read on."""
    gateway = await listen(idle=0.3, errors=10**9, junk_commands=10**9)
    client = await gateway.greeted()
    client.writer.transport.pause_reading()
    client.reader._limit = 1  # so that the client's own buffer does not read for it
    commands = b"HELP\r\n" * 1000
    for _ in range(400):
        client.writer.write(commands)
        if client.writer.transport.get_write_buffer_size() > 1_000_000:
            break
        await asyncio.sleep(0.001)
    await until(lambda: gateway.door.sessions == 0)


@pytest.mark.parametrize("stage", ["command", "argument", "data"])
async def test_endless_line_costs_no_memory(listen: Listen, stage: str) -> None:
    """Hazard 3: 16 MB without a line end, in a command or beyond the limit in DATA."""
    gateway = await listen(message_size=1_000_000)
    client = await gateway.greeted()
    if stage == "data":
        await client.begin()
    if stage == "argument":
        client.writer.write(b"MAIL FROM:<")
    block = b"x" * 65_536
    tracemalloc.start()
    for _ in range(256):
        client.writer.write(block)
        if client.writer.transport.is_closing():
            break
        await client.writer.drain()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6_000_000
    expected = "552 5.3.4 Message far too big" if stage == "data" else "500 5.5.2 Line too long"
    assert await client.hear() == expected


async def test_long_command_line_is_refused_and_the_dialogue_goes_on(listen: Listen) -> None:
    """500 5.5.2 (RFC 5321 4.5.3.1.4)."""
    gateway = await listen()
    client = await gateway.greeted()
    assert await client.say(b"NOOP " + b"x" * 5000 + b"\r\n") == "500 5.5.2 Line too long"
    assert await client.say(b"NOOP\r\n") == "250 2.0.0 Ok"


class Waiting(Recorder):
    """A handler that takes no message before it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may = asyncio.Event()

    async def handle(self, envelope: Envelope, content: bytes) -> Reply:
        """Take it when it may."""
        reply = await super().handle(envelope, content)
        await self.may.wait()
        return reply


async def test_waiting_messages_do_not_fill_memory(listen: Listen) -> None:
    """What a client sends while its message is handed over stays in its own kernel."""
    handler = Waiting()
    gateway = await listen(handler)
    client = await gateway.greeted()
    await client.begin()
    client.writer.write(CONTENT + b".\r\n")
    await until(lambda: handler.taken)
    commands, connection = b"NOOP\r\n" * 10_000, client.writer.get_extra_info("socket").fileno()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(200):  # 12 MB; what the kernel does not take is kept by nobody
        with contextlib.suppress(BlockingIOError):
            os.write(connection, commands)
        await asyncio.sleep(0)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(next(iter(gateway.door._guests))._input) > 65_536
    assert after - before < 1_000_000
    client.close()
    handler.may.set()


def test_no_attribute_of_ours_is_one_of_the_library_s() -> None:
    """But those that are replaced on purpose: a name that aiosmtpd or asyncio uses as well would be changed by both."""
    meant = {"transport", "_handle_client", "_reset_timeout", "_timeout_cb", "_timeout_handle"}
    meant |= {"connection_made", "connection_lost", "data_received", "eof_received", "pause_writing", "resume_writing"}
    ours = set()
    for kind in (Wire, Dialogue, Intake, Session):
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(kind)))):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.ctx, ast.Store)
                and ast.unparse(node.value) == "self"
            ):
                ours.add(node.attr)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith(("__", "smtp_")):
                ours.add(node.name)

    async def made() -> SMTP:
        return SMTP(object(), hostname="gateway.example", loop=asyncio.get_running_loop())

    theirs = asyncio.run(made())
    assert (ours & (set(vars(theirs)) | set(dir(theirs)))) == meant


def test_everything_under_uvloop(authority: Authority) -> None:
    """The loop of the real gateway: plain text, both ways of TLS, disconnect after the dot, a kept smarthost."""
    from tests.smtp.uvloop_scenario import scenario  # noqa: PLC0415

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(scenario(authority), PATIENCE))
