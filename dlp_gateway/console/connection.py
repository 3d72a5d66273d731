"""One connection to the admin HTTP: uvicorn's, with an end.

uvicorn waits for ever for the rest of a header or of a body, and for a client that does not read its answer. Here there
is one deadline for a request and its answer together, which octets that drip do not put off.
"""

import asyncio
from typing import Any, Final

from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from dlp_gateway.console.callers import Callers
from dlp_gateway.networks import client_address, network_of

#: Seconds from the connection, or from the answer before, until the answer is written; no scraper waits longer.
_PATIENCE: Final = 10.0


class Connection(H11Protocol):
    """Answers requests one after the other; counted among the callers while it is open."""

    def __init__(self, callers: Callers, config: Config, state: ServerState) -> None:
        super().__init__(config, state, app_state={})
        self._callers = callers
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - asyncio and uvicorn differ in what it is
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._await_request()
        client = client_address(transport.get_extra_info("peername"))
        self._callers.enter(self, "" if client is None else network_of(client))  # without a name: it is gone already

    def handle_events(self) -> None:
        """Take what has come, and note that it is a request."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._callers.asked(self)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request; what the client has not read of this answer must be gone by then."""
        self._await_request()
        self._callers.answered(self)
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended, whoever ended it."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._callers.leave(self)
        super().connection_lost(exc)

    def cut_off(self) -> None:
        """End it at once: a close would wait for what the client has not read."""
        self.transport.abort()

    def _await_request(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(_PATIENCE, self.cut_off)
