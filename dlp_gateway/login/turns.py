"""Whose password is looked at next: that of a network without failures, before those of networks that guess."""

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count


class Turns:
    """So many at a time; who waits comes by rank, the lowest first, and among equals in order.

    Without it a right password would wait behind all guesses that came before it, each a tenth of a second long.
    """

    def __init__(self, at_a_time: int) -> None:
        self._free = at_a_time
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = count()

    @asynccontextmanager
    async def turn(self, rank: int, patience: float) -> AsyncIterator[None]:
        """Hold a turn under the block; raises TimeoutError if none came in time."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(rank, patience)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, rank: int, patience: float) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (rank, next(self._numbers), waiter))
        try:
            async with asyncio.timeout(patience):
                await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled():  # it came in the last moment
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            waiter = heapq.heappop(self._waiting)[2]
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1
