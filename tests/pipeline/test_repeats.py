"""Retries of a transaction whose answer the client did not read, through the whole line."""

import asyncio

import pytest

from dlp_gateway.pipeline import Pipeline
from dlp_gateway.ports import UNDER_WAY, Forwarded, Repeated
from quarantine.memory import MemoryStore
from tests.fakes import LATER, TAKEN, MemoryJournal, ScriptedSmarthost
from tests.pipeline.line import CLEAN, InPlace, envelope, made


async def test_a_retry_is_answered_without_a_second_copy(pipeline: Pipeline, smarthost: ScriptedSmarthost) -> None:
    """(i) The same transaction again, after a reply that the client never read, sends nothing."""
    first = envelope("a@x.example")
    await pipeline.process(first, CLEAN)
    await pipeline.unanswered(first, CLEAN, TAKEN, written=True)
    again = await pipeline.process(envelope("a@x.example", id="0000000000000000a2"), CLEAN)
    assert again == Repeated(reply=TAKEN)
    assert len(smarthost.mails) == 1
    other = await pipeline.process(envelope("b@x.example", id="0000000000000000a3"), CLEAN)
    assert isinstance(other, Forwarded)


async def test_an_alert_that_looks_like_the_last_one_is_sent(
    pipeline: Pipeline, smarthost: ScriptedSmarthost, journal: MemoryJournal
) -> None:
    """A device hangs up after our reply and sends the same bytes again, without Message-ID: that is another mail."""
    alert = CLEAN.replace(b"Message-ID: <m1@corp.example>\r\n", b"")
    await pipeline.unanswered(envelope("a@x.example"), alert, TAKEN, written=True)
    assert journal.answers == {}
    await pipeline.unanswered(envelope("a@x.example"), alert, TAKEN, written=False)
    assert list(journal.answers.values()) == [TAKEN]


@pytest.mark.parametrize("sign", ["goes on", "hangs up"])
@pytest.mark.parametrize("has_id", [False, True], ids=["without Message-ID", "with Message-ID"])
async def test_what_was_answered_again_and_read_is_another_mail(
    pipeline: Pipeline, smarthost: ScriptedSmarthost, sign: str, *, has_id: bool
) -> None:
    """A device whose one answer was lost raises the same alarm all day; a mail with a name stays the same mail."""
    content = CLEAN if has_id else CLEAN.replace(b"Message-ID: <m1@corp.example>\r\n", b"")
    first, again = envelope("a@x.example"), envelope("a@x.example", id="0000000000000000a2")
    await pipeline.process(first, content)
    await pipeline.unanswered(first, content, TAKEN, written=False)
    outcome = await pipeline.process(again, content)
    assert isinstance(outcome, Repeated)
    if sign == "goes on":
        assert outcome.reply.again
        await pipeline.heard(again, content)
    else:
        await pipeline.unanswered(again, content, outcome.reply, written=True)
    third = await pipeline.process(envelope("a@x.example", id="0000000000000000a3"), content)
    assert isinstance(third, Repeated if has_id else Forwarded)
    assert len(smarthost.mails) == (1 if has_id else 2)


async def test_who_was_told_to_wait_is_known_when_he_comes_again(
    pipeline: Pipeline, smarthost: ScriptedSmarthost
) -> None:
    """That he read the 451 says nothing of the first attempt, and a repeated answer that nobody read stays known."""
    content = CLEAN.replace(b"Message-ID: <m1@corp.example>\r\n", b"")
    await pipeline.abandoned(envelope("a@x.example"), content)
    outcome = await pipeline.process(envelope("a@x.example", id="0000000000000000a2"), content)
    assert isinstance(outcome, Repeated)
    assert not outcome.reply.again
    await pipeline.unanswered(envelope("a@x.example"), content, TAKEN, written=False)
    for number in (3, 4):
        late = envelope("a@x.example", id=f"0000000000000000a{number}")
        outcome = await pipeline.process(late, content)
        assert outcome == Repeated(reply=TAKEN)
        await pipeline.unanswered(late, content, outcome.reply, written=False)
    assert smarthost.mails == []


async def test_a_negative_reply_is_not_remembered(pipeline: Pipeline, journal: MemoryJournal) -> None:
    """A retry after a refusal that was not read is a new attempt."""
    await pipeline.unanswered(envelope("a@x.example"), CLEAN, LATER, written=False)
    assert journal.answers == {}


async def test_a_retry_during_the_hand_over_is_told_to_wait(
    pipeline: Pipeline, smarthost: ScriptedSmarthost, journal: MemoryJournal
) -> None:
    """(i) The client came back before the smarthost answered: 451 until it did, then the answer or a new try."""
    first = envelope("a@x.example")
    await pipeline.abandoned(first, CLEAN)
    assert await pipeline.process(envelope("a@x.example", id="0000000000000000a2"), CLEAN) == Repeated(reply=UNDER_WAY)
    await pipeline.unanswered(first, CLEAN, LATER, written=False)
    assert isinstance(await pipeline.process(envelope("a@x.example", id="0000000000000000a3"), CLEAN), Forwarded)
    assert len(smarthost.mails) == 1


async def test_a_retry_that_hangs_up_too_leaves_the_first_attempt_known(
    pipeline: Pipeline, smarthost: ScriptedSmarthost
) -> None:
    """(i) Nobody read that it is under way: that is no end of the first attempt, and a third one must not pass."""
    first, second = envelope("a@x.example"), envelope("a@x.example", id="0000000000000000a2")
    await pipeline.abandoned(first, CLEAN)
    assert await pipeline.process(second, CLEAN) == Repeated(reply=UNDER_WAY)
    await pipeline.unanswered(second, CLEAN, UNDER_WAY, written=True)
    third = await pipeline.process(envelope("a@x.example", id="0000000000000000a3"), CLEAN)
    assert third == Repeated(reply=UNDER_WAY)
    assert smarthost.mails == []


async def test_a_client_that_only_stops_talking_is_not_its_own_retry(
    smarthost: ScriptedSmarthost, custody: MemoryStore
) -> None:
    """(i) Exim ends its side behind the final dot and waits for the reply: that is told while the mail is looked up."""

    class Slow(MemoryJournal):
        async def any_unanswered(self) -> bool:
            for _ in range(5):
                await asyncio.sleep(0)
            return await super().any_unanswered()

    journal, first = Slow(), envelope("a@x.example")
    pipeline = made(smarthost, custody, journal, InPlace())
    taking = asyncio.create_task(pipeline.process(first, CLEAN))
    await asyncio.sleep(0)
    await pipeline.abandoned(first, CLEAN)
    assert isinstance(await taking, Forwarded)
    assert len(smarthost.mails) == 1
