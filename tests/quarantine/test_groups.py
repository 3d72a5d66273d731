"""Takes of concurrent callers share a commit, and nothing else: not their failures, not their ends."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from quarantine import database, groups
from quarantine.crypto import PrivateKey
from quarantine.model import Query
from quarantine.opening import open_store
from quarantine.sql import SqlStore
from quarantine.store import BusyError, StoreError
from tests.quarantine.conftest import Make


@pytest.fixture
def commits(sql_store: SqlStore) -> list[str]:
    """Give a list that grows with each commit of the store."""
    found: list[str] = []
    event.listen(sql_store.database._committer, "commit", lambda _: found.append("commit"))
    return found


async def names(store: SqlStore) -> set[str]:
    """Return what lies in custody."""
    return {item.id for item in await store.items(Query(limit=1000))}


async def test_concurrent_takes_share_commits(sql_store: SqlStore, deposit: Make, commits: list[str]) -> None:
    """Sixteen at a time, however many wait."""
    wanted = {f"m{number:03}" for number in range(1 + 2 * groups.TOGETHER)}
    await asyncio.gather(*(sql_store.take((deposit(name),)) for name in sorted(wanted)))
    assert await names(sql_store) == wanted
    assert len(commits) == 3


async def test_takes_one_after_the_other_have_a_commit_each(
    sql_store: SqlStore, deposit: Make, commits: list[str]
) -> None:
    """Nobody waits for company."""
    for name in ("m1", "m2", "m3"):
        await sql_store.take((deposit(name),))
        assert name in await names(sql_store)
    assert len(commits) == 3


async def test_what_is_wrong_with_one_is_no_others_fault(sql_store: SqlStore, deposit: Make) -> None:
    """A number that is taken, a hook that fails: those callers hear of it, and the others' mail is kept."""
    ran: list[str] = []

    def hook(name: str, error: Exception | None = None) -> Callable[[Any], Any]:
        def write(connection: Connection) -> None:
            ran.append(name)
            connection.execute(text("SELECT 1"))
            if error is not None:
                raise error

        return write

    await sql_store.take((deposit("twice"),))
    results = await asyncio.gather(
        sql_store.take((deposit("m1"),), hook("m1")),
        sql_store.take((deposit("m2"),), hook("m2")),
        sql_store.take((deposit("twice"),)),
        sql_store.take((deposit("m3"), deposit("m4")), hook("m3", LookupError("the journal's"))),
        sql_store.take((deposit("m5"),), hook("m5")),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [type(None), type(None), StoreError, LookupError, type(None)]
    assert await names(sql_store) == {"twice", "m1", "m2", "m5"}
    assert {"m1", "m2", "m3", "m5"} <= set(ran)


@dataclass(frozen=True)
class Noted:
    """A hook that can be put together with others: notes its names, and fails if one of them is bad."""

    notes: list[tuple[str, ...]]
    names: tuple[str, ...]

    def __call__(self, _: object) -> None:
        """Note the names, and fail for a bad one."""
        self.notes.append(self.names)
        if "bad" in self.names:
            raise LookupError("bad")

    def joined(self, others: Sequence["Noted"]) -> "Noted":
        """Return the hook of all names."""
        return Noted(self.notes, (*self.names, *(name for other in others for name in other.names)))


async def test_hooks_of_a_kind_write_together(sql_store: SqlStore, deposit: Make) -> None:
    """And singly where one of them fails, so that only his take does."""
    notes: list[tuple[str, ...]] = []
    good = ("m1", "m2", "m3")
    await asyncio.gather(*(sql_store.take((deposit(name),), Noted(notes, (name,))) for name in good))
    assert notes == [good]
    notes.clear()
    names_ = ("m4", "bad", "m5")
    results = await asyncio.gather(
        *(sql_store.take((deposit(name),), Noted(notes, (name,))) for name in names_), return_exceptions=True
    )
    assert [type(result) for result in results] == [type(None), LookupError, type(None)]
    assert notes == [names_, ("m4",), ("bad",), ("m5",)]
    assert await names(sql_store) == {*good, "m4", "m5"}


async def test_whoever_goes_away_before_his_turn_is_left_out(sql_store: SqlStore, deposit: Make) -> None:
    """As a transaction that never began; the others do not notice."""
    takes = [asyncio.create_task(sql_store.take((deposit(f"m{number}"),))) for number in range(4)]
    await asyncio.sleep(0)
    takes[2].cancel()
    results = await asyncio.gather(*takes, return_exceptions=True)
    assert isinstance(results[2], asyncio.CancelledError)
    assert await names(sql_store) == {"m0", "m1", "m3"}


async def test_whoever_goes_away_while_it_is_written_changes_nothing(sql_store: SqlStore, deposit: Make) -> None:
    """The transaction goes on; one that he alone cut off would take others' mail with it."""
    begun, loop = asyncio.Event(), asyncio.get_running_loop()

    def slow(_: object) -> None:
        loop.call_soon_threadsafe(begun.set)
        time.sleep(0.05)

    first = asyncio.create_task(sql_store.take((deposit("m1"),), slow))
    others = [asyncio.create_task(sql_store.take((deposit(name),))) for name in ("m2", "m3")]
    await begun.wait()
    first.cancel()
    await asyncio.gather(*others)
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await names(sql_store) == {"m1", "m2", "m3"}


async def test_a_lock_costs_all_of_a_group_one_wait(
    folder: Path, key: PrivateKey, deposit: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has the database to himself keeps everybody out: trying each singly would take as long for each."""
    begins: list[object] = []
    begin = database._begin_immediate

    def counted(connection: Connection, busy_timeout: float) -> None:
        begins.append(connection)
        begin(connection, busy_timeout)

    monkeypatch.setattr(database, "_begin_immediate", counted)
    store = await open_store("sqlite:///custody.db", key.public, key, folder=folder, busy_timeout=0.2)
    with closing(sqlite3.connect(folder / "custody.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        begins.clear()
        takes = (store.take((deposit(f"m{number}"),)) for number in range(9))
        results = await asyncio.gather(*takes, return_exceptions=True)
        assert [type(result) for result in results] == [BusyError] * 9
        assert len(begins) == 1
        other.execute("ROLLBACK")
    await store.take((deposit("m9"),))
    assert await names(store) == {"m9"}
    await store.close()


async def test_large_mails_do_not_keep_other_writers_waiting(
    sql_store: SqlStore, deposit: Make, commits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group is bounded in bytes too."""
    monkeypatch.setattr(groups, "_LARGEST", 20_000)
    takes = (sql_store.take((deposit(f"m{number}", content=b"x" * 9_000),)) for number in range(5))
    await asyncio.gather(*takes)
    assert len(commits) == 3


async def test_closing_waits_for_what_is_being_written(folder: Path, key: PrivateKey, deposit: Make) -> None:
    """A hold whose 250 may be on its way is on disk."""
    store = await open_store("sqlite:///custody.db", key.public, key, folder=folder)
    takes = [asyncio.create_task(store.take((deposit(f"m{number}"),))) for number in range(3)]
    await asyncio.sleep(0)
    await store.close()
    assert await asyncio.gather(*takes, return_exceptions=True) == [None] * 3
