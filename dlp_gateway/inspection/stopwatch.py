"""The end of a measurement in the receiver's own loop that takes too long: no message may keep all others waiting.

Whatever is read there is small, and takes some milliseconds. Should a text be found that takes minutes, a worker gets
it, with a deadline, and costs nobody but itself.
"""

import signal
import time
from types import FrameType, TracebackType
from typing import Any, Final

#: How often it is looked, in seconds of processor time; the kernel then interrupts what runs, `re` among it.
_EVERY: Final = 0.25


class TookTooLong(BaseException):
    """What stood under a stopwatch was interrupted."""


class Stopwatch:
    """Interrupts what stands under it (`with`) after so many seconds of processor time; for one thing at a time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun: float | None = None
        self._former: Any = None

    def wind_up(self) -> None:
        """Begin to look; only the main thread of a process can."""
        self._former = signal.signal(signal.SIGVTALRM, self._look)
        signal.setitimer(signal.ITIMER_VIRTUAL, _EVERY, _EVERY)

    def stop(self) -> None:
        """Look no longer."""
        if self._former is not None:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, self._former)
            self._former = None

    def __enter__(self) -> None:
        self._begun = time.process_time()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._begun = None

    def _look(self, _number: int, _frame: FrameType | None) -> None:
        if self._begun is not None and time.process_time() - self._begun > self._seconds:
            raise TookTooLong  # and again, should it be swallowed, as in a finalizer
