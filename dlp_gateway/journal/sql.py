"""The journal in custody's database: what passed, what is remembered of it, and what must not happen twice."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, count
from pathlib import Path
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Dialect, Row, Select, delete, exists, func, or_, select

from dlp_gateway.journal import login_failures, rows, unanswered
from dlp_gateway.journal.conflicts import in_turn
from dlp_gateway.journal.generation import Generation
from dlp_gateway.journal.ledger import SqlLedger
from dlp_gateway.journal.memory import Memory
from dlp_gateway.journal.rows import SealedEntry
from dlp_gateway.journal.sealing import LIFETIME, JournalKey, fresh_key, reopened, shared_key
from dlp_gateway.journal.tables import REVISION, VERSION_TABLE, entries, keys, passages
from dlp_gateway.journal.tables import login_failures as login_failure_table
from dlp_gateway.journal.tables import unanswered as unanswered_table
from dlp_gateway.journal.unanswered import Lost
from dlp_gateway.journal.writer import GroupWriter, tell_dropped
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.reply import Reply
from dlp_gateway.policy.verdict import Disposition
from dlp_gateway.ports import UNDER_WAY, Entry, Failures
from dlp_gateway.recollection import Fate, Questions, Recollection, Sending, Values
from quarantine.crypto import Opener, PrivateKey, PublicKey, Sealer
from quarantine.database import BUSY_TIMEOUT, Database, require_revision
from quarantine.insertion import prepared
from quarantine.store import Also, StoreKeyError

_Insert: TypeAlias = Callable[[Connection], None]

#: Entries that are dropped in one transaction of `prune`, or read in one of `newest`.
_BATCH: Final = 500

#: Recipients, after the first entry's, whose entries are sealed before the loop serves others: 0.3 ms.
_SLICE: Final = 16

#: Seconds after which the list of lost replies is read again, whoever wrote to it.
_LOOK: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A filter over entries; empty fields do not filter. `address` is a recipient or the reverse-path, in any spelling.

    `ids` are envelope ids, `message_id` is the field's with its angle brackets; bounds of time are exclusive.
    """

    ids: tuple[str, ...] = ()
    message_id: str = ""
    address: str = ""
    reason: str = ""
    dispositions: frozenset[Disposition] = frozenset()
    received_after: datetime | None = None
    received_before: datetime | None = None
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class _Rows:
    """The hook that writes entries in custody's transaction; those of one transaction are written together."""

    journal: "SqlJournal"
    group: tuple[Entry, ...]
    new_keys: tuple[JournalKey, ...]
    sealed: tuple[SealedEntry, ...]

    def __call__(self, connection: Connection | None) -> None:
        if connection is None:
            for entry in self.group:
                self.journal.record(entry)
            return
        for insert in _inserts(self.new_keys, self.sealed, connection.dialect):
            insert(connection)
        self.journal.learn(connection, self.group)

    def joined(self, others: Sequence["_Rows"]) -> "_Rows":
        """Return the hook that does what this one and the others do."""
        every = (self, *others)
        return _Rows(
            self.journal,
            tuple(chain.from_iterable(one.group for one in every)),
            tuple(chain.from_iterable(one.new_keys for one in every)),
            tuple(chain.from_iterable(one.sealed for one in every)),
        )


def _inserts(new_keys: Sequence[JournalKey], sealed: Sequence[SealedEntry], dialect: Dialect) -> tuple[_Insert, ...]:
    """Return what writes sealed entries, and first the keys that were made for them."""
    return (
        prepared(keys, [key.row for key in new_keys], dialect),
        prepared(entries, [one.entry for one in sealed], dialect),
        prepared(passages, [passage for one in sealed for passage in one.passages], dialect),
    )


def _slices(group: tuple[Entry, ...]) -> Iterator[tuple[Entry, ...]]:
    """Yield the entries in runs of few recipients."""
    start, room = 0, _SLICE
    for place, entry in enumerate(group):
        room -= len(entry.passages)
        if room < 0 and place > start:
            yield group[start:place]
            start, room = place, _SLICE - len(entry.passages)
    yield group[start:]


