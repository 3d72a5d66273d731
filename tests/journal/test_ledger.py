"""What authors were told: read from the journal, and written in custody's transaction or not at all."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dlp_gateway.journal import Query, SqlJournal, SqlLedger, migrations, open_journal, open_ledger
from dlp_gateway.journal.ledger import OvertakenError
from dlp_gateway.journal.tables import VERSION_TABLE
from dlp_gateway.ledger import Account, Marks, Progress, Window
from dlp_gateway.policy.verdict import Disposition
from dlp_gateway.ports import Entry
from quarantine.crypto import PrivateKey
from quarantine.migrations import migrate as set_up_custody
from quarantine.migrations import upgrade
from quarantine.opening import open_store
from quarantine.sql import SqlStore
from tests.conftest import SQLITE
from tests.journal.conftest import ON_SQLITE
from tests.journal.test_migrations import scripts_until

Make = Callable[..., Entry]


@pytest.fixture
async def ledger(url: str, folder: Path, key: PrivateKey) -> AsyncIterator[SqlLedger]:
    """What is remembered, in the journal's database."""
    ledger = await open_ledger(url, key, folder=folder)
    yield ledger
    await ledger.close()


@pytest.fixture
async def store(url: str, folder: Path, key: PrivateKey) -> AsyncIterator[SqlStore]:
    """The custody in whose transactions it is written."""
    store = await open_store(url, key.public, key, folder=folder)
    yield store
    await store.close()


def name_of(account: Account | None) -> str:
    """Return the id of a mail."""
    return account.id if account else ""


async def record(journal: SqlJournal, *written: Entry) -> None:
    """Write entries and wait for them."""
    for entry in written:
        journal.record(entry)
    await journal.flush()


async def test_marks_are_set_once(ledger: SqlLedger, store: SqlStore, noon: datetime) -> None:
    """The first writer's marks stay; a later beginning changes nothing."""
    assert await ledger.marks() is None
    for seen in (7, 9):
        await store.take((), also=ledger.begin(Marks(seen=seen, digest_at=noon)))
    assert await ledger.marks() == Marks(seen=7, digest_at=noon)


async def test_a_mail_as_its_author_will_be_told(
    journal: SqlJournal, ledger: SqlLedger, entry: Make, noon: datetime
) -> None:
    """Address, Message-ID, reasons, language and counts come back; of the recipients only how many were not refused."""
    mail = replace(
        entry("m1", "a@x.example", "b@x.example", "c@x.example", disposition=Disposition.HOLD),
        hidden=3,
        language="de",
        automatic=True,
    )
    refused = replace(mail.passages[0], outcome="refused")
    await record(journal, replace(mail, passages=(refused, *mail.passages[1:])), entry("m2"))
    found = await ledger.accounts(("m1", "unknown"))
    (account,) = found.values()
    assert (account.id, account.author, account.message_id) == ("m1", "ann@corp.example", "<1@corp.example>")
    assert (account.received_at, account.disposition, account.reasons) == (noon, Disposition.HOLD, ("bulk-visible",))
    assert (account.recipients, account.hidden, account.language, account.automatic) == (2, 3, "de", True)
    assert account.told == ""
    (opened,) = await journal.entries(Query(ids=("m1",)))
    assert (opened.hidden, opened.language, opened.automatic) == (3, "de", True)


async def test_rewritten_mail_is_looked_at_once(
    journal: SqlJournal, ledger: SqlLedger, store: SqlStore, entry: Make, noon: datetime
) -> None:
    """What left with a rewrite comes up until a round that looked at it is committed; nothing else does."""
    rewritten = entry("m1", disposition=Disposition.REWRITE)
    deferred = replace(rewritten, id="m2", passages=(replace(rewritten.passages[0], outcome="deferred"),))
    split = replace(rewritten, id="m5", passages=(replace(rewritten.passages[0], outcome="custody"),))
    await record(journal, rewritten, deferred, entry("m3"), entry("m4", disposition=Disposition.HOLD), split)
    found = await ledger.untold(10)
    assert [name_of(account) for account in found.values()] == ["m1", "m5"]
    await store.take((), also=ledger.begin(Marks(seen=0, digest_at=noon)))
    told = dict.fromkeys(found, "rewritten")
    await store.take((), also=ledger.keep(Progress(before=0, seen=0, looked_at=tuple(found), told=told)))
    assert await ledger.untold(10) == {}
    assert [account.told for account in (await ledger.accounts(("m1",))).values()] == ["rewritten"]


