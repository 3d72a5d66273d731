"""What is learned when mail leaves custody, what is forgotten, and what a failed transaction must not leave behind."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from dlp_gateway.detect.base import Facts, Thread
from dlp_gateway.journal import SqlJournal, open_journal, tables
from dlp_gateway.journal.memory import day_of
from dlp_gateway.policy.memory import Memory
from dlp_gateway.ports import Entry, Passage
from dlp_gateway.recollection import Fate, Lesson, Questions, Sending
from quarantine.crypto import PrivateKey
from quarantine.model import CopyDeposit, Deposit, Settlement, State
from quarantine.opening import open_store
from quarantine.sql import SqlStore
from quarantine.store import StoreError
from tests.journal.conftest import ON_SQLITE

QUESTIONS = Questions(
    memory=Memory(learning=1),
    mass_send=3,
    threads=True,
    exposure=True,
    groups=True,
    strangers=True,
    look_alikes=True,
    sent=True,
)
TEAM = tuple(f"p{number}@firm{number}.example" for number in range(4))
KEPT = Fate(is_objected=True, is_exposed=False, is_kept=True)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
Send = Callable[..., Sending]
Make = Callable[..., Entry]


@pytest.fixture
async def store(journal: SqlJournal, url: str, folder: Path, key: PrivateKey) -> AsyncIterator[SqlStore]:
    """The custody beside the journal."""
    store = await open_store(url, key.public, key, folder=folder)
    yield store
    await store.close()


async def hold(
    journal: SqlJournal, store: SqlStore, sending: Sending, entry: Entry, *, is_hidden: bool = False
) -> None:
    """Let a mail be held, as the pipeline does."""
    copy = CopyDeposit(
        reverse_path=sending.reverse_path,
        recipients=sending.recipients,
        edits="",
        options="",
        state=State.HELD,
        due_at=sending.at,
    )
    deposit = Deposit(
        id=sending.id,
        content=b"mail",
        subject="",
        reverse_path=sending.reverse_path,
        reasons=(),
        group="",
        created_at=sending.at,
        expires_at=None,
        copies=(copy,),
    )
    passages = tuple(Passage(recipient=one, shown=(), outcome="custody", reply="") for one in sending.recipients)
    lesson = Lesson(sending=sending, is_group=True, is_exposed=True, is_hidden=is_hidden, values=())
    await journal.remember(sending, b"", KEPT)
    await store.take((deposit,), journal.rows(replace(entry, passages=passages, lesson=lesson)))


async def deliver(store: SqlStore, item: str, *, original: bool = False) -> None:
    """Release it and let the smarthost take it."""
    now = datetime.now(UTC)
    await store.release(item, actor="eve", reason="", now=now, original=original)
    for claim in await store.claim(owner="test", now=now, lease=HOUR, limit=10):
        await store.handing_over(claim, tuple(one.id for one in claim.recipients))
        settlements = tuple(
            Settlement(recipient=one.id, state=State.DELIVERED, reply="250 ok") for one in claim.recipients
        )
        await store.settle(claim, settlements, now=now)


async def look(journal: SqlJournal, sending: Sending) -> Facts:
    """Return what is known, without the key of tokens."""
    return replace((await journal.recollect(sending, QUESTIONS)).facts, sent=None)


async def test_held_mail_teaches_once_it_was_delivered(
    journal: SqlJournal, store: SqlStore, entry: Make, sent: Send, noon: datetime
) -> None:
    """Until then it is an objection; then its people know each other a day longer, and the sender knows them."""
    for day in range(3):
        mail = sent(*TEAM, at=noon + day * DAY, name=f"m{day}", message_id=f"<{day}@corp.example>")
        await hold(journal, store, mail, entry(mail.id))
        assert await journal.settle() == 0
        await deliver(store, mail.id)
        assert await journal.settle() == 1
    next_one = sent(*TEAM, at=noon + 2 * DAY + HOUR, message_id="<9@corp.example>")
    assert await look(journal, next_one) == Facts(familiar=4)


async def test_a_damaged_lesson_keeps_no_other_from_teaching(
    journal: SqlJournal, store: SqlStore, folder: Path, entry: Make, sent: Send
) -> None:
    """What cannot be read of it is left out, or nothing would ever be learned again."""
    for name in ("m1", "m2"):
        mail = sent(*TEAM, name=name, message_id=f"<{name}@corp.example>")
        await hold(journal, store, mail, entry(mail.id))
        await deliver(store, mail.id)
    if journal._database.path is not None:
        with closing(sqlite3.connect(folder / "custody.db", isolation_level=None)) as other:
            other.execute("UPDATE lessons SET sent = '[[' WHERE item = 'm1'")
    assert await journal.settle() == 2


async def test_discarded_mail_teaches_nothing(
    journal: SqlJournal, store: SqlStore, entry: Make, sent: Send, noon: datetime
) -> None:
    """The objection stands, and what was to be learned is dropped."""
    await hold(journal, store, sent(*TEAM), entry("m1"))
    await store.discard("m1", actor="eve", reason="", now=noon)
    assert await journal.settle() == 1
    assert await journal.settle() == 0
    found = await look(journal, sent(*TEAM, at=noon + HOUR, message_id="<2@corp.example>"))
    assert (found.struck, found.strangers) == (4, ())


@pytest.mark.parametrize(("original", "before"), [(True, 4), (False, 0)])
async def test_what_left_hidden_showed_nobody(
    journal: SqlJournal,
    store: SqlStore,
    entry: Make,
    sent: Send,
    noon: datetime,
    *,
    original: bool,
    before: int,
) -> None:
    """A release with its rewrite exposes nobody; one of the original does."""
    await hold(journal, store, sent(*TEAM), entry("m1"), is_hidden=True)
    await deliver(store, "m1", original=original)
    await journal.settle()
    exposure = (
        await look(journal, sent("x@x.example", "y@y.example", at=noon, message_id="<2@corp.example>"))
    ).exposure
    assert (exposure.before if exposure else 0) == before


async def test_forgetting(journal: SqlJournal, store: SqlStore, folder: Path, entry: Make, sent: Send) -> None:
    """Everything goes with the journal's time, row by row."""
    mail = sent(*TEAM)
    left = Lesson(sending=mail, is_group=True, is_exposed=True, is_hidden=False, values=(("IBAN", 1),))
    for day in range(4):
        on_day = replace(left, sending=replace(mail, at=mail.at + day * DAY))
        passages = tuple(Passage(recipient=one, shown=(), outcome="forwarded", reply="") for one in TEAM)
        journal.record(replace(entry(f"m{day}"), passages=passages, lesson=on_day))
        await journal.flush()
    await journal.announce(replace(mail, at=datetime.now(UTC)), is_exposed=True, is_objected=False)
    await journal.add_values(mail, left.values, DAY)
    await hold(journal, store, replace(mail, id="held"), entry("held"))
    assert min((await counts(journal)).values()) > 0
    await journal.prune(mail.at - DAY)
    assert min((await counts(journal)).values()) > 0
    await journal.prune(datetime.now(UTC) + DAY, timedelta(0))
    assert set((await counts(journal)).values()) == {0}


