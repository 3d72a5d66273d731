"""The listening sockets: every listener once for each receiver, so that a receiver can be replaced at its place."""

import socket
from contextlib import AsyncExitStack
from typing import Final

from dlp_gateway.processes.receivers import StartError
from dlp_gateway.settings import Settings

_BACKLOG: Final = 512

#: For each receiver the sockets of all listeners, in order.
Places = tuple[tuple[socket.socket, ...], ...]


def bind(settings: Settings, stack: AsyncExitStack) -> Places:
    """Open every listener once for each receiver; the kernel spreads the clients (SO_REUSEPORT).

    The first of them listens alone before it shares, so that another gateway of this user is found there like any
    other program: the kernel would let the two share the port, and mail would go through either policy by chance.
    They are closed with `stack`. Raises `StartError`.
    """
    places: list[list[socket.socket]] = [[] for _ in range(settings.processes.receivers)]
    ours: set[int] = set()  # ports; two listeners of ours may share one, with addresses of which one includes the other
    for listener in settings.listeners:
        host, port = listener.address.host, listener.address.port
        for place in places:
            try:
                one = stack.enter_context(_listening(host, port, alone=place is places[0] and port not in ours))
            except OSError as error:
                raise StartError(
                    f"Cannot listen on {listener.address}: {error.strerror}. Is another gateway or mail server "
                    "running there, or is it a port below 1024 without the right to it?"
                ) from error
            port = one.getsockname()[1]  # port 0: the first takes a free one, the others join it
            place.append(one)
        ours.add(port)
    return tuple(tuple(place) for place in places)


def _listening(host: str, port: int, *, alone: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0 if alone else 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        one.bind((host, port))
        one.listen(_BACKLOG)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # from now on with our own
        one.setblocking(False)
    except OSError:
        one.close()
        raise
    return one