async def test_who_was_told_of_the_same_mail(
    journal: SqlJournal, ledger: SqlLedger, store: SqlStore, entry: Make, noon: datetime
) -> None:
    """By Message-ID and author, of the same kind, and not long ago."""
    ours = [entry("m1"), entry("m2"), entry("m3", reverse_path="ben@corp.example")]
    ours += [entry("m4", message_id=""), entry("m5", message_id="")]
    await record(journal, *(replace(one, owner="") for one in ours))
    accounts = await ledger.accounts(("m1", "m2", "m3", "m4", "m5"))
    told = {accounts[name].entry: "held" for name in ("m1", "m4")}
    await store.take((), also=ledger.begin(Marks(seen=0, digest_at=noon)))
    await store.take((), also=ledger.keep(Progress(before=0, seen=1, told=told)))
    asked, earlier = tuple(accounts.values()), noon - timedelta(hours=1)
    assert await ledger.told_since(asked, "held", earlier) == {accounts[name].entry for name in ("m1", "m2")}
    assert await ledger.told_since(asked, "rewritten", earlier) == frozenset()
    assert await ledger.told_since(asked, "held", noon) == frozenset()
    assert await ledger.told_since((), "held", earlier) == frozenset()


async def test_an_owner_is_one_reader_whoever_wrote(
    journal: SqlJournal, ledger: SqlLedger, store: SqlStore, entry: Make, noon: datetime
) -> None:
    """A list gives each copy a reverse-path of its own; its owner, who is no author to us, hears of the mail once."""
    paths = ("list+bob@corp.example", "list+eve@corp.example", "desk@corp.example")
    parts = [entry(f"m{number}", reverse_path=path) for number, path in enumerate(paths)]
    passed = replace(parts[1], findings=(("redistribution.outsiders", 70), ("identifier.IBAN", 1)))
    other = entry("m3", owner="sales@corp.example")
    await record(journal, parts[0], passed, replace(parts[2], owner=""), other)
    accounts = await ledger.accounts(("m0", "m1", "m2", "m3"))
    assert [(accounts[name].owner, accounts[name].passed_on) for name in ("m0", "m1", "m2")] == [
        ("desk@corp.example", 0),
        ("desk@corp.example", 70),
        ("", 0),
    ]
    assert len({account.whom for account in accounts.values()}) == 3
    await store.take((), also=ledger.begin(Marks(seen=0, digest_at=noon)))
    await store.take((), also=ledger.keep(Progress(before=0, seen=1, told={accounts["m0"].entry: "held"})))
    known = await ledger.told_since(tuple(accounts.values()), "held", noon - timedelta(hours=1))
    assert known == {accounts[name].entry for name in ("m0", "m1")}


async def test_how_often_an_authors_mail_was_rewritten(
    journal: SqlJournal, ledger: SqlLedger, entry: Make, noon: datetime
) -> None:
    """Up to this mail and since a time; parts are one mail, and what did not leave or was not changed is none."""

    def mail(name: str, message_id: str, days: int = 0, outcome: str = "forwarded", author: str = "") -> Entry:
        path = author or "ann@corp.example"
        made = entry(name, at=noon + timedelta(days=days), message_id=message_id, reverse_path=path, owner="")
        passage = replace(made.passages[0], outcome=outcome)
        return replace(made, disposition=Disposition.REWRITE, passages=(passage,))

    await record(
        journal,
        mail("m0", "<0@corp.example>", days=-40),
        mail("m1", "<1@corp.example>"),
        mail("m2", "<1@corp.example>", author="Ann@CORP.example"),
        mail("m3", "<3@corp.example>", days=1, outcome="deferred"),
        mail("m4", "<4@corp.example>", days=1, outcome="custody"),
        mail("m5", "", days=2),
        mail("m6", "", days=2),
        replace(mail("m7", "<7@corp.example>", days=2), disposition=Disposition.FORWARD),
        mail("m8", "<8@corp.example>", days=2, author="ben@corp.example"),
        mail("m9", "<9@corp.example>", days=3),
    )
    accounts = await ledger.accounts(("m1", "m4", "m6", "m9"))
    counts = {name: await ledger.rewrites(one, noon - timedelta(days=1)) for name, one in accounts.items()}
    assert counts == {"m1": 1, "m4": 2, "m6": 4, "m9": 5}
    assert await ledger.rewrites(accounts["m9"], noon - timedelta(days=60)) == 6