def on_disk(folder: Path) -> bytes:
    """Return every byte of the database and its logs."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


async def counts(journal: SqlJournal) -> dict[str, int]:
    """Return how many rows each table of the memory has."""
    names = ("mailings", "announcements", "correspondents", "likenesses", "circle_members", "sent_values", "lessons")
    async with journal._database.reading() as connection:
        return {
            name: (
                await connection.execute(select(func.count()).select_from(tables.metadata.tables[name]))
            ).scalar_one()
            for name in names
        }


async def test_many_correspondents_are_forgotten_in_several_turns(
    journal: SqlJournal, folder: Path, entry: Make, sent: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than one transaction drops are dropped in several."""
    monkeypatch.setattr("dlp_gateway.journal.memory._BATCH", 3)
    mail = sent(*(f"c{number}@shop{number}.example" for number in range(20)))
    passages = tuple(Passage(recipient=one, shown=(), outcome="forwarded", reply="") for one in mail.recipients)
    lesson = Lesson(sending=mail, is_group=False, is_exposed=True, is_hidden=False, values=())
    journal.record(replace(entry("m1"), passages=passages, lesson=lesson))
    await journal.flush()
    assert (await counts(journal))["correspondents"] == 42
    await journal.prune(mail.at + 2 * DAY)
    assert (await counts(journal))["correspondents"] == 0


