"""The contract of custody, what is found in it: by id, by filters, by group, and in numbers."""

from datetime import datetime, timedelta

import pytest

from quarantine.model import Query, State
from quarantine.store import Store
from tests.quarantine.conftest import Make


async def test_ids_by_their_beginning(store: Store, deposit: Make) -> None:
    """In order, no more than asked for; signs that a database might take for others stand for themselves."""
    await store.take(tuple(deposit(name, "bob@example.com") for name in ("ab2", "ab1", "ac1")))
    assert await store.ids("ab", limit=9) == ("ab1", "ab2")
    assert await store.ids("a", limit=2) == ("ab1", "ab2")
    assert await store.ids("ac1", limit=2) == ("ac1",)
    for nobody in ("b", "AB", "a_", "a%", "ab11"):
        assert await store.ids(nobody, limit=2) == ()


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
