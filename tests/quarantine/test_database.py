"""Where the database is, who may read it, and what its connections promise and leave behind."""

import asyncio
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select

from quarantine.crypto import PrivateKey
from quarantine.database import Database, locate
from quarantine.migrations import migrate
from quarantine.model import Query
from quarantine.opening import open_store
from quarantine.store import StoreError
from quarantine.tables import payloads
from tests.conftest import SQLITE
from tests.quarantine.conftest import Make, opened


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///custody.db", "sqlite+aiosqlite:////var/lib/dlp/custody.db"),
        ("sqlite:///data/custody.db", "sqlite+aiosqlite:////var/lib/dlp/data/custody.db"),
        ("sqlite:////srv/custody.db", "sqlite+aiosqlite:////srv/custody.db"),
        ("postgresql://dlp@db.example/custody", "postgresql+asyncpg://dlp@db.example/custody"),
    ],
)
def test_where_the_database_is(url: str, expected: str) -> None:
    """A relative path is relative to the folder given; the driver is ours to pick."""
    assert expected == locate(url, Path("/var/lib/dlp")).render_as_string()


@pytest.mark.parametrize("url", ["", "custody.db", "sqlite://", "sqlite:///:memory:", "mysql://db.example/custody"])
def test_no_place_for_custody(url: str) -> None:
    """A database that would not outlive us, or that we do not know, is refused with a sentence."""
    with pytest.raises(StoreError):
        locate(url, Path("/var/lib/dlp"))


def file_modes(folder: Path) -> dict[str, int]:
    """Return the permissions of each file in a folder."""
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


async def test_files_are_for_their_owner_only(tmp_path: Path, key: PrivateKey, deposit: Make) -> None:
    """Database and logs have mode 600, whatever the umask."""
    mask = os.umask(0)
    try:
        await migrate(SQLITE, folder=tmp_path)
        async with opened(tmp_path, key) as store:
            await store.take((deposit("m1"),))
            modes = await asyncio.to_thread(file_modes, tmp_path)
    finally:
        os.umask(mask)
    assert modes == dict.fromkeys(("custody.db", "custody.db-wal", "custody.db-shm"), 0o600)


async def test_every_commit_waits_for_the_disk(folder: Path) -> None:
    """The writing connection has the settings that durability and erasing rest on."""
    database = Database(SQLITE, folder=folder)
    async with database.writing() as connection:
        found = {
            name: (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }
    await database.close()
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}


async def test_no_thread_is_left(folder: Path, key: PrivateKey, deposit: Make) -> None:
    """After closing, no connection's thread keeps the process alive."""
    before = set(threading.enumerate())
    async with opened(folder, key) as store:
        await store.take((deposit("m1"),))
        await store.items(Query())
        new = set(threading.enumerate()) - before
    for thread in new:
        await asyncio.to_thread(thread.join, 2)
    assert len(new) == 5
    assert [thread.is_alive() for thread in new] == [False] * 5


async def test_the_log_is_emptied_unless_somebody_reads(folder: Path, key: PrivateKey, deposit: Make) -> None:
    """A reader keeps the log from being emptied, which is told and waited for only a moment."""
    async with opened(folder, key) as store:
        with closing(sqlite3.connect(folder / "custody.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM payloads").fetchone()
            await store.take((deposit("m1"),))
            assert not await store.database.shrink_log()
            reader.execute("ROLLBACK")
        assert await store.database.shrink_log()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.e2e)])
def url(request: pytest.FixtureRequest) -> str:
    """The address of a fresh database of each sort; SQLite's lies in `folder`."""
    return SQLITE if request.param == "sqlite" else request.getfixturevalue("postgres_url")


async def test_reading_sees_one_moment(url: str, folder: Path, key: PrivateKey, deposit: Make) -> None:
    """What another process takes meanwhile is not half there: items without their recipients could not be listed."""
    one, other = [await open_store(url, key.public, key, folder=folder) for _ in range(2)]
    async with one.database.reading() as connection:
        counted = [(await connection.execute(select(func.count()).select_from(payloads))).scalar_one()]
        await other.take((deposit("m1"),))
        counted.append((await connection.execute(select(func.count()).select_from(payloads))).scalar_one())
    async with one.database.glancing() as connection:
        counted.append((await connection.execute(select(func.count()).select_from(payloads))).scalar_one())
    for store in (one, other):
        await store.close()
    assert counted == [0, 0, 1]


@pytest.mark.parametrize("way", ["writing", "reading"])
async def test_a_block_that_is_cancelled_at_its_beginning_leaves_nothing_open(folder: Path, way: str) -> None:
    """Its connection's thread may begin the transaction all the same: neither others nor the next of ours meet it."""
    database = Database(SQLITE, folder=folder, busy_timeout=2)

    async def use() -> None:
        async with getattr(database, way)():
            pass

    await use()
    with closing(sqlite3.connect(folder / "custody.db", isolation_level=None, timeout=0.2)) as other:
        for moment in range(20):
            other.execute("BEGIN IMMEDIATE")
            begun = asyncio.create_task(use())
            for _ in range(moment):
                await asyncio.sleep(0.001)
            begun.cancel()
            other.execute("ROLLBACK")
            await asyncio.gather(begun, return_exceptions=True)
            await asyncio.sleep(0.02)
            other.execute("BEGIN EXCLUSIVE")
            other.execute("ROLLBACK")
            await use()
    await database.close()
