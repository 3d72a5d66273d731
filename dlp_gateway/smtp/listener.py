"""The way in: what the composition root needs to open a listener, and to close it without losing a message.

door = Door(options, handler)
server = await loop.create_server(protocol_factory(door), sock=sock)
...
server.close()
left = await door.drain(30)
"""

import asyncio
from collections.abc import Callable

from dlp_gateway.smtp.door import Door, Handler, ListenerOptions, Security
from dlp_gateway.smtp.session import Session

__all__ = ["Door", "Handler", "ListenerOptions", "Security", "protocol_factory"]


def protocol_factory(door: Door) -> Callable[[], asyncio.Protocol]:
    """Return the factory for `loop.create_server`, without its `ssl`: implicit TLS is the session's first step too."""

    def session() -> asyncio.Protocol:
        made: asyncio.Protocol = Session(door)
        return made

    return session
