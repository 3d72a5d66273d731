"""Mails to several are found by what they answer, by their subject and by who sent them, in every process at once."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.detect.base import Exposure, Thread
from dlp_gateway.journal import SqlJournal, mailings, open_journal
from dlp_gateway.journal.digests import WIDTH, Digests, joined, split
from dlp_gateway.policy.memory import Memory
from dlp_gateway.recollection import Fate, Questions, Sending
from quarantine.crypto import PrivateKey

AUDIENCE = tuple(f"customer{number}@example.com" for number in range(40))
QUESTIONS = Questions(
    memory=Memory(),
    mass_send=10,
    threads=True,
    exposure=True,
    groups=False,
    strangers=False,
    look_alikes=False,
    sent=False,
)
LEFT = Fate(is_objected=False, is_exposed=True, is_kept=False)
HIDDEN = Fate(is_objected=True, is_exposed=False, is_kept=False)
Send = Callable[..., Sending]


async def thread(journal: SqlJournal, sending: Sending) -> Thread | None:
    """Return the mass mail that a mail answers."""
    return (await journal.recollect(sending, QUESTIONS)).facts.thread


async def test_a_reply_to_all(journal: SqlJournal, sent: Send) -> None:
    """The audience and how many of it are addressed again are told."""
    await journal.remember(sent(*AUDIENCE), b"", LEFT)
    recipients = (*AUDIENCE[:12], "dan@example.net")
    answer = sent(*recipients, message_id="<2@corp.example>", answered=("<1@corp.example>",))
    assert await thread(journal, answer) == Thread(audience=40, addressed_again=12)
    other = sent(*recipients, message_id="<2@corp.example>", answered=("<3@corp.example>",))
    assert await thread(journal, other) is None
    assert await thread(journal, sent(*recipients, message_id="<2@corp.example>")) is None


async def test_by_subject(journal: SqlJournal, sent: Send) -> None:
    """Where nothing is referred to, topic and circle tell."""
    await journal.remember(sent(*AUDIENCE, topic="offer"), b"", LEFT)
    answer = {"message_id": "<2@corp.example>", "is_answer": True}
    assert await thread(journal, sent(*AUDIENCE[:35], topic="offer", **answer)) == Thread(
        audience=40, addressed_again=35
    )
    assert await thread(journal, sent(*AUDIENCE[:35], topic="other", **answer)) is None


async def test_parts_of_one_mail_are_one(journal: SqlJournal, sent: Send) -> None:
    """Mail servers split at fifty recipients: the parts carry one Message-ID, and their audiences add up."""
    for start in range(0, 40, 15):
        await journal.remember(sent(*AUDIENCE[start : start + 20]), b"", LEFT)
    answer = sent(*AUDIENCE, message_id="<2@corp.example>", answered=("<1@corp.example>",))
    assert await thread(journal, answer) == Thread(audience=40, addressed_again=40)


async def test_parts_that_come_at_once(url: str, folder: Path, key: PrivateKey, sent: Send) -> None:
    """Two receivers that take parts of one mail at the same moment lose none of them."""
    receivers = [await open_journal(url, key.public, folder=folder) for _ in range(2)]
    await asyncio.gather(
        *(receivers[place % 2].remember(sent(*AUDIENCE[place : place + 4]), b"", LEFT) for place in range(0, 40, 4))
    )
    answer = sent(*AUDIENCE, message_id="<2@corp.example>", answered=("<1@corp.example>",))
    assert await thread(receivers[0], answer) == Thread(audience=40, addressed_again=40)
    for receiver in receivers:
        await receiver.close()


async def test_mails_without_an_id_are_mails_of_their_own(journal: SqlJournal, sent: Send, noon: datetime) -> None:
    """They count in the window of their sender, each by itself."""
    for number in range(3):
        one = sent(*AUDIENCE[3 * number : 3 * number + 3], message_id="", name=f"m{number}")
        await journal.remember(one, b"", LEFT)
    this = sent(*AUDIENCE[20:25], name="m9", at=noon + timedelta(hours=1))
    assert (await journal.recollect(this, QUESTIONS)).facts.exposure == Exposure(before=9, joint=14, written=14)


async def test_other_processes_know_at_once(url: str, folder: Path, key: PrivateKey, sent: Send) -> None:
    """What one receiver remembered, the next look-up of another finds."""
    one = await open_journal(url, key.public, folder=folder)
    two = await open_journal(url, key.public, folder=folder)
    for number in range(5):
        mail = sent(*AUDIENCE, message_id=f"<{number}@corp.example>")
        answer = sent(*AUDIENCE, message_id="<answer@corp.example>", answered=(mail.message_id,))
        assert await thread(two, answer) is None
        await one.remember(mail, b"", LEFT)
        assert await thread(two, answer) == Thread(audience=40, addressed_again=40)
    await one.close()
    await two.close()


async def test_a_second_strike_is_kept_over_a_restart(url: str, folder: Path, key: PrivateKey, sent: Send) -> None:
    """What was rewritten before the gateway stopped is suspect after it."""
    first = await open_journal(url, key.public, folder=folder)
    await first.remember(sent(*AUDIENCE), b"", HIDDEN)
    await first.close()
    second = await open_journal(url, key.public, folder=folder)
    again = sent(*AUDIENCE[:7], message_id="<2@corp.example>")
    assert (await second.recollect(again, QUESTIONS)).facts.struck == 7
    assert (await second.recollect(sent(*AUDIENCE), QUESTIONS)).facts.struck == 0
    await second.close()


async def test_logins_are_senders_of_their_own(journal: SqlJournal, sent: Send) -> None:
    """Of one address, who logged in as somebody else has a window of his own."""
    await journal.remember(sent(*AUDIENCE[:9], login="ann"), b"", LEFT)
    of_bob = sent(*AUDIENCE[10:15], message_id="<2@corp.example>", login="bob")
    assert (await journal.recollect(of_bob, QUESTIONS)).facts.exposure is None


async def test_the_audience_is_bounded(journal: SqlJournal, sent: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Message-ID that is used for ever does not grow for ever."""
    monkeypatch.setattr(mailings, "MOST", 25)
    for start in range(0, 40, 10):
        await journal.remember(sent(*AUDIENCE[start : start + 10]), b"", LEFT)
    answer = sent(*AUDIENCE, message_id="<2@corp.example>", answered=("<1@corp.example>",))
    assert await thread(journal, answer) == Thread(audience=25, addressed_again=25)


async def test_very_many_recipients(journal: SqlJournal, sent: Send) -> None:
    """Ten thousand are remembered and found."""
    crowd = tuple(f"c{number}@shop{number}.example" for number in range(10_000))
    await journal.remember(sent(*crowd), b"", HIDDEN)
    again = sent(*crowd, message_id="<2@corp.example>", answered=("<1@corp.example>",))
    found = (await journal.recollect(again, QUESTIONS)).facts
    assert (found.thread, found.struck) == (Thread(audience=10_000, addressed_again=10_000), 10_000)


@given(one=st.frozensets(st.sampled_from(AUDIENCE)), two=st.frozensets(st.sampled_from(AUDIENCE)))
def test_digests_keep_the_intersection(one: frozenset[str], two: frozenset[str], key: PrivateKey) -> None:
    """Counting digests is counting addresses, and a row of them gives them back."""
    digests = Digests(key.public)
    here, there = digests.addresses(tuple(one)), digests.addresses(tuple(two))
    assert len(one & two) == len(here & there)
    assert split(joined(here, 100)) == here
    assert all(len(digest) == WIDTH for digest in here)
