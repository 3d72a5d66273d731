"""Retries of transactions whose client left: a note may still be on its way, and the first attempt under way."""

import asyncio
from datetime import UTC, datetime

import pytest

from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.reply import Reply
from dlp_gateway.ports import UNDER_WAY
from dlp_gateway.retries import OwnDepartures, Retries
from quarantine.store import StoreError
from tests.fakes import MemoryJournal
from tests.waiting import until

CONTENT = b"Message-ID: <1@corp.example>\r\nSubject: hello\r\n\r\ntext\r\n"
TAKEN, LATER = Reply(code=250, enhanced="2.0.0", text="taken"), Reply(code=451, enhanced="4.3.0", text="later")


def envelope(name: str) -> Envelope:
    """Return the envelope of an attempt."""
    return Envelope(
        id=name,
        reverse_path="ada@corp.example",
        recipients=("bob@example.org",),
        client="192.0.2.1",
        login="",
        body_8bit=False,
        smtputf8=False,
        received_at=datetime.now(UTC),
    )


class SlowJournal(MemoryJournal):
    """A journal whose disk takes its time."""

    async def remember_under_way(self, fingerprint: bytes, at: datetime) -> None:
        """Keep it, later."""
        await asyncio.sleep(0.05)
        await super().remember_under_way(fingerprint, at)


async def test_a_retry_waits_for_a_note_that_another_receiver_makes() -> None:
    """(i) The client is back before it is on disk that it left; the other receiver shares the departures only."""
    journal, departures = SlowJournal(), OwnDepartures()
    one, other = (Retries(journal, departures, patience=0) for _ in range(2))
    with one.attempt("a1"):
        assert await one.reply(envelope("a1"), CONTENT) is None
        leaving = asyncio.create_task(one.abandoned(envelope("a1"), CONTENT))
        await asyncio.sleep(0)
        assert await other.reply(envelope("a2"), CONTENT) == UNDER_WAY
        await leaving
    assert not departures.any()


@pytest.mark.parametrize(("end", "heard"), [(TAKEN, TAKEN), (LATER, None)])
async def test_a_retry_waits_for_the_end_of_the_first_attempt(end: Reply, heard: Reply | None) -> None:
    """(i) Then it is answered without a second copy, or, if nobody took the mail, is a new attempt."""
    retries = Retries(MemoryJournal(), patience=5)
    await retries.abandoned(envelope("a1"), CONTENT)
    waiting = asyncio.create_task(retries.reply(envelope("a2"), CONTENT))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await retries.unanswered(envelope("a1"), CONTENT, end, written=False)
    assert await waiting == heard


async def test_the_departure_of_a_retry_that_waits_keeps_nobody() -> None:
    """It is noted when the retry knows what it is; till then others do not wait for the note."""
    journal, departures = MemoryJournal(), OwnDepartures()
    retries = Retries(journal, departures, patience=5)
    await retries.abandoned(envelope("a1"), CONTENT)

    async def second() -> Reply | None:
        with retries.attempt("a2"):
            return await retries.reply(envelope("a2"), CONTENT)

    waiting = asyncio.create_task(second())
    await asyncio.sleep(0)
    leaving = asyncio.create_task(retries.abandoned(envelope("a2"), CONTENT))
    await asyncio.sleep(0)
    assert departures.any()
    await until(lambda: not departures.any())
    await retries.unanswered(envelope("a1"), CONTENT, TAKEN, written=False)
    assert await waiting == TAKEN
    await leaving
    assert list(journal.answers.values()) == [TAKEN]


async def test_departures_that_never_end_keep_nobody_for_long() -> None:
    """A dead receiver may have left one behind."""
    departures = OwnDepartures()
    departures.begin()
    async with asyncio.timeout(2):
        assert await Retries(MemoryJournal(), departures).reply(envelope("a1"), CONTENT) is None


class LockedJournal(MemoryJournal):
    """A journal that cannot be asked while its database is locked."""

    is_locked = False

    async def recall(self, fingerprint: bytes) -> Reply | None:
        """Look, if that is possible."""
        if self.is_locked:
            raise StoreError("the database is locked")
        return await super().recall(fingerprint)


async def test_a_retry_that_could_not_be_looked_up_takes_nothing_back() -> None:
    """(i) It is told to come again and hangs up, too; the first attempt's answer stays what it was."""
    journal = LockedJournal()
    retries = Retries(journal)
    await retries.unanswered(envelope("a1"), CONTENT, TAKEN, written=False)
    journal.is_locked = True
    with retries.attempt("a2"), pytest.raises(StoreError):
        await retries.reply(envelope("a2"), CONTENT)
    await retries.unanswered(envelope("a2"), CONTENT, LATER, written=True)
    journal.is_locked = False
    assert await retries.reply(envelope("a3"), CONTENT) == TAKEN


async def test_a_new_attempt_that_nobody_took_is_no_retrys_answer() -> None:
    """Its client comes again, and that is a new attempt."""
    journal = LockedJournal()
    retries = Retries(journal)
    await retries.abandoned(envelope("a1"), CONTENT)
    await retries.unanswered(envelope("a1"), CONTENT, LATER, written=False)
    assert await retries.reply(envelope("a2"), CONTENT) is None
