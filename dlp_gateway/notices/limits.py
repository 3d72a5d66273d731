"""How many notices an hour: what is over the limit of an author, or of all together, is counted for a summary. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from dlp_gateway.ledger import Window

HOUR: Final = timedelta(hours=1)

#: Not digests of addresses, which are longer.
EVERYBODY: Final = b"everybody"
REVIEWERS: Final = b"reviewers"


def is_over(window: Window, now: datetime) -> bool:
    """Tell whether the hour is over; also if the clock was set back before its beginning."""
    return not window.since <= now < window.since + HOUR


@dataclass(slots=True, kw_only=True)
class Gate:
    """Lets notices pass while there is room; `windows` are as they were read, `changed` as they must be kept.

    An hour begins with somebody's first notice. One that is over and has something waiting stays until that is told.
    """

    each: int
    together: int
    now: datetime
    windows: Mapping[bytes, Window]
    changed: dict[bytes, Window] = field(default_factory=dict)

    def admit(self, whom: bytes) -> bool:
        """Take one place of this person's and one of everybody's, if there are both."""
        own, everybody = self._window(whom), self._window(EVERYBODY)
        if own.told >= self.each or own.waiting or everybody.told >= self.together:
            return False
        self.changed[whom] = replace(own, told=own.told + 1)
        self.changed[EVERYBODY] = replace(everybody, told=everybody.told + 1)
        return True

    def defer(self, whom: bytes, kind: str, entry: str, count: int = 1) -> None:
        """Count what was not admitted; `entry` leads to the person's address."""
        own = self._window(whom)
        waiting = {**own.waiting, kind: own.waiting.get(kind, 0) + count}
        self.changed[whom] = replace(own, waiting=waiting, entry=entry)

    def sum_up(self, window: Window) -> bool:
        """Begin a new hour with a summary of what waits, if there is room among everybody's."""
        everybody = self._window(EVERYBODY)
        if everybody.told >= self.together:
            return False
        self.changed[EVERYBODY] = replace(everybody, told=everybody.told + 1)
        self.changed[window.whom] = Window(whom=window.whom, since=self.now, told=1)
        return True

    def _window(self, whom: bytes) -> Window:
        window = self.changed.get(whom) or self.windows.get(whom)
        if window is None or (is_over(window, self.now) and not window.waiting):
            return Window(whom=whom, since=self.now, told=0)
        return window
