"""Who may come in, how many at a time, and how the door closes."""

import asyncio
import ssl
from ipaddress import ip_address, ip_network

import pytest

from dlp_gateway.networks import client_address
from dlp_gateway.smtp.door import ListenerOptions, Security
from tests.smtp.peers import Listen, Recorder
from tests.waiting import until

CONTENT = b"Subject: hello\r\n\r\ntext\r\n.\r\n"


def options(*networks: str) -> ListenerOptions:
    """Return options for these networks."""
    return ListenerOptions(hostname="gateway.example", networks=tuple(map(ip_network, networks)))


@pytest.mark.parametrize(
    "networks",
    [
        (),
        ("0.0.0.0/0",),
        ("::/0",),
        ("127.0.0.0/8", "::/0"),
        ("0.0.0.0/1", "128.0.0.0/1"),
        ("0.0.0.0/1",),
        tuple(f"{number}.0.0.0/8" for number in range(256)),
        ("::ffff:0:0/96",),
        ("::ffff:0:0/97", "::ffff:128.0.0.0/97"),
        ("::/1", "8000::/1"),
        ("::/64",),
        ("2000::/3",),
        ("2000::/12",),
    ],
)
def test_open_relay_does_not_start(networks: tuple[str, ...]) -> None:
    """Everybody, in one network or in many, in IPv4, IPv6 or IPv4 written as IPv6; and nobody at all."""
    with pytest.raises(ValueError, match=r"open relay|nobody"):
        options(*networks)


