"""Writes entries of forwarded mail in groups, off the message path: at most a second late, in a bounded queue."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import accumulate, islice, takewhile
from typing import Final

from dlp_gateway.observe import log, metrics
from dlp_gateway.ports import Entry
from quarantine.store import StoreError

#: Seconds that entries are gathered, and seconds before a failed write is tried again.
GATHER: Final = 0.1
AGAIN: Final = 2.0

#: Entries and, after the first, recipients in one transaction: other writers wait for it meanwhile.
GROUP: Final = 200
GROUP_RECIPIENTS: Final = 300

#: Entries and recipients that wait while the database cannot be written.
MOST_ENTRIES: Final = 10_000
MOST_RECIPIENTS: Final = 200_000

Write = Callable[[tuple[Entry, ...]], Awaitable[None]]


def tell_dropped(entries: int) -> None:
    """Say in log and metric that entries were lost."""
    log.journal_dropped(entries)
    metrics.journal_dropped(entries)


class GroupWriter:
    """A bounded queue and the task that empties it with `write`, which commits a group or raises `StoreError`."""

    def __init__(self, write: Write, dropped: Callable[[int], None]) -> None:
        self._write = write
        self._dropped = dropped
        self._waiting: deque[Entry] = deque()
        self._recipients = 0
        self._turn = asyncio.Lock()
        self._new = asyncio.Event()
        self._closing = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def add(self, entry: Entry) -> None:
        """Queue an entry; one for which there is no room is dropped and counted."""
        recipients = self._recipients + len(entry.passages)
        if len(self._waiting) >= MOST_ENTRIES or recipients > MOST_RECIPIENTS or self._closing.is_set():
            self._dropped(1)
            return
        self._waiting.append(entry)
        self._recipients = recipients
        self._new.set()

    async def flush(self) -> None:
        """Write all that waits; raises `StoreError`, and what was not written waits on.

        What comes meanwhile is left to be gathered: written at once, it would be two or three at a time.
        """
        async with self._turn:
            left = len(self._waiting)
            while left > 0:
                group = self._next()
                left -= len(group)
                await self._together_or_singly(group)
                await asyncio.sleep(0)

    async def _together_or_singly(self, group: tuple[Entry, ...]) -> None:
        """Write a group and forget it; what is wrong with one of its entries is no other's fault."""
        try:
            await self._write(group)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001  a worker loop: one entry that cannot be written must not end it
            if len(group) > 1:
                for entry in group:
                    await self._together_or_singly((entry,))
                return
            log.internal_error("", "journal", error)
            self._dropped(1)
        self._forget(len(group))

    async def close(self) -> None:
        """Write what waits, drop and count what cannot be written, and end the task."""
        self._closing.set()
        self._new.set()
        await self._task
        if self._waiting:
            self._dropped(len(self._waiting))
            self._forget(len(self._waiting))

    async def _run(self) -> None:
        closing = False
        while not closing:
            await self._new.wait()
            await self._pause(GATHER)
            closing = self._closing.is_set()  # looked at before the last flush, not after it
            self._new.clear()
            try:
                await self.flush()
            except StoreError as error:
                log.store_unavailable(error)
                metrics.store_error()
                self._new.set()
                await self._pause(AGAIN)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)

    def _next(self) -> tuple[Entry, ...]:
        """Return the entries that one transaction shall hold."""
        recipients = accumulate(len(entry.passages) for entry in islice(self._waiting, GROUP))
        fitting = sum(1 for _ in takewhile(lambda count: count <= GROUP_RECIPIENTS, recipients))
        return tuple(islice(self._waiting, max(1, fitting)))

    def _forget(self, entries: int) -> None:
        for _ in range(entries):
            self._recipients -= len(self._waiting.popleft().passages)
