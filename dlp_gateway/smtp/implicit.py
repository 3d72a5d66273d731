"""TLS from the first octet (RFC 8314 3): a connection is counted before its handshake, and what fails in it is told.

The loop's own server would make a handshake with whoever connects, as many as connect, and tell nobody of it.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from dlp_gateway.observe import log, metrics
from dlp_gateway.smtp.door import Door, client_address
from dlp_gateway.smtp.replies import HANDSHAKE_FAILED, UNVERIFIED_CERTIFICATE, Refusal

_SHUTDOWN: Final = 2.0  # seconds for the client to say goodbye to TLS
_REST: Final = 1.0  # seconds without new connections after we ran out of descriptors or memory (accept(2))


class ImplicitServer:
    """Serves a door on a bound socket; `sockets` and `close` as those of `asyncio.Server`."""

    def __init__(self, door: Door, sock: socket.socket, protocol: Callable[[], asyncio.Protocol]) -> None:
        self._door = door
        self._socket = sock
        self._protocol = protocol
        self._handshakes: set[asyncio.Task[None]] = set()  # the loop itself holds tasks weakly
        sock.setblocking(False)
        self._accepting = asyncio.create_task(self._accept())

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """What it listens on."""
        return (self._socket,)

    def close(self) -> None:
        """Take no more connections; who is in the middle of a handshake may end it, and hears that we are closing."""
        self._accepting.cancel()
        self._accepting.add_done_callback(lambda _: self._socket.close())

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(self._socket)
            except OSError as error:
                if error.errno != errno.ECONNABORTED:  # that one is only gone again
                    await asyncio.sleep(_REST)
                continue
            client = client_address(peer)
            refusal = None if client is None else self._door.knock(client)
            if client is None or refusal is not None:
                connection.close()  # no word can be said before the handshake
                if refusal is not None:
                    _note(client, refusal)
                continue
            handshake = loop.create_task(self._shake_hands(connection, client))
            self._handshakes.add(handshake)
            handshake.add_done_callback(self._handshakes.discard)

    async def _shake_hands(self, connection: socket.socket, client: IPv4Address | IPv6Address) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._protocol,
                connection,
                ssl=self._door.options.tls_context,
                ssl_handshake_timeout=self._door.options.handshake,
                ssl_shutdown_timeout=_SHUTDOWN,
            )
        except ssl.SSLError as error:
            unverified = isinstance(error, ssl.SSLCertVerificationError)
            _note(client, UNVERIFIED_CERTIFICATE if unverified else HANDSHAKE_FAILED)
        except OSError:  # the client went away, or took too long
            pass
        finally:
            self._door.knocked(client)


def _note(client: IPv4Address | IPv6Address | None, refusal: Refusal) -> None:
    log.session_refused(str(client), refusal.why)
    metrics.session_refused(refusal.why)
