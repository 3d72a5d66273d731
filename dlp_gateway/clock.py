"""Whether the wall clock may be believed when it says that the time of a mail is over.

It may be wrong for a while (an RTC without a battery, a machine that was resumed) until NTP puts it right. What was
expired, erased or given up meanwhile would be lost for good, so that only a clock that has run evenly may say it is
time. A process that has just started knows it only from what was written shortly before.
"""

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

#: Seconds by which the wall clock may run faster or slower between two looks.
_TOLERATED: Final = 60.0
#: Seconds of running in which it must not have jumped.
EVEN: Final = 3600.0


def _now() -> datetime:
    return datetime.now(UTC)


class Clock:
    """The wall clock beside the monotonic one; a machine's sleep counts as a jump, since that one stands still in it.

    `jumped` is told each jump in seconds.
    """

    def __init__(
        self,
        jumped: Callable[[int], None],
        *,
        wall: Callable[[], datetime] = _now,
        running: Callable[[], float] = time.monotonic,
    ) -> None:
        self._jumped = jumped
        self._wall, self._running = wall, running
        self._last = wall(), running()
        self._even_since = self._last[1]
        #: Whether nothing is known yet of how it ran before our start; reset by whoever has looked for that.
        self.unknown = True
        #: Whether it was set back since our start; reset by whoever has mended what was written until then.
        self.set_back = False

    def now(self) -> datetime:
        """Look at the clock."""
        wall, running = self._wall(), self._running()
        jump = (wall - self._last[0]).total_seconds() - (running - self._last[1])
        self._last = wall, running
        if abs(jump) > _TOLERATED:
            self._even_since = running
            self.set_back = self.set_back or jump < 0
            self._jumped(round(jump))
        return wall

    def showed(self, before: datetime) -> None:
        """Be told a time that it showed before our start: if that is shortly before now, it has not jumped since."""
        if timedelta() <= self._last[0] - before <= timedelta(seconds=EVEN):
            self._even_since = -math.inf

    @property
    def believed(self) -> bool:
        """Whether it ran evenly for long until it was looked at last."""
        return self._last[1] - self._even_since >= EVEN
