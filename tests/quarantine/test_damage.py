"""A database that was overwritten is refused, and a row that was changed harms no other."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from quarantine.crypto import PrivateKey
from quarantine.model import Claim, Query, Settlement, State
from quarantine.sql import SqlStore
from quarantine.store import StoreError
from tests.quarantine.conftest import Make, opened


@pytest.mark.parametrize("place", [0, 16, 100])
async def test_a_corrupt_database(folder: Path, key: PrivateKey, place: int) -> None:
    """A database with overwritten pages is refused at the start."""
    with (folder / "custody.db").open("r+b") as file:
        file.seek(place)
        file.write(b"\xa5" * 4096)
    with pytest.raises(StoreError):
        async with opened(folder, key) as store:
            await store.items(Query())


async def test_corruption_under_way(folder: Path, key: PrivateKey, deposit: Make) -> None:
    """A database that is overwritten while it is open takes nothing and says so."""
    async with opened(folder, key) as store:
        await store.take((deposit("m1"),))
        await store.database.shrink_log()
        path = folder / "custody.db"
        with path.open("r+b") as file:
            file.write(b"\xa5" * path.stat().st_size)
        with pytest.raises(StoreError):
            await store.take((deposit("m2"),))


async def claimed(store: SqlStore, now: datetime) -> dict[tuple[str, int], Claim]:
    """Claim what is due, by item and copy."""
    found = await store.claim(owner="worker", now=now, lease=timedelta(minutes=1), limit=8)
    return {(claim.item, claim.copy): claim for claim in found}


async def test_a_damaged_row_harms_no_other(folder: Path, key: PrivateKey, deposit: Make) -> None:
    """An item whose key was changed is still shown, comes as damaged and can be given up; the others are delivered."""
    async with opened(folder, key) as store:
        await store.take((deposit("m1", state=State.DUE), deposit("m2", state=State.DUE)))
        async with store.database.writing() as connection:
            await connection.exec_driver_sql("UPDATE payloads SET sealed_key = zeroblob(80) WHERE id = 'm1'")
        now = deposit("m1").created_at
        claims = await claimed(store, now)
        assert {part: claim.damaged for part, claim in claims.items()} == {("m1", 1): True, ("m2", 1): False}
        lost = claims["m1", 1]
        assert (lost.content, lost.reverse_path, [to.address for to in lost.recipients]) == (b"", "", [""])
        await store.settle(lost, (Settlement(recipient=1, state=State.FAILED, reply="554 damaged"),), now=now)
        found = {item.id: (item.state, item.subject) for item in await store.items(Query())}
        assert found == {"m1": (State.FAILED, ""), "m2": (State.DUE, "offer")}
        assert [event.after for event in await store.events("m1")] == [State.DUE, State.FAILED]
        with pytest.raises(StoreError, match="changed"):
            await store.content("m1")
        assert await store.discard("m1", actor="ann", reason="", now=now) == 1


async def test_a_damaged_copy_harms_no_other(folder: Path, key: PrivateKey, deposit: Make) -> None:
    """One copy of a split mail cannot be opened: the others leave, and of it is known whatever can be."""
    async with opened(folder, key) as store:
        whole = deposit("m1", state=State.DUE)
        (first,) = whole.copies
        second = replace(first, recipients=("eve@example.org",))
        await store.take((replace(whole, copies=(first, second)),))
        async with store.database.writing() as connection:
            await connection.exec_driver_sql("UPDATE copies SET edits = zeroblob(40) WHERE number = 2")
        claims = await claimed(store, whole.created_at)
        assert {part: claim.damaged for part, claim in claims.items()} == {("m1", 1): False, ("m1", 2): True}
        lost = claims["m1", 2]
        assert (lost.content, lost.edits, lost.reverse_path) == (b"", "", "ann@corp.example")
        assert [to.address for to in lost.recipients] == ["eve@example.org"]
        failed = Settlement(recipient=2, state=State.FAILED, reply="554 damaged")
        await store.settle(lost, (failed,), now=whole.created_at)
        (item,) = await store.items(Query())
        assert [to.state for to in item.recipients] == [State.DUE, State.FAILED]
        await store.handing_over(claims["m1", 1], (1,))


async def test_a_lease_on_what_cannot_be_read_is_given_back(folder: Path, key: PrivateKey, deposit: Make) -> None:
    """What was leased and then not read is another's at once, and it was no attempt."""
    async with opened(folder, key) as store:
        await store.take((deposit("m1", state=State.DUE),))
        now = deposit("m1").created_at
        async with store.database.writing() as connection:
            await connection.exec_driver_sql("ALTER TABLE copies RENAME TO away")
        with pytest.raises(StoreError):
            await claimed(store, now)
        async with store.database.writing() as connection:
            await connection.exec_driver_sql("ALTER TABLE away RENAME TO copies")
        (claim,) = (await claimed(store, now)).values()
        assert claim.recipients[0].attempts == 0


async def test_what_cannot_be_opened_stands_before_no_other(sql_store: SqlStore, deposit: Make, noon: datetime) -> None:
    """A mail that a newer version sealed keeps its lease; those that were claimed with it are claimed again at once."""
    due = [deposit(f"m{number}", state=State.DUE, due_at=noon + number * timedelta(seconds=1)) for number in range(3)]
    await sql_store.take(tuple(due))
    async with sql_store.database.writing() as connection:
        await connection.exec_driver_sql("UPDATE payloads SET schema = 99 WHERE id = 'm1'")
    later = noon + timedelta(minutes=1)
    with pytest.raises(StoreError, match="newer version"):
        await claimed(sql_store, later)
    assert {item for item, _ in await claimed(sql_store, later)} == {"m0", "m2"}
