"""TLS from the first octet: who may begin a handshake, how many at a time, and what is told of those that fail."""

import asyncio
import select
import socket
from collections.abc import Callable
from ipaddress import ip_network

import pytest
import uvloop

from dlp_gateway.smtp.listener import Door, ListenerOptions, Security, listen
from tests.smtp.peers import Authority, Listen, Recorder, refused
from tests.waiting import until

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


def connected(port: int, count: int, host: str = "127.0.0.1") -> list[socket.socket]:
    """Connect from an address of this machine, so often, and say nothing."""
    return [socket.create_connection(("127.0.0.1", port), 5, (host, 0)) for _ in range(count)]


def still_open(clients: list[socket.socket]) -> int:
    """Count those that were not closed."""
    return len(clients) - len(select.select(clients, [], [], 0)[0])


async def crowded(authority: Authority) -> None:
    """Connect without a handshake, often, from two hosts inside and one outside."""
    options = ListenerOptions(
        hostname="gateway.example",
        networks=(ip_network("127.0.0.0/25"),),
        security=Security.IMPLICIT,
        tls_context=authority.server,
        connections=5,
        connections_per_client=3,
    )
    door = Door(options, Recorder())
    server = await listen(door, socket.create_server(("127.0.0.1", 0)))
    port = server.sockets[0].getsockname()[1]
    outside, one = connected(port, 60, "127.0.0.200"), connected(port, 5)
    await until(lambda: (still_open(outside), still_open(one)) == (50, 3))
    other = connected(port, 5, "127.0.0.2")
    await until(lambda: still_open(other) == 2)
    for client in (*one, *other):
        client.close()
    await until(lambda: door._knocking == 50)
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=authority.client(), server_hostname="localhost"
    )
    assert await reader.readline() == b"220 gateway.example ESMTP\r\n"
    server.close()
    writer.write(b"NOOP\r\n")
    assert await reader.readline() == b"250 2.0.0 Ok\r\n"
    for client in outside:
        client.close()
    await until(lambda: not door._knocking)
    writer.close()
    assert await door.drain(1) == 0


@pytest.mark.parametrize("loop", LOOPS, ids=["asyncio", "uvloop"])
def test_handshakes_are_limited_as_sessions_are(
    authority: Authority, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """Who connects and never begins one takes no place from others, nor all descriptors."""
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(asyncio.wait_for(crowded(authority), 20))


@pytest.mark.parametrize("octets", [b"EHLO client.example\r\n", b"GET / HTTP/1.1\r\n\r\n"])
async def test_plain_text_is_told(listen: Listen, authority: Authority, octets: bytes) -> None:
    """An administrator who looks for a client that cannot connect finds it in log and metrics."""
    before = refused("handshake")
    gateway = await listen(security=Security.IMPLICIT, tls_context=authority.server)
    client = await gateway.client()
    client.writer.write(octets)
    await until(lambda: refused("handshake") == before + 1)
    await until(lambda: not gateway.door._knocking)


async def silent(authority: Authority) -> None:
    """Connect, and begin no handshake; then say STARTTLS, and begin none."""
    for security in (Security.IMPLICIT, Security.STARTTLS):
        before = refused("handshake")
        options = ListenerOptions(
            hostname="gateway.example",
            networks=(ip_network("127.0.0.0/8"),),
            security=security,
            tls_context=authority.server,
            handshake=0.2,
        )
        door = Door(options, Recorder())
        server = await listen(door, socket.create_server(("127.0.0.1", 0)))
        reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
        if security is Security.STARTTLS:
            writer.write(b"EHLO client.example\r\nSTARTTLS\r\n")
        await reader.read()
        await until(lambda: refused("handshake") == before + 1)  # noqa: B023  it is awaited here
        assert await door.drain(1) == 0
        writer.close()
        server.close()


@pytest.mark.parametrize("loop", LOOPS, ids=["asyncio", "uvloop"])
def test_a_handshake_that_never_begins_is_told(
    authority: Authority, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """Whoever holds connections so is seen in log and metrics."""
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(asyncio.wait_for(silent(authority), 20))


async def test_sessions_and_handshakes_have_places_of_their_own(listen: Listen, authority: Authority) -> None:
    """With all places taken the next one still hears why, under TLS."""
    gateway = await listen(security=Security.IMPLICIT, tls_context=authority.server, connections_per_client=1)
    opened = [
        await asyncio.open_connection("127.0.0.1", gateway.port, ssl=authority.client(), server_hostname="localhost")
        for _ in range(2)
    ]
    assert [(await reader.readline())[:3] for reader, _ in opened] == [b"220", b"421"]
    for _, writer in opened:
        writer.close()
