"""A wall clock that is wrong for a while ends nothing for good, and what it put off does not wait until it is there."""

from datetime import UTC, datetime, timedelta

import pytest

from dlp_gateway.delivery import DeliveryWorker
from quarantine.memory import MemoryStore
from quarantine.model import Query, State
from tests.delivery.custody import OPTIONS, Hands, custody, states
from tests.fakes import LATER, ScriptedSmarthost

ITEM = "0000000000000000a1"
HOUR, DAYS = timedelta(hours=1), timedelta(days=40)


def worker(store: MemoryStore, hands: Hands) -> DeliveryWorker:
    """Return a worker whose smarthost puts everybody off."""
    smarthost = ScriptedSmarthost(rcpt={"a@x.example": LATER, "b@x.example": LATER})
    return DeliveryWorker(store, smarthost, OPTIONS, hands.clock)


async def expired(store: MemoryStore, hands: Hands) -> bool:
    """Keep house and tell whether what was held has expired."""
    await worker(store, hands).keep_house()
    return await states(store) == [State.EXPIRED, State.EXPIRED]


@pytest.mark.parametrize("before", [timedelta(), 2 * HOUR])
async def test_nothing_expires_while_the_clock_is_ahead(before: timedelta) -> None:
    """Neither when it jumps, however long the process ran before, nor when the process starts with a wrong clock."""
    store, hands = await custody(State.HELD, expires_after=timedelta(days=14)), Hands()
    hands.run += before
    hands.ahead = DAYS
    assert not await expired(store, hands)
    hands.run += HOUR / 2
    assert not await expired(store, hands)
    hands.ahead = timedelta()
    hands.run += 2 * HOUR
    assert not await expired(store, hands)
    assert hands.jumps == [DAYS.total_seconds(), -DAYS.total_seconds()]


async def test_after_a_sleep_time_is_over_an_hour_later() -> None:
    """A machine that was suspended, or down, has a clock that jumped and is right."""
    store, hands = await custody(State.HELD, expires_after=timedelta(days=14)), Hands()
    hands.ahead = DAYS
    assert not await expired(store, hands)
    hands.run += HOUR
    assert await expired(store, hands)


async def test_nothing_is_erased_while_the_clock_is_ahead() -> None:
    """A reviewer may want to see what is over for as long as it was to be kept."""
    store, hands = await custody(State.HELD), Hands()
    await store.discard(ITEM, actor="root", reason="", now=datetime.now(UTC))
    hands.run += 2 * HOUR
    hands.ahead = DAYS
    await worker(store, hands).keep_house()
    assert await store.content(ITEM)
    hands.run += HOUR
    await worker(store, hands).keep_house()
    with pytest.raises(KeyError):
        await store.content(ITEM)


async def test_a_clock_that_is_ahead_gives_nobody_up() -> None:
    """Who was put off is tried again, and soon after the clock is right: not when that wrong time comes."""
    store, hands = await custody(), Hands()
    hands.run += 2 * HOUR
    hands.ahead = DAYS
    await worker(store, hands).deliver_due()
    assert await states(store) == [State.DUE, State.DUE]
    hands.ahead = timedelta()
    late = worker(store, hands)
    assert not await late.deliver_due()
    await late.look_at_clock()
    assert await late.deliver_due()


@pytest.mark.parametrize("delay", [timedelta(), timedelta(minutes=10)])
async def test_what_was_taken_by_a_clock_that_was_ahead_leaves_in_time(delay: timedelta) -> None:
    """It was never tried: it waits for as long as it was to, and not until that wrong time comes."""
    store, hands = await custody(age=-DAYS), Hands()
    (taken,) = await store.items(Query())
    await store.reschedule(ITEM, due_at=taken.created_at + delay)
    hands.ahead = DAYS
    late = worker(store, hands)
    await late.look_at_clock()
    hands.ahead = timedelta()
    await late.look_at_clock()
    assert await late.deliver_due() is not bool(delay)
    hands.run += delay
    await late.deliver_due()
    (item,) = await store.items(Query())
    assert item.recipients[0].attempts == 1
    hands.run += HOUR
    await late.look_at_clock()
    (item,) = await store.items(Query())
    assert item.recipients[0].due_since < datetime.now(UTC) + 2 * HOUR  # `max_age` counts from now


async def test_what_was_set_back_before_the_start_is_known_in_an_hour() -> None:
    """Mail from the future was taken by a clock that was ahead, unless it is this one that is behind."""
    store, hands = await custody(age=-DAYS), Hands()
    restarted = worker(store, hands)
    await restarted.look_at_clock()
    assert not await restarted.deliver_due()
    hands.run += HOUR
    await restarted.look_at_clock()
    assert await restarted.deliver_due()


async def test_a_clock_that_is_behind_for_a_while_makes_no_mail_old() -> None:
    """A machine without a battery starts in the past: who is put off then is not given up when NTP has set it."""
    store, hands = await custody(), Hands()
    hands.ahead = -20 * DAYS
    restarted = DeliveryWorker(store, ScriptedSmarthost(rcpt={"a@x.example": LATER}), OPTIONS, Hands().clock)
    restarted._clock = hands.clock
    await restarted.look_at_clock()
    hands.ahead = timedelta()
    hands.run += 2 * HOUR
    await restarted.look_at_clock()
    hands.run += 2 * HOUR
    await restarted.look_at_clock()
    assert hands.clock.believed
    await restarted.deliver_due()
    assert await states(store) == [State.DUE, State.DELIVERED]


@pytest.mark.parametrize(("age", "expected"), [(HOUR / 2, True), (2 * HOUR, False), (-HOUR / 2, False)])
async def test_a_restart_is_no_reason_to_wait(age: timedelta, *, expected: bool) -> None:
    """What custody wrote shortly before shows that the clock is about right; what it wrote long ago, or later, not."""
    store, hands = await custody(State.HELD, age=age, expires_after=timedelta(seconds=1)), Hands()
    hands.run += timedelta(seconds=2)
    restarted = worker(store, hands)
    await restarted.look_at_clock()
    assert hands.clock.believed is expected


async def test_a_jump_after_a_restart_is_one() -> None:
    """What was seen at the start says nothing of what came then."""
    store, hands = await custody(State.HELD, expires_after=timedelta(days=14)), Hands()
    restarted = worker(store, hands)
    await restarted.look_at_clock()
    hands.ahead = DAYS
    await restarted.look_at_clock()
    assert not await expired(store, hands)


async def test_small_corrections_are_no_jumps() -> None:
    """NTP moves the clock by seconds: what is over is over."""
    store, hands = await custody(State.HELD, expires_after=timedelta(days=14), age=DAYS), Hands()
    hands.run += HOUR / 2
    hands.ahead = timedelta(seconds=30)
    assert not await expired(store, hands)
    hands.run += HOUR / 2
    assert await expired(store, hands)
    assert not hands.jumps