@pytest.mark.parametrize(
    "networks", [("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "::1/128", "fc00::/7", "fe80::/10")]
)
def test_private_networks_are_no_open_relay(networks: tuple[str, ...]) -> None:
    """All of RFC 1918 and RFC 4193 at once."""
    assert options(*networks).admits(ip_address("10.1.2.3"))


@pytest.mark.parametrize(
    ("networks", "peer", "expected"),
    [
        (("192.0.2.0/24",), "192.0.2.7", True),
        (("192.0.2.0/24",), "::ffff:192.0.2.7", True),
        (("::ffff:192.0.2.0/120",), "192.0.2.7", True),
        (("192.0.2.0/24",), "198.51.100.7", False),
        (("192.0.2.0/24",), "2001:db8::1", False),
        (("2001:db8::/32",), "2001:db8::1", True),
        (("2001:db8::/32",), "192.0.2.7", False),
        (("fe80::/10",), "fe80::1%eth0", True),
    ],
)
def test_client_is_found_in_its_network(networks: tuple[str, ...], peer: str, expected: object) -> None:
    """An IPv4-mapped IPv6 client is the IPv4 client that it is."""
    assert expected == options(*networks).admits(client_address((peer, 25)))


def test_client_without_an_address_is_none() -> None:
    """It went away at once, or it came over a Unix socket."""
    assert [client_address(peer) for peer in (None, "", b"\x00x")] == [None] * 3


@pytest.mark.parametrize("security", list(Security))
def test_tls_needs_a_certificate_and_a_certificate_tls(security: Security) -> None:
    """Half of it would be plain text where nobody expects it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if security is Security.NONE else None
    with pytest.raises(ValueError, match="certificate"):
        ListenerOptions(
            hostname="gateway.example", networks=(ip_network("::1/128"),), security=security, tls_context=context
        )


async def test_connections_are_limited_in_all(listen: Listen) -> None:
    """421 4.3.2 for one too many, until somebody leaves."""
    gateway = await listen(connections=2)
    first, _ = await gateway.greeted(), await gateway.greeted()
    third = await gateway.client()
    assert await third.all() == "421 4.3.2 Too many connections\r\n"
    first.close()
    await until(lambda: gateway.door.sessions == 1)
    fourth = await gateway.client()
    assert await fourth.hear() == "220 gateway.example ESMTP"


async def test_a_client_who_left_keeps_its_place_until_its_message_is_settled(listen: Listen) -> None:
    """Or clients that break off behind each final dot would pile messages up while the smarthost is slow."""
    gateway = await listen(Recorder(delay=0.5), connections=2)
    for number in (1, 2):
        client = await gateway.greeted()
        await client.begin()
        client.writer.write(CONTENT)
        await until(lambda number=number: len(gateway.handler.taken) == number)
        client.reset()
    await until(lambda: gateway.door.sessions == 0)
    late = await gateway.client()
    assert await late.all() == "421 4.3.2 Too many connections\r\n"
    await until(lambda: len(gateway.handler.finished) == 2)
    again = await gateway.client()
    assert await again.hear() == "220 gateway.example ESMTP"


async def test_connections_are_limited_for_each_client(listen: Listen) -> None:
    """One host cannot take all places."""
    gateway = await listen(connections_per_client=1)
    await gateway.greeted()
    second = await gateway.client()
    assert await second.all() == "421 4.7.0 Too many connections from your network\r\n"
    other = await asyncio.open_connection("127.0.0.1", gateway.port, local_addr=("127.0.0.2", 0))
    assert await other[0].readline() == b"220 gateway.example ESMTP\r\n"
    other[1].close()


async def test_outsiders_take_no_places(listen: Listen) -> None:
    """However many of them wait for their QUIT; beyond fifty they need not wait."""
    gateway = await listen(networks=(ip_network("127.0.0.0/25"),), connections=2)
    outside = [
        await asyncio.open_connection("127.0.0.1", gateway.port, local_addr=("127.0.0.200", 0)) for _ in range(52)
    ]
    heard = [(await asyncio.wait_for(reader.readline(), 2))[:3] for reader, _ in outside]
    insider = await gateway.client()
    assert await insider.hear() == "220 gateway.example ESMTP"
    assert heard == [b"554"] * 50 + [b"421"] * 2
    for _, writer in outside:
        writer.close()


async def test_closing_door_finishes_what_is_under_way(listen: Listen) -> None:
    """New clients and idle ones get 421 4.3.2, a message in DATA or in hand-over is taken to its reply."""
    gateway = await listen(Recorder(delay=0.1))
    idle, between, sending, waiting = [await gateway.greeted() for _ in range(4)]
    await between.say(b"EHLO client.example\r\n")
    await between.say(b"MAIL FROM:<alice@corp.example>\r\n")
    await sending.begin()
    await waiting.begin()
    waiting.writer.write(CONTENT)
    await until(lambda: gateway.handler.taken)
    draining = asyncio.create_task(gateway.door.drain(3))
    stopping = "421 4.3.2 Closing this connection; connect again"
    assert await idle.hear() == stopping
    assert await between.hear() == stopping
    late = await gateway.client()
    assert await late.all() == stopping + "\r\n"
    assert await sending.say(CONTENT) == "250 2.0.0 taken"
    assert (await sending.all(), await waiting.all()) == (stopping + "\r\n", f"250 2.0.0 taken\r\n{stopping}\r\n")
    assert await draining == 0
    assert len(gateway.handler.finished) == 2


async def test_closing_door_waits_for_a_hand_over_without_a_client(listen: Listen) -> None:
    """The client is gone; its message is not."""
    gateway = await listen(Recorder(delay=0.2))
    client = await gateway.greeted()
    await client.begin()
    client.writer.write(CONTENT)
    await until(lambda: gateway.handler.taken)
    client.close()
    await until(lambda: gateway.door.sessions == 0)
    assert await gateway.door.drain(3) == 0
    assert len(gateway.handler.finished) == len(gateway.handler.lost) == 1


async def test_closing_door_has_bounded_patience(listen: Listen) -> None:
    """A client that never ends its message is cut; the number tells of it."""
    gateway = await listen()
    client = await gateway.greeted()
    await client.begin()
    assert await gateway.door.drain(0.1) == 1
    assert await client.all() in {"", "RESET"}
    assert gateway.handler.taken == []
