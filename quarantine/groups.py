"""Writes of concurrent sessions, committed together: one wait for the disk instead of one for each.

Whoever comes while nothing is written is written at once; those who come meanwhile share the next transaction. If a
transaction fails, each of its members has one of its own, so that what is wrong with one is no other's fault.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from quarantine.store import BusyError

Member = TypeVar("Member")
Answer = TypeVar("Answer")

#: Members of one transaction, and their size in all after the first; a longer one would keep other writers waiting.
TOGETHER: Final = 16
_LARGEST: Final = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Place(Generic[Member, Answer]):
    """A member and its caller, who waits for `done`."""

    member: Member
    done: "asyncio.Future[Answer]"


class Groups(Generic[Member, Answer]):
    """The writes of one sort of one process.

    `write` commits a group and returns what each member is answered, or raises and has committed none; `size` tells
    how much a member counts of what may be written at once, in octets.
    """

    def __init__(
        self,
        write: Callable[[list[Member]], Awaitable[Sequence[Answer]]],
        *,
        together: int = TOGETHER,
        size: Callable[[Member], int] = lambda _: 0,
    ) -> None:
        self._commit = write
        self._together = together
        self._size = size
        self._waiting: deque[_Place[Member, Answer]] = deque()
        self._writing: asyncio.Task[None] | None = None

    async def add(self, member: Member) -> Answer:
        """Commit a member, or raise what `write` does; cancelled before its turn, it is left out."""
        place: _Place[Member, Answer] = _Place(member=member, done=asyncio.get_running_loop().create_future())
        self._waiting.append(place)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        return await place.done

    async def close(self) -> None:
        """Wait for what is being written."""
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)

    async def _write(self) -> None:
        try:
            while group := self._next():
                await self._together_or_singly(group)
        finally:
            self._writing = None
            for place in self._waiting:  # only if this task was cancelled
                place.done.cancel()
            self._waiting.clear()

    def _next(self) -> list[_Place[Member, Answer]]:
        group: list[_Place[Member, Answer]] = []
        room = _LARGEST
        while self._waiting and len(group) < self._together:
            if self._waiting[0].done.done():  # its caller went away
                self._waiting.popleft()
                continue
            room -= self._size(self._waiting[0].member)
            if group and room < 0:
                break
            group.append(self._waiting.popleft())
        return group

    async def _together_or_singly(self, group: list[_Place[Member, Answer]]) -> None:
        try:
            answers = await self._commit([place.member for place in group])
        except Exception as error:  # noqa: BLE001  what a member's own code raises is its caller's, as all the rest
            # Where nobody got the write lock, it would be the same, and take as long, for each of them alone.
            if len(group) > 1 and not isinstance(error, BusyError):
                for place in group:
                    await self._together_or_singly([place])
                return
            for place in group:
                if not place.done.done():
                    place.done.set_exception(error)
        else:
            for place, answer in zip(group, answers, strict=True):
                if not place.done.done():
                    place.done.set_result(answer)
