"""The PROXY protocol at a listener: whom it believes, for whom, and what it does with half of it."""

import asyncio
import struct
from ipaddress import ip_network

import pytest

from dlp_gateway.smtp.door import Security
from tests.smtp.peers import Authority, Client, Gateway, Listen, refused
from tests.waiting import until

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
FOUR = bytes([192, 0, 2, 7, 127, 0, 0, 1]) + struct.pack("!HH", 4711, 25)
SIX = bytes.fromhex("20010db8000000000000000000000007") + bytes(15) + b"\x01" + struct.pack("!HH", 4711, 25)
MAPPED = bytes(10) + b"\xff\xff" + bytes([192, 0, 2, 7]) + bytes(16) + struct.pack("!HH", 4711, 25)

NETWORKS = {"networks": (ip_network("192.0.2.0/24"), ip_network("2001:db8::/64")), "handshake": 1.0}


def second(addresses: bytes, family: int = 0x11, command: int = 0x21, notes: bytes = b"") -> bytes:
    """Return a header of version 2."""
    return SIGNATURE + struct.pack("!BBH", command, family, len(addresses + notes)) + addresses + notes


async def balanced(listen: Listen, **options: object) -> Gateway:
    """Return a listener that believes 127.0.0.1."""
    return await listen(proxies=(ip_network("127.0.0.1/32"),), **(NETWORKS | options))


async def connected(gateway: Gateway, header: bytes) -> Client:
    """Return a connection that began with a header."""
    client = await gateway.client()
    client.writer.write(header)
    return client


@pytest.mark.parametrize(
    ("header", "client"),
    [
        (b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 25\r\n", "192.0.2.7"),
        (b"PROXY TCP6 2001:db8::7 ::1 4711 25\r\n", "2001:db8::7"),
        (b"PROXY TCP6 ::ffff:192.0.2.7 ::1 4711 25\r\n", "192.0.2.7"),
        (second(FOUR), "192.0.2.7"),
        (second(SIX, 0x21), "2001:db8::7"),
        (second(MAPPED, 0x21), "192.0.2.7"),
        (second(FOUR, notes=b"\x04\x00\x03abc"), "192.0.2.7"),
        (second(FOUR, notes=b"\x20" + struct.pack("!H", 65_520) + bytes(65_520)), "192.0.2.7"),
    ],
)
async def test_the_client_is_whom_the_proxy_names(listen: Listen, header: bytes, client: str) -> None:
    """Admission, envelope and limits go by it; what stands behind the header in the same segment is SMTP."""
    gateway = await balanced(listen)
    one = await connected(gateway, header + b"EHLO client.example\r\n")
    assert [(await one.hear())[:3] for _ in range(2)] == ["220", "250"]
    await one.begin()
    await one.say(b"x\r\n.\r\n")
    assert [envelope.client for envelope, _ in gateway.handler.taken] == [client]


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY TCP4 198.51.100.7 127.0.0.1 4711 25\r\n",
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN 192.0.2.7 192.0.2.8 1 2\r\n",
        second(b"", 0x00, 0x20),
        second(FOUR, 0x11, 0x20),
    ],
)
async def test_who_is_outside_stays_outside(listen: Listen, header: bytes) -> None:
    """Also the proxy itself, which looks whether we are there."""
    gateway = await balanced(listen)
    assert (await (await connected(gateway, header)).hear())[:9] == "554 5.7.1"


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"EHLO client.example\r\n",
        b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 25\n",
        b"PROXY TCP4 192.0.2.7 127.0.0.1 4711\r\n",
        b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 99999\r\n",
        b"PROXY TCP4 192.0.2.999 127.0.0.1 4711 25\r\n",
        b"PROXY TCP4 2001:db8::7 ::1 4711 25\r\n",
        b"PROXY  TCP4 192.0.2.7 127.0.0.1 4711 25\r\n",
        b"PROXY UDP4 192.0.2.7 127.0.0.1 4711 25\r\n",
        b"PROXY TCP4 " + b"1" * 5_000,
        second(FOUR)[:-4],
        second(FOUR[:6]),
        second(FOUR, 0x12),
        second(b"/run/x".ljust(216, b"\0"), 0x31),
        second(FOUR, command=0x31),
        second(FOUR, command=0x2F),
        SIGNATURE[:-1] + b"X" + second(FOUR)[12:],
    ],
    ids=range(17),
)
async def test_a_proxy_that_says_no_such_thing_is_cut(listen: Listen, header: bytes) -> None:
    """Half of it, none of it, or too much; it is told in log and metric."""
    gateway = await balanced(listen, handshake=0.3)
    before = refused("proxy")
    client = await connected(gateway, header)
    assert await client.all() in {"", "RESET"}
    await until(lambda: refused("proxy") == before + 1)
    assert not gateway.door._knocking


async def test_nobody_else_is_believed(listen: Listen) -> None:
    """From an address that is no proxy's it is an unknown command, and the client who he is."""
    gateway = await listen(proxies=(ip_network("127.0.0.9/32"),), networks=(ip_network("127.0.0.0/8"),))
    client = await connected(gateway, b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 25\r\n")
    assert [(await client.hear())[:3] for _ in range(2)] == ["220", "500"]
    plain = await listen(networks=(ip_network("127.0.0.0/8"),))
    client = await connected(plain, second(FOUR) + b"\r\n")
    heard = [line[:3] for line in (await client.all()).splitlines()]
    assert (heard[0], set(heard[1:-1]), heard[-1]) == ("220", {"500"}, "521")


async def test_tls_begins_behind_the_header(listen: Listen, authority: Authority) -> None:
    """No octet of the handshake is taken for the header."""
    gateway = await balanced(listen, security=Security.IMPLICIT, tls_context=authority.server)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 465\r\n")
    await writer.start_tls(authority.client(), server_hostname="localhost")
    assert await reader.readline() == b"220 gateway.example ESMTP\r\n"
    writer.close()


async def test_clients_behind_a_proxy_have_limits_of_their_own(listen: Listen) -> None:
    """One of them is not all of them."""
    gateway = await balanced(listen, connections_per_client=1)
    heard = []
    for last in (7, 7, 8):
        client = await connected(gateway, b"PROXY TCP4 192.0.2.%d 127.0.0.1 4711 25\r\n" % last)
        heard.append((await client.hear())[:9])
    assert heard == ["220 gatew", "421 4.7.0", "220 gatew"]
