"""Connections to the admin HTTP that never end by themselves, and many of them, with sockets against the server."""

import asyncio
import logging
import os
import resource
import select
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager

import pytest
import uvloop

from dlp_gateway.console import connection, server
from dlp_gateway.console.app import application
from dlp_gateway.console.server import Admin
from tests.waiting import until

LARGE = b"dlp_up 1\n" * 1_000_000  # more than the kernel keeps for a client that does not read
PROBE = b"GET /livez HTTP/1.1\r\nHost: admin.example\r\nConnection: close\r\n\r\n"


@pytest.fixture
async def admin() -> AsyncIterator[Admin]:
    """Serve an application whose metrics are large."""
    one = Admin(application({}, lambda: (LARGE, "text/plain")), "127.0.0.1", 0)
    yield one
    await one.stop()


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    """Keep the sockets of clients, and close them after the test."""
    with ExitStack() as stack:
        yield stack


async def connected(clients: ExitStack, port: int, host: str = "127.0.0.1", said: bytes = b"") -> socket.socket:
    """Connect from an address of this machine, and say so much."""
    one = socket.socket()
    clients.enter_context(one)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.setblocking(False)
    one.bind((host, 0))
    await asyncio.get_running_loop().sock_connect(one, ("127.0.0.1", port))
    one.send(said)
    return one


async def asked(port: int, host: str = "127.0.0.1") -> bytes:
    """Return the status line for /livez, asked from an address of this machine; b"" if there is none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(host, 0))
    writer.write(PROBE)
    try:
        return (await reader.read()).partition(b"\r\n")[0]
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def ended(one: socket.socket, sent: bytes = b"") -> bytes:
    """Return all that is read until the server closes, while `sent` goes out octet by octet, again and again."""
    loop, read = asyncio.get_running_loop(), b""
    dripping = asyncio.create_task(drip(one, sent)) if sent else None
    try:
        async with asyncio.timeout(20):
            while octets := await loop.sock_recv(one, 65_536):
                read += octets
    except ConnectionError:
        pass
    finally:
        if dripping is not None:
            dripping.cancel()
            await asyncio.gather(dripping, return_exceptions=True)
    return read


async def drip(one: socket.socket, sent: bytes) -> None:
    """Send an octet every few milliseconds."""
    while True:
        for octet in sent:
            await asyncio.get_running_loop().sock_sendall(one, bytes([octet]))
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("said", "more", "answered"),
    [
        (b"", b"", b""),
        (b"GET /livez HTTP/1.1\r\nHo", b"", b""),
        (b"GET /livez HTTP/1.1\r\nX: ", b"x", b""),
        (b"GET /livez HTTP/1.1\r\nHost: admin.example\r\n\r\n", b"", b"HTTP/1.1 200"),
        (b"GET /livez HTTP/1.1\r\nHost: admin.example\r\n\r\nGET /l", b"i", b"HTTP/1.1 200"),
        (b"POST /livez HTTP/1.1\r\nHost: admin.example\r\nContent-Length: 99999\r\n\r\n", b"", b"HTTP/1.1 405"),
        (b"POST /livez HTTP/1.1\r\nHost: admin.example\r\nContent-Length: 99999\r\n\r\n", b"x", b"HTTP/1.1 405"),
        (
            b"POST /livez HTTP/1.1\r\nHost: admin.example\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"1\r\nx\r\n",
            b"HTTP/1.1 405",
        ),
    ],
    ids=[
        *("nothing", "half-a-header", "header-without-end", "idle", "idle-then-half-a-header"),
        *("no-body", "slow-body", "body-without-end"),
    ],
)
async def test_who_does_not_come_to_an_end_is_cut_off(
    admin: Admin, clients: ExitStack, monkeypatch: pytest.MonkeyPatch, said: bytes, more: bytes, answered: bytes
) -> None:
    """A request that is not whole in time ends its connection, however busily its octets drip."""
    monkeypatch.setattr(connection, "_PATIENCE", 0.3)
    _host, port = await admin.start()
    one = await connected(clients, port, said=said)
    read = await ended(one, more)
    assert read[: len(answered)] == answered
    assert len(read) < 1000
    await until(lambda: not admin.connections)


async def test_who_does_not_read_is_cut_off(admin: Admin, clients: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that nobody takes are not kept in memory for good, also of requests that came at once."""
    monkeypatch.setattr(connection, "_PATIENCE", 0.3)
    _host, port = await admin.start()
    for count in (1, 20):
        await connected(clients, port, said=b"GET /metrics HTTP/1.1\r\nHost: admin.example\r\n\r\n" * count)
    await until(lambda: admin.connections == 2)
    await until(lambda: not admin.connections)


