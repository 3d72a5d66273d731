"""Random walks through custody: no change outside the table, and memory and databases never disagree."""

import asyncio
import shutil
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarantine.crypto import PrivateKey
from quarantine.memory import MemoryStore
from quarantine.model import FINAL, TRANSITIONS, Claim, Item, Query, Settlement, State
from quarantine.opening import open_store
from quarantine.store import Store, StoreError
from tests.postgres import Postgres
from tests.quarantine.conftest import LEASE, Make

ITEMS = ("m1", "m2")
ADDRESSES = ("bob@example.com", "eve@example.org", "dan@example.net")

item = st.sampled_from(ITEMS)
some = st.lists(st.sampled_from(ADDRESSES), max_size=2, unique=True).map(tuple)
number = st.integers(min_value=0, max_value=5)
outcome = st.sampled_from([State.DELIVERED, State.FAILED, State.IN_DOUBT, State.DUE, State.HELD])
step = st.one_of(
    st.tuples(st.just("take"), item, st.sampled_from([State.HELD, State.DUE])),
    st.tuples(st.just("release"), item, some, st.booleans()),
    st.tuples(st.just("discard"), item, some),
    st.tuples(st.just("confirm"), item, some),
    st.tuples(st.just("reschedule"), item, number),
    st.tuples(st.just("claim"), st.integers(min_value=1, max_value=2)),
    st.tuples(st.just("renew"), number),
    st.tuples(st.just("handing_over"), number, some),
    st.tuples(st.just("settle"), number, st.lists(outcome, min_size=1, max_size=3)),
    st.tuples(st.just("wait"), st.sampled_from([1, 4, 6, -30, 60 * 24 * 14])),
    st.tuples(st.just("set_back"), st.booleans()),
    st.tuples(st.just("recover"), st.booleans()),
    st.tuples(st.just("expire")),
    st.tuples(st.just("erase")),
    st.tuples(st.just("forget")),
)


