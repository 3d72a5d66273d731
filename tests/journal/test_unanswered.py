"""A retry of a transaction whose reply got lost is answered alike; another transaction is not."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dlp_gateway.journal import Generation, SqlJournal, open_journal
from dlp_gateway.journal.unanswered import LONGEST, fingerprint
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.reply import Reply
from dlp_gateway.ports import UNDER_WAY
from quarantine.crypto import PrivateKey
from tests.journal.conftest import ON_SQLITE

REPLY = Reply(code=250, enhanced="2.0.0", text="queued as 4XyZ <bob@example.com>")


def on_disk(folder: Path) -> bytes:
    """Return every byte of the database and its logs."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


@pytest.fixture
def envelope(noon: datetime) -> Envelope:
    """An envelope with two recipients and no login."""
    return Envelope(
        id="m1",
        reverse_path="ann@corp.example",
        recipients=("bob@example.com", "eve@example.org"),
        client="192.0.2.1",
        login="",
        body_8bit=False,
        smtputf8=False,
        received_at=noon,
    )


@ON_SQLITE
async def test_a_lost_reply_is_given_again(url: str, folder: Path, key: PrivateKey, envelope: Envelope) -> None:
    """Every receiver knows it, as often as the client asks, and nobody can read it from the file."""
    shared = Generation.share()
    one = await open_journal(url, key.public, folder=folder, generation=Generation(shared))
    two = await open_journal(url, key.public, folder=folder, generation=Generation(shared))
    os.close(shared)
    known_by = one.fingerprint(envelope, b"mail")
    assert await two.recall(known_by) is None
    await one.remember_unanswered(known_by, REPLY, datetime.now(UTC))
    assert [await journal.recall(known_by) for journal in (one, two, two)] == [REPLY] * 3
    assert b"queued as" not in on_disk(folder)
    await one.close()
    await two.close()


async def test_the_first_reply_counts(journal: SqlJournal, envelope: Envelope) -> None:
    """A retry whose reply is lost too changes neither the answer nor the hour, or it would never be another mail."""
    known_by = journal.fingerprint(envelope, b"mail")
    begun = datetime.now(UTC) - timedelta(minutes=59, seconds=40)
    await journal.remember_unanswered(known_by, REPLY, begun)
    await journal.remember_unanswered(known_by, replace(REPLY, code=251), begun + timedelta(minutes=58))
    assert await journal.recall(known_by) == REPLY
    await journal.remember_unanswered(known_by, replace(REPLY, code=252), begun + timedelta(minutes=60, seconds=10))
    assert await journal.recall(known_by) == replace(REPLY, code=252)


async def test_a_hand_over_under_way_is_told_so_until_it_ends(journal: SqlJournal, envelope: Envelope) -> None:
    """A retry meanwhile is a 451; then it is the answer, or a new attempt; a crash is believed for minutes only."""
    known_by = journal.fingerprint(envelope, b"mail")
    await journal.remember_under_way(known_by, datetime.now(UTC))
    assert await journal.recall(known_by) == UNDER_WAY
    await journal.remember_unanswered(known_by, REPLY, datetime.now(UTC))
    assert await journal.recall(known_by) == REPLY
    await journal.forget_unanswered(known_by)
    assert await journal.recall(known_by) is None
    await journal.remember_under_way(known_by, datetime.now(UTC) - LONGEST - timedelta(seconds=1))
    assert await journal.recall(known_by) is None


async def test_after_an_hour_it_is_another_mail(journal: SqlJournal, envelope: Envelope) -> None:
    """Old replies are not given, and pruning drops them."""
    known_by = journal.fingerprint(envelope, b"mail")
    await journal.remember_unanswered(known_by, REPLY, datetime.now(UTC) - timedelta(minutes=61))
    assert await journal.recall(known_by) is None
    await journal.forget_unanswered(known_by)
    await journal.remember_unanswered(known_by, REPLY, datetime.now(UTC) - timedelta(minutes=59))
    assert await journal.recall(known_by) == REPLY
    assert await journal.prune(datetime.now(UTC) - timedelta(days=90)) == 0