async def test_who_asks_in_time_stays(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each answer gives the connection its time anew."""
    monkeypatch.setattr(connection, "_PATIENCE", 1.5)
    _host, port = await admin.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(5):
        writer.write(b"GET /livez HTTP/1.1\r\nHost: admin.example\r\n\r\n")
        assert (await reader.readuntil(b"ok\n"))[:12] == b"HTTP/1.1 200"
        await asyncio.sleep(0.4)
    writer.close()


def still_open(held: list[socket.socket]) -> int:
    """Count those that were not closed."""
    poll = select.poll()
    for one in held:
        poll.register(one, select.POLLIN)
    return len(held) - len(poll.poll(0))


async def test_one_address_holds_a_few_and_keeps_nobody_out(admin: Admin, clients: ExitStack) -> None:
    """Those that waited longest make room: others are answered, and so is a prober at the very same address."""
    _host, port = await admin.start()
    held = [await connected(clients, port, "127.0.0.9", b"GET /livez HTTP/1.1\r\nHo") for _ in range(100)]
    await until(lambda: still_open(held) == server._EACH)
    assert await asked(port) == b"HTTP/1.1 200 OK"
    assert await asked(port, "127.0.0.9") == b"HTTP/1.1 200 OK"
    assert still_open(held[: -server._EACH]) == 0
    assert admin.connections <= server._EACH + 1


async def test_who_has_asked_is_answered_whoever_comes_after(clients: ExitStack) -> None:
    """A check that takes its time is not lost to those who connect meanwhile, from the same address and from others."""
    going_on = asyncio.Event()

    async def check() -> str:
        await going_on.wait()
        return ""

    admin = Admin(application({"smarthost": check}, lambda: (b"", "text/plain")), "127.0.0.1", 0)
    _host, port = await admin.start()
    one = await connected(clients, port, said=PROBE.replace(b"livez", b"readyz"))
    held = [await connected(clients, port) for _ in range(3 * server._EACH)]
    held += [await connected(clients, port, f"127.0.2.{number + 1}") for number in range(server._MOST)]
    await until(lambda: still_open(held) == server._MOST - 1)
    going_on.set()
    assert (await ended(one))[:12] == b"HTTP/1.1 200"
    await admin.stop()


async def test_many_addresses_together_keep_nobody_out(admin: Admin, clients: ExitStack) -> None:
    """However many connect and say nothing, so many stay open, and whoever asks is answered."""
    _host, port = await admin.start()
    held = [await connected(clients, port, f"127.0.1.{number % 250 + 1}") for number in range(3 * server._MOST)]
    await until(lambda: still_open(held) == server._MOST)
    assert await asked(port) == b"HTTP/1.1 200 OK"
    assert admin.connections <= server._MOST


async def test_a_client_that_goes_away_takes_no_place(admin: Admin, clients: ExitStack) -> None:
    """In the middle of a header, of a body, or of an answer."""
    _host, port = await admin.start()
    for said in (b"", b"GET /l", b"GET /metrics HTTP/1.1\r\nHost: admin.example\r\n\r\n", b"nonsense\r\n\r\n"):
        await connected(clients, port, said=said)
    await until(lambda: admin.connections)
    clients.close()
    await until(lambda: not admin.connections)


@contextmanager
def no_more_descriptors() -> Iterator[None]:
    """Let this process open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_without_descriptors_it_rests_and_goes_on(
    admin: Admin, clients: ExitStack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Who connects meanwhile is answered later; nothing spins, and no log is filled."""
    monkeypatch.setattr(server, "_REST", 0.1)
    _host, port = await admin.start()
    begun = asyncio.all_tasks()
    one = clients.enter_context(socket.socket())
    with no_more_descriptors(), caplog.at_level(logging.WARNING):
        one.connect(("127.0.0.1", port))
        one.sendall(PROBE)
        one.setblocking(False)
        await asyncio.sleep(0.5)  # it has tried several times
        assert admin.connections == 0
    assert asyncio.all_tasks() == begun
    assert caplog.records == []
    assert (await ended(one))[:12] == b"HTTP/1.1 200"


async def test_an_end_does_not_wait_for_who_does_not_read(clients: ExitStack) -> None:
    """What nobody takes is dropped when the server ends."""
    admin = Admin(application({}, lambda: (LARGE, "text/plain")), "127.0.0.1", 0)
    _host, port = await admin.start()
    await connected(clients, port, said=b"GET /metrics HTTP/1.1\r\nHost: admin.example\r\n\r\n")
    await until(lambda: admin.connections)
    await admin.stop()
    await until(lambda: not admin.connections)


async def under_uvloop(clients: ExitStack) -> None:
    """Hold connections, ask, wait for their end, and end with one that does not read."""
    admin = Admin(application({}, lambda: (LARGE, "text/plain")), "127.0.0.1", 0)
    _host, port = await admin.start()
    held = [await connected(clients, port, "127.0.0.9", b"GET /livez HTTP/1.1\r\nHo") for _ in range(100)]
    await until(lambda: still_open(held) == server._EACH)
    assert await asked(port, "127.0.0.9") == b"HTTP/1.1 200 OK"
    await until(lambda: not admin.connections)
    await connected(clients, port, said=b"GET /metrics HTTP/1.1\r\nHost: admin.example\r\n\r\n")
    await until(lambda: admin.connections)
    await admin.stop()
    await until(lambda: not admin.connections)


def test_all_that_under_uvloop(clients: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server holds under the receivers' loop as under asyncio's own."""
    monkeypatch.setattr(connection, "_PATIENCE", 0.5)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(under_uvloop(clients))