class Walk:
    """One walk through one store; every step returns what a caller would see."""

    def __init__(self, store: Store, make: Make, start: datetime) -> None:
        self.store = store
        self.make = make
        self.now = start
        self.claims: list[Claim] = []

    async def step(self, name: str, *given: object) -> object:
        """Take a step; a refusal is an answer too."""
        self.now += timedelta(seconds=1)
        try:
            return await getattr(self, name)(*given)
        except (StoreError, ValueError) as error:
            return type(error)

    async def take(self, name: str, state: State) -> None:
        """Put an item in."""
        await self.store.take((self.make(name, *ADDRESSES, state=state, at=self.now),))

    async def release(self, name: str, addresses: tuple[str, ...], original: bool) -> int:  # noqa: FBT001
        """Release some recipients or all."""
        return await self.store.release(
            name, actor="ann", reason="yes", now=self.now, recipients=addresses, original=original
        )

    async def discard(self, name: str, addresses: tuple[str, ...]) -> int:
        """Discard some recipients or all."""
        return await self.store.discard(name, actor="ann", reason="no", now=self.now, recipients=addresses)

    async def confirm(self, name: str, addresses: tuple[str, ...]) -> int:
        """End the doubt about some recipients or all."""
        return await self.store.confirm(name, actor="ann", reason="seen", now=self.now, recipients=addresses)

    async def reschedule(self, name: str, minutes: int) -> int:
        """Move what is due."""
        return await self.store.reschedule(name, due_at=self.now + timedelta(minutes=minutes))

    async def claim(self, limit: int) -> tuple[Claim, ...]:
        """Lease what is due."""
        found = await self.store.claim(owner=f"worker {limit}", now=self.now, lease=LEASE, limit=limit)
        claims = tuple(
            sorted(found, key=lambda one: (one.item, one.copy, one.original))
        )  # of those, any may come first
        self.claims += claims
        return claims

    async def renew(self, which: int) -> int:
        """Have a lease go on."""
        return await self.store.renew(tuple(self.claims[which : which + 2]), until=self.now + LEASE)

    async def handing_over(self, which: int, addresses: tuple[str, ...]) -> None:
        """Say that the final dot is about to be sent."""
        if which < len(self.claims):
            claim = self.claims[which]
            chosen = tuple(to.id for to in claim.recipients if to.address in addresses)
            await self.store.handing_over(claim, chosen)

    async def settle(self, which: int, outcomes: list[State]) -> None:
        """Say how a delivery ended."""
        if which < len(self.claims):
            claim = self.claims[which]
            due_at = self.now + timedelta(minutes=2)
            settlements = tuple(
                Settlement(recipient=to.id, state=state, reply=f"reply {state}", due_at=due_at)
                for to, state in zip(claim.recipients, outcomes, strict=False)
            )
            failed = any(settlement.state is State.FAILED for settlement in settlements)
            reports = (
                (self.make(f"report {which}", "ann@corp.example", state=State.DUE, at=self.now),) if failed else ()
            )
            await self.store.settle(claim, settlements, now=self.now, deposits=reports)

    async def wait(self, minutes: int) -> None:
        """Let time pass, or set the clock back."""
        self.now += timedelta(minutes=minutes)

    async def set_back(self, is_right: bool) -> int:  # noqa: FBT001
        """Put right what a clock that was ahead wrote."""
        return await self.store.set_back(now=self.now, is_right=is_right)

    async def recover(self, retry: bool) -> int:  # noqa: FBT001
        """Take lost leases back."""
        return await self.store.recover(now=self.now, lease=LEASE, retry=retry)

    async def expire(self) -> tuple[Item, ...]:
        """Expire what nobody released."""
        return await self.store.expire(now=self.now)

    async def erase(self) -> int:
        """Erase what is over."""
        return await self.store.erase(before=self.now - timedelta(minutes=5))

    async def forget(self) -> int:
        """Forget what was erased."""
        return await self.store.forget(before=self.now - timedelta(minutes=10))

    async def seen(self) -> object:
        """Return all that can be read."""
        items = await self.store.items(Query())
        events = [await self.store.events(name) for name in ITEMS]
        copies = [await self.store.copies(name) for name in ITEMS]
        return items, events, copies, (await self.store.statistics()).recipients


STEPS = st.lists(step, min_size=5, max_size=40)


@settings(max_examples=15, deadline=None)
@given(steps=STEPS)
def test_memory_and_sqlite_agree(
    steps: list[tuple[str, ...]], empty_database: Path, key: PrivateKey, deposit: Make, noon: datetime
) -> None:
    """The same steps give the same answers, and each event's change is in the table."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(empty_database, folder, dirs_exist_ok=True)
        asyncio.run(both_ways(steps, "sqlite:///custody.db", Path(folder), key, deposit, noon))


@pytest.mark.e2e
@settings(max_examples=10, deadline=None)
@given(steps=STEPS)
def test_memory_and_postgresql_agree(
    steps: list[tuple[str, ...]],
    postgres: Postgres,
    empty_postgres_database: str,
    key: PrivateKey,
    deposit: Make,
    noon: datetime,
) -> None:
    """The same steps give the same answers there as well."""
    name = postgres.database(empty_postgres_database)
    asyncio.run(both_ways(steps, postgres.url(name), Path(), key, deposit, noon))
    postgres.drop(name)


async def both_ways(
    steps: list[tuple[str, ...]], url: str, folder: Path, key: PrivateKey, deposit: Make, noon: datetime
) -> None:
    """Take the steps in memory and in a database."""
    store = await open_store(url, key.public, key, folder=folder)
    one, two = Walk(MemoryStore(), deposit, noon), Walk(store, deposit, noon)
    try:
        for name, *given in [("take", "m1", State.DUE), *steps]:
            expected, actual = await one.step(name, *given), await two.step(name, *given)
            assert expected == actual, name
        assert await one.seen() == await two.seen()
        for name in ITEMS:
            for event in await store.events(name):
                change = (event.before, event.after)
                assert event.before is None or change in TRANSITIONS or change == (State.DUE, State.DUE)
                assert event.before not in FINAL
    finally:
        await store.close()
