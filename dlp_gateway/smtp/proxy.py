"""The PROXY protocol: a load balancer says, before anything else, for whom it connects (HAProxy, proxy-protocol.txt).

aiosmtpd reads the header. It is read from the socket itself, octet by octet where its end is not known, so that none of
what stands behind it is taken: that may be a TLS handshake.
"""

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from aiosmtpd.proxy_protocol import PROTO, V2_CMD, get_proxy

_LONGEST_LINE: Final = 107  # octets of a header of version 1, the first five included
_LONGEST: Final = 16 + 65_535  # octets of a header of version 2: addresses, and notes that nobody reads here


class NoHeader(Exception):  # noqa: N818  what a peer did, not an error
    """A proxy said nothing, or no such header."""


class _Octets:
    """What `get_proxy` reads from."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._left = _LONGEST

    async def read(self, n: int = 1) -> bytes:
        """Return up to `n` octets."""
        self._left -= n
        if self._left < 0:
            raise NoHeader
        octets = await asyncio.get_running_loop().sock_recv(self._connection, n)
        if not octets:
            raise NoHeader
        return octets

    async def readexactly(self, n: int) -> bytes:
        """Return `n` octets."""
        octets = b""
        while len(octets) < n:
            octets += await self.read(n - len(octets))
        return octets

    async def readuntil(self, separator: bytes = b"\n") -> bytes:
        """Return octets up to the separator."""
        octets = b""
        while not octets.endswith(separator):
            if len(octets) > _LONGEST_LINE:
                raise NoHeader
            octets += await self.read(1)
        return octets


async def client_of(connection: socket.socket) -> IPv4Address | IPv6Address | None:
    """Return for whom a proxy connects; None if for itself, to look whether we are there. Raises `NoHeader`.

    Raises OSError if the connection breaks. The caller sets the deadline.
    """
    data = await get_proxy(_Octets(connection))
    if not data.valid:
        raise NoHeader
    if data.command == V2_CMD.LOCAL or data.protocol == PROTO.UNSPEC:
        return None
    address = data.src_addr
    if data.protocol != PROTO.STREAM or not isinstance(address, IPv4Address | IPv6Address):
        raise NoHeader
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
