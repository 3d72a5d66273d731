"""The HTTP server in the supervisor's loop, and the client that `dlp-gateway healthcheck` is."""

import asyncio
import contextlib
import http.client
import socket
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import uvicorn
from starlette.types import ASGIApp

_BACKLOG: Final = 64
_CONNECTIONS: Final = 64  # more get 503: nobody but a prober and a scraper has business here


class _Quiet(uvicorn.Server):
    """A uvicorn that leaves signals to the supervisor."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Admin:
    """Serves `app` on `host`:`port` (0: a free one) from `start` to `stop`."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self._app, self._host, self._port = app, host, port
        self._server: _Quiet | None = None
        self._serving: asyncio.Task[None] | None = None

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
        self._server = _Quiet(
            uvicorn.Config(
                self._app,
                lifespan="off",
                ws="none",
                log_config=None,  # what uvicorn logs goes the way of all libraries' records
                access_log=False,
                server_header=False,
                date_header=False,
                proxy_headers=False,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=3,
                limit_concurrency=_CONNECTIONS,
                h11_max_incomplete_event_size=16_384,
                http="h11",
            )
        )
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]), name="admin")
        host, port = listener.getsockname()[:2]
        return host, port

    async def stop(self) -> None:
        """Stop listening, give requests under way three seconds, and end; may be called twice."""
        if self._server is None or self._serving is None:
            return
        self._server.should_exit = True
        await self._serving
        self._server = self._serving = None


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
