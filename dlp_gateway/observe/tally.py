"""What every mail counts, gathered in memory and carried over to the shared files a few times a second.

A count in a file that processes share takes a lock, a look at the process id and two writes; a mail makes some twenty.
"""

import asyncio
from bisect import bisect_right
from collections import defaultdict
from typing import Any, Final

#: Seconds between two times that counts are carried over; a process that is killed loses as much.
EVERY: Final = 0.25


class Tally:
    """Counts at once, or gathers while `carry` runs, in the library's counters and histograms."""

    def __init__(self) -> None:
        self._gathers = False
        self._counts: defaultdict[Any, float] = defaultdict(float)
        self._values: defaultdict[Any, list[float]] = defaultdict(list)

    def count(self, counter: Any, amount: float = 1) -> None:  # noqa: ANN401 - the library's classes, loaded late
        """Add to a counter."""
        if self._gathers:
            self._counts[counter] += amount
        else:
            counter.inc(amount)

    def observe(self, histogram: Any, value: float) -> None:  # noqa: ANN401 - as above
        """Add a value to a histogram."""
        if self._gathers:
            self._values[histogram].append(value)
        else:
            histogram.observe(value)

    async def carry(self, every: float = EVERY) -> None:
        """Gather from now on, and carry over every so many seconds until cancelled."""
        self._gathers = True
        try:
            while True:
                await asyncio.sleep(every)
                self.carry_over()
        finally:
            self._gathers = False
            self.carry_over()

    def carry_over(self) -> None:
        """Count what was gathered."""
        counts, self._counts = self._counts, defaultdict(float)
        values, self._values = self._values, defaultdict(list)
        for counter, amount in counts.items():
            counter.inc(amount)
        for histogram, observed in values.items():
            # The library has no call for many values; this is what its `observe` does with each.
            histogram._sum.inc(sum(observed))  # noqa: SLF001
            observed.sort()
            counted = 0
            for bucket, bound in zip(histogram._buckets, histogram._upper_bounds, strict=True):  # noqa: SLF001
                within = bisect_right(observed, bound)
                if within > counted:
                    bucket.inc(within - counted)
                counted = within
