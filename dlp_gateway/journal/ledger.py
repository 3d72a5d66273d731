"""What authors were told: the `Ledger` of `dlp_gateway.ledger`, in the journal's tables."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, delete, func, insert, or_, select, true, update

from dlp_gateway.journal import rows
from dlp_gateway.journal.sealing import reopened
from dlp_gateway.journal.tables import IS_REWRITE, entries, keys, notice_marks, notice_windows, passages
from dlp_gateway.ledger import Account, Marks, Progress, Window
from quarantine.crypto import DamagedError, MessageKey, Opener, PrivateKey
from quarantine.database import Database
from quarantine.store import Also, StoreError

#: Values in one statement; SQLite takes some thousands of parameters.
_MANY: Final = 500
_SEEN: Final = "transitions"
_DIGEST: Final = "digest"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class OvertakenError(StoreError):
    """Another writer of notices was quicker: what this one came to is not committed."""

    def __init__(self) -> None:
        super().__init__("another process writes notices from this database; run one gateway for each database")


class SqlLedger:
    """Reads with connections of its own; writes in custody's transaction, by the hooks that it returns."""

    def __init__(self, database: Database, private: PrivateKey) -> None:
        self._database = database
        self._opener = Opener(private)

    async def close(self) -> None:
        """Give back connections."""
        await self._database.close()

    # --- reading ------------------------------------------------------------------------------------------------------

    async def marks(self) -> Marks | None:
        """Return how far the writer came; None before its first round."""
        async with self._database.glancing() as connection:
            found = {row.name: row.value for row in await connection.execute(select(notice_marks))}
        if _SEEN not in found:
            return None
        return Marks(seen=found[_SEEN], digest_at=_EPOCH + found.get(_DIGEST, 0) * _MICROSECOND)

    async def accounts(self, items: tuple[str, ...]) -> dict[str, Account]:
        """Return what the journal knows of these items of custody, by id; what is damaged is left out."""
        found: list[Row[Any]] = []
        async with self._database.reading() as connection:
            for some in _parts(items):
                found += (await connection.execute(_known().where(entries.c.message.in_(some)))).all()
        return {account.id: account for account in self._opened(found)}

    async def untold(self, limit: int) -> dict[str, Account | None]:
        """Return by entry the mail that left with a rewrite and that nobody looked at yet; None: it is damaged."""
        chosen = _known().where(entries.c.untold == true()).order_by(entries.c.received_at, entries.c.id).limit(limit)
        async with self._database.glancing() as connection:
            found = (await connection.execute(chosen)).all()
        opened = {account.entry: account for account in self._opened(found)}
        return {row.id: opened.get(row.id) for row in found}

    async def told_since(self, accounts: tuple[Account, ...], kind: str, since: datetime) -> frozenset[str]:
        """Return those entries whose reader got that kind about the same mail (by Message-ID) since then."""
        public = self._opener.public
        asked = {one.entry: (rows.message_id_index(public, one.message_id), one.whom) for one in accounts}
        indexes = tuple({index for index, _ in asked.values() if index})
        found: list[Row[Any]] = []
        async with self._database.reading() as connection:
            for some in _parts(indexes):
                same = _known().where(
                    entries.c.message_id_index.in_(some), entries.c.told == kind, entries.c.received_at > since
                )
                found += (await connection.execute(same)).all()
        told = {(rows.message_id_index(public, one.message_id), one.whom) for one in self._opened(found)}
        return frozenset(entry for entry, this in asked.items() if this in told)

    async def rewrites(self, account: Account, since: datetime) -> int:
        """Return how many mails of this author left with a rewrite since then, up to this one and with it.

        Parts of one mail, and tries that the smarthost deferred, are one; mails without a Message-ID count singly.
        """
        left = select(passages.c.entry).where(passages.c.entry == entries.c.id, passages.c.outcome.in_(rows.LEFT))
        name = entries.c.message_id_index
        those = (
            IS_REWRITE,
            entries.c.reverse_path_index == rows.address_index(self._opener.public, account.author),
            entries.c.received_at.between(since, account.received_at),
            left.exists(),
        )
        counted = (
            select(func.count(name.distinct())).where(name != b"", *those),
            select(func.count()).where(name == b"", *those),
        )
        async with self._database.reading() as connection:
            return sum([(await connection.execute(one.select_from(entries))).scalar_one() for one in counted])

    async def windows(self, people: tuple[bytes, ...]) -> dict[bytes, Window]:
        """Return the windows of these people that there are."""
        found: dict[bytes, Window] = {}
        async with self._database.reading() as connection:
            for some in _parts(people):
                chosen = select(notice_windows).where(notice_windows.c.whom.in_(some))
                found |= {row.whom: _window(row) for row in await connection.execute(chosen)}
        return found

    async def ended(self, *, before: datetime, now: datetime, limit: int) -> tuple[tuple[Window, Account | None], ...]:
        """Return windows that began before `before` (or, the clock was set back, after `now`), with their entry."""
        over = or_(notice_windows.c.since < before, notice_windows.c.since > now)
        chosen = select(notice_windows).where(over).order_by(notice_windows.c.since).limit(limit)
        async with self._database.reading() as connection:
            windows = [_window(row) for row in await connection.execute(chosen)]
            named = [window.entry for window in windows if window.entry]
            found: list[Row[Any]] = []
            for some in _parts(named):
                found += (await connection.execute(_known().where(entries.c.id.in_(some)))).all()
        accounts = {account.entry: account for account in self._opened(found)}
        return tuple((window, accounts.get(window.entry)) for window in windows)

    def _opened(self, found: Iterable[Row[Any]]) -> Iterator[Account]:
        opened: dict[str, MessageKey] = {}
        for row in found:
            try:
                if row.key not in opened:
                    opened[row.key] = reopened(self._opener, row.key, row.sealed_key)
                yield rows.opened_account(row, opened[row.key], self._opener.public)
            except DamagedError:
                continue  # nobody can be told of it; the others can

    # --- writing ------------------------------------------------------------------------------------------------------

    def begin(self, marks: Marks) -> Also:
        """Return the hook that sets the first marks, if nobody did."""

        def write(connection: Connection) -> None:
            if (connection.execute(select(notice_marks.c.name).limit(1))).first() is None:
                first = {_SEEN: marks.seen, _DIGEST: _microseconds(marks.digest_at)}
                connection.execute(
                    insert(notice_marks), [{"name": name, "value": value} for name, value in first.items()]
                )

        return write

    def keep(self, progress: Progress) -> Also:
        """Return the hook that commits what one round came to; it raises if another round was quicker."""

        def write(connection: Connection) -> None:
            mark = update(notice_marks).where(notice_marks.c.name == _SEEN, notice_marks.c.value == progress.before)
            if (connection.execute(mark.values(value=progress.seen))).rowcount != 1:
                raise OvertakenError
            for some in _parts(progress.looked_at):
                connection.execute(update(entries).where(entries.c.id.in_(some)).values(untold=False))
            for entry, kind in progress.told.items():
                connection.execute(update(entries).where(entries.c.id == entry).values(told=kind))
            gone = (*progress.closed, *(window.whom for window in progress.windows))
            for some in _parts(gone):
                connection.execute(delete(notice_windows).where(notice_windows.c.whom.in_(some)))
            if progress.windows:
                connection.execute(insert(notice_windows), [_row(window) for window in progress.windows])
            if progress.digest_at is not None:
                at = _microseconds(progress.digest_at)
                connection.execute(update(notice_marks).where(notice_marks.c.name == _DIGEST).values(value=at))

        return write


def _known() -> Select[Any]:
    """Select entries with their key and how many of their recipients were not refused."""
    people = (
        select(func.count())
        .where(passages.c.entry == entries.c.id, passages.c.outcome != "refused")
        .correlate(entries)
        .scalar_subquery()
        .label("people")
    )
    return select(entries, keys.c.sealed.label("sealed_key"), people).join(keys, keys.c.id == entries.c.key)


def _window(row: Row[Any]) -> Window:
    return Window(whom=row.whom, since=row.since, told=row.told, waiting=json.loads(row.waiting), entry=row.entry)


def _row(window: Window) -> dict[str, Any]:
    return {
        "whom": window.whom,
        "since": window.since,
        "told": window.told,
        "waiting": json.dumps(dict(window.waiting)),
        "entry": window.entry,
    }


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[start : start + _MANY] for start in range(0, len(values), _MANY))


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
