"""Who is a stranger to a sender, and whom he resembles: learned by day, and not before enough was seen."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dlp_gateway.detect.base import Facts
from dlp_gateway.journal import SqlJournal, correspondents, open_journal
from dlp_gateway.policy.memory import Memory
from dlp_gateway.ports import Entry, Passage
from dlp_gateway.recollection import Lesson, Questions, Sending
from quarantine.crypto import PrivateKey

QUESTIONS = Questions(
    memory=Memory(learning=3),
    mass_send=10,
    threads=False,
    exposure=False,
    groups=False,
    strangers=True,
    look_alikes=True,
    sent=False,
)
DAY = timedelta(days=1)
Send = Callable[..., Sending]
Make = Callable[..., Entry]


@pytest.fixture
def leaves(entry: Make) -> Callable[..., Entry]:
    """Make the entry of a mail that left, or that had another outcome."""

    def make(sending: Sending, *outcomes: str) -> Entry:
        made = entry(sending.id, at=sending.at)
        passages = tuple(
            Passage(recipient=recipient, shown=(), outcome=outcome, reply="")
            for recipient, outcome in zip(
                sending.recipients, outcomes or ("forwarded",) * len(sending.recipients), strict=True
            )
        )
        lesson = Lesson(sending=sending, is_group=False, is_exposed=True, is_hidden=False, values=())
        return Entry(
            **{name: getattr(made, name) for name in made.__slots__} | {"passages": passages, "lesson": lesson}
        )

    return make


@pytest.fixture
async def learned(journal: SqlJournal, sent: Send, leaves: Make, noon: datetime) -> SqlJournal:
    """A journal that saw Ann write to Ben Miller on three days."""
    for day in range(3):
        mail = sent(
            "ben.miller@acmecorp.example", at=noon + day * DAY, names=(("ben.miller@acmecorp.example", "Ben Miller"),)
        )
        journal.record(leaves(mail))
    await journal.flush()
    return journal


async def look(journal: SqlJournal, sending: Sending, questions: Questions = QUESTIONS) -> Facts:
    """Return what is known of a mail's recipients."""
    return (await journal.recollect(sending, questions)).facts


async def test_strangers(learned: SqlJournal, sent: Send) -> None:
    """Whom she wrote to is none, everybody else is; to another sender all are, once he has written enough."""
    mail = sent("ben.miller@acmecorp.example", "carl@bakery.example")
    assert (await look(learned, mail)).strangers == (1,)
    assert (await look(learned, sent("carl@bakery.example", reverse_path="dora@corp.example"))).strangers == ()
    assert (await look(learned, sent("carl@bakery.example", reverse_path=""))).strangers == ()


@pytest.mark.parametrize(
    ("recipient", "name", "alike", "twin"),
    [
        ("x@acnecorp.example", "", (0,), ()),
        ("x@sub.acmecorp.example", "", (), ()),
        ("x@bakery.example", "", (), ()),
        ("ben.miller@free.example", "", (), (0,)),
        ("bm@free.example", "Miller, Ben", (), (0,)),
        ("ben.millar@acmecorp.example", "", (), (0,)),
        ("tim.miller@acmecorp.example", "", (), ()),
        ("ben.miller@acnecorp.example", "", (0,), (0,)),
    ],
)
async def test_likenesses(
    learned: SqlJournal,
    sent: Send,
    recipient: str,
    name: str,
    alike: tuple[int, ...],
    twin: tuple[int, ...],
) -> None:
    """Domains are compared with those of the house, people with those of the sender."""
    found = await look(learned, sent(recipient, names=((recipient, name),)))
    assert (found.strangers, found.look_alikes, found.twins) == ((0,), alike, twin)


async def test_nothing_before_enough_was_seen(learned: SqlJournal, sent: Send) -> None:
    """A house that has written for fewer days than the policy says judges nobody."""
    questions = Questions(**{name: getattr(QUESTIONS, name) for name in QUESTIONS.__slots__} | {"memory": Memory()})
    assert await look(learned, sent("x@acnecorp.example"), questions) == Facts()


async def test_what_did_not_leave_teaches_nothing(
    journal: SqlJournal, sent: Send, leaves: Make, noon: datetime
) -> None:
    """Of a mail that was taken for one of two recipients, that one is known."""
    for day in range(3):
        mail = sent("ben@acmecorp.example", "eve@bakery.example", at=noon + day * DAY)
        journal.record(leaves(mail, "forwarded", "refused"))
    await journal.flush()
    assert (await look(journal, sent("ben@acmecorp.example", "eve@bakery.example"))).strangers == (1,)


async def test_a_day_counts_once(journal: SqlJournal, sent: Send, leaves: Make) -> None:
    """A hundred mails on one day make nobody frequent."""
    for number in range(100):
        journal.record(leaves(sent("ben@acmecorp.example", name=f"m{number}")))
        if number % 20 == 0:
            await journal.flush()
    await journal.flush()
    assert await look(journal, sent("x@acnecorp.example")) == Facts()


async def test_receivers_share_what_they_learned(
    learned: SqlJournal, url: str, folder: Path, key: PrivateKey, sent: Send
) -> None:
    """Another process, and one after a restart, knows the same."""
    other = await open_journal(url, key.public, folder=folder)
    assert await look(other, sent("ben.miller@acmecorp.example")) == Facts()
    assert (await look(other, sent("x@acnecorp.example"))).look_alikes == (0,)
    await other.close()


async def test_a_mailing_teaches_nothing(journal: SqlJournal, sent: Send, leaves: Make, noon: datetime) -> None:
    """Nor is anybody in it looked up."""
    crowd = tuple(f"c{number}@shop.example" for number in range(correspondents.RECIPIENTS + 1))
    for day in range(3):
        journal.record(leaves(sent(*crowd, at=noon + day * DAY)))
    await journal.flush()
    assert await look(journal, sent(crowd[0])) == Facts()
    assert await look(journal, sent(*crowd)) == Facts()


async def test_a_common_mailbox_makes_no_twins(journal: SqlJournal, sent: Send, leaves: Make, noon: datetime) -> None:
    """An "office" that three firms have is no person."""
    for day in range(3):
        firms = tuple(f"office@firm-{name}.example" for name in ("north", "south", "west"))
        journal.record(leaves(sent(*firms, at=noon + day * DAY)))
    await journal.flush()
    found = await look(journal, sent("office@other.example"))
    assert (found.strangers, found.twins) == ((0,), ())


async def test_what_a_process_remembers_is_bounded(
    journal: SqlJournal, sent: Send, leaves: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it dropped it looks up."""
    monkeypatch.setattr(correspondents, "KEPT", 4)
    for number in range(20):
        journal.record(leaves(sent(f"c{number}@shop{number}.example", name=f"m{number}")))
        await journal.flush()
    assert len(journal._memory._correspondents._met) == 4
    assert await look(journal, sent("c0@shop0.example")) == Facts()
