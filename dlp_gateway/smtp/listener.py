"""The way in: what the composition root needs to open a listener, and to close it without losing a message.

door = Door(options, handler)
server = await listen(door, sock)
...
server.close()
left = await door.drain(30)
"""

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from dlp_gateway.smtp.acceptor import Acceptor
from dlp_gateway.smtp.crowd import Crowd, SharedDepartures
from dlp_gateway.smtp.door import Beyond, Door, Handler, ListenerOptions, Security
from dlp_gateway.smtp.room import Room
from dlp_gateway.smtp.session import Session

__all__ = [
    "Beyond",
    "Crowd",
    "Door",
    "Handler",
    "ListenerOptions",
    "Room",
    "Security",
    "SharedDepartures",
    "listen",
    "protocol_factory",
]

_BACKLOG: Final = 512  # connections that the kernel keeps while we are busy


async def listen(door: Door, sock: socket.socket) -> asyncio.Server | Acceptor:
    """Serve the door on a bound socket.

    Implicit TLS is the loop's: under uvloop a protocol cannot keep the first octets for a TLS layer of its own making.
    """
    if door.options.security is not Security.IMPLICIT and not door.options.proxies:
        loop = asyncio.get_running_loop()
        return await loop.create_server(protocol_factory(door), sock=sock, backlog=_BACKLOG)
    sock.listen(_BACKLOG)
    return Acceptor(door, sock, partial(_session, door))


def protocol_factory(door: Door) -> Callable[[], asyncio.Protocol]:
    """Return what makes a session for each connection; where TLS is implicit, a connection without it is cut."""
    return partial(_session, door, None)


def _session(door: Door, client: IPv4Address | IPv6Address | None) -> asyncio.Protocol:
    made: asyncio.Protocol = Session(door, client)
    return made
