"""Connections that begin with something else than SMTP: a PROXY header, TLS from the first octet (RFC 8314 3), or both.

The loop's own server would make a handshake with whoever connects, as many as connect, and tell nobody of it. Here a
client is counted before its handshake, and what fails in it is told.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Coroutine
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, TypeAlias

from dlp_gateway.networks import client_address, within
from dlp_gateway.smtp.door import Door, Security
from dlp_gateway.smtp.proxy import NoHeader, client_of
from dlp_gateway.smtp.replies import BAD_PROXY, HANDSHAKE_FAILED, UNVERIFIED_CERTIFICATE

_SHUTDOWN: Final = 2.0  # seconds for the client to say goodbye to TLS
_REST: Final = 1.0  # seconds without new connections after we ran out of descriptors or memory (accept(2))
_MOST_HEADERS: Final = 500  # connections of proxies whose header has not come

Client: TypeAlias = IPv4Address | IPv6Address


class Acceptor:
    """Serves a door on a bound socket; `sockets` and `close` as those of `asyncio.Server`."""

    def __init__(self, door: Door, sock: socket.socket, protocol: Callable[[Client], asyncio.Protocol]) -> None:
        self._door = door
        self._socket = sock
        self._protocol = protocol
        self._beginning: set[asyncio.Task[None]] = set()  # the loop itself holds tasks weakly
        self._headers = 0
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
            connection.setblocking(False)
            client = client_address(peer)
            if client is None:
                connection.close()
            elif within(client, self._door.options.proxies):
                self._begin(self._behind_proxy(connection, client))
            elif self._knocks(connection, client):
                self._begin(self._serve(connection, client))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)

    def _knocks(self, connection: socket.socket, client: Client) -> bool:
        """Whether the client may begin; if not, the connection is closed: no word can be said before the handshake."""
        refusal = self._door.knock(client)
        if refusal is not None:
            connection.close()
            self._door.complaints.note(str(client), refusal)
        return refusal is None

    async def _behind_proxy(self, connection: socket.socket, proxy: Client) -> None:
        """Serve the client for whom a proxy connects."""
        if self._headers >= _MOST_HEADERS:
            connection.close()
            self._door.complaints.note(str(proxy), BAD_PROXY)
            return
        self._headers += 1
        try:
            async with asyncio.timeout(self._door.options.handshake):
                client = await client_of(connection) or proxy
        except (NoHeader, OSError):  # too late is an OSError as well
            connection.close()
            self._door.complaints.note(str(proxy), BAD_PROXY)
            return
        finally:
            self._headers -= 1
        if self._knocks(connection, client):
            await self._serve(connection, client)

    async def _serve(self, connection: socket.socket, client: Client) -> None:
        options = self._door.options
        tls = options.tls_context if options.security is Security.IMPLICIT else None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self._protocol(client),
                connection,
                ssl=tls,
                ssl_handshake_timeout=options.handshake if tls else None,
                ssl_shutdown_timeout=_SHUTDOWN if tls else None,
            )
        except ssl.SSLError as error:
            unverified = isinstance(error, ssl.SSLCertVerificationError)
            self._door.complaints.note(str(client), UNVERIFIED_CERTIFICATE if unverified else HANDSHAKE_FAILED)
        except ConnectionAbortedError:  # it took too long, both loops say so
            self._door.complaints.note(str(client), HANDSHAKE_FAILED)
        except OSError:  # the client went away
            pass
        finally:
            self._door.knocked(client)
