"""Large messages in custody: as they were, or not at all, and without a crowd of copies on the way to the disk."""

import os
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection

from quarantine import contents
from quarantine.crypto import DamagedError, PrivateKey, Sealer
from quarantine.model import Query, State
from quarantine.sql import SqlStore
from quarantine.store import Store, StoreError
from tests.quarantine.conftest import Make, claim, opened
from tests.resident import growing

_LARGE = os.urandom(contents.LARGE * 2 + 1)


async def test_a_large_message_comes_back(store: Store, deposit: Make, noon: datetime) -> None:
    """Beside a small one, to a reviewer and to delivery."""
    await store.take(
        (
            deposit("m1"),
            deposit("m2", content=_LARGE, state=State.DUE),
            deposit("m3", content=_LARGE[1:], at=noon.replace(hour=13)),
        )
    )
    assert (await store.content("m2"), await store.content("m3")) == (_LARGE, _LARGE[1:])
    assert [(one.item, one.content) for one in await claim(store, noon)] == [("m2", _LARGE)]
    assert [item.size for item in await store.items(Query(ids=("m2",)))] == [len(_LARGE)]


async def test_a_large_message_is_taken_whole_or_not_at_all(sql_store: SqlStore, deposit: Make) -> None:
    """Where the disk is full in the middle of it, nothing is there, and the next one finds its place."""

    def shrink(connection: Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 100}")

    await sql_store.database.transact(shrink)
    with pytest.raises(StoreError, match="disk is full"):
        await sql_store.take((deposit("m1", content=_LARGE),))
    assert await sql_store.items(Query()) == ()
    await sql_store.take((deposit("m2"),))
    assert [item.id for item in await sql_store.items(Query())] == ["m2"]


async def test_a_deposit_that_came_second_costs_the_first_nothing(sql_store: SqlStore, deposit: Make) -> None:
    """Not even if both are large and have one name."""
    await sql_store.take((deposit("m1", content=_LARGE),))
    with pytest.raises(StoreError):
        await sql_store.take((deposit("m1", content=_LARGE[1:]),))
    assert await sql_store.content("m1") == _LARGE


async def test_a_large_message_is_taken_without_a_copy(folder: Path, key: PrivateKey, deposit: Make) -> None:
    """It is sealed piece by piece, and SQLite takes it so."""
    content = bytes(40_000_000)
    async with opened(folder, key) as store:
        with growing() as growth:
            await store.take((deposit("large", content=content),))
        assert growth.peak < 0.3 * len(content)
        assert await store.content("large") == content


def test_what_is_sealed_in_pieces_opens_as_one(key: PrivateKey) -> None:
    """Each time that it is gone through, and with one copy; of another length or under another name it does not."""
    content = os.urandom(1_000_003) + bytes(39_000_000)
    message_key, _ = Sealer(key.public).new_key("m1")
    pieces = message_key.seal_in_pieces("content", content)
    sealed = b"".join(pieces)
    assert len(pieces) == len(sealed)
    assert sealed == b"".join(pieces)
    with growing() as growth:
        assert message_key.open("content", sealed) == content
    assert growth.peak < 1.3 * len(content)
    for name, octets in (("subject", sealed), ("content", sealed[:-1]), ("content", sealed + b"x")):
        with pytest.raises(DamagedError):
            message_key.open(name, octets)
