"""What the journal keeps, for how long, and what it shows to whom."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from dlp_gateway.journal import Query, SqlJournal, open_journal, sql, tables, writer
from dlp_gateway.policy.verdict import Disposition
from dlp_gateway.ports import Entry, Passage
from dlp_gateway.recollection import Fate, Sending
from quarantine.crypto import PrivateKey
from quarantine.memory import MemoryStore
from quarantine.model import CopyDeposit, Deposit, State
from quarantine.model import Query as CustodyQuery
from quarantine.opening import open_store
from quarantine.store import StoreError, StoreKeyError
from tests.conftest import SQLITE
from tests.journal.conftest import ON_SQLITE
from tests.waiting import PATIENCE, until

Make = Callable[..., Entry]
Send = Callable[..., Sending]


def deposit(name: str, at: datetime) -> Deposit:
    """Return a deposit to take together with an entry."""
    copy = CopyDeposit(
        reverse_path="", recipients=("bob@example.com",), edits="", options="", state=State.HELD, due_at=at
    )
    return Deposit(
        id=name,
        content=b"mail",
        subject="",
        reverse_path="",
        reasons=(),
        group="",
        created_at=at,
        expires_at=None,
        copies=(copy,),
    )


def on_disk(folder: Path) -> bytes:
    """Return every byte of the database and its logs."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


async def test_an_entry_comes_back(journal: SqlJournal, entry: Make) -> None:
    """Everything that was recorded can be read with the private key, for each recipient what his copy showed."""
    first = entry("m1", "bob@example.com", "eve@example.org")
    other = Passage(recipient="caf\udce9@example.net", shown=(), outcome="refused", reply="550 5.1.1 no")
    recorded = replace(first, passages=(*first.passages, other))
    journal.record(recorded)
    await journal.flush()
    assert (recorded,) == await journal.entries(Query())


async def test_an_entry_is_written_by_itself(journal: SqlJournal, entry: Make) -> None:
    """Nobody has to ask for it."""
    journal.record(entry("m1"))
    async with asyncio.timeout(PATIENCE):
        while not (found := await journal.entries(Query())):  # noqa: ASYNC110  a database sets no event
            await asyncio.sleep(0.01)
    assert [one.id for one in found] == ["m1"]


async def test_replies_are_printable_and_cut(journal: SqlJournal, entry: Make) -> None:
    """What the smarthost said is shown without control characters."""
    journal.record(entry("m1", reply="550 \x1b[31mno\r\n" + "x" * 1000))
    await journal.flush()
    (found,) = await journal.entries(Query())
    assert found.passages[0].reply.startswith("550 ?[31mno??xxx")
    assert len(found.passages[0].reply) == 400


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(), ["m1", "m2", "m3"]),
        (Query(limit=1), ["m1"]),
        (Query(ids=("m2", "m3")), ["m2", "m3"]),
        (Query(message_id="<2@corp.example>"), ["m2"]),
        (Query(address="Dan+news@Example.net"), ["m3"]),
        (Query(address="joe@corp.example"), ["m2"]),
        (Query(address="an@example.net"), []),
        (Query(reason="licence-out"), ["m3"]),
        (Query(reason="Licence-out"), []),
        (Query(dispositions=frozenset({Disposition.HOLD, Disposition.REJECT})), ["m3"]),
    ],
)
async def test_filters(journal: SqlJournal, entry: Make, noon: datetime, query: Query, expected: list[str]) -> None:
    """Each filter narrows, empty ones do not; the oldest come first."""
    minute = timedelta(minutes=1)
    held = Disposition.HOLD
    journal.record(entry("m3", "dan@example.net", at=noon + 2 * minute, disposition=held, reasons=("a", "licence-out")))
    journal.record(entry("m1"))
    journal.record(entry("m2", at=noon + minute, message_id="<2@corp.example>", reverse_path="joe@corp.example"))
    await journal.flush()
    assert expected == [found.id for found in await journal.entries(query)]


async def test_filter_by_time(journal: SqlJournal, entry: Make, noon: datetime) -> None:
    """Bounds of time are exclusive."""
    for hour in range(4):
        journal.record(entry(f"m{hour}", at=noon + timedelta(hours=hour)))
    await journal.flush()
    query = Query(received_after=noon, received_before=noon + timedelta(hours=3))
    assert [found.id for found in await journal.entries(query)] == ["m1", "m2"]


@ON_SQLITE
async def test_nothing_is_readable(journal: SqlJournal, folder: Path, entry: Make, sent: Send) -> None:
    """No address, name, Message-ID or reply can be read from the files, nor what is remembered of mass sends."""
    marked = entry(
        "m1",
        "MARKER@example.com",
        message_id="<MARKER@corp.example>",
        reverse_path="MARKER@corp.example",
        shown=("MARKER@example.org",),
        reply="250 MARKER",
    )
    journal.record(replace(marked, client="MARKER", login="MARKER"))
    await journal.flush()
    sending = sent("marker@example.com", "marker@example.org", message_id="<MARKER@corp.example>", topic="marker")
    await journal.remember(sending, b"", Fate(is_objected=False, is_exposed=True, is_kept=False))
    written = on_disk(folder)
    assert b"marker" not in written.lower()
    assert b"bulk-visible" in written


