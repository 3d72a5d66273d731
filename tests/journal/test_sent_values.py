"""What senders sent outside is known before it leaves, for a window, and never in plain."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from dlp_gateway.detect.base import Sent
from dlp_gateway.journal import SqlJournal, open_journal, sent_values, tables
from dlp_gateway.policy.memory import Memory
from dlp_gateway.recollection import Questions, Sending
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
Send = Callable[..., Sending]
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


async def test_a_window(journal: SqlJournal, sent: Send, noon: datetime) -> None:
    """Each sender has his own, of each sort, and what is older than a day is not in it."""
    mail = sent("ben@bank.example")
    assert await journal.add_values(mail, (("IBAN", 1), ("US_SSN", 2)), DAY) == ()
    later = replace(mail, at=noon + HOUR)
    assert set(await journal.add_values(later, (("IBAN", 1), ("IBAN", 3)), DAY)) == {("IBAN", 1)}
    probe = (("IBAN", 1), ("US_SSN", 9))
    at_two = replace(mail, at=noon + 2 * HOUR)
    assert set(await journal.add_values(at_two, probe, DAY)) == {("IBAN", 1), ("US_SSN", 2), ("IBAN", 3)}
    assert set(await journal.add_values(replace(mail, at=noon + 25.5 * HOUR), (("IBAN", 4),), DAY)) == {("IBAN", 1)}
    assert await journal.add_values(replace(mail, reverse_path="bob@corp.example"), probe, DAY) == ()


async def test_what_stays_is_taken_back(journal: SqlJournal, sent: Send, noon: datetime) -> None:
    """A mail that is held sends nothing, unless another one sent the same since."""
    mail, other = sent("ben@bank.example"), sent("ben@bank.example", at=noon + HOUR)
    await journal.add_values(mail, (("IBAN", 1), ("IBAN", 2)), DAY)
    await journal.add_values(other, (("IBAN", 2),), DAY)
    await journal.withdraw(mail, (("IBAN", 1), ("IBAN", 2)))
    assert await journal.add_values(other, (("IBAN", 3),), DAY) == (("IBAN", 2),)


async def test_receivers_at_the_same_time(url: str, folder: Path, key: PrivateKey, sent: Send) -> None:
    """Of eight mails in two processes at once each is told of those before it: as many as came before."""
    journals = [await open_journal(url, key.public, folder=folder) for _ in range(2)]
    mail = sent("ben@bank.example")
    told = await asyncio.gather(*(journals[n % 2].add_values(mail, (("IBAN", n),), DAY) for n in range(8)))
    assert sorted(map(len, told)) == list(range(8))
    for journal in journals:
        await journal.close()


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


async def test_values_are_forgotten_when_their_window_is_over(journal: SqlJournal, sent: Send) -> None:
    """Pruning leaves none behind, long before the journal forgets."""
    await journal.add_values(sent("ben@bank.example"), (("IBAN", 1),), DAY)
    await journal.prune(datetime(2000, 1, 1, tzinfo=UTC), timedelta(hours=24))
    assert await count(journal) == 1
    await journal.prune(datetime(2000, 1, 1, tzinfo=UTC), timedelta(0))
    assert await count(journal) == 0


async def count(journal: SqlJournal) -> int:
    """Return how many values are remembered."""
    async with journal._database.glancing() as connection:
        return (await connection.execute(select(func.count()).select_from(tables.sent_values))).scalar_one()


async def test_values_of_one_sender_are_bounded(
    journal: SqlJournal, sent: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who sends thousands is beyond any count."""
    monkeypatch.setattr(sent_values, "MOST", 3)
    mail = sent("ben@bank.example")
    for token in range(9):
        await journal.add_values(mail, (("IBAN", token),), DAY)
    assert await count(journal) == 3
