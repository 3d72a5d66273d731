"""The contract of custody, who may deliver: what is due, one worker at a time, and until its lease ends."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from quarantine.model import Query, Settlement, State
from quarantine.store import LeaseLostError, Store, StoreError
from tests.quarantine.conftest import LEASE, Make, claim, states


async def test_a_claim_carries_all_that_delivery_needs(store: Store, deposit: Make, noon: datetime) -> None:
    """Content, edits, options and the recipients that are due come with the lease."""
    await store.take((deposit("m1", state=State.DUE, content=b"mail"),))
    (claimed,) = await claim(store, noon)
    assert (claimed.item, claimed.copy, claimed.content, claimed.edits) == ("m1", 1, b"mail", '["hide"]')
    assert (claimed.owner, claimed.until, claimed.created_at) == ("worker", noon + LEASE, noon)
    assert (claimed.reverse_path, claimed.options) == ("ann@corp.example", '{"body_8bit": false}')


async def test_a_claim_is_exclusive(store: Store, deposit: Make, noon: datetime) -> None:
    """What one worker has, no other gets until the lease ends."""
    await store.take((deposit("m1", state=State.DUE), deposit("m2", state=State.DUE)))
    first, second, third = [await claim(store, noon, owner, limit=1) for owner in ("one", "two", "three")]
    assert sorted([first[0].item, second[0].item]) == ["m1", "m2"]
    assert third == ()
    assert len(await claim(store, noon + LEASE, "three")) == 2


async def test_the_longest_due_is_claimed_first(store: Store, deposit: Make, noon: datetime) -> None:
    """Under load nobody starves."""
    minute = timedelta(minutes=1)
    due = [("m1", 3), ("m2", 1), ("m3", 2)]
    await store.take(tuple(deposit(name, state=State.DUE, due_at=noon + wait * minute) for name, wait in due))
    claims = [(await claim(store, noon + 5 * minute, limit=1))[0].item for _ in due]
    assert claims == ["m2", "m3", "m1"]


async def test_claims_are_bounded_by_octets(store: Store, deposit: Make, noon: datetime) -> None:
    """One copy at least, however large, then as many as fit, in their order; each copy counts what it will send."""
    first = deposit("m3", state=State.DUE).copies[0]
    split = tuple(replace(first, recipients=(f"r{number}@example.com",)) for number in range(3))
    await store.take(
        (
            deposit("m1", state=State.DUE, content=bytes(900), due_at=noon - timedelta(minutes=2)),
            deposit("m2", state=State.DUE, content=bytes(10), due_at=noon - timedelta(minutes=1)),
            deposit("m3", content=bytes(100), copies=split),
        )
    )
    claims = [
        await store.claim(owner="worker", now=noon, lease=LEASE, limit=8, octets=octets) for octets in (0, 250, 1000)
    ]
    assert [[(found.item, found.copy) for found in together] for together in claims] == [
        [("m1", 1)],
        [("m2", 1), ("m3", 1), ("m3", 2)],
        [("m3", 3)],
    ]


async def test_nothing_is_claimed_before_it_is_due(store: Store, deposit: Make, noon: datetime) -> None:
    """A delayed mail, and one held, stay."""
    await store.take((deposit("m1", state=State.DUE, due_at=noon + timedelta(minutes=1)), deposit("m2")))
    assert await claim(store, noon) == ()
    assert [found.item for found in await claim(store, noon + timedelta(minutes=1))] == ["m1"]


async def test_rescheduling(store: Store, deposit: Make, noon: datetime) -> None:
    """What waits can be moved; what somebody has in hand, or waits for a human, cannot. No event tells of it."""
    await store.take((deposit("m1", state=State.DUE), deposit("m2", state=State.DUE), deposit("m3")))
    await claim(store, noon, limit=1)
    later = noon + timedelta(minutes=1)
    moved = [await store.reschedule(name, due_at=later) for name in ("m1", "m2", "m3", "unknown")]
    assert moved == [0, 1, 0, 0]
    assert await claim(store, noon) == ()
    assert [found.item for found in await claim(store, later)] == ["m2"]
    assert len(await store.events("m2")) == 1


async def test_what_an_outage_put_off_can_be_hastened(store: Store, deposit: Make, noon: datetime) -> None:
    """What was tried since becomes due now; what waits by a decision, is in hand or was put off before does not."""
    names = ("m1", "m2", "m3", "m4")
    await store.take(tuple(deposit(name, state=State.DUE) for name in names))
    late = noon + timedelta(hours=3)
    await store.reschedule("m4", due_at=late)  # never tried
    for minute, found in enumerate(sorted(await claim(store, noon), key=lambda one: one.item)):
        again = Settlement(recipient=1, state=State.DUE, reply="451 unreachable", due_at=late)
        await store.settle(found, (again,), now=noon + timedelta(minutes=minute))
    events = [len(await store.events(name)) for name in names]
    now = noon + timedelta(hours=1)
    assert await store.hasten(since=noon + timedelta(minutes=1), now=now) == 2
    assert await store.hasten(since=noon + timedelta(minutes=1), now=now) == 0
    assert [found.item for found in await claim(store, now)] == ["m2", "m3"]
    assert await store.hasten(since=noon, now=now) == 1  # m1; the others are in hand
    assert [found.item for found in await claim(store, now)] == ["m1"]
    assert [len(await store.events(name)) for name in names] == events


async def test_what_waits_for_a_time_that_was_wrong(store: Store, deposit: Make, noon: datetime) -> None:
    """What was taken, released or tried by a clock that was ahead waits no longer than it was to, from now on."""
    ahead, minute = noon + timedelta(days=40), timedelta(minutes=1)
    names, waits = ("m1", "m2", "m3", "m4", "m5"), (0, 10, 0, 0, 10)
    for name, wait in zip(names, waits, strict=True):
        at, state = noon if name == "m5" else ahead, State.HELD if name == "m3" else State.DUE
        await store.take((deposit(name, state=state, at=at, due_at=at + wait * minute),))
    await store.release("m3", actor="ann", reason="", now=ahead)
    (tried,) = [one for one in await claim(store, ahead) if one.item == "m4"]
    again = Settlement(recipient=1, state=State.DUE, reply="451 later", due_at=ahead + 10 * minute)
    await store.settle(tried, (again,), now=ahead)
    events = [len(await store.events(name)) for name in names]
    now = noon + minute
    assert [await store.set_back(now=now, is_right=False) for _ in range(2)] == [4, 0]
    waiting = await store.items(Query())
    assert [item.recipients[0].due_since for item in waiting if item.id != "m5"] == 4 * [ahead]
    assert [await store.set_back(now=now, is_right=True) for _ in range(2)] == [4, 0]
    items = {item.id: item.recipients[0] for item in await store.items(Query())}
    assert [(items[name].due_at - noon) // minute for name in names] == [1, 11, 1, 1, 10]
    assert [items[name].due_since for name in names] == 4 * [now] + [noon]
    assert [len(await store.events(name)) for name in names] == events


async def test_what_was_not_settled_is_free_again(store: Store, deposit: Make, noon: datetime) -> None:
    """A worker that gives up before the final dot leaves the recipients to the next."""
    await store.take((deposit("m1", state=State.DUE),))
    (first,) = await claim(store, noon, "one")
    await store.settle(first, (), now=noon)
    assert len(await claim(store, noon, "two")) == 1


async def test_a_lost_lease_cannot_be_settled(store: Store, deposit: Make, noon: datetime) -> None:
    """Once another worker has the copy, the first can neither hand over nor settle."""
    await store.take((deposit("m1", state=State.DUE),))
    (first,) = await claim(store, noon, "one")
    (second,) = await claim(store, noon + LEASE, "two")
    with pytest.raises(LeaseLostError):
        await store.handing_over(first, (1,))
    with pytest.raises(LeaseLostError):
        await store.settle(first, (Settlement(recipient=1, state=State.DELIVERED, reply=""),), now=noon)
    await store.handing_over(second, (1,))
    assert await states(store, "m1") == {"bob@example.com": State.DUE}


@pytest.mark.parametrize(("retry", "expected"), [(False, State.IN_DOUBT), (True, State.DUE)])
async def test_a_crash_after_the_dot(
    store: Store, deposit: Make, noon: datetime, *, retry: bool, expected: State
) -> None:
    """After a crash between the final dot and our commit the recipient is in doubt, or tried again, as configured."""
    await store.take((deposit("m1", "bob@example.com", "eve@example.org", state=State.DUE),))
    (claimed,) = await claim(store, noon)
    await store.handing_over(claimed, (1,))
    assert await store.recover(now=noon, lease=LEASE, retry=retry) == 0
    later = noon + LEASE
    eve = [to.address for copy in await claim(store, later, "two") for to in copy.recipients]
    assert eve == ["eve@example.org"]
    assert await store.recover(now=later, lease=LEASE, retry=retry) == 1
    assert await states(store, "m1") == {"bob@example.com": expected, "eve@example.org": State.DUE}
    assert len(await claim(store, later, "three")) == int(retry)


async def test_leases_of_the_dead_end_at_once(store: Store, deposit: Make, noon: datetime) -> None:
    """Nobody waits for the end of a lease whose owner is gone; those of others last."""
    await store.take(
        (deposit("m1", "bob@example.com", "eve@example.org", state=State.DUE), deposit("m2", state=State.HELD))
    )
    (claimed,) = await claim(store, noon, "dead")
    await store.handing_over(claimed, (1,))
    await store.take((deposit("m3", state=State.DUE),))
    await claim(store, noon, "alive")
    later = noon + timedelta(seconds=1)
    assert await store.end_leases(lambda owner: owner == "dead", now=later) == 2
    assert await store.end_leases(lambda owner: owner == "dead", now=later) == 0
    assert await store.recover(now=later, lease=LEASE, retry=False) == 2
    assert await states(store, "m1") == {"bob@example.com": State.IN_DOUBT, "eve@example.org": State.DUE}
    eve = [to.address for copy in await claim(store, later, "two") for to in copy.recipients]
    assert eve == ["eve@example.org"]


async def test_a_late_worker_ends_the_doubt(store: Store, deposit: Make, noon: datetime) -> None:
    """A worker slower than its lease can still say that the mail was delivered, and nothing else."""
    await store.take((deposit("m1", state=State.DUE),))
    (claimed,) = await claim(store, noon)
    await store.handing_over(claimed, (1,))
    await store.recover(now=noon + LEASE, lease=LEASE, retry=False)
    with pytest.raises(StoreError, match="lease"):
        await store.settle(claimed, (Settlement(recipient=1, state=State.FAILED, reply="550 no"),), now=noon)
    await store.settle(claimed, (Settlement(recipient=1, state=State.DELIVERED, reply="250 ok"),), now=noon)
    assert await states(store, "m1") == {"bob@example.com": State.DELIVERED}


async def test_a_lease_from_before_the_clock_was_set_back(store: Store, deposit: Make, noon: datetime) -> None:
    """A lease that would last absurdly long is over: the mail is not kept waiting until the clock is there again."""
    await store.take((deposit("m1", "bob@example.com", "eve@example.org", state=State.DUE),))
    (lost,) = await claim(store, noon + 3 * LEASE, "one")
    await store.handing_over(lost, (1,))
    back = noon + LEASE
    assert (await store.recover(now=back + LEASE, lease=LEASE, retry=False), await claim(store, back + LEASE)) == (
        0,
        (),
    )
    assert [[to.id for to in found.recipients] for found in await claim(store, back, "two")] == [[2]]
    assert await store.recover(now=back, lease=LEASE, retry=False) == 1
    assert await states(store, "m1") == {"bob@example.com": State.IN_DOUBT, "eve@example.org": State.DUE}


async def test_a_lease_that_is_renewed_goes_on(store: Store, deposit: Make, noon: datetime) -> None:
    """Its worker has it for as long as he wants it, and can say how it ended; one that is not renewed ends in time."""
    await store.take((deposit("m1", state=State.DUE), deposit("m2", state=State.DUE), deposit("m3", state=State.DUE)))
    slow, handing, left = sorted(await claim(store, noon), key=lambda one: one.item)
    await store.handing_over(handing, (1,))
    for minutes in (4, 8):
        assert await store.renew((slow, handing), until=noon + timedelta(minutes=minutes) + LEASE) == 2
    later = noon + timedelta(minutes=12)
    assert await store.recover(now=later, lease=LEASE, retry=True) == 1
    assert [found.item for found in await claim(store, later, "two")] == [left.item]
    for held in (slow, handing):
        await store.handing_over(held, (1,))
        await store.settle(held, (Settlement(recipient=1, state=State.DELIVERED, reply="250"),), now=later)
    assert await states(store, "m1") == await states(store, "m2") == {"bob@example.com": State.DELIVERED}
    assert await store.renew((slow, handing), until=later + LEASE) == 0


async def test_a_lost_lease_is_not_renewed(store: Store, deposit: Make, noon: datetime) -> None:
    """Not even by a worker who lost it to himself: the later claim has a lease of its own."""
    await store.take((deposit("m1", state=State.DUE),))
    (first,) = await claim(store, noon)
    (second,) = await claim(store, noon + LEASE)
    assert await store.renew((first,), until=noon + 9 * LEASE) == 0
    with pytest.raises(LeaseLostError):
        await store.handing_over(first, (1,))
    await store.handing_over(second, (1,))
    assert await store.renew((second,), until=noon + 3 * LEASE) == 1
    assert await store.renew((), until=noon) == 0
