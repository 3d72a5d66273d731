"""The contract of custody: every implementation gives the same answers."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from quarantine.model import (
    FAILED_KEPT,
    TRANSITIONS,
    Claim,
    CopyDeposit,
    Deposit,
    Query,
    Settlement,
    State,
    TransitionError,
    require_transition,
)
from quarantine.store import LeaseLostError, Store, StoreError

Make = Callable[..., Deposit]
LEASE = timedelta(minutes=5)


async def states(store: Store, item: str) -> dict[str, State]:
    """Return the state of each recipient of an item."""
    (found,) = await store.items(Query(ids=(item,)))
    return {recipient.address: recipient.state for recipient in found.recipients}


async def claim(store: Store, now: datetime, owner: str = "worker", limit: int = 8) -> tuple[Claim, ...]:
    """Claim what is due."""
    return await store.claim(owner=owner, now=now, lease=LEASE, limit=limit)


async def test_what_was_taken_comes_back(store: Store, deposit: Make, noon: datetime) -> None:
    """A deposit is found again with everything that was in it."""
    content = bytes(range(256)) * 100
    await store.take((deposit("m1", "bob@example.com", "eve@example.org", content=content, reasons=("a", "b")),))
    (item,) = await store.items(Query())
    assert (item.id, item.state, item.reverse_path, item.subject) == ("m1", State.HELD, "ann@corp.example", "offer")
    assert (item.size, item.reasons, item.group) == (len(content), ("a", "b"), "")
    assert (item.created_at, item.expires_at) == (noon, noon + timedelta(days=14))
    assert [(to.id, to.copy, to.address, to.attempts) for to in item.recipients] == [
        (1, 1, "bob@example.com", 0),
        (2, 1, "eve@example.org", 0),
    ]
    assert content == await store.content("m1")


async def test_ids_by_their_beginning(store: Store, deposit: Make) -> None:
    """In order, no more than asked for; signs that a database might take for others stand for themselves."""
    await store.take(tuple(deposit(name, "bob@example.com") for name in ("ab2", "ab1", "ac1")))
    assert await store.ids("ab", limit=9) == ("ab1", "ab2")
    assert await store.ids("a", limit=2) == ("ab1", "ab2")
    assert await store.ids("ac1", limit=2) == ("ac1",)
    for nobody in ("b", "AB", "a_", "a%", "ab11"):
        assert await store.ids(nobody, limit=2) == ()


async def test_a_copy_shows_what_would_leave(store: Store, deposit: Make) -> None:
    """A reviewer sees each copy with its edits, options and reverse-path, claimed by nobody."""
    first = deposit("m1").copies[0]
    second = replace(first, recipients=("eve@example.org",), edits="", reverse_path="")
    await store.take((deposit("m1", copies=(first, second)),))
    shown = [
        (copy.copy, copy.reverse_path, copy.edits, copy.options, [to.address for to in copy.recipients], copy.owner)
        for copy in await store.copies("m1")
    ]
    options = '{"body_8bit": false}'
    assert [
        (1, "ann@corp.example", '["hide"]', options, ["bob@example.com"], ""),
        (2, "", "", options, ["eve@example.org"], ""),
    ] == shown
    assert await store.copies("unknown") == ()


async def test_undecodable_text_survives(store: Store, deposit: Make) -> None:
    """Bytes carried as surrogates, in addresses and subjects, come back as they were."""
    odd = b"caf\xe9@example.com".decode("utf-8", "surrogateescape")
    await store.take((deposit("m1", odd, subject=odd),))
    (item,) = await store.items(Query(address=odd))
    assert (item.subject, item.recipients[0].address) == (odd, odd)


async def test_all_deposits_or_none(store: Store, deposit: Make) -> None:
    """If one of several deposits cannot be taken, none is."""
    await store.take((deposit("m1"),))
    with pytest.raises(StoreError):
        await store.take((deposit("m2"), deposit("m1")))
    assert [item.id for item in await store.items(Query())] == ["m1"]


async def test_a_failing_companion_undoes_the_take(store: Store, deposit: Make) -> None:
    """Rows of others are written in the same transaction: if they fail, nothing is taken."""

    def fail(_: object) -> None:
        raise StoreError("the journal is full")

    with pytest.raises(StoreError, match="journal"):
        await store.take((deposit("m1"),), also=fail)
    assert await store.items(Query()) == ()


@pytest.mark.parametrize("state", sorted(set(State) - {State.HELD, State.DUE}))
async def test_nothing_is_taken_in_at_its_end(store: Store, deposit: Make, state: State) -> None:
    """A deposit that no one would ever look at again is refused."""
    with pytest.raises(ValueError, match="held or as due"):
        await store.take((deposit("m1", state=state),))


async def test_a_deposit_needs_recipients(store: Store, deposit: Make, noon: datetime) -> None:
    """A message for nobody could be answered 250 and never leave."""
    empty = CopyDeposit(reverse_path="", recipients=(), edits="", options="", state=State.DUE, due_at=noon)
    with pytest.raises(ValueError, match="recipient"):
        await store.take((deposit("m1", copies=(empty,)),))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(), ["m1", "m2", "m3"]),
        (Query(limit=2), ["m1", "m2"]),
        (Query(ids=("m3", "m1")), ["m1", "m3"]),
        (Query(states=frozenset({State.DUE})), ["m3"]),
        (Query(states=frozenset({State.DUE, State.HELD})), ["m1", "m2", "m3"]),
        (Query(address="BOB@example.com"), ["m1"]),
        (Query(address="joe@corp.example"), ["m2"]),
        (Query(address="ob@example.com"), []),
        (Query(reason="b-rule"), ["m2"]),
        (Query(reason="B-rule"), []),
        (Query(reason="rule"), []),
        (Query(address="bob@example.com", states=frozenset({State.DUE})), []),
    ],
)
async def test_filters(store: Store, deposit: Make, noon: datetime, query: Query, expected: list[str]) -> None:
    """Each filter narrows, empty ones do not; the oldest come first."""
    minute = timedelta(minutes=1)
    await store.take((
        deposit("m3", "eve@example.org", at=noon + 2 * minute, state=State.DUE),
        deposit("m1", "bob@example.com", at=noon),
        deposit("m2", "dan@example.net", at=noon + minute, reverse_path="joe@corp.example", reasons=("a", "b-rule")),
    ))  # fmt: skip
    assert expected == [item.id for item in await store.items(query)]


async def test_filter_by_time(store: Store, deposit: Make, noon: datetime) -> None:
    """Bounds of time are exclusive."""
    await store.take(tuple(deposit(f"m{hour}", at=noon + timedelta(hours=hour)) for hour in range(4)))
    query = Query(created_after=noon, created_before=noon + timedelta(hours=3))
    assert [item.id for item in await store.items(query)] == ["m1", "m2"]


async def test_parts_of_one_mail_share_a_group(store: Store, deposit: Make) -> None:
    """Items of one mail show the same digest, others another, unknown ones none."""
    await store.take((deposit("m1", group="<1@x>"), deposit("m2", group="<1@x>"), deposit("m3", group="<2@x>")))
    await store.take((deposit("m4"),))
    first, second, third, fourth = [item.group for item in await store.items(Query())]
    assert first == second
    assert len({first, third, fourth}) == 3
    assert fourth == ""
    assert "1@x" not in first


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


async def test_what_was_not_settled_is_free_again(store: Store, deposit: Make, noon: datetime) -> None:
    """A worker that gives up before the final dot leaves the recipients to the next."""
    await store.take((deposit("m1", state=State.DUE),))
    (first,) = await claim(store, noon, "one")
    await store.settle(first, (), now=noon)
    assert len(await claim(store, noon, "two")) == 1


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


async def test_a_settlement_counts_whole_or_not(store: Store, deposit: Make, noon: datetime) -> None:
    """A settlement with a recipient that is not in the claim writes nothing."""
    await store.take((deposit("m1", state=State.DUE),))
    (claimed,) = await claim(store, noon)
    done = tuple(Settlement(recipient=number, state=State.DELIVERED, reply="") for number in (1, 2))
    with pytest.raises(StoreError):
        await store.settle(claimed, done, now=noon)
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


async def test_expiry(store: Store, deposit: Make, noon: datetime) -> None:
    """Held and failed recipients expire with their item; what is due, and items without an end, do not."""
    await store.take((
        deposit("m1", "bob@example.com", "eve@example.org"),
        deposit("m2", state=State.DUE),
        deposit("m3", expires_after=None),
        deposit("m4", expires_after=timedelta(days=20)),
    ))  # fmt: skip
    (claimed,) = await claim(store, noon)
    await store.settle(claimed, (Settlement(recipient=1, state=State.FAILED, reply="550 no"),), now=noon)
    await store.release("m1", actor="ann", reason="", now=noon, recipients=("eve@example.org",))
    end = noon + timedelta(days=14)
    assert await store.expire(now=end - timedelta(seconds=1)) == ()
    assert [(item.id, item.state) for item in await store.expire(now=end)] == [("m1", State.DUE), ("m2", State.EXPIRED)]
    assert await store.expire(now=end) == ()
    assert await states(store, "m1") == {"bob@example.com": State.EXPIRED, "eve@example.org": State.DUE}


async def test_a_failure_after_a_release_gets_its_own_time(store: Store, deposit: Make, noon: datetime) -> None:
    """What a reviewer released on its last day and the smarthost refused stays until he could see that."""
    await store.take((deposit("m1", "bob@example.com", "eve@example.org"),))
    late = noon + timedelta(days=13)
    await store.release("m1", actor="ann", reason="", now=late)
    (released,) = await store.items(Query())
    (claimed,) = await claim(store, late)
    refused = tuple(Settlement(recipient=number, state=State.FAILED, reply="550 no") for number in (1, 2))
    await store.settle(claimed, refused, now=late)
    (failed,) = await store.items(Query())
    assert (released.expires_at, failed.expires_at) == (None, late + FAILED_KEPT)
    assert await store.expire(now=late + FAILED_KEPT - timedelta(seconds=1)) == ()
    assert [item.id for item in await store.expire(now=late + FAILED_KEPT)] == ["m1"]


async def test_every_failure_expires(store: Store, deposit: Make, noon: datetime) -> None:
    """Deferred mail and reports have no end of their own, and their content must not stay for ever all the same."""
    await store.take((deposit("m1", state=State.DUE, expires_after=None),))
    (claimed,) = await claim(store, noon)
    await store.settle(claimed, (Settlement(recipient=1, state=State.FAILED, reply="550 no"),), now=noon)
    assert await store.expire(now=noon + FAILED_KEPT - timedelta(seconds=1)) == ()
    assert [item.state for item in await store.expire(now=noon + FAILED_KEPT)] == [State.EXPIRED]
    assert await store.erase(before=noon + FAILED_KEPT + timedelta(days=1)) == 1


async def test_the_first_to_expire(store: Store, deposit: Make, noon: datetime) -> None:
    """Failed and held recipients of one item each have their time, and the item shows the sooner."""
    await store.take((deposit("m1", "bob@example.com", "eve@example.org", expires_after=timedelta(days=20)),))
    await store.release("m1", actor="ann", reason="", now=noon, recipients=("bob@example.com",))
    (claimed,) = await claim(store, noon)
    await store.settle(claimed, (Settlement(recipient=1, state=State.FAILED, reply="550 no"),), now=noon)
    ends = [(await store.items(Query()))[0].expires_at]
    await store.expire(now=noon + FAILED_KEPT)
    ends.append((await store.items(Query()))[0].expires_at)
    assert ends == [noon + FAILED_KEPT, noon + timedelta(days=20)]
    assert await states(store, "m1") == {"bob@example.com": State.EXPIRED, "eve@example.org": State.HELD}


async def test_erasing(store: Store, deposit: Make, noon: datetime) -> None:
    """Content, subject and addresses go once all recipients are at their end; states and decisions stay."""
    await store.take((deposit("m1", "bob@example.com", "eve@example.org"), deposit("m2")))
    await store.discard("m1", actor="ann", reason="no", now=noon, recipients=("bob@example.com",))
    later = noon + timedelta(days=1)
    assert await store.erase(before=later) == 0
    await store.release("m1", actor="ann", reason="yes", now=noon)
    (claimed,) = await claim(store, noon)
    await store.settle(claimed, (Settlement(recipient=2, state=State.DELIVERED, reply="250 <eve>"),), now=noon)
    assert await store.erase(before=noon) == 0
    assert [await store.erase(before=later) for _ in range(2)] == [1, 0]
    with pytest.raises(KeyError):
        await store.content("m1")
    assert await store.copies("m1") == ()
    (item,) = await store.items(Query(ids=("m1",)))
    assert (item.subject, item.reverse_path, item.size) == ("", "", len(await store.content("m2")))
    assert [(to.address, to.state, to.reply) for to in item.recipients] == [
        ("", State.DISCARDED, ""),
        ("", State.DELIVERED, ""),
    ]
    assert [(event.actor, event.recipient, event.reason) for event in await store.events("m1")] == [
        ("gateway", "", ""),
        ("gateway", "", ""),
        ("ann", "", "no"),
        ("ann", "", "yes"),
        ("delivery", "", ""),
    ]
    assert [item.id for item in await store.items(Query(address="eve@example.org"))] == ["m1"]


async def test_forgetting(store: Store, deposit: Make, noon: datetime) -> None:
    """Rows of erased items go after their time; others never."""
    await store.take((deposit("m1"), deposit("m2"), deposit("m3")))
    for name, at in (("m1", noon), ("m2", noon + timedelta(days=2)), ("m3", noon)):
        await store.discard(name, actor="ann", reason="", now=at)
    later = noon + timedelta(days=1)
    assert await store.forget(before=later) == 0
    assert await store.erase(before=later) == 2
    assert await store.forget(before=noon) == 0
    assert [await store.forget(before=later) for _ in range(2)] == [2, 0]
    assert [item.id for item in await store.items(Query())] == ["m2"]
    assert await store.events("m1") == ()


async def test_content_of_the_unknown(store: Store) -> None:
    """An unknown id is a KeyError."""
    with pytest.raises(KeyError):
        await store.content("m1")


async def test_a_trial_leaves_nothing_that_shows(store: Store) -> None:
    """It can be made again and again, and nothing is in custody after it."""
    for _ in range(2):
        await store.try_out()
    assert await store.items(Query()) == ()
    assert await store.last_transition() == 0


async def test_statistics(store: Store, deposit: Make, noon: datetime) -> None:
    """Counts are of recipients by state; ages count from when they came to wait."""
    empty = await store.statistics()
    assert (empty.recipients, empty.bytes, empty.oldest_held) == (dict.fromkeys(State, 0), 0, None)
    later = noon + timedelta(days=1)
    await store.take((deposit("m1", "bob@example.com", "eve@example.org"), deposit("m2", at=later)))
    await store.release("m1", actor="ann", reason="", now=later)
    found = await store.statistics()
    assert found.recipients == dict.fromkeys(State, 0) | {State.HELD: 1, State.DUE: 2}
    assert found.bytes >= 2 * len(await store.content("m1"))
    assert (found.oldest_held, found.oldest_due) == (later, later)


def test_the_table_of_transitions() -> None:
    """Exactly the pairs of the table are changes of state."""
    allowed = set()
    for before in State:
        for after in State:
            try:
                require_transition(before, after)
            except TransitionError:
                continue
            allowed.add((before, after))
    assert allowed == TRANSITIONS
