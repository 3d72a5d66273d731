"""Takes of concurrent sessions, committed together: one wait for the disk instead of one for each.

Whoever comes while nothing is written is written at once; those who come meanwhile share the next transaction. If a
transaction fails, each of its members has one of its own, so that what is wrong with one is no other's fault.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from quarantine import tables
from quarantine.database import Database
from quarantine.rows import SealedRows
from quarantine.store import Also, JointAlso

#: Takes in one transaction, and bytes of sealed content after the first; a longer one would keep other writers waiting.
TOGETHER: Final = 16
_BYTES: Final = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Member:
    """One take; `done` tells its caller."""

    sealed: SealedRows
    also: Also | None
    done: asyncio.Future[None]

    @property
    def size(self) -> int:
        """Bytes of sealed content."""
        return sum(len(payload["content"]) for payload in self.sealed.payloads)


class Groups:
    """The takes of one process."""

    def __init__(self, database: Database, together: int = TOGETHER) -> None:
        self._database = database
        self._together = together
        self._waiting: deque[_Member] = deque()
        self._writing: asyncio.Task[None] | None = None

    async def take(self, sealed: SealedRows, also: Also | None) -> None:
        """Commit the rows and what `also` writes, or raise `StoreError`; cancelled before its turn, it is left out."""
        member = _Member(sealed=sealed, also=also, done=asyncio.get_running_loop().create_future())
        self._waiting.append(member)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        await member.done

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
            for member in self._waiting:  # only if this task was cancelled
                member.done.cancel()
            self._waiting.clear()

    def _next(self) -> list[_Member]:
        group: list[_Member] = []
        room = _BYTES
        while self._waiting and len(group) < self._together:
            if self._waiting[0].done.done():  # its caller went away
                self._waiting.popleft()
                continue
            room -= self._waiting[0].size
            if group and room < 0:
                break
            group.append(self._waiting.popleft())
        return group

    async def _together_or_singly(self, group: list[_Member]) -> None:
        begun = False
        try:
            async with self._database.writing() as connection:
                begun = True
                await _insert(connection, group)
        except Exception as error:  # noqa: BLE001  what an `also` raises is its caller's, as all the rest
            if begun and len(group) > 1:
                for member in group:
                    await self._together_or_singly([member])
                return
            # Nobody got the write lock: it would be the same, and take as long, for each of them alone.
            for member in group:
                _tell(member, error)
        else:
            for member in group:
                _tell(member, None)


def _tell(member: _Member, error: Exception | None) -> None:
    if member.done.done():
        return
    if error is None:
        member.done.set_result(None)
    else:
        member.done.set_exception(error)


async def _insert(connection: AsyncConnection, group: list[_Member]) -> None:
    sealed = [member.sealed for member in group]
    await insert_rows(
        connection,
        SealedRows(
            payloads=[row for one in sealed for row in one.payloads],
            copies=[row for one in sealed for row in one.copies],
            recipients=[row for one in sealed for row in one.recipients],
            events=[row for one in sealed for row in one.events],
        ),
    )
    for also in _joined([member.also for member in group if member.also is not None]):
        await also(connection)


def _joined(hooks: list[Also]) -> list[Also]:
    if len(hooks) > 1 and isinstance(hooks[0], JointAlso) and len(set(map(type, hooks))) == 1:
        return [hooks[0].joined(hooks[1:])]
    return hooks


async def insert_rows(connection: AsyncConnection, sealed: SealedRows) -> None:
    """Write sealed deposits in the caller's transaction."""
    if sealed.payloads:
        await connection.execute(insert(tables.payloads), sealed.payloads)
        await connection.execute(insert(tables.copies), sealed.copies)
        await connection.execute(insert(tables.recipients), sealed.recipients)
        await connection.execute(insert(tables.events), sealed.events)
