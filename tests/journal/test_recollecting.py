"""What earlier mails mean for this one, told from values alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.detect.base import Exposure, Facts, Thread
from dlp_gateway.journal.recollecting import Mailing, Remembered, facts
from dlp_gateway.policy.memory import Memory, Storm
from dlp_gateway.recollection import Questions

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PEOPLE = tuple(bytes([number]) * 16 for number in range(1, 101))
NOTHING = Remembered(parts=(), answered=(), in_thread=(), on_topic=(), by_sender=())
QUESTIONS = Questions(
    memory=Memory(),
    mass_send=10,
    threads=True,
    exposure=True,
    groups=True,
    strangers=True,
    look_alikes=True,
    sent=True,
)


def mailing(count: int, **changes: object) -> Mailing:
    """Return a mail that shows and goes to so many."""
    one = Mailing(
        message=b"m" * 16,
        at=NOON,
        sender=b"ann",
        topic=b"",
        root=b"",
        is_answer=False,
        is_objected=False,
        is_stopped=False,
        is_exposed=False,
        shown=frozenset(PEOPLE[:count]),
        addressed=frozenset(PEOPLE[:count]),
    )
    return replace(one, **changes)  # type: ignore[arg-type]


def told(this: Mailing, questions: Questions = QUESTIONS, **found: object) -> Facts:
    """Return the facts of a mail among others."""
    return facts(this, replace(NOTHING, **found), questions, is_ours=False, familiar=0)  # type: ignore[arg-type]


def test_the_mass_mail_of_which_most_are_reached_again() -> None:
    """Of several that it answers; smaller ones are no mass mails."""
    answer = mailing(12, is_answer=True)
    others = (mailing(40, sender=b"x"), mailing(9, sender=b"x"), mailing(0, sender=b"x", addressed=answer.addressed))
    assert told(answer, answered=others).thread == Thread(audience=40, addressed_again=12)
    assert told(answer, answered=others[1:]).thread is None


@pytest.mark.parametrize(
    ("reached", "is_answer", "sender", "expected"),
    [
        (16, True, b"ann", Thread(audience=20, addressed_again=16)),
        (15, True, b"ann", None),
        (20, False, b"ann", None),
        (16, True, b"bob", Thread(audience=20, addressed_again=16)),
        (20, False, b"bob", None),
    ],
)
def test_the_same_topic(*, reached: int, is_answer: bool, sender: bytes, expected: Thread | None) -> None:
    """Four fifths of the circle and an answer's prefix, whoever wrote; the same words alone are no answer."""
    earlier = mailing(20, sender=b"ann")
    assert told(mailing(reached, is_answer=is_answer, sender=sender), on_topic=(earlier,)).thread == expected


def test_an_answer_to_nobody_we_know() -> None:
    """It answers a mail from outside, unless what it answers was written in our house."""
    answer = mailing(12, is_answer=True)
    assert told(answer).foreign == 12
    assert told(mailing(12)).foreign == 0
    assert told(answer, answered=(mailing(3),)).foreign == 0
    assert facts(answer, NOTHING, QUESTIONS, is_ours=True, familiar=0).foreign == 0


ANSWERS = st.lists(st.tuples(st.integers(0, 700), st.sampled_from([b"a", b"b", b"c", b"d", b"e", b"f"])), max_size=25)


@given(ANSWERS)
def test_a_thread_is_closed_as_long_as_it_was_told(answers: list[tuple[int, bytes]]) -> None:
    """Compared with every minute of the last six hours looked at one by one."""
    storm = Storm(senders=4)
    questions = replace(QUESTIONS, memory=Memory(storm=storm))
    this = mailing(6, is_answer=True, sender=b"z")
    others = tuple(mailing(5, is_answer=True, sender=sender, at=NOON - minutes * MINUTE) for minutes, sender in answers)
    everybody = [*answers, (0, b"z")]
    expected = any(
        len({sender for minutes, sender in everybody if end <= minutes < end + 60}) >= 4
        for end, _ in everybody
        if end < 360
    )
    assert bool(told(this, questions, in_thread=others).closed) == expected