async def test_windows_come_back(
    journal: SqlJournal, ledger: SqlLedger, store: SqlStore, entry: Make, noon: datetime
) -> None:
    """By whom they are of; those that are over with the mail that leads to the address, the oldest first."""
    await record(journal, entry("m1"))
    name = (await ledger.accounts(("m1",)))["m1"].entry
    old = Window(whom=b"ann", since=noon - timedelta(hours=2), told=20, waiting={"held": 3}, entry=name)
    lost = Window(whom=b"cy", since=noon - timedelta(hours=3), told=1, waiting={"held": 1}, entry="gone")
    young = Window(whom=b"ben", since=noon, told=1)
    ahead = Window(whom=b"dan", since=noon + timedelta(hours=1), told=1)
    await store.take((), also=ledger.begin(Marks(seen=0, digest_at=noon)))
    await store.take((), also=ledger.keep(Progress(before=0, seen=1, windows=(old, lost, young, ahead))))
    assert await ledger.windows((b"ann", b"ben", b"eve")) == {b"ann": old, b"ben": young}
    ended = await ledger.ended(before=noon - timedelta(hours=1), now=noon, limit=10)
    assert [(window, account and account.id) for window, account in ended] == [(lost, None), (old, "m1"), (ahead, None)]
    later = replace(young, told=2)
    progress = Progress(before=1, seen=2, windows=(later,), closed=(b"ann", b"cy", b"dan"), digest_at=noon)
    await store.take((), also=ledger.keep(progress))
    assert await ledger.windows((b"ann", b"ben", b"cy", b"dan")) == {b"ben": later}
    assert await ledger.marks() == Marks(seen=2, digest_at=noon)


async def test_whoever_comes_second_commits_nothing(ledger: SqlLedger, store: SqlStore, noon: datetime) -> None:
    """The mark must be where the round found it."""
    await store.take((), also=ledger.begin(Marks(seen=5, digest_at=noon)))
    window = Window(whom=b"ann", since=noon, told=1)
    with pytest.raises(OvertakenError):
        await store.take((), also=ledger.keep(Progress(before=4, seen=9, windows=(window,))))
    assert await ledger.windows((b"ann",)) == {}
    assert await ledger.marks() == Marks(seen=5, digest_at=noon)


@ON_SQLITE
async def test_what_passed_before_the_upgrade_is_nobodys_news(
    tmp_path: Path, folder: Path, key: PrivateKey, journal: SqlJournal, entry: Make
) -> None:
    """The migration keeps every entry, and none of them comes up to be told."""
    await record(journal, entry("m1", disposition=Disposition.REWRITE))
    await journal.close()
    old = tmp_path / "old"
    old.mkdir()
    await set_up_custody(SQLITE, folder=old)
    await upgrade(SQLITE, folder=old, scripts=scripts_until(tmp_path, "0002"), table=VERSION_TABLE, newest="0002")
    with closing(sqlite3.connect(old / "custody.db")) as database, database:
        database.execute("ATTACH ? AS new", (str(folder / "custody.db"),))
        for table in ("journal_keys", "journal_entries", "journal_passages"):
            columns = ", ".join(row[1] for row in database.execute(f"PRAGMA main.table_info({table})"))
            database.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")  # noqa: S608  our own names
    await migrations.migrate(SQLITE, folder=old)
    again = await open_journal(SQLITE, key.public, key, folder=old)
    ledger = await open_ledger(SQLITE, key, folder=old)
    (found,) = await again.entries(Query())
    assert (found.id, found.hidden, found.language, found.automatic) == ("m1", 0, "", False)
    assert await ledger.untold(10) == {}
    await ledger.close()
    await again.close()
