"""The database of one process: one transaction at a time that writes, a few that read; what goes wrong is `StoreError`.

`writing`, `reading` and `glancing` open a block, of which each statement is a journey to a thread and back. What every
other mail waits for goes in one journey, as a function of a plain connection: `transact` and `look`.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import (
    URL,
    Connection,
    Dialect,
    Engine,
    String,
    TableClause,
    column,
    create_engine,
    event,
    inspect,
    make_url,
    select,
)
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from quarantine.failures import Why, failure, is_stale, require_room, translated
from quarantine.store import StoreError
from quarantine.threads import NoThreadError, in_thread, started

T = TypeVar("T")

#: Seconds that a writer waits for another process's transaction before the message is refused for now.
BUSY_TIMEOUT: Final = 10.0

#: Milliseconds of one wait for the write lock; SQLite asks after 1, 3 and 8 of them.
_SHORT_WAIT: Final = 15

# PostgreSQL's advisory locks, to the end of the transaction; the number is that of nothing else.
_AMONG_WRITERS: Final = "SELECT pg_advisory_xact_lock_shared(5061001)"
_WITHOUT_WRITERS: Final = "SELECT pg_advisory_xact_lock(5061001)"
#: How long a transaction that writes is waited for, while others must not begin: one that hangs stops nobody for long.
_SETTLED_WITHIN: Final = "1s"

_DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}


def load_driver() -> None:
    """Import what the first connection to SQLite would."""
    create_async_engine("sqlite+aiosqlite://")


def locate(url: str, folder: Path) -> URL:
    """Return the address of the database with its async driver; a relative SQLite path is relative to `folder`.

    Raises `StoreError` for another kind of database, and for SQLite without a file: nothing held would outlive us.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError("the custody's url is no database url; for example: sqlite:///custody.db") from None
    backend = parsed.get_backend_name()
    if backend not in _DRIVERS:
        raise StoreError(f"the custody cannot be kept in {backend!r}; use sqlite or postgresql")
    located = parsed.set(drivername=_DRIVERS[backend])
    if backend == "sqlite":
        if not parsed.database or parsed.database.startswith((":memory:", "file:")):
            raise StoreError("the custody needs a file; for example: sqlite:///custody.db")
        located = located.set(database=str(folder / parsed.database))
    return located


