"""The contract of custody, what people decide: to release, to confirm, to discard, once and on record."""

from datetime import datetime, timedelta

from quarantine.model import Settlement, State
from quarantine.store import Store
from tests.quarantine.conftest import LEASE, Make, claim, states


async def test_a_second_click_releases_nothing(store: Store, deposit: Make, noon: datetime) -> None:
    """Releasing twice changes the recipients once."""
    await store.take((deposit("m1", "bob@example.com", "eve@example.org"),))
    counts = [await store.release("m1", actor="ann", reason="fine", now=noon) for _ in range(2)]
    assert counts == [2, 0]
    assert await states(store, "m1") == {"bob@example.com": State.DUE, "eve@example.org": State.DUE}


async def test_release_of_some_recipients(store: Store, deposit: Make, noon: datetime) -> None:
    """Only the recipients named are released; others of the copy stay held and are not claimed."""
    await store.take((deposit("m1", "bob@example.com", "eve@example.org"),))
    changed = await store.release("m1", actor="ann", reason="", now=noon, recipients=("EVE@example.org",))
    (claimed,) = await claim(store, noon)
    assert changed == 1
    assert [to.address for to in claimed.recipients] == ["eve@example.org"]
    assert await states(store, "m1") == {"bob@example.com": State.HELD, "eve@example.org": State.DUE}


async def test_release_of_the_unknown(store: Store, noon: datetime) -> None:
    """An id that is not there, or not any more, releases nothing."""
    assert await store.release("m1", actor="ann", reason="", now=noon) == 0
    assert await store.discard("m1", actor="ann", reason="", now=noon) == 0


async def test_the_original_is_sent_by_name_only(store: Store, deposit: Make, noon: datetime) -> None:
    """The original leaves for those for whom it was asked, the edited mail for the others of the same copy."""
    await store.take((deposit("m1", "bob@example.com", "eve@example.org"),))
    await store.release("m1", actor="ann", reason="asked", now=noon, recipients=("bob@example.com",), original=True)
    await store.release("m1", actor="ann", reason="", now=noon)
    original = {to.address: copy.original for copy in await claim(store, noon) for to in copy.recipients}
    assert original == {"bob@example.com": True, "eve@example.org": False}
    assert "original, without edits: asked" in {event.reason for event in await store.events("m1")}


async def test_a_later_release_takes_the_original_back(store: Store, deposit: Make, noon: datetime) -> None:
    """Released again without asking for the original, the edited mail leaves."""
    await store.take((deposit("m1"),))
    await store.release("m1", actor="ann", reason="", now=noon, original=True)
    (first,) = await claim(store, noon)
    await store.settle(first, (Settlement(recipient=1, state=State.FAILED, reply="550 no"),), now=noon)
    await store.release("m1", actor="ann", reason="", now=noon)
    (second,) = await claim(store, noon)
    assert (first.original, second.original) == (True, False)


async def test_a_release_counts_attempts_anew(store: Store, deposit: Make, noon: datetime) -> None:
    """A mail that failed once and is released is due since then, with no attempt made."""
    later = noon + timedelta(days=1)
    await store.take((deposit("m1", state=State.DUE),))
    (claimed,) = await claim(store, noon)
    await store.settle(claimed, (Settlement(recipient=1, state=State.FAILED, reply="550 no"),), now=noon)
    await store.release("m1", actor="ann", reason="", now=later)
    (again,) = await claim(store, later)
    (to,) = again.recipients
    assert (to.attempts, to.due_since, to.due_at, to.reply) == (0, later, later, "550 no")


async def test_every_change_has_an_event(store: Store, deposit: Make, noon: datetime) -> None:
    """Who, when, from, to and why are kept for each recipient."""
    later = noon + timedelta(hours=1)
    await store.take((deposit("m1"),))
    await store.release("m1", actor="ann", reason="customer asked", now=later)
    (claimed,) = await claim(store, later)
    await store.settle(claimed, (Settlement(recipient=1, state=State.DELIVERED, reply="250 ok"),), now=later)
    told = [
        (event.at, event.actor, event.item, event.recipient, event.before, event.after, event.reason)
        for event in await store.events("m1")
    ]
    bob = "bob@example.com"
    assert [
        (noon, "gateway", "m1", bob, None, State.HELD, ""),
        (later, "ann", "m1", bob, State.HELD, State.DUE, "customer asked"),
        (later, "delivery", "m1", bob, State.DUE, State.DELIVERED, "250 ok"),
    ] == told
    assert await store.events("unknown") == ()


async def test_what_was_in_doubt_is_known_to_have_arrived(store: Store, deposit: Make, noon: datetime) -> None:
    """Somebody who looked into the smarthost's log ends the doubt; that he said so is written down."""
    await store.take((deposit("m1", "bob@example.com", "eve@example.org", "dan@example.net", state=State.DUE),))
    (claimed,) = await claim(store, noon)
    doubt, no = ((1, State.IN_DOUBT), (2, State.IN_DOUBT)), Settlement(recipient=3, state=State.FAILED, reply="550")
    lost = tuple(Settlement(recipient=number, state=state, reply="lost") for number, state in doubt)
    await store.settle(claimed, (*lost, no), now=noon)
    later = noon + timedelta(hours=1)
    first = await store.confirm("m1", actor="ann", reason="in its log", now=later, recipients=("BOB@example.com",))
    assert (first, await states(store, "m1")) == (
        1,
        {"bob@example.com": State.DELIVERED, "eve@example.org": State.IN_DOUBT, "dan@example.net": State.FAILED},
    )
    assert [await store.confirm("m1", actor="ann", reason="", now=later) for _ in range(2)] == [1, 0]
    assert await store.confirm("unknown", actor="ann", reason="", now=later) == 0
    told = [(event.actor, event.before, event.after, event.reason) for event in await store.events("m1")]
    assert ("ann", State.IN_DOUBT, State.DELIVERED, "in its log") in told


async def test_discarding(store: Store, deposit: Make, noon: datetime) -> None:
    """Held and waiting mail can be dropped; what a worker has in hand cannot."""
    await store.take((deposit("m1"), deposit("m2", state=State.DUE), deposit("m3", state=State.DUE)))
    (claimed,) = await claim(store, noon, limit=1)
    dropped = [await store.discard(name, actor="ann", reason="no", now=noon) for name in ("m1", "m2", "m3")]
    assert (claimed.item, dropped) == ("m2", [1, 0, 1])
    assert [await store.discard(name, actor="ann", reason="no", now=noon) for name in ("m1", "m2", "m3")] == [0, 0, 0]


async def test_what_may_have_left_is_not_discarded(store: Store, deposit: Make, noon: datetime) -> None:
    """After the final dot the lease may run out, but the mail cannot be called discarded."""
    await store.take((deposit("m1", state=State.DUE), deposit("m2", state=State.DUE)))
    first, _ = await claim(store, noon)
    await store.handing_over(first, (1,))
    later = noon + LEASE
    assert await store.discard("m1", actor="ann", reason="", now=later) == 0
    assert await store.discard("m2", actor="ann", reason="", now=later) == 1