def test_what_makes_a_transaction(key: PrivateKey, envelope: Envelope) -> None:
    """The order of recipients, our id and the time do not count; anything else makes another transaction."""
    base = fingerprint(key.public, envelope, b"mail")
    later = envelope.received_at + timedelta(minutes=9)
    same = replace(envelope, id="m2", received_at=later, recipients=envelope.recipients[::-1])
    assert base == fingerprint(key.public, same, b"mail")
    others = [
        fingerprint(key.public, envelope, b"mail!"),
        fingerprint(key.public, replace(envelope, recipients=("bob@example.com",)), b"mail"),
        fingerprint(key.public, replace(envelope, reverse_path=""), b"mail"),
        fingerprint(key.public, replace(envelope, client="192.0.2.2"), b"mail"),
        fingerprint(key.public, replace(envelope, login="192.0.2.1"), b"mail"),
        fingerprint(PrivateKey.generate().public, envelope, b"mail"),
    ]
    assert len({base, *others}) == 7


def test_a_login_is_the_same_from_anywhere(key: PrivateKey, envelope: Envelope) -> None:
    """A client that retries from another network is known by its login."""
    home, office = (replace(envelope, login="ann", client=client) for client in ("192.0.2.1", "198.51.100.1"))
    assert fingerprint(key.public, home, b"mail") == fingerprint(key.public, office, b"mail")


async def test_only_what_is_new_is_read_again(journal: SqlJournal, envelope: Envelope) -> None:
    """Each of many lost replies is known at once, the oldest too, and what was taken out is no answer."""
    now = datetime.now(UTC)
    known = [journal.fingerprint(envelope, b"mail %d" % number) for number in range(5)]
    for number, one in enumerate(known):
        await journal.remember_unanswered(one, REPLY, now - timedelta(minutes=50 - 10 * number))
        assert await journal.recall(one) == REPLY
    await journal.forget_unanswered(known[2])
    assert [await journal.recall(one) for one in known] == [REPLY, REPLY, None, REPLY, REPLY]


async def test_a_clock_that_is_set_back_hides_no_lost_reply(journal: SqlJournal, envelope: Envelope) -> None:
    """What is remembered after that bears an earlier time than what was remembered before."""
    now = datetime.now(UTC)
    for number, ahead in enumerate((50, 0)):
        known_by = journal.fingerprint(envelope, b"mail %d" % number)
        await journal.remember_unanswered(known_by, REPLY, now + timedelta(seconds=ahead))
        assert await journal.recall(known_by) == REPLY


async def test_a_clock_that_was_ahead_makes_no_hour_longer(journal: SqlJournal, envelope: Envelope) -> None:
    """The same octets weeks later are another mail; what is remembered of them now counts, and no more than that."""
    known_by, now = journal.fingerprint(envelope, b"mail"), datetime.now(UTC)
    ahead = now + timedelta(days=40)
    await journal.remember_unanswered(known_by, REPLY, ahead)
    assert await journal.recall(known_by) is None
    await journal.remember_unanswered(known_by, replace(REPLY, code=251), now)
    assert await journal.recall(known_by) == replace(REPLY, code=251)


async def test_what_was_remembered_by_a_clock_that_was_ahead_is_pruned(
    journal: SqlJournal, envelope: Envelope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or it would be an answer once that time has come."""
    known_by, now = journal.fingerprint(envelope, b"mail"), datetime.now(UTC)
    await journal.remember_unanswered(known_by, REPLY, now + timedelta(days=40))
    await journal.prune(now - timedelta(days=90))

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]  # noqa: ANN401
            return datetime.now(tz) + timedelta(days=40)

    monkeypatch.setattr("dlp_gateway.journal.sql.datetime", Later)
    monkeypatch.setattr("dlp_gateway.journal.sql._LOOK", -1)
    assert await journal.recall(known_by) is None
