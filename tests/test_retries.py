"""Retries of transactions whose client left: a note may still be on its way, and the first attempt under way."""

import asyncio
import sys
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dlp_gateway.journal import open_journal, unanswered
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.reply import Reply
from dlp_gateway.ports import UNDER_WAY, InCustody
from dlp_gateway.retries import OwnDepartures, Retries, sender_of
from dlp_gateway.smtp.replies import final
from quarantine.crypto import PrivateKey
from quarantine.store import StoreError
from tests.conftest import SQLITE
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
    first, again = envelope("a1"), envelope("a2")
    with one.attempt("a1"):
        assert await one.reply(first, CONTENT) is None
        leaving = asyncio.create_task(one.abandoned(first, CONTENT))
        await asyncio.sleep(0)
        assert await other.reply(again, CONTENT) == UNDER_WAY
        await leaving
    assert not departures.any_before(sender_of(again), sys.maxsize)


async def test_a_retry_waits_for_the_note_of_an_attempt_that_has_just_ended() -> None:
    """(i) That the client left was not on disk when the smarthost took the mail, nor is the reply yet."""
    journal, departures = SlowJournal(), OwnDepartures()
    one, other = (Retries(journal, departures, patience=0) for _ in range(2))
    first, again = envelope("a1"), envelope("a2")
    with one.attempt("a1"):
        leaving = asyncio.create_task(one.abandoned(first, CONTENT))
        await asyncio.sleep(0)
    await leaving
    retry = asyncio.create_task(other.reply(again, CONTENT))
    await asyncio.sleep(0.05)
    assert not retry.done()
    await one.unanswered(first, CONTENT, TAKEN, written=False)
    assert await retry == TAKEN


async def test_many_who_leave_and_come_back_at_once_find_their_own_notes() -> None:
    """(i) Notes of one sender's other messages neither hide nor delay the one that a retry waits for."""
    journal, departures = SlowJournal(), OwnDepartures()
    one, other = (Retries(journal, departures, patience=0) for _ in range(2))
    mails = [b"Message-ID: <%d@corp.example>\r\n\r\ntext\r\n" % number for number in range(10)]
    firsts = [envelope(f"a{number}") for number in range(10)]
    with ExitStack() as attempts:
        for first in firsts:
            attempts.enter_context(one.attempt(first.id))
        leaving = [asyncio.create_task(one.abandoned(*pair)) for pair in zip(firsts, mails, strict=True)]
        looking = [asyncio.create_task(one.reply(*pair)) for pair in zip(firsts, mails, strict=True)]
        await asyncio.sleep(0)
        again = await asyncio.gather(*(other.reply(envelope(f"b{n}"), mail) for n, mail in enumerate(mails)))
        assert await asyncio.gather(*looking) == [None] * 10
        await asyncio.gather(*leaving)
    assert again == [UNDER_WAY] * 10


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
    """There is the note of the first attempt; that of the retry is made when it knows what it is."""
    journal, departures = MemoryJournal(), OwnDepartures()
    retries = Retries(journal, departures, patience=5)
    await retries.abandoned(envelope("a1"), CONTENT)
    again = envelope("a2")

    async def second() -> Reply | None:
        with retries.attempt("a2"):
            return await retries.reply(again, CONTENT)

    waiting = asyncio.create_task(second())
    leaving = asyncio.create_task(retries.abandoned(again, CONTENT))
    await until(lambda: not departures.any_before(sender_of(again), sys.maxsize))
    await retries.unanswered(envelope("a1"), CONTENT, TAKEN, written=False)
    assert await waiting == TAKEN
    await leaving
    await retries.unanswered(again, CONTENT, TAKEN, written=False)
    assert list(journal.answers.values()) == [TAKEN]
    assert not departures.any_before(sender_of(again), sys.maxsize)


async def test_a_departure_that_is_never_noted_has_its_sender_come_again() -> None:
    """A disk that stands still leaves open whether this is a retry; others are not kept."""
    departures = OwnDepartures()
    first, again = envelope("a1"), envelope("a2")
    departures.enter(sender_of(first), 0)
    retries = Retries(MemoryJournal(), departures, noted=0.02)
    assert await retries.reply(again, CONTENT) == UNDER_WAY
    assert await retries.reply(replace(again, client="192.0.2.2"), CONTENT) is None
    assert await retries.reply(replace(again, login="ada"), CONTENT) is None


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


@pytest.mark.parametrize("refuse", [False, True])
async def test_what_custody_took_is_held_once_whatever_its_client_was_to_read(*, refuse: bool) -> None:
    """(i) A hold with `reply: refuse` whose 550 was not read is not held again at each retry."""
    retries = Retries(MemoryJournal())
    reply = final(InCustody(id="a1", refuse=refuse))
    await retries.abandoned(envelope("a1"), CONTENT)
    await retries.unanswered(envelope("a1"), CONTENT, reply, written=False)
    for name in ("a2", "a3"):
        again = await retries.reply(envelope(name), CONTENT)
        assert again == reply
        await retries.unanswered(envelope(name), CONTENT, replace(again, again=True), written=False)


async def test_a_hand_over_may_take_as_long_as_it_wants(
    folder: Path, key: PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """(i) A note is believed for minutes only, lest a crash keep its client waiting; while it is true it is renewed."""
    monkeypatch.setattr(unanswered, "LONGEST", timedelta(seconds=0.3))
    journal = await open_journal(SQLITE, key.public, folder=folder)
    retries = Retries(journal, patience=0, noted_again=0.05)
    first = envelope("a1")
    with retries.attempt("a1"):
        assert await retries.reply(first, CONTENT) is None
        leaving = asyncio.create_task(retries.abandoned(first, CONTENT))
        told = asyncio.create_task(retries.abandoned(first, CONTENT))  # once more, at the end of the session
        await asyncio.sleep(0.6)
        assert await retries.reply(envelope("a2"), CONTENT) == UNDER_WAY
    await asyncio.gather(leaving, told)
    await retries.unanswered(first, CONTENT, TAKEN, written=False)
    assert await retries.reply(envelope("a3"), CONTENT) == TAKEN
    await journal.close()


@pytest.mark.parametrize(("end", "heard"), [(TAKEN, TAKEN), (LATER, None)])
async def test_a_note_that_is_made_anew_outlives_no_end(end: Reply, heard: Reply | None) -> None:
    """The disk is slow, and the hand-over ends while the note is being written once more."""
    journal = SlowJournal()
    retries = Retries(journal, patience=0, noted_again=0.01)
    first = envelope("a1")
    with retries.attempt("a1"):
        assert await retries.reply(first, CONTENT) is None
        leaving = asyncio.create_task(retries.abandoned(first, CONTENT))
        await asyncio.sleep(0.08)  # the second note takes until 0.11
    await retries.unanswered(first, CONTENT, end, written=False)
    await leaving
    assert await retries.reply(envelope("a2"), CONTENT) == heard
