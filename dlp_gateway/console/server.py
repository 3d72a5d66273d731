"""The HTTP server in the supervisor's loop, and the client that `dlp-gateway healthcheck` is."""

import asyncio
import contextlib
import errno
import http.client
import socket
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import uvicorn
from starlette.types import ASGIApp

from dlp_gateway.console.callers import Callers
from dlp_gateway.console.connection import Connection

_BACKLOG: Final = 128
#: Connections in all, and of one address: nobody but a few probers and scrapers has business here, and the descriptors
#: that strangers hold are those that deliveries and the database need.
_MOST: Final = 128
_EACH: Final = 16
_REST: Final = 1.0  # seconds without new connections after we ran out of descriptors or memory (accept(2))


class _Quiet(uvicorn.Server):
    """A uvicorn that leaves signals to the supervisor."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Admin:
    """Serves `app` on `host`:`port` (0: a free one) from `start` to `stop`."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._callers = Callers(most=_MOST, each=_EACH)
        self._server = _Quiet(
            uvicorn.Config(
                app,
                lifespan="off",
                ws="none",
                log_config=None,  # what uvicorn logs goes the way of all libraries' records
                access_log=False,
                server_header=False,
                date_header=False,
                proxy_headers=False,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=3,
                h11_max_incomplete_event_size=16_384,
                http="h11",
            )
        )
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._callers)

    async def start(self) -> tuple[str, int]:
        """Bind, serve, and return host and port as bound; raises OSError if the address cannot be had."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._host, self._port))
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
        listener.setblocking(False)
        if not self._server.config.loaded:  # now: later there may be no descriptor left to read a module with
            self._server.config.load()
        self._listener = listener
        self._serving = asyncio.create_task(self._server.serve(sockets=[]), name="admin")
        self._accepting = asyncio.create_task(self._accept(listener), name="admin-accept")
        host, port = listener.getsockname()[:2]
        return host, port

    async def stop(self) -> None:
        """Stop listening, give requests under way three seconds, and end; may be called twice."""
        if self._listener is None or self._accepting is None or self._serving is None:
            return
        self._accepting.cancel()
        await asyncio.wait({self._accepting})
        self._listener.close()
        self._server.should_exit = True
        await self._serving
        self._callers.cut_off_all()
        self._listener = self._accepting = self._serving = None

    async def _accept(self, listener: socket.socket) -> None:
        """Take connections one by one. Without descriptors asyncio's own server tries, and logs, without a pause."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _peer = await loop.sock_accept(listener)
            except OSError as error:
                if error.errno != errno.ECONNABORTED:  # that one is only gone again
                    await asyncio.sleep(_REST)
                continue
            connection.setblocking(False)
            try:
                await loop.connect_accepted_socket(self._connection, connection)
            except OSError:  # the client went away
                connection.close()

    def _connection(self) -> Connection:
        return Connection(self._callers, self._server.config, self._server.server_state)


def healthcheck(url: str, timeout: float = 5.0) -> tuple[bool, str]:
    """Return whether `url` (http://host:port/readyz) answers 200, and its body or why there is none; never raises."""
    try:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            return False, "not an http address"
        connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=timeout)
    except (ValueError, http.client.InvalidURL):
        return False, "not an http address"
    try:
        connection.request("GET", parts.path or "/readyz")
        response = connection.getresponse()
        return response.status == http.client.OK, response.read(65_536).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return False, type(error).__name__
    finally:
        connection.close()
