"""Identifiers that senders sent outside within the window, as tokens: mirrored in memory, since every mail asks."""

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from dlp_gateway.detect.base import Sent
from dlp_gateway.detect.sent import MOST
from dlp_gateway.journal.conflicts import inserting
from dlp_gateway.journal.correspondents import Glance
from dlp_gateway.journal.digests import Digests
from dlp_gateway.journal.tables import sent_values

#: Seconds after which the rows are looked at again, whoever wrote to them.
_LOOK: Final = 1.0

#: What was written so long before the last look may have been committed after it, or by a host whose clock is behind.
_OVERLAP: Final = timedelta(seconds=30)

Value = tuple[str, int]
_c: Final = sent_values.c


class SentValues:
    """One process's mirror of what was sent: of most senders nothing, so that a mail costs no look-up."""

    def __init__(self, digests: Digests) -> None:
        self._digests = digests
        self._values: dict[bytes, dict[Value, datetime]] = {}
        self._newest: datetime | None = None
        self._looked = -1, float("-inf")  # generation and time

    async def look_up(self, glance: Glance, sender: bytes, at: datetime, window: timedelta, generation: int) -> Sent:
        """Return what a sender sent within the window before `at`, and the key of his tokens."""
        moment = time.monotonic()
        if generation != self._looked[0] or moment - self._looked[1] > _LOOK:
            await self._refresh(glance, window)
            self._forget(at - window)
            self._looked = generation, moment
        values = self._values.get(sender, {})
        known = tuple(value for value, sent_at in values.items() if sent_at > at - window)
        return Sent(key=self._digests.sent_key(sender), known=known)

    async def _refresh(self, glance: Glance, window: timedelta) -> None:
        """Read what was written since the last look, at first all that a window can hold."""
        since = datetime.now(UTC) - window if self._newest is None else self._newest - _OVERLAP
        async with glance() as connection:
            for row in await connection.execute(select(sent_values).where(_c.written_at > since)):
                self._meet(row.sender, (row.identifier, row.token), row.at)
                self._newest = max(row.written_at, self._newest or row.written_at)

    def _forget(self, before: datetime) -> None:
        for sender, values in list(self._values.items()):
            if max(values.values()) <= before:
                del self._values[sender]

    def _meet(self, sender: bytes, value: Value, at: datetime) -> None:
        values = self._values.setdefault(sender, {})
        if value in values or len(values) < MOST:
            values[value] = max(at, values.get(value, at))

    async def learn(
        self, connection: AsyncConnection, sent: Mapping[tuple[bytes, datetime], Iterable[Value]]
    ) -> Callable[[], None]:
        """Note in the caller's transaction what senders sent, and when; call what is returned once it is committed."""
        newest = {
            (sender, value): at
            for (sender, at), values in sorted(sent.items(), key=lambda item: item[0][1])
            for value in values
        }
        if newest:
            insert = inserting(connection, sent_values)
            now = datetime.now(UTC)
            await connection.execute(
                insert.on_conflict_do_update(
                    index_elements=[_c.sender, _c.identifier, _c.token],
                    set_={"at": insert.excluded.at, "written_at": insert.excluded.written_at},
                ),
                [
                    {"sender": sender, "identifier": identifier, "token": token, "at": at, "written_at": now}
                    for (sender, (identifier, token)), at in sorted(newest.items())
                ],
            )

        def committed() -> None:
            for (sender, value), at in newest.items():
                self._meet(sender, value, at)

        return committed
