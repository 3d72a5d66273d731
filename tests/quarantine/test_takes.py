"""The contract of custody, what comes in: whole or not at all, and as it was."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from quarantine.model import CopyDeposit, Query, State
from quarantine.store import Store, StoreError
from tests.quarantine.conftest import Make


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