class SqlJournal:
    """The `Journal` of `dlp_gateway.ports`; with the private key it can also be read."""

    def __init__(
        self,
        database: Database,
        public: PublicKey,
        private: PrivateKey | None = None,
        *,
        dropped: Callable[[int], None] = tell_dropped,
        generation: Generation | None = None,
    ) -> None:
        self._generation = generation or Generation()
        self._memory = Memory(database, public)
        self._lost = Lost()
        self._lost_as_of = -1, float("-inf")  # generation and time of the last look
        self._database = database
        self._sealer = Sealer(public)
        self._opener = None if private is None else Opener(private)
        self._shared = shared_key(public)
        self._key: JournalKey | None = None
        self._numbers = count(1)
        self._writer = GroupWriter(self._write, dropped)

    # --- entries ------------------------------------------------------------------------------------------------------

    def record(self, entry: Entry) -> None:
        """Write the entry within a second; never blocks, never raises."""
        self._writer.add(entry)

    def rows(self, entry: Entry) -> Also:
        """Return the hook that writes the entry in custody's transaction (queues it where custody is in memory)."""
        key, new_keys = self._current_key()
        return _Rows(self, (entry,), new_keys, tuple(self._sealed((entry,), key)))

    def learn(self, connection: Connection, group: tuple[Entry, ...]) -> None:
        """Learn from entries in custody's transaction."""
        self._memory.learning(group).write(connection)

    async def flush(self) -> None:
        """Write all entries that wait; raises `StoreError`, and what was not written waits on."""
        await self._writer.flush()

    async def close(self) -> None:
        """Write what waits and give back connections."""
        await self._writer.close()
        await self._database.close()

    async def entries(self, query: Query) -> tuple[Entry, ...]:
        """Return matching entries, oldest first; needs the private key."""
        chosen = self._matching(query).cte("chosen")
        return await self._opened(select(chosen.c.id))

    async def newest(self, most: int, since: datetime | None = None) -> AsyncIterator[Entry]:
        """Yield the newest `most` entries, of those received since then, oldest first; needs the private key."""
        latest = select(entries.c.id).order_by(entries.c.received_at.desc(), entries.c.id.desc()).limit(most)
        if since is not None:
            latest = latest.where(entries.c.received_at >= since)
        async with self._database.reading() as connection:
            names = (await connection.execute(latest)).scalars().all()[::-1]
        for start in range(0, len(names), _BATCH):
            for entry in await self._opened(names[start : start + _BATCH]):
                yield entry

    async def _opened(self, chosen: Select[Any] | Sequence[str]) -> tuple[Entry, ...]:
        """Return the entries of these rows, oldest first."""
        if self._opener is None:
            raise StoreKeyError("this process holds the custody's public key only and cannot read the journal")
        found = select(entries, keys.c.sealed.label("sealed_key")).join(keys, keys.c.id == entries.c.key)
        theirs = select(passages).where(passages.c.entry.in_(chosen))
        async with self._database.reading() as connection:
            listed = found.where(entries.c.id.in_(chosen)).order_by(entries.c.received_at, entries.c.id)
            entry_rows = (await connection.execute(listed)).all()
            by_entry: dict[str, list[Row[Any]]] = {}
            for row in await connection.execute(theirs.order_by(passages.c.entry, passages.c.number)):
                by_entry.setdefault(row.entry, []).append(row)
        opened = {row.key: reopened(self._opener, row.key, row.sealed_key) for row in entry_rows}
        return tuple(rows.opened(row, by_entry.get(row.id, []), opened[row.key]) for row in entry_rows)

    async def prune(self, before: datetime, window: timedelta = timedelta(days=1)) -> int:
        """Drop what was received before `before`, and what is needed for hours or for a `window` only.

        Returns how many entries went.
        """
        dropped = 0
        while True:
            old = select(entries.c.id).where(entries.c.received_at < before).limit(_BATCH)
            async with self._database.writing() as connection:
                gone = (await connection.execute(old)).scalars().all()
                await connection.execute(delete(entries).where(entries.c.id.in_(gone)))
            dropped += len(gone)
            if len(gone) < _BATCH:
                break
        unused = ~exists().where(entries.c.key == keys.c.id)
        now = datetime.now(UTC)
        async with self._database.writing() as connection:
            # However short the journal keeps: some process seals with it, or what it sealed is about to be written.
            disused = keys.c.made_at < min(before, now - 2 * LIFETIME)
            await connection.execute(delete(keys).where(disused, unused))
            await connection.execute(delete(unanswered_table).where(unanswered.over(now)))
            long_ago = now - login_failures.KEPT
            await connection.execute(delete(login_failure_table).where(login_failure_table.c.at < long_ago))
        await self._memory.prune(before, window)
        return dropped

    async def _write(self, group: tuple[Entry, ...]) -> None:
        """Commit a group; a key that it made is used from then on.

        All that needs no database is done here: its thread would take the interpreter from the loop all along.
        """
        key, new_keys = self._current_key()
        inserts: list[_Insert] = []
        for some in _slices(group):
            inserts += _inserts(new_keys if not inserts else (), self._sealed(some, key), self._database.dialect)
            await asyncio.sleep(0)
        learning = self._memory.learning(group)

        def write(connection: Connection) -> None:
            for insert in inserts:
                insert(connection)
            learning.write(connection)

        await self._database.transact(write)
        self._key = key
        learning.committed()

    def _current_key(self) -> tuple[JournalKey, tuple[JournalKey, ...]]:
        """Return the key to seal with, and once more if it is new: there was none that is young and committed."""
        now = datetime.now(UTC)
        if self._key is not None and now - self._key.made_at < LIFETIME:
            return self._key, ()
        key = fresh_key(self._sealer, now)
        return key, (key,)

    def _sealed(self, group: tuple[Entry, ...], key: JournalKey) -> list[SealedEntry]:
        return [rows.sealed(entry, next(self._numbers), key, self._sealer.public) for entry in group]

    def _matching(self, query: Query) -> Select[Any]:
        """Select the ids of the entries that a query wants."""
        public = self._sealer.public
        chosen = select(entries.c.id).order_by(entries.c.received_at, entries.c.id).limit(query.limit)
        if query.ids:
            chosen = chosen.where(entries.c.message.in_(query.ids))
        if query.message_id:
            chosen = chosen.where(entries.c.message_id_index == rows.message_id_index(public, query.message_id))
        if query.address:
            index = rows.address_index(public, query.address)
            received = entries.c.id.in_(select(passages.c.entry).where(passages.c.recipient_index == index))
            chosen = chosen.where(or_(entries.c.reverse_path_index == index, received))
        if query.reason:
            # replace() heeds upper and lower case on every database; SQLite's LIKE does not.
            without = func.replace(entries.c.reasons, rows.written_rules((query.reason,)), "")
            chosen = chosen.where(without != entries.c.reasons)
        if query.dispositions:
            chosen = chosen.where(entries.c.disposition.in_([one.label for one in query.dispositions]))
        if query.received_after is not None:
            chosen = chosen.where(entries.c.received_at > query.received_after)
        if query.received_before is not None:
            chosen = chosen.where(entries.c.received_at < query.received_before)
        return chosen

    # --- memory -------------------------------------------------------------------------------------------------------

    async def recollect(self, sending: Sending, questions: Questions) -> Recollection:
        """Return what is remembered that concerns a message."""
        return await self._memory.recollect(sending, questions)

    async def announce(self, sending: Sending, *, is_exposed: bool, is_objected: bool) -> int:
        """Commit that a mail to several is under way, with what it will have been at the worst; return its number."""
        return await self._memory.announce(sending, is_exposed=is_exposed, is_objected=is_objected)

    async def add_values(self, sending: Sending, values: Values, window: timedelta) -> Values:
        """Commit what a mail is about to send outside; return what its sender sent of that sort within the window."""
        return await self._memory.add_values(sending, values, window)

    async def withdraw(self, sending: Sending, values: Values = ()) -> None:
        """Commit that an announced mail is none that is remembered, and that it does not send these values."""
        await self._memory.withdraw(sending, values)

    async def remember(self, sending: Sending, thread: bytes, fate: Fate) -> None:
        """Commit a mail to several, before it leaves (addresses as keyed digests); its parts are one mail."""
        await self._memory.remember(sending, thread, fate)

    async def settle(self) -> int:
        """Learn from mail that left custody since; return from how many."""
        return await self._memory.settle()

    # --- replies that got lost ----------------------------------------------------------------------------------------

    def fingerprint(self, envelope: Envelope, content: bytes) -> bytes:
        """Return the keyed digest by which a retry is known: client or login, reverse-path, recipient set, content."""
        return unanswered.fingerprint(self._sealer.public, envelope, content)

    async def any_unanswered(self) -> bool:
        """Whether any reply within the hour did not arrive, to whomever, so that a message may be a retry.

        Asked for every message: the database is only looked at when a receiver wrote something, and once a second.
        """
        generation, moment = self._generation.value, time.monotonic()
        if generation != self._lost_as_of[0] or moment - self._lost_as_of[1] > _LOOK:
            async with self._database.glancing() as connection:
                await self._lost.look(connection, datetime.now(UTC))
            self._lost_as_of = generation, moment
        return bool(self._lost)

    async def recall(self, fingerprint: bytes) -> Reply | None:
        """Return our final reply to the same transaction within the hour, if the client never got it.

        While its hand-over is still under way that is a 451.
        """
        if not await self.any_unanswered() or fingerprint not in self._lost:
            return None
        async with self._database.glancing() as connection:
            return await unanswered.recall(connection, self._shared, fingerprint, datetime.now(UTC))

    async def remember_under_way(self, fingerprint: bytes, at: datetime) -> None:
        """Commit that the client went away while its message is being handed over."""
        await self.remember_unanswered(fingerprint, UNDER_WAY, at)

    async def remember_unanswered(self, fingerprint: bytes, reply: Reply, at: datetime) -> None:
        """Commit that `reply` was final and that the client did not get it."""
        async with self._database.writing() as connection:
            await unanswered.remember(connection, self._shared, fingerprint, reply, at)
        self._generation.move()

    async def forget_unanswered(self, fingerprint: bytes) -> None:
        """Commit that a retry is a new attempt: the transaction ended without anybody having the mail."""
        async with self._database.writing() as connection:
            await unanswered.forget(connection, fingerprint)
        self._generation.move()

    # --- failed logins ------------------------------------------------------------------------------------------------

    async def failures(self, network: str, name: str, since: datetime) -> Failures:
        """Return the failed logins of which the last was counted after `since`."""
        async with self._database.glancing() as connection:
            return await login_failures.known(connection, self._sealer.public, network, name, since)

    async def count_failure(
        self, network: str, name: str, password: str, since: datetime, now: datetime
    ) -> tuple[Failures, Failures]:
        """Commit one more, unless it is the same wrong password again, and return all, before it and with it."""
        public = self._sealer.public
        async with self._database.writing() as connection:
            await connection.run_sync(in_turn)
            before = await login_failures.known(connection, public, network, name, since)
            await login_failures.count(connection, public, network, name, password, since=since, now=now)
            return before, await login_failures.known(connection, public, network, name, since)

    async def forgive(self, network: str, name: str) -> None:
        """Commit that the failures of this name from this network were slips of its owner."""
        async with self._database.writing() as connection:
            await login_failures.forgive(connection, self._sealer.public, network, name)


async def open_journal(
    url: str,
    public: PublicKey,
    private: PrivateKey | None = None,
    *,
    folder: Path,
    dropped: Callable[[int], None] = tell_dropped,
    generation: Generation | None = None,
    busy_timeout: float = BUSY_TIMEOUT,
) -> SqlJournal:
    """Open a journal that `migrations.migrate` has set up; raises `StoreError`.

    Receivers share a `generation`, so that each knows at once what another one remembers of lost replies.
    """
    database = Database(url, folder=folder, busy_timeout=busy_timeout)
    await _require_tables(database)
    return SqlJournal(database, public, private, dropped=dropped, generation=generation)


async def open_ledger(url: str, private: PrivateKey, *, folder: Path, busy_timeout: float = BUSY_TIMEOUT) -> SqlLedger:
    """Open what the writer of notices remembers, beside the journal; raises `StoreError`."""
    database = Database(url, folder=folder, busy_timeout=busy_timeout)
    await _require_tables(database)
    return SqlLedger(database, private)


async def _require_tables(database: Database) -> None:
    try:
        await require_revision(database, table=VERSION_TABLE, revision=REVISION)
    except BaseException:
        await database.close()
        raise
