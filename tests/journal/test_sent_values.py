"""What senders sent outside is known within a second, for a window, and never in plain."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from dlp_gateway.detect.base import Sent
from dlp_gateway.journal import Generation, SqlJournal, open_journal, sent_values, tables
from dlp_gateway.policy.memory import Memory
from dlp_gateway.ports import Entry
from dlp_gateway.recollection import Lesson, Questions, Sending
from quarantine.crypto import PrivateKey

QUESTIONS = Questions(
    memory=Memory(),
    mass_send=10,
    threads=False,
    exposure=False,
    groups=False,
    strangers=False,
    look_alikes=False,
    sent=True,
)
HOUR = timedelta(hours=1)
Send = Callable[..., Sending]
Make = Callable[..., Entry]


def with_values(entry: Entry, sending: Sending, *values: tuple[str, int]) -> Entry:
    """Return the entry of a mail that left with these values."""
    return replace(
        entry, lesson=Lesson(sending=sending, is_group=False, is_exposed=True, is_hidden=False, values=values)
    )


async def known(journal: SqlJournal, sending: Sending) -> set[tuple[str, int]]:
    """Return what a mail's sender sent before."""
    sent = (await journal.recollect(sending, QUESTIONS)).facts.sent
    assert sent is not None
    return set(sent.known)


async def test_a_window(journal: SqlJournal, entry: Make, sent: Send, noon: datetime) -> None:
    """Each sender has his own, and what is older than a day is not in it."""
    mail = sent("ben@bank.example")
    journal.record(with_values(entry("m1"), mail, ("IBAN", 1), ("US_SSN", 2)))
    journal.record(with_values(entry("m2"), replace(mail, at=noon + HOUR), ("IBAN", 1), ("IBAN", 3)))
    await journal.flush()
    assert await known(journal, replace(mail, at=noon + 2 * HOUR)) == {("IBAN", 1), ("US_SSN", 2), ("IBAN", 3)}
    assert await known(journal, replace(mail, at=noon + 24.5 * HOUR)) == {("IBAN", 1), ("IBAN", 3)}
    assert await known(journal, replace(mail, reverse_path="bob@corp.example")) == set()


async def test_another_receiver_knows_at_once(url: str, folder: Path, key: PrivateKey, entry: Make, sent: Send) -> None:
    """The number that receivers share tells when to look."""
    shared = Generation()
    one = await open_journal(url, key.public, folder=folder, generation=shared)
    two = await open_journal(url, key.public, folder=folder, generation=shared)
    now = datetime.now(UTC)
    mail = sent("ben@bank.example", at=now)
    for token in range(5):
        assert len(await known(two, mail)) == token
        one.record(with_values(entry("m1"), mail, ("IBAN", token)))
        await one.flush()
    await one.close()
    after_restart = await open_journal(url, key.public, folder=folder)
    assert len(await known(after_restart, mail)) == 5
    await two.close()
    await after_restart.close()


async def test_keys_are_a_senders_own(journal: SqlJournal, sent: Send) -> None:
    """Tokens of two senders cannot be compared, and the key shows itself nowhere."""
    keys = []
    for sender in ("ann@corp.example", "bob@corp.example"):
        facts = (await journal.recollect(sent("ben@bank.example", reverse_path=sender), QUESTIONS)).facts
        assert facts.sent is not None
        assert facts.sent.key.hex() not in repr(facts)
        keys.append(facts.sent)
    assert keys[0].key != keys[1].key
    assert keys[0] == Sent(key=keys[0].key)


async def test_nothing_of_insiders(journal: SqlJournal, sent: Send) -> None:
    """Mail that stays inside is not asked about."""
    inside = replace(sent("ann@corp.example"), outside=())
    assert (await journal.recollect(inside, QUESTIONS)).facts.sent is None


async def test_values_are_forgotten_when_their_window_is_over(journal: SqlJournal, entry: Make, sent: Send) -> None:
    """Pruning leaves none behind, long before the journal forgets."""
    journal.record(with_values(entry("m1"), sent("ben@bank.example"), ("IBAN", 1)))
    await journal.flush()
    await journal.prune(datetime(2000, 1, 1, tzinfo=UTC), timedelta(hours=24))
    assert await count(journal) == 1
    await journal.prune(datetime(2000, 1, 1, tzinfo=UTC), timedelta(0))
    assert await count(journal) == 0


async def count(journal: SqlJournal) -> int:
    """Return how many values are remembered."""
    async with journal._database.glancing() as connection:
        return (await connection.execute(select(func.count()).select_from(tables.sent_values))).scalar_one()


async def test_values_of_one_sender_are_bounded(
    journal: SqlJournal, entry: Make, sent: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who sends thousands is beyond any count."""
    monkeypatch.setattr(sent_values, "MOST", 3)
    mail = sent("ben@bank.example")
    journal.record(with_values(entry("m1"), mail, *(("IBAN", token) for token in range(9))))
    await journal.flush()
    assert len(await known(journal, mail)) == 3
