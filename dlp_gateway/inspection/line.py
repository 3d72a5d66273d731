"""The line of messages that wait for a worker: next is whose client, and then whose sender, took the least of late.

First come, first served would let one client with four sessions keep everybody else waiting, for as long as it likes to
send what takes long.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from dlp_gateway.ports import Overloaded

_HALF_LIFE: Final = 60.0  # seconds after which half of what somebody took is forgotten
_REMEMBERED: Final = 4_096  # clients and senders; beyond it those who took least are forgotten


@dataclass(frozen=True, slots=True)
class Payer:
    """For whom a worker works. `client` is what counts as one, `sender` who sends through it: a server has many."""

    client: str
    sender: str


@dataclass(slots=True)
class _Waiting:
    payer: Payer
    turn: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Line:
    """So many messages at a time, and a bounded number that wait."""

    def __init__(self, *, at_a_time: int, longest: int) -> None:
        self._free = at_a_time
        self._longest = longest
        self._waiting: list[_Waiting] = []
        self._taken: dict[str | Payer, tuple[float, float]] = {}  # seconds, and when that was true

    @asynccontextmanager
    async def turn(self, payer: Payer, patience: float) -> AsyncIterator[None]:
        """Hold a turn under the block, which is charged; raises Overloaded if none comes in time or the line is full.

        A full line is left by whoever would come last.
        """
        if self._free:
            self._free -= 1
        else:
            await self._wait(payer, patience)
        begun = time.monotonic()
        try:
            yield
        finally:
            self._charge(payer, time.monotonic() - begun)
            self._pass_on()

    async def _wait(self, payer: Payer, patience: float) -> None:
        one = _Waiting(payer)
        self._waiting.append(one)
        try:
            self._turn_one_away()
            async with asyncio.timeout(patience):
                await one.turn
        except BaseException as error:
            if one in self._waiting:
                self._waiting.remove(one)
            elif not one.turn.cancelled() and one.turn.exception() is None:  # it came in the last moment
                self._pass_on()
            if isinstance(error, TimeoutError):
                raise Overloaded from None
            raise

    def _turn_one_away(self) -> None:
        """Where the line is too long, tell the last that it is, of equals the last that came."""
        there = self._there()
        if len(there) > self._longest:
            last = max(reversed(there), key=self._ranks())
            self._waiting.remove(last)
            last.turn.set_exception(Overloaded())

    def _pass_on(self) -> None:
        there = self._there()
        if not there:
            self._free += 1
            return
        following = min(there, key=self._ranks())  # of equals the first that came
        self._waiting.remove(following)
        following.turn.set_result(None)

    def _there(self) -> list[_Waiting]:
        """Return who waits; who has just given up may still stand in the line, for he has not yet heard of it."""
        return [one for one in self._waiting if not one.turn.done()]

    def _ranks(self) -> Callable[[_Waiting], tuple[float, float]]:
        now = time.monotonic()  # the same for all, or equals would differ

        def rank(one: _Waiting) -> tuple[float, float]:
            return self._of_late(one.payer.client, now), self._of_late(one.payer, now)

        return rank

    def _of_late(self, whose: str | Payer, now: float) -> float:
        taken, then = self._taken.get(whose, (0.0, now))
        return taken * math.exp2((then - now) / _HALF_LIFE)

    def _charge(self, payer: Payer, seconds: float) -> None:
        now = time.monotonic()
        for whose in (payer.client, payer):
            self._taken[whose] = self._of_late(whose, now) + seconds, now
        if len(self._taken) > _REMEMBERED:
            dearest = sorted(self._taken, key=lambda whose: self._of_late(whose, now))[_REMEMBERED // 2 :]
            self._taken = {whose: self._taken[whose] for whose in dearest}
