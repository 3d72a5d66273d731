"""Who is connected to the admin HTTP: bounded, for each client and in all.

Nobody is turned away: whoever waited longest makes room, and who has asked for nothing yet before all others. A probe
asks as soon as it is connected, so it gets through however many hold a connection and say nothing, from one address or
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
        self._asking: set[Caller] = set()
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._networks)

    def enter(self, one: Caller, network: str) -> None:
        """Let one in, and cut off whoever makes room for it."""
        self._networks[one] = network
        self._counts[network] += 1
        if self._counts[network] > self._each:
            self._make_room([other for other, its in self._networks.items() if its == network and other is not one])
        elif len(self._networks) > self._most:
            self._make_room([other for other in self._networks if other is not one])

    def asked(self, one: Caller) -> None:
        """It has sent a whole header."""
        if one in self._networks:
            self._asking.add(one)

    def answered(self, one: Caller) -> None:
        """Its wait begins anew."""
        if one in self._networks:
            self._networks[one] = self._networks.pop(one)
            self._asking.discard(one)

    def leave(self, one: Caller) -> None:
        """It is gone, or as good as gone; may be called twice."""
        self._asking.discard(one)
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

    def _make_room(self, among: list[Caller]) -> None:
        self._cut_off(next((one for one in among if one not in self._asking), among[0]))

    def _cut_off(self, one: Caller) -> None:
        self.leave(one)
        one.cut_off()
