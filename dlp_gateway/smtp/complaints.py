"""Refusals in log and metrics: each is counted, and of each kind the log has a few a minute, then a number."""

import asyncio
from collections import Counter
from typing import Final

from dlp_gateway.observe import log, metrics
from dlp_gateway.smtp.replies import Refusal

_LINES: Final = 20  # of one reason in one window
_WINDOW: Final = 60.0  # seconds


class Complaints:
    """Of one listener; whoever floods it must not flood the log, where others look for what happened to them."""

    def __init__(self) -> None:
        self._told: Counter[str] = Counter()
        self._untold: Counter[str] = Counter()
        self._window: asyncio.TimerHandle | None = None

    def note(self, client: str, refusal: Refusal) -> None:
        """Log and count a refusal, unless it is one that nobody needs to know of."""
        if not refusal.why:
            return
        metrics.session_refused(refusal.why)
        if self._window is None:
            self._window = asyncio.get_running_loop().call_later(_WINDOW, self._begin_anew)
        if self._told[refusal.why] < _LINES:
            self._told[refusal.why] += 1
            log.session_refused(client, refusal.why)
        else:
            self._untold[refusal.why] += 1

    def _begin_anew(self) -> None:
        for why, count in self._untold.items():
            log.sessions_refused(why, count)
        self._told.clear()
        self._untold.clear()
        self._window = None

    def close(self) -> None:
        """Say what was not said."""
        if self._window is not None:
            self._window.cancel()
            self._begin_anew()
