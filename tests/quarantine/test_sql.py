"""What lies in the database file: nothing readable, nothing left after erasing, and what a public key alone can do."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from quarantine.crypto import PrivateKey
from quarantine.model import CopyDeposit, Deposit, Query, Settlement, State
from quarantine.opening import open_store
from quarantine.sql import SqlStore
from quarantine.store import StoreError, StoreKeyError
from tests.conftest import SQLITE
from tests.quarantine.conftest import Make


def on_disk(folder: Path) -> bytes:
    """Return every byte of the database and its logs."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def marked(deposit: Make, name: str, *, state: State) -> Deposit:
    """Return a deposit in which every text holds the word MARKER."""
    copy = CopyDeposit(
        reverse_path="MARKER-path@corp.example",
        recipients=("MARKER-to@example.com", "marker-too@example.org"),
        edits="MARKER edits",
        options="MARKER options",
        state=state,
        due_at=deposit("m").created_at,
    )
    return deposit(
        name,
        copies=(copy,),
        content=b"Subject: MARKER\r\n\r\nMARKER\r\n" * 500,
        subject="MARKER subject",
        reverse_path="MARKER-author@corp.example",
        group="<MARKER@corp.example>",
    )


async def test_nothing_is_readable(sql_store: SqlStore, folder: Path, deposit: Make, noon: datetime) -> None:
    """Neither the mail, nor an address, nor what the next hop or a reviewer said of it can be read from the files."""
    await sql_store.take((marked(deposit, "m1", state=State.HELD), marked(deposit, "m2", state=State.DUE)))
    await sql_store.release("m1", actor="ann", reason="MARKER asked", now=noon, recipients=("MARKER-to@example.com",))
    for claim in await sql_store.claim(owner="worker", now=noon, lease=timedelta(minutes=1), limit=8):
        reply = "550 <MARKER-to@example.com> unknown"
        settlements = tuple(Settlement(recipient=to.id, state=State.FAILED, reply=reply) for to in claim.recipients)
        await sql_store.settle(claim, settlements, now=noon)
    assert b"marker" not in on_disk(folder).lower()
    await sql_store.database.shrink_log()
    assert b"marker" not in on_disk(folder).lower()
    assert b"licence-out" in on_disk(folder)  # the search does find what is there


async def test_nothing_is_left_after_erasing(sql_store: SqlStore, folder: Path, deposit: Make, noon: datetime) -> None:
    """Even who has the private key finds no erased mail: the sealed bytes are overwritten, in the log too."""
    await sql_store.take((marked(deposit, "m1", state=State.HELD), marked(deposit, "m2", state=State.HELD)))
    async with sql_store.database.reading() as connection:
        found = await connection.exec_driver_sql("SELECT sealed_key, subject, content FROM payloads WHERE id = 'm1'")
        sealed_key, subject, content = found.one()
        found = await connection.exec_driver_sql("SELECT address FROM recipients WHERE item = 'm1' AND number = 1")
        address = found.scalar_one()
    pieces = [sealed_key, subject, address, *(content[start : start + 64] for start in range(0, len(content), 4096))]
    assert all(piece in on_disk(folder) for piece in pieces)
    await sql_store.discard("m1", actor="ann", reason="no", now=noon)
    assert await sql_store.erase(before=noon + timedelta(days=1)) == 1
    assert [piece in on_disk(folder) for piece in pieces] == [False] * len(pieces)
    assert len(await sql_store.content("m2")) == 13_500


async def test_a_receiver_can_seal_and_not_read(folder: Path, key: PrivateKey, deposit: Make, noon: datetime) -> None:
    """With the public key alone a message is taken, moved, taken back and counted, and nothing can be opened."""
    receiver = await open_store(SQLITE, key.public, folder=folder)
    await receiver.take((deposit("m1"), deposit("m2", state=State.DUE)))
    assert await receiver.reschedule("m2", due_at=noon + timedelta(minutes=5)) == 1
    assert await receiver.discard("m2", actor="gateway", reason="taken back", now=noon) == 1
    assert (await receiver.statistics()).recipients[State.DISCARDED] == 1
    for reading in (receiver.items(Query()), receiver.content("m1"), receiver.copies("m1"), receiver.events("m1")):
        with pytest.raises(StoreKeyError, match="public key only"):
            await reading
    with pytest.raises(StoreKeyError):
        await receiver.claim(owner="worker", now=noon, lease=timedelta(minutes=1), limit=1)
    await receiver.close()


async def test_a_newer_schema_of_sealing(sql_store: SqlStore, deposit: Make) -> None:
    """A row that a newer version sealed is refused with a sentence, never guessed at."""
    await sql_store.take((deposit("m1"),))
    async with sql_store.database.writing() as connection:
        await connection.exec_driver_sql("UPDATE payloads SET schema = 2")
    with pytest.raises(StoreError, match="newer version"):
        await sql_store.content("m1")


async def test_many_recipients(sql_store: SqlStore, deposit: Make, noon: datetime) -> None:
    """A message for thousands goes through custody in one piece."""
    addresses = tuple(f"r{number}@example.com" for number in range(3000))
    await sql_store.take((deposit("m1", *addresses),))
    assert await sql_store.release("m1", actor="ann", reason="", now=noon) == 3000
    (claim,) = await sql_store.claim(owner="worker", now=noon, lease=timedelta(minutes=1), limit=1)
    assert addresses == tuple(to.address for to in claim.recipients)
    await sql_store.handing_over(claim, tuple(to.id for to in claim.recipients))
    done = tuple(Settlement(recipient=to.id, state=State.DELIVERED, reply="250 ok") for to in claim.recipients)
    await sql_store.settle(claim, done, now=noon)
    assert (await sql_store.statistics()).recipients[State.DELIVERED] == 3000


async def test_a_large_message(sql_store: SqlStore, deposit: Make) -> None:
    """Fifty megabytes come back as they were."""
    content = bytes(range(256)) * 200_000
    await sql_store.take((deposit("m1", content=content),))
    assert content == await sql_store.content("m1")