async def test_a_receiver_cannot_read(url: str, folder: Path, key: PrivateKey, entry: Make) -> None:
    """With the public key alone entries are written, and none can be opened."""
    receiver = await open_journal(url, key.public, folder=folder)
    receiver.record(entry("m1"))
    await receiver.flush()
    with pytest.raises(StoreKeyError):
        await receiver.entries(Query())
    await receiver.close()


async def test_held_mail_is_recorded_with_its_custody(
    journal: SqlJournal, url: str, folder: Path, key: PrivateKey, entry: Make, noon: datetime
) -> None:
    """The entry is there as soon as the deposit is, and not if it is not."""
    store = await open_store(url, key.public, key, folder=folder)
    await store.take((deposit("m1", noon),), journal.rows(entry("m1")))
    with pytest.raises(StoreError):
        await store.take((deposit("m1", noon),), journal.rows(entry("m2")))
    assert [found.id for found in await journal.entries(Query())] == ["m1"]
    await store.close()


async def test_a_journal_that_fails_takes_no_mail(
    journal: SqlJournal, url: str, folder: Path, key: PrivateKey, entry: Make, noon: datetime
) -> None:
    """Where the entry cannot be written, the message is not taken either."""
    store = await open_store(url, key.public, key, folder=folder)
    async with store.database.writing() as connection:
        await connection.exec_driver_sql("DROP TABLE journal_passages")
    with pytest.raises(StoreError):
        await store.take((deposit("m1", noon),), journal.rows(entry("m1")))
    assert await store.items(CustodyQuery()) == ()
    await store.close()


async def test_beside_a_custody_in_memory(journal: SqlJournal, entry: Make, noon: datetime) -> None:
    """In trials without a database for mail the entry is queued."""
    await MemoryStore().take((deposit("m1", noon),), journal.rows(entry("m1")))
    await journal.flush()
    assert [found.id for found in await journal.entries(Query())] == ["m1"]


async def test_two_entries_of_one_message(journal: SqlJournal, entry: Make) -> None:
    """A second entry for the same id is kept beside the first."""
    journal.record(entry("m1"))
    journal.record(entry("m1", disposition=Disposition.REJECT))
    await journal.flush()
    found = {one.disposition for one in await journal.entries(Query(ids=("m1",)))}
    assert {Disposition.FORWARD, Disposition.REJECT} == found


