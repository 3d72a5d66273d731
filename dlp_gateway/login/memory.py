"""Failed logins remembered in this process alone: what is left when the database that all share cannot be used."""

import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dlp_gateway.ports import GUESS_WIDTH, NEVER, Failures

_MOST: Final = 20_000  # rows; the oldest go first


@dataclass(slots=True, kw_only=True)
class _Row:
    count: int
    at: datetime
    guess: bytes = b""


class MemoryFailures:
    """The `LoginFailures` of one process, bounded."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)
        self._rows: OrderedDict[tuple[str, str], _Row] = OrderedDict()  # (network, ""), ("", name), (network, name)

    async def failures(self, network: str, name: str, since: datetime) -> Failures:
        """Return the failures of which the last was counted after `since`."""
        ours, theirs, both = (self._row(key, since) for key in ((network, ""), ("", name), (network, name)))
        return Failures(network=ours.count, name=theirs.count, both=both.count, at=ours.at)

    async def count_failure(
        self, network: str, name: str, password: str, since: datetime, now: datetime
    ) -> tuple[Failures, Failures]:
        """Count one more, unless it is the same wrong password again, and return all, before it and with it."""
        before = await self.failures(network, name, since)
        guess = hashlib.blake2b(password.encode(), key=self._key, digest_size=GUESS_WIDTH).digest()
        if self._row((network, name), since).guess != guess:
            for key in ((network, ""), ("", name), (network, name)):
                self._rows[key] = _Row(count=self._row(key, since).count + 1, at=now)
                self._rows.move_to_end(key)
            self._rows[network, name].guess = guess
            while len(self._rows) > _MOST:
                self._rows.popitem(last=False)
        return before, await self.failures(network, name, since)

    async def forgive(self, network: str, name: str) -> None:
        """Take back what this name failed from this network."""
        row = self._rows.pop((network, name), None)
        if row is not None and (ours := self._rows.get((network, ""))) is not None:
            ours.count = max(0, ours.count - row.count)

    def _row(self, key: tuple[str, str], since: datetime) -> _Row:
        row = self._rows.get(key)
        return row if row is not None and row.at > since else _Row(count=0, at=NEVER)