class Database:
    """One process's way to the database. SQLite: WAL, synchronous=FULL, secure_delete, a file for its owner only."""

    def __init__(self, url: str, *, folder: Path, busy_timeout: float = BUSY_TIMEOUT) -> None:
        self.url: Final = locate(url, folder)
        #: The SQLite file, or None.
        self.path: Final = Path(self.url.database or "") if self.url.get_backend_name() == "sqlite" else None
        if self.path is None:
            self._writer = self._reader = create_async_engine(
                self.url, pool_size=4, max_overflow=0, pool_timeout=busy_timeout, hide_parameters=True
            )
            return
        self._identity = _make_file(self.path)
        plain = self.url.set(drivername="sqlite")
        self._busy_timeout = busy_timeout
        self._turn = asyncio.Lock()  # or two of this process would wait for each other in SQLite, which is not fair
        self._writer = create_async_engine(self.url, **_sqlite(1, busy_timeout))
        self._committer = create_engine(plain, **_sqlite(1, busy_timeout))
        # Readers are left without a rollback, which would cost a look-up a third of its time; `reading` does its own.
        unguarded = {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}
        self._reader = create_async_engine(self.url, **_sqlite(3, busy_timeout), **unguarded)
        self._looker = create_engine(plain, **_sqlite(2, busy_timeout), **unguarded)
        with translated(self.path):
            self._committing, self._looking = started("database-writer", 1), started("database-reader", 2)
        for engine in (self._writer.sync_engine, self._committer, self._reader.sync_engine, self._looker):
            event.listen(engine, "do_connect", self._connecting)
            event.listen(engine, "connect", _set_up)
            event.listen(engine, "handle_error", _leave_if_stale)
        for engine in (self._writer.sync_engine, self._committer):
            event.listen(engine, "connect", _set_up_writer)
            event.listen(engine, "begin", partial(_begin_immediate, busy_timeout=busy_timeout))

    @property
    def dialect(self) -> Dialect:
        """What the database speaks, for statements that are made before a connection is at hand."""
        return self._writer.dialect

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Open the one writing transaction; it is on disk when the block is left, or undone and `StoreError`."""
        async with self._in_turn(), self._writer.begin() as connection:
            if self.path is None:
                await connection.exec_driver_sql(_AMONG_WRITERS)
            yield connection

    async def transact(self, body: Callable[[Connection], T]) -> T:
        """Run `body` in the one writing transaction; what it returns is on disk, or undone and `StoreError`.

        It runs in a thread of the database's where that is SQLite, and only one at a time does.
        """
        async with self._in_turn():
            if self.path is None:
                async with self._writer.begin() as connection:
                    await connection.exec_driver_sql(_AMONG_WRITERS)
                    return await connection.run_sync(body)
            return await self._in_thread(self._committing, partial(_committed, self._committer, body))

    async def look(self, body: Callable[[Connection], T]) -> T:
        """Return what `body` reads, outside any transaction: a statement sees one moment, two may see two."""
        with translated(self.path):
            if self.path is None:
                async with self._reader.connect() as connection:
                    return await connection.run_sync(body)
            return await self._in_thread(self._looking, partial(_seen, self._looker, body))

    @asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[None]:
        with translated(self.path):
            self._require_same_file()
            if self.path is None:
                yield
                return
            async with asyncio.timeout(2 * self._busy_timeout):
                await self._turn.acquire()
            try:
                yield
            finally:
                self._turn.release()

    async def beside(self, work: Callable[[], T]) -> T:
        """Return what `work`, which opens what was read, returns, from a thread of the loop's; raises `StoreError`."""
        with translated(self.path):
            return await in_thread(work)

    async def _in_thread(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, work)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Read at one moment: all statements see the same state."""
        with translated(self.path):
            async with self._reader.connect() as connection:
                if self.path is None:  # where each statement would see a moment of its own
                    yield await connection.execution_options(isolation_level="REPEATABLE READ")
                    return
                try:
                    await connection.exec_driver_sql("BEGIN")
                    yield connection
                    await connection.exec_driver_sql("ROLLBACK")
                except BaseException:  # cancelled in one of them, nobody knows whether its thread still does it
                    await connection.invalidate()
                    raise

    @asynccontextmanager
    async def reading_settled(self) -> AsyncIterator[AsyncConnection]:
        """Read at one moment in which no transaction writes, so that none later commits a number below the newest.

        On SQLite every moment is one. PostgreSQL gives numbers before the commit: those who write are waited for there,
        and no others begin meanwhile.
        """
        if self.path is not None:
            async with self.reading() as connection:
                yield connection
            return
        with translated(self.path):
            async with self._reader.begin() as connection:
                await connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_SETTLED_WITHIN}'")
                await connection.exec_driver_sql(_WITHOUT_WRITERS)
                yield connection

    @asynccontextmanager
    async def glancing(self) -> AsyncIterator[AsyncConnection]:
        """Read with a single statement, which needs no transaction: the cheapest look-up."""
        with translated(self.path):
            async with self._reader.connect() as connection:
                yield connection

    async def try_out(self, body: Callable[[Connection], None]) -> None:
        """Run `body`, a small change, as `transact` does, where there is room for more than that."""
        await self.transact(body)
        if self.path is not None:
            require_room(self.path)

    async def shrink_log(self) -> bool:
        """Carry SQLite's write-ahead log into the database and empty it: what was erased must not linger in the log.

        False if readers were in the way; they are not waited for longer than a moment, since writers wait meanwhile.
        """
        if self.path is None:
            return True
        with translated(self.path):
            async with self._reader.connect() as connection:
                waits = (await connection.exec_driver_sql("PRAGMA busy_timeout")).scalar_one()
                await connection.exec_driver_sql("PRAGMA busy_timeout = 200")
                busy = (await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")).one()[0]
                await connection.exec_driver_sql(f"PRAGMA busy_timeout = {waits}")
                return not busy

    async def close(self) -> None:
        """Give back every connection (each SQLite one has a thread)."""
        await self._writer.dispose()
        await self._reader.dispose()
        if self.path is not None:
            for engine, threads in ((self._committer, self._committing), (self._looker, self._looking)):
                try:
                    await in_thread(threads.shutdown)
                except NoThreadError:
                    threads.shutdown(wait=False)
                engine.dispose()

    def _connecting(self, *_arguments: object) -> None:
        """SQLite would make a new file where ours is gone; the next start would take it for an empty custody."""
        self._require_same_file()

    def _require_same_file(self) -> None:
        """SQLite would go on writing to a file that was deleted or replaced, and what it takes would be lost."""
        if self.path is not None and _identity(self.path) != self._identity:
            raise failure(Why.GONE, self.path)


async def has_table(connection: AsyncConnection, table: str) -> bool:
    """Tell whether the table is there."""
    return await connection.run_sync(lambda synchronous: inspect(synchronous).has_table(table))


async def require_revision(database: Database, *, table: str, revision: str) -> None:
    """Raise `StoreError` unless the tables are those that this version of the gateway knows."""
    async with database.glancing() as connection:
        found = await read_revision(connection, table=table, newest=revision)
    if found is None:
        raise StoreError("the custody's database has not been set up yet; `dlp-gateway serve` does it at its start")
    if found != revision:
        raise StoreError(
            f"the custody's database is at version {found} and needs {revision}; restart `dlp-gateway serve`"
        )


async def read_revision(connection: AsyncConnection, *, table: str, newest: str) -> str | None:
    """Return the version of the tables, None before the first; raises `StoreError` if it is newer than we know."""
    if not await has_table(connection, table):
        return None
    found = (await connection.execute(select(column("version_num", String)).select_from(TableClause(table)))).scalar()
    if found is not None and found > newest:
        raise StoreError(
            f"the custody's database is at version {found}, which is newer than this gateway knows ({newest}); "
            "install the version of the gateway that wrote it"
        )
    return found


def _sqlite(connections: int, busy_timeout: float) -> dict[str, Any]:
    """Return the options of an engine."""
    return {
        "pool_size": connections,
        "max_overflow": 0,
        "pool_timeout": 2 * busy_timeout,
        "hide_parameters": True,
        # No implicit BEGIN: Python's sqlite3 would open a transaction before a write only, after the reads it rests on.
        "connect_args": {"timeout": busy_timeout, "isolation_level": None},
        "pool_reset_on_return": None,  # every block of ours ends its transaction itself
    }


def _committed(engine: Engine, body: Callable[[Connection], T]) -> T:
    with engine.begin() as connection:
        return body(connection)


def _seen(engine: Engine, body: Callable[[Connection], T]) -> T:
    with engine.connect() as connection:
        return body(connection)


def _leave_if_stale(context: ExceptionContext) -> None:
    """Let the pool open new connections where the old ones would go on failing once the cause is mended."""
    if is_stale(context.original_exception):
        context.is_disconnect = True


def _set_up(connection: DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",  # each commit waits for the disk: a 250 follows it
        "foreign_keys = ON",
        "secure_delete = ON",
        "journal_size_limit = 67108864",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _set_up_writer(connection: DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_SHORT_WAIT}")
    cursor.execute("PRAGMA temp_store = MEMORY")  # what a statement would take back is kept there, not in a file
    cursor.close()


def _begin_immediate(connection: Connection, busy_timeout: float) -> None:
    """Take the write lock before the first read, so that what was read is still true when we write.

    SQLite asks for a lock less and less often while it waits, up to ten times a second, so that of several processes
    under load the one that came first would wait longest. Short waits, one after another, are fairer.
    """
    deadline = time.monotonic() + busy_timeout
    cursor = connection.connection.cursor()
    try:
        while True:
            try:
                cursor.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if is_stale(error):  # no statement of SQLAlchemy's, so nobody else looks at it
                    connection.invalidate(error)
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                    raise
            except BaseException as error:  # cancelled, while the connection's thread may get the lock for nobody
                connection.invalidate(error)
                raise
            else:
                return
    finally:
        with suppress(sqlite3.ProgrammingError):  # the connection was given up, and has closed it
            cursor.close()


def _make_file(path: Path) -> tuple[int, int]:
    """Make the database file with mode 600 (SQLite gives its log files the mode of the database), if it is not there.

    A file that is there must not even be opened: closing any descriptor of it drops all locks that SQLite holds in
    this process (sqlite.org/howtocorrupt.html 2.2), and another process would then delete the log that we write to.
    """
    with translated(path), suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    return _identity(path)


def _identity(path: Path) -> tuple[int, int]:
    with translated(path):
        try:
            status = path.stat()
        except FileNotFoundError:
            raise failure(Why.GONE, path) from None
    return status.st_dev, status.st_ino
