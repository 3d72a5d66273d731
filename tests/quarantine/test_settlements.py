"""The contract of custody, how a delivery ended: for each recipient, whole or not at all, with its report."""

from datetime import datetime, timedelta

import pytest

from quarantine.model import Query, Settlement, State
from quarantine.store import LeaseLostError, Store, StoreError
from tests.quarantine.conftest import LEASE, Make, claim, states


async def test_a_deferred_recipient_is_tried_again(store: Store, deposit: Make, noon: datetime) -> None:
    """A 4yz keeps the recipient due at the time given, with one more attempt counted and the reply kept."""
    later = noon + timedelta(minutes=15)
    await store.take((deposit("m1", "bob@example.com", "eve@example.org", state=State.DUE),))
    (first,) = await claim(store, noon)
    await store.settle(
        first,
        (
            Settlement(recipient=1, state=State.DELIVERED, reply="250 ok"),
            Settlement(recipient=2, state=State.DUE, reply="450 busy", due_at=later),
        ),
        now=noon,
    )
    assert await claim(store, noon) == ()
    (second,) = await claim(store, later)
    assert [(to.address, to.attempts, to.reply) for to in second.recipients] == [("eve@example.org", 1, "450 busy")]
    assert [to.attempts for to in first.recipients] == [0, 0]
    assert second.recipients[0].due_since == noon


async def test_an_attempt_that_does_not_count(store: Store, deposit: Make, noon: datetime) -> None:
    """Nothing was sent: the recipient is due again, with as many attempts as before."""
    await store.take((deposit("m1", state=State.DUE),))
    attempts = []
    for counted in (True, False, True):
        (found,) = await claim(store, noon)
        attempts.append(found.recipients[0].attempts)
        again = Settlement(recipient=1, state=State.DUE, reply="451 locked", due_at=noon, counted=counted)
        await store.handing_over(found, (1,))  # whatever was noted
        await store.settle(found, (again,), now=noon)
    assert [*attempts, (await claim(store, noon))[0].recipients[0].attempts] == [0, 1, 1, 2]


async def test_the_same_deferral_is_told_once(store: Store, deposit: Make, noon: datetime) -> None:
    """Days of the same 4yz are one event, another reply is another."""
    await store.take((deposit("m1", state=State.DUE, expires_after=None),))
    for reply in ("450 busy", "450 busy", "451 full"):
        (claimed,) = await claim(store, noon)
        await store.settle(claimed, (Settlement(recipient=1, state=State.DUE, reply=reply, due_at=noon),), now=noon)
    assert [event.reason for event in await store.events("m1")] == ["", "450 busy", "451 full"]


async def test_that_it_takes_long_is_told_once(store: Store, deposit: Make, noon: datetime) -> None:
    """Who was told is told no more, until somebody releases the mail anew."""
    await store.take((deposit("m1", state=State.DUE, expires_after=None),))
    told = []
    for now_told in (False, True, False):
        (claimed,) = await claim(store, noon)
        told.append(claimed.recipients[0].told_of_delay)
        again = Settlement(recipient=1, state=State.DUE, reply="450 busy", due_at=noon, told_of_delay=now_told)
        await store.settle(claimed, (again,), now=noon)
    (claimed,) = await claim(store, noon)
    told.append(claimed.recipients[0].told_of_delay)
    await store.settle(claimed, (Settlement(recipient=1, state=State.FAILED, reply="550 no"),), now=noon)
    await store.release("m1", actor="ann", reason="", now=noon)
    told.append((await claim(store, noon))[0].recipients[0].told_of_delay)
    assert told == [False, False, True, True, False]


@pytest.mark.parametrize("state", [State.HELD, State.DISCARDED, State.EXPIRED])
async def test_no_delivery_ends_so(store: Store, deposit: Make, noon: datetime, state: State) -> None:
    """A worker cannot discard, expire or hold what it was to deliver."""
    await store.take((deposit("m1", state=State.DUE),))
    (claimed,) = await claim(store, noon)
    with pytest.raises(ValueError, match="delivery ends"):
        await store.settle(claimed, (Settlement(recipient=1, state=state, reply=""),), now=noon)
    with pytest.raises(ValueError, match="delivery ends"):
        await store.settle(claimed, (Settlement(recipient=1, state=State.DUE, reply=""),), now=noon)


async def test_the_original_and_the_edited_mail_are_settled_apart(store: Store, deposit: Make, noon: datetime) -> None:
    """Both lie in one copy and were claimed together: the end of one takes no lease from the other."""
    await store.take((deposit("m1", "bob@example.com", "eve@example.org"),))
    await store.release("m1", actor="ann", reason="", now=noon, recipients=("bob@example.com",), original=True)
    await store.release("m1", actor="ann", reason="", now=noon)
    claims = {found.original: found for found in await claim(store, noon)}
    await store.settle(claims[True], (Settlement(recipient=1, state=State.DELIVERED, reply=""),), now=noon)
    assert await claim(store, noon, "two") == ()
    with pytest.raises(LeaseLostError):
        await store.handing_over(claims[True], (2,))
    await store.handing_over(claims[False], (2,))


async def test_a_settlement_counts_whole_or_not(store: Store, deposit: Make, noon: datetime) -> None:
    """A settlement with a recipient that is not in the claim writes nothing."""
    await store.take((deposit("m1", state=State.DUE),))
    (claimed,) = await claim(store, noon)
    done = tuple(Settlement(recipient=number, state=State.DELIVERED, reply="") for number in (1, 2))
    with pytest.raises(StoreError):
        await store.settle(claimed, done, now=noon)
    assert await states(store, "m1") == {"bob@example.com": State.DUE}


async def test_a_report_is_taken_with_the_settlement(store: Store, deposit: Make, noon: datetime) -> None:
    """What tells an author of a failure is in custody exactly if the failure is."""
    await store.take((deposit("m1", state=State.DUE),))
    (claimed,) = await claim(store, noon)
    failed = (Settlement(recipient=1, state=State.FAILED, reply="550 no"),)
    await store.settle(claimed, failed, now=noon, deposits=(deposit("report", "ann@corp.example", state=State.DUE),))
    assert [(item.id, item.state) for item in await store.items(Query())] == [
        ("m1", State.FAILED),
        ("report", State.DUE),
    ]


async def test_no_settlement_without_its_report(store: Store, deposit: Make, noon: datetime) -> None:
    """A report that cannot be taken leaves everything as it was, so that the worker can try both again."""
    await store.take((deposit("m1", state=State.DUE),))
    (claimed,) = await claim(store, noon)
    failed = (Settlement(recipient=1, state=State.FAILED, reply="550 no"),)
    with pytest.raises(StoreError):
        await store.settle(claimed, failed, now=noon, deposits=(deposit("m1"),))
    assert await states(store, "m1") == {"bob@example.com": State.DUE}
    await store.settle(claimed, failed, now=noon, deposits=(deposit("report"),))
    assert await states(store, "m1") == {"bob@example.com": State.FAILED}


async def test_no_report_without_its_settlement(store: Store, deposit: Make, noon: datetime) -> None:
    """A worker whose lease is lost tells nobody of a failure; the one who has the message now will."""
    await store.take((deposit("m1", state=State.DUE),))
    (first,) = await claim(store, noon, "one")
    await claim(store, noon + LEASE, "two")
    failed = (Settlement(recipient=1, state=State.FAILED, reply="550 no"),)
    with pytest.raises(LeaseLostError):
        await store.settle(first, failed, now=noon, deposits=(deposit("report"),))
    assert [item.id for item in await store.items(Query())] == ["m1"]
