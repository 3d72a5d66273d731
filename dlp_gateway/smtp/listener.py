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
from typing import Final

from dlp_gateway.smtp.door import Beyond, Door, Handler, ListenerOptions, Security
from dlp_gateway.smtp.implicit import ImplicitServer
from dlp_gateway.smtp.room import Room
from dlp_gateway.smtp.session import Session

__all__ = ["Beyond", "Door", "Handler", "ListenerOptions", "Room", "Security", "listen", "protocol_factory"]

_BACKLOG: Final = 512  # connections that the kernel keeps while we are busy


async def listen(door: Door, sock: socket.socket) -> asyncio.Server | ImplicitServer:
    """Serve the door on a bound socket.

    Implicit TLS is the loop's: under uvloop a protocol cannot keep the first octets for a TLS layer of its own making.
    """
    if door.options.security is not Security.IMPLICIT:
        loop = asyncio.get_running_loop()
        return await loop.create_server(protocol_factory(door), sock=sock, backlog=_BACKLOG)
    sock.listen(_BACKLOG)
    return ImplicitServer(door, sock, protocol_factory(door))


def protocol_factory(door: Door) -> Callable[[], asyncio.Protocol]:
    """Return what makes a session for each connection; where TLS is implicit, a connection without it is cut."""

    def session() -> asyncio.Protocol:
        made: asyncio.Protocol = Session(door)
        return made

    return session