def test_a_small_answer_is_free_in_a_storm() -> None:
    """To fewer than the storm is about one may always answer."""
    others = tuple(mailing(6, is_answer=True, sender=bytes([n])) for n in range(9))
    assert told(mailing(5, is_answer=True), in_thread=others).closed == 5
    assert told(mailing(4, is_answer=True), in_thread=others).closed == 0
    assert told(mailing(6), in_thread=others).closed == 0


def test_a_second_attempt() -> None:
    """Those whom it shows again count, within the day, of mails whose audience was objected to, however small."""
    stopped = mailing(40, is_objected=True, at=NOON - 60 * MINUTE)
    assert told(mailing(5), by_sender=(stopped,)).struck == 5
    assert told(mailing(5, shown=frozenset()), by_sender=(stopped,)).struck == 0
    assert told(mailing(5), by_sender=(replace(stopped, is_objected=False),)).struck == 0
    assert told(mailing(5), by_sender=(mailing(9, is_objected=True),)).struck == 5
    assert told(mailing(5), by_sender=(replace(stopped, at=NOON - timedelta(days=1)),)).struck == 0


WINDOW = st.lists(st.tuples(st.frozensets(st.sampled_from(PEOPLE[:12])), st.booleans(), st.booleans()), max_size=6)


@given(WINDOW, st.frozensets(st.sampled_from(PEOPLE[:12]), min_size=2, max_size=9))
def test_a_window_is_a_union(earlier: list[tuple[frozenset[bytes], bool, bool]], shown: frozenset[bytes]) -> None:
    """Everybody counts once, and only where this mail adds somebody."""
    others = tuple(
        mailing(0, shown=one, is_exposed=is_exposed, is_objected=is_objected, at=NOON - MINUTE)
        for one, is_exposed, is_objected in earlier
    )
    exposed = frozenset[bytes]().union(*(one for one, is_exposed, _ in earlier if is_exposed))
    written = exposed.union(*(one for one, _, is_objected in earlier if is_objected))
    found = told(mailing(0, shown=shown), by_sender=others).exposure
    if not written:
        assert found is None
        return
    assert found == Exposure(
        before=len(exposed) if shown - exposed else 0,
        joint=len(exposed | shown),
        written=len(written | shown) if shown - written else 0,
    )


def test_a_working_group_is_no_exposure() -> None:
    """Those who know each other are shown to nobody new."""
    others = (mailing(40, is_exposed=True, at=NOON - MINUTE),)
    this = mailing(9, shown=frozenset(PEOPLE[50:59]))
    found = replace(NOTHING, by_sender=others)
    assert facts(this, found, QUESTIONS, is_ours=False, familiar=9) == Facts(familiar=9)


def test_a_working_group_may_answer_itself() -> None:
    """An answer to all of it is no answer to an audience, unless others get it blind."""
    this = mailing(12, is_answer=True)
    found = replace(NOTHING, answered=(mailing(12, is_objected=True),))
    assert facts(this, found, QUESTIONS, is_ours=False, familiar=12) == Facts(familiar=12)
    blind = replace(this, addressed=frozenset(PEOPLE[:30]))
    assert facts(blind, found, QUESTIONS, is_ours=False, familiar=12).thread == Thread(audience=12, addressed_again=12)


@pytest.mark.parametrize(("ahead", "counts"), [(-1, True), (1, True), (8, False)])
def test_what_a_clock_that_was_ahead_wrote_counts_for_a_window_only(ahead: int, *, counts: bool) -> None:
    """Shortly before the clock was set back is shortly before now; weeks ahead would hold mail for weeks."""
    this = mailing(12)
    days = ahead * timedelta(days=1)
    before = mailing(12, at=NOON + days, is_stopped=True, is_objected=True, is_exposed=True)
    memory = Memory(window="7d", strike="7d")  # type: ignore[arg-type]
    found = told(this, replace(QUESTIONS, memory=memory), by_sender=(before,))
    assert (found.struck, found.stopped, found.exposure is not None) == (12 * counts, 12 * counts, counts)