@ON_SQLITE
async def test_a_transaction_that_failed_taught_nothing(
    journal: SqlJournal, folder: Path, entry: Make, sent: Send
) -> None:
    """What could not be committed is learned when it can, not taken for known."""
    mail = sent("ben@acmecorp.example")
    lesson = Lesson(sending=mail, is_group=False, is_exposed=True, is_hidden=False, values=())
    passages = (Passage(recipient="ben@acmecorp.example", shown=(), outcome="forwarded", reply=""),)
    with closing(sqlite3.connect(folder / "custody.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        journal.record(replace(entry("m1"), passages=passages, lesson=lesson))
        with pytest.raises(StoreError, match="locked"):
            await journal.flush()
        assert (await counts(journal))["correspondents"] == 0  # now, for the writer tries again as soon as it may
        other.execute("ROLLBACK")
    await journal.flush()
    assert (await counts(journal))["correspondents"] == 4


@ON_SQLITE
async def test_nothing_is_readable(journal: SqlJournal, folder: Path, entry: Make, sent: Send) -> None:
    """Neither addresses and names nor subjects and domains stand in the files, whatever was learned from them."""
    marked = sent(
        "MARKER.person@markercorp.example".lower(),
        "other@markerfirm.example",
        topic="marker",
        names=(("marker.person@markercorp.example", "Marker Person"),),
    )
    passages = tuple(Passage(recipient=one, shown=(), outcome="forwarded", reply="") for one in marked.recipients)
    for day in range(4):
        lesson = Lesson(
            sending=replace(marked, at=marked.at + day * DAY),
            is_group=True,
            is_exposed=True,
            is_hidden=False,
            values=(("IBAN", 7),),
        )
        journal.record(replace(entry(f"m{day}"), passages=passages, lesson=lesson))
        await journal.flush()
    await journal.remember(marked, b"", KEPT)
    written = await counts(journal)
    assert min(written[table] for table in ("likenesses", "circle_members", "mailings")) > 0
    assert b"marker" not in on_disk(folder).lower()


async def test_what_is_under_way_counts_for_those_behind_it(
    url: str, folder: Path, key: PrivateKey, sent: Send, noon: datetime
) -> None:
    """In any process, until it is remembered or withdrawn; what a crash left behind counts for its window."""
    one, two = [await open_journal(url, key.public, folder=folder) for _ in range(2)]

    async def before(mail: Sending) -> int:
        exposure = (await two.recollect(mail, QUESTIONS)).facts.exposure
        return exposure.before if exposure else 0

    mails = [
        sent(f"a@shop{n}.example", f"b@shop{n}x.example", name=f"m{n}", message_id=f"<{n}@corp.example>")
        for n in range(4)
    ]
    announced = [
        replace(mail, announced=await one.announce(mail, is_exposed=True, is_objected=False)) for mail in mails[:3]
    ]
    assert [await before(mail) for mail in announced] == [0, 2, 4]
    assert await before(mails[3]) == 6
    await one.withdraw(announced[0])
    await one.remember(announced[1], b"", Fate(is_objected=False, is_exposed=True, is_kept=False))
    assert [await before(mail) for mail in announced] == [2, 0, 2]  # what left counts for whoever asks then
    await one.close()
    assert await before(replace(mails[3], at=noon + HOUR)) == 4
    assert await before(replace(mails[3], at=noon + 25 * HOUR)) == 0
    await two.close()


async def test_the_apology_while_the_mass_mail_is_under_way(journal: SqlJournal, sent: Send) -> None:
    """It is judged as if that had been hidden already, and so is an answer; the mass mail knows nothing of them."""
    people = tuple(f"c{n}@shop{n}.example" for n in range(12))
    mass = sent(*people)
    mass = replace(mass, announced=await journal.announce(mass, is_exposed=True, is_objected=True))
    sorry = sent(*people[:5], name="m2", message_id="<2@corp.example>")
    sorry = replace(sorry, announced=await journal.announce(sorry, is_exposed=True, is_objected=False))
    answer = sent(
        *people, name="m3", message_id="<3@corp.example>", answered=(mass.message_id,), reverse_path="b@c.example"
    )
    assert (await journal.recollect(sorry, QUESTIONS)).facts.struck == 5
    assert (await journal.recollect(answer, QUESTIONS)).facts.thread == Thread(audience=12, addressed_again=12)
    assert (await journal.recollect(mass, QUESTIONS)).facts.struck == 0


async def test_announcements_are_made_one_after_another(url: str, folder: Path, key: PrivateKey, sent: Send) -> None:
    """Whoever has the larger number is told of the smaller ones, whatever is committed meanwhile."""
    journals = [await open_journal(url, key.public, folder=folder) for _ in range(2)]

    async def told(n: int) -> tuple[int, int]:
        mail = sent(f"a{n}@x{n}.example", f"b{n}@y{n}.example", name=f"m{n}", message_id=f"<{n}@corp.example>")
        number = await journals[n % 2].announce(mail, is_exposed=True, is_objected=False)
        exposure = (await journals[n % 2].recollect(replace(mail, announced=number), QUESTIONS)).facts.exposure
        return number, exposure.before if exposure else 0

    assert sorted(await asyncio.gather(*map(told, range(8)))) == [(n + 1, 2 * n) for n in range(8)]
    for journal in journals:
        await journal.close()


def test_days_are_those_of_utc() -> None:
    """A day begins at the same moment for all."""
    assert day_of(datetime(1970, 1, 2, 0, 0, tzinfo=UTC)) == 1
    assert day_of(datetime(1970, 1, 2, 23, 59, tzinfo=UTC)) == 1
