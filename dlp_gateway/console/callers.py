"""Who is connected to the admin HTTP, by who was answered last; bounded, for each client and in all.

Nobody is turned away: whoever waited longest without an answer makes room. A probe asks as soon as it is connected and
has its answer in milliseconds, so it gets through however many hold a connection and say nothing, from one address or
from many. One client makes room for itself before it makes others do so.
"""

from collections import Counter
from typing import Protocol


class Caller(Protocol):
    """A connection."""

    def cut_off(self) -> None:
        """End it at once."""
        ...


class Callers:
    """At most so many, and so `each` of one network, as `networks.network_of` writes it."""

    def __init__(self, *, most: int, each: int) -> None:
        self._most, self._each = most, each
        self._networks: dict[Caller, str] = {}  # who waits longest is first
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._networks)

    def enter(self, one: Caller, network: str) -> None:
        """Let one in, and cut off whoever makes room for it."""
        self._networks[one] = network
        self._counts[network] += 1
        if self._counts[network] > self._each:
            self._cut_off(next(other for other, its in self._networks.items() if its == network))
        elif len(self._networks) > self._most:
            self._cut_off(next(iter(self._networks)))

    def answered(self, one: Caller) -> None:
        """Let its wait begin anew."""
        if one in self._networks:
            self._networks[one] = self._networks.pop(one)

    def leave(self, one: Caller) -> None:
        """It is gone, or as good as gone; may be called twice."""
        network = self._networks.pop(one, None)
        if network is None:
            return
        self._counts[network] -= 1
        if not self._counts[network]:
            del self._counts[network]

    def cut_off_all(self) -> None:
        """End them all."""
        for one in tuple(self._networks):
            self._cut_off(one)

    def _cut_off(self, one: Caller) -> None:
        self.leave(one)
        one.cut_off()
