"""How many octets of messages one process keeps in memory, all its sessions together."""

import asyncio
from collections import deque
from typing import Final

#: Octets; what does not find room waits in encrypted temporary files (see `spool`).
ROOM: Final = 128_000_000
_PATIENCE: Final = 60.0  # seconds that a message in a file waits for room


class Room:
    """Counts; whoever takes gives back. A message that is larger than the room has it for itself."""

    def __init__(self, octets: int = ROOM) -> None:
        self._octets = octets
        self._taken = 0
        self.passed = 0  # octets that were given back so far
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def taken(self) -> int:
        """How many octets are taken."""
        return self._taken

    def take(self, octets: int) -> bool:
        """Take room at once; False if there is none, or others wait for it."""
        if self._waiting or not self._fits(octets):
            return False
        self._taken += octets
        return True

    def give_back(self, octets: int) -> None:
        """Give back what was taken, to those who wait for it, in order."""
        self._taken -= octets
        self.passed += octets
        while self._waiting and self._fits(self._waiting[0][0]):
            wanted, waiter = self._waiting.popleft()
            if not waiter.done():
                self._taken += wanted
                waiter.set_result(None)

    async def enter(self, octets: int) -> bool:
        """Take room as soon as there is some; False if that takes too long."""
        if self.take(octets):
            return True
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        place = (octets, waiter)
        self._waiting.append(place)
        try:
            async with asyncio.timeout(_PATIENCE):
                await waiter
        except BaseException as end:
            self._leave(place)
            if isinstance(end, TimeoutError):
                return False
            raise
        return True

    def _leave(self, place: tuple[int, asyncio.Future[None]]) -> None:
        """Stop waiting; room may have been given in the last moment."""
        if place in self._waiting:
            self._waiting.remove(place)
            self.give_back(0)  # whoever stood behind may fit
        elif not place[1].cancelled():
            self.give_back(place[0])

    def _fits(self, octets: int) -> bool:
        return not self._taken or self._taken + octets <= self._octets
