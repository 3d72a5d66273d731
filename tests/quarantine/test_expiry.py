"""The contract of custody, what ends by itself: what nobody decided expires, what is over is erased, then forgotten."""

from datetime import datetime, timedelta

import pytest

from quarantine.model import FAILED_KEPT, Query, Settlement, State
from quarantine.store import Store
from tests.quarantine.conftest import Make, claim, states


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
