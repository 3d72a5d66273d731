"""The log of all items as one row, and how items stand: the same in memory and on SQLite, and nothing is opened."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from quarantine.crypto import PrivateKey
from quarantine.database import Database
from quarantine.migrations import migrate
from quarantine.model import DEPOSITOR, Standing, State
from quarantine.opening import open_store
from quarantine.sql import SqlStore
from quarantine.store import Store, StoreError
from tests.conftest import SQLITE
from tests.quarantine.conftest import Make

PEOPLE = ("bob@example.com", "eve@example.org", "dan@example.net")


async def test_what_happened_is_read_in_order(store: Store, deposit: Make, noon: datetime) -> None:
    """One transition for each recipient, of all items, with who did it and why the item is there."""
    assert await store.transitions(after=0, limit=10) == ()
    await store.take((deposit("m1", *PEOPLE[:2], reasons=("licence-out", "b")),))
    start = await store.last_transition()
    await store.take((deposit("m2", state=State.DUE, reasons=("dsn",)),))
    await store.release("m1", actor="ann", reason="ok", now=noon, recipients=PEOPLE[:1])
    found = await store.transitions(after=start, limit=10)
    assert [(one.item, one.reasons, one.actor, one.before, one.after) for one in found] == [
        ("m2", ("dsn",), DEPOSITOR, None, State.DUE),
        ("m1", ("licence-out", "b"), "ann", State.HELD, State.DUE),
    ]
    assert start < found[0].number < found[1].number == await store.last_transition()
    assert await store.transitions(after=found[1].number, limit=10) == ()


async def test_who_changed_together_is_read_together(store: Store, deposit: Make, noon: datetime) -> None:
    """A limit never cuts one decision in two, and the next one begins behind it."""
    before = await store.last_transition()
    await store.take((deposit("m1", *PEOPLE), deposit("m2")))
    first = await store.transitions(after=before, limit=2)
    assert [one.item for one in first] == ["m1", "m1", "m1"]
    assert [one.item for one in await store.transitions(after=first[-1].number, limit=2)] == ["m2"]


async def test_how_items_stand(store: Store, deposit: Make, noon: datetime) -> None:
    """Recipients by state, the first time of delivery, and when those who are held expire."""
    await store.take((deposit("m1", *PEOPLE), deposit("m2", state=State.DUE, due_at=noon + timedelta(minutes=10))))
    await store.discard("m1", actor="ann", reason="", now=noon, recipients=PEOPLE[:1])
    assert await store.standings(("m1", "m2", "unknown")) == {
        "m1": Standing(states={State.HELD: 2, State.DISCARDED: 1}, due_at=noon, expires_at=noon + timedelta(days=14)),
        "m2": Standing(
            states={State.DUE: 1}, due_at=noon + timedelta(minutes=10), expires_at=noon + timedelta(days=14)
        ),
    }
    assert await store.standings(()) == {}


async def test_who_gets_the_mail_as_it_came(store: Store, deposit: Make, noon: datetime) -> None:
    """A reviewer may ask for it by name, for some or for all."""
    await store.take((deposit("m1", *PEOPLE),))
    await store.release("m1", actor="ann", reason="", now=noon, recipients=PEOPLE[:1])
    assert (await store.standings(("m1",)))["m1"].originals == 0
    await store.release("m1", actor="ann", reason="", now=noon, recipients=PEOPLE[1:], original=True)
    assert (await store.standings(("m1",)))["m1"].originals == 2


async def test_numbers_are_never_given_twice(store: Store, deposit: Make, noon: datetime) -> None:
    """Who remembers the newest number misses nothing, even when the newest rows were dropped meanwhile."""
    await store.take((deposit("m1"),))
    await store.discard("m1", actor="ann", reason="", now=noon)
    mark = await store.last_transition()
    later = noon + timedelta(days=1)
    assert (await store.erase(before=later), await store.forget(before=later)) == (1, 1)
    await store.take((deposit("m2"),))
    assert [one.item for one in await store.transitions(after=mark, limit=10)] == ["m2"]


@pytest.mark.e2e
async def test_nothing_is_passed_over_that_is_committed_late(
    postgres_store: SqlStore, postgres_url: str, key: PrivateKey, tmp_path: Path, deposit: Make
) -> None:
    """PostgreSQL gives a number before the commit: whoever read a higher one meanwhile would never ask for it again."""
    other = await open_store(postgres_url, key.public, key, folder=tmp_path)
    numbered = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slowly(connection: Connection | None) -> None:
        if connection is not None:
            loop.call_soon(numbered.set)
            connection.exec_driver_sql("SELECT pg_sleep(0.5)")

    first = asyncio.create_task(other.take((deposit("m1"),), also=slowly))
    await numbered.wait()
    await postgres_store.take((deposit("m2"),))
    found = await postgres_store.transitions(after=0, limit=10)
    await first
    await other.close()
    assert [one.item for one in found] == ["m1", "m2"]


@pytest.mark.e2e
async def test_what_hangs_keeps_nobody_from_writing(
    postgres_store: SqlStore, postgres_url: str, key: PrivateKey, tmp_path: Path, deposit: Make
) -> None:
    """Whoever follows the log waits for it for a moment only, and is told."""
    other = await open_store(postgres_url, key.public, key, folder=tmp_path)
    async with other.database.writing():
        following = asyncio.create_task(postgres_store.transitions(after=0, limit=10))
        await asyncio.sleep(0.2)
        await postgres_store.take((deposit("m1"),))
        with pytest.raises(StoreError):
            await following
    await other.close()
    assert [one.item for one in await postgres_store.transitions(after=0, limit=10)] == ["m1"]


async def test_the_public_key_is_enough(folder: Path, key: PrivateKey, deposit: Make) -> None:
    """Whoever follows the log reads no address, no subject and no reason that a person gave."""
    store = await open_store(SQLITE, key.public, folder=folder)
    await store.take((deposit("m1"),))
    assert [one.item for one in await store.transitions(after=0, limit=10)] == ["m1"]
    assert list(await store.standings(("m1",))) == ["m1"]
    await store.close()


async def test_events_of_an_older_store_stay(tmp_path: Path, key: PrivateKey, deposit: Make) -> None:
    """The migration that makes numbers unique keeps what was written before it."""
    await migrate(SQLITE, folder=tmp_path)
    store = await open_store(SQLITE, key.public, key, folder=tmp_path)
    await store.take((deposit("m1", *PEOPLE),))
    before = await store.events("m1")
    await store.close()
    database = Database(SQLITE, folder=tmp_path)
    async with database.writing() as connection:
        await connection.exec_driver_sql("ALTER TABLE recipients DROP COLUMN told_of_delay")
        await connection.exec_driver_sql("UPDATE custody_version SET version_num = '0001'")
    await database.close()
    await migrate(SQLITE, folder=tmp_path)
    store = await open_store(SQLITE, key.public, key, folder=tmp_path)
    assert await store.events("m1") == before
    assert await store.last_transition() == 3
    await store.close()