@ON_SQLITE
async def test_entries_wait_while_the_database_is_locked(
    journal: SqlJournal, folder: Path, entry: Make, dropped: list[int]
) -> None:
    """What cannot be written now is kept and written later."""
    with closing(sqlite3.connect(folder / "custody.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        journal.record(entry("m1"))
        with pytest.raises(StoreError, match="locked"):
            await journal.flush()
        other.execute("ROLLBACK")
    await journal.flush()
    assert [found.id for found in await journal.entries(Query())] == ["m1"]
    assert dropped == []


async def test_what_does_not_fit_is_dropped_and_counted(
    journal: SqlJournal, entry: Make, dropped: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded: entries beyond the bound are lost, and that is told."""
    monkeypatch.setattr(writer, "MOST_ENTRIES", 3)
    for number in range(5):
        journal.record(entry(f"m{number}"))
    await journal.flush()
    assert dropped == [1, 1]
    assert len(await journal.entries(Query())) == 3


async def test_recipients_are_bounded_too(
    journal: SqlJournal, entry: Make, dropped: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few entries with very many recipients fill the queue as well, and writing makes room again."""
    monkeypatch.setattr(writer, "MOST_RECIPIENTS", 3)
    for name in ("m1", "m2"):
        journal.record(entry(name, "bob@example.com", "eve@example.org"))
    await journal.flush()
    journal.record(entry("m3", "bob@example.com", "eve@example.org"))
    await journal.flush()
    assert dropped == [1]
    assert [found.id for found in await journal.entries(Query())] == ["m1", "m3"]


async def test_many_entries_go_in_several_groups(journal: SqlJournal, entry: Make) -> None:
    """However many recipients and entries there are, all are written."""
    many = tuple(f"r{number}@example.com" for number in range(400))
    for number in range(450):
        journal.record(entry(f"m{number}", *(many if number % 100 == 0 else ())))
    await journal.flush()
    found = await journal.entries(Query())
    assert [len(one.passages) for one in found if len(one.passages) > 1] == [400] * 5
    assert len(found) == 450


async def test_closing_writes_what_waits(
    url: str, folder: Path, key: PrivateKey, journal: SqlJournal, entry: Make
) -> None:
    """A receiver that drains loses no entry."""
    receiver = await open_journal(url, key.public, folder=folder)
    receiver.record(entry("m1"))
    await receiver.close()
    assert [found.id for found in await journal.entries(Query())] == ["m1"]


@ON_SQLITE
async def test_closing_counts_what_is_lost(url: str, folder: Path, key: PrivateKey, entry: Make) -> None:
    """What cannot be written at the end is told."""
    lost: list[int] = []
    receiver = await open_journal(url, key.public, folder=folder, dropped=lost.append, busy_timeout=0.1)
    with closing(sqlite3.connect(folder / "custody.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        receiver.record(entry("m1"))
        receiver.record(entry("m2"))
        await receiver.close()
    assert lost == [2]


async def test_an_entry_that_cannot_be_sealed(
    journal: SqlJournal, entry: Make, dropped: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry that is broken (here: without a time zone) costs itself, and the journal goes on."""
    monkeypatch.setattr(writer, "GATHER", 0.01)
    journal.record(entry("m1", at=datetime(2026, 3, 1)))  # noqa: DTZ001
    await until(lambda: dropped)
    assert dropped == [1]
    journal.record(entry("m2"))
    await journal.flush()
    assert [found.id for found in await journal.entries(Query())] == ["m2"]


async def test_a_new_key_each_hour(journal: SqlJournal, entry: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries of one hour share a key, those of the next have another, and all can be read."""
    journal.record(entry("m1"))
    await journal.flush()
    journal.record(entry("m2"))
    await journal.flush()
    monkeypatch.setattr(sql, "LIFETIME", timedelta())
    journal.record(entry("m3"))
    await journal.flush()
    assert len(await journal.entries(Query())) == 3
    async with journal._database.glancing() as connection:
        named = select(tables.entries.c.key).order_by(tables.entries.c.message)
        keys = (await connection.execute(named)).scalars().all()
    assert keys[0] == keys[1] != keys[2]


async def test_pruning(journal: SqlJournal, entry: Make, noon: datetime, sent: Send) -> None:
    """What is older than asked for goes, with its recipients and unused keys; the rest stays."""
    journal.record(entry("m1"))
    journal.record(entry("m2", at=noon + timedelta(days=2)))
    await journal.flush()
    await journal.remember(
        sent("bob@example.com", at=noon), b"", Fate(is_objected=False, is_exposed=True, is_kept=False)
    )
    assert await journal.prune(noon + timedelta(days=1)) == 1
    assert [found.id for found in await journal.entries(Query())] == ["m2"]
    async with journal._database.writing() as connection:
        await connection.execute(update(tables.keys).values(made_at=noon))
    assert await journal.prune(datetime.now(UTC) + timedelta(days=1)) == 1
    async with journal._database.reading() as connection:
        left = [
            (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in (tables.keys, tables.entries, tables.passages, tables.mailings)
        ]
    assert left == [0, 0, 0, 0]


async def test_a_key_in_use_is_not_pruned_however_short_the_journal_keeps(journal: SqlJournal, entry: Make) -> None:
    """All that it sealed is gone, and the next entry names it."""
    journal.record(entry("m1"))
    await journal.flush()
    assert await journal.prune(datetime.now(UTC)) == 1
    journal.record(entry("m2"))
    await journal.flush()
    assert [found.id for found in await journal.entries(Query())] == ["m2"]


async def test_pruning_goes_on_until_all_is_gone(
    journal: SqlJournal, entry: Make, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than one transaction holds are dropped in several."""
    monkeypatch.setattr(sql, "_BATCH", 3)
    for number in range(8):
        journal.record(entry(f"m{number}"))
    await journal.flush()
    assert await journal.prune(noon + timedelta(days=1)) == 8


async def test_a_journal_that_was_not_set_up(tmp_path: Path, key: PrivateKey) -> None:
    """The error says how to set it up."""
    with pytest.raises(StoreError, match="dlp-gateway serve"):
        await open_journal(SQLITE, key.public, folder=tmp_path)


async def test_what_was_measured_is_kept_by_confidence(journal: SqlJournal, entry: Make) -> None:
    """`simulate` asks other questions of it; entries of older versions have none."""
    measured = (("identifier.IBAN", 3, 2, 1),)
    journal.record(replace(entry("new"), measured=measured))
    journal.record(entry("old"))
    await journal.flush()
    async with journal._database.writing() as connection:
        await connection.execute(update(tables.entries).where(tables.entries.c.message == "old").values(measured=None))
    assert {one.id: one.measured for one in await journal.entries(Query())} == {"new": measured, "old": ()}


async def test_the_newest_entries_come_oldest_first(journal: SqlJournal, entry: Make, noon: datetime) -> None:
    """In pages, whatever their number, also where many came at the same moment."""
    for number in range(1_203):
        journal.record(entry(f"m{number:04}", at=noon + timedelta(seconds=number // 7)))
    await journal.flush()
    names = [one.id async for one in journal.newest(1_100)]
    assert names == [f"m{number:04}" for number in range(103, 1_203)]
    since = noon + timedelta(seconds=170)
    assert [one.id async for one in journal.newest(1_100, since)] == [f"m{number}" for number in range(1190, 1203)]
