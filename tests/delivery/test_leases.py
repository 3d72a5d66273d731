"""An attempt that lives keeps its lease, however long it takes; one that lost it is an attempt all the same."""

import asyncio
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dlp_gateway import delivery
from dlp_gateway.delivery import DeliveryWorker
from dlp_gateway.ports import Delivery
from quarantine.crypto import PrivateKey
from quarantine.memory import MemoryStore
from quarantine.migrations import migrate
from quarantine.model import Claim, Deposit, Query, Settlement, State
from quarantine.opening import open_store
from quarantine.store import LeaseLostError
from tests.conftest import SQLITE
from tests.delivery.custody import OPTIONS, Hands, custody, even_clock, make_due, states
from tests.fakes import ScriptedSmarthost

LEASE = timedelta(seconds=0.2)
POLL = timedelta(milliseconds=10)
IN_DOUBT = replace(OPTIONS, retry_in_doubt=True, poll=POLL)


class SlowSmarthost(ScriptedSmarthost):
    """Takes long for its recipients, or for the final dot (`behind` it); `go` ends that."""

    def __init__(self, *, behind: bool) -> None:
        super().__init__()
        self.behind, self.begun, self.go = behind, asyncio.Event(), asyncio.Event()

    async def deliver(self, *arguments: object, **named: object) -> Delivery:  # type: ignore[override]
        """Deliver once told to."""
        if not self.behind:
            self.begun.set()
            await self.go.wait()
        said = await super().deliver(*arguments, **named)  # type: ignore[arg-type]
        if self.behind:
            self.begun.set()
            await self.go.wait()
        return said


class StolenStore(MemoryStore):
    """A custody in which another worker has each lease when the final dot is to be noted, or (`behind` it) settled."""

    def __init__(self, *, behind: bool, stolen: int = 1_000) -> None:
        super().__init__()
        self.behind, self.stolen = behind, stolen

    async def handing_over(self, claim: Claim, recipients: tuple[int, ...]) -> None:
        """Note it, or have lost it."""
        if not self.behind:
            await self._steal()
        await super().handing_over(claim, recipients)

    async def settle(
        self, claim: Claim, settlements: tuple[Settlement, ...], *, now: datetime, deposits: tuple[Deposit, ...] = ()
    ) -> None:
        """Settle, or have lost it."""
        if self.behind:
            await self._steal()
        await super().settle(claim, settlements, now=now, deposits=deposits)

    async def _steal(self) -> None:
        if self.stolen:
            self.stolen -= 1
            await self.recover(now=datetime.now(UTC) + timedelta(hours=1), lease=timedelta(hours=1), retry=True)
            raise LeaseLostError


def events(log_lines: io.StringIO) -> list[str]:
    """Return what was logged, in order."""
    return [json.loads(line)["event"] for line in log_lines.getvalue().splitlines()]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half an hour is a fifth of a second."""
    monkeypatch.setattr(delivery, "_LEASE", LEASE)
    monkeypatch.setattr(delivery, "_RENEWED", LEASE / 10)
    monkeypatch.setattr(delivery, "_HOUSEKEEPING", 0.01)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("behind", [False, True])
async def test_who_takes_long_keeps_his_lease(folder: Path, key: PrivateKey, *, behind: bool) -> None:
    """Recipients may take hours together, each of them in time: the mail is sent once, and settled."""
    await migrate(SQLITE, folder=folder)
    store, smarthost = await open_store(SQLITE, key.public, key, folder=folder), SlowSmarthost(behind=behind)
    try:
        await custody(store=store)
        worker = DeliveryWorker(store, smarthost, IN_DOUBT)
        running = asyncio.create_task(worker.run())
        await smarthost.begun.wait()
        await asyncio.sleep(3 * LEASE.total_seconds())
        smarthost.go.set()
        worker.stop()
        await asyncio.wait_for(running, 3)
        (item,) = await store.items(Query())
        assert [(to.state, to.attempts) for to in item.recipients] == 2 * [(State.DELIVERED, 1)]
        assert len(smarthost.mails) == 1
    finally:
        await store.close()


@pytest.mark.parametrize("jump", [timedelta(days=40), timedelta(days=-40)])
async def test_a_clock_that_jumps_ends_no_lease_of_the_living(jump: timedelta) -> None:
    """A lease ends by the wall clock; while its worker lives it goes on, whatever that shows."""
    store, hands, smarthost = await custody(age=timedelta(days=50)), Hands(), SlowSmarthost(behind=False)
    worker = DeliveryWorker(store, smarthost, IN_DOUBT, hands.clock)
    running = asyncio.create_task(worker.run())
    await smarthost.begun.wait()
    hands.ahead = jump
    await asyncio.sleep(10 * POLL.total_seconds())
    await worker.keep_house()
    smarthost.go.set()
    worker.stop()
    await asyncio.wait_for(running, 3)
    assert (await states(store), len(smarthost.mails)) == ([State.DELIVERED, State.DELIVERED], 1)


@pytest.mark.usefixtures("short")
async def test_an_attempt_that_is_over_leaves_its_lease() -> None:
    """Only what is under way is renewed: what a dead attempt had is taken back in time."""
    store = await custody()
    worker = DeliveryWorker(store, ScriptedSmarthost(), OPTIONS)
    await store.claim(owner=OPTIONS.owner, now=datetime.now(UTC), lease=LEASE, limit=1)  # and it died
    await worker.renew_leases()
    await asyncio.sleep(LEASE.total_seconds())
    assert await worker.deliver_due()


async def test_a_lost_lease_is_logged_as_one(log_lines: io.StringIO) -> None:
    """Custody was there all along."""
    store = await custody(store=StolenStore(behind=False))
    await DeliveryWorker(store, ScriptedSmarthost(), OPTIONS).deliver_due()
    assert events(log_lines) == ["lease_lost"]


@pytest.mark.parametrize(
    ("age", "expected"), [(timedelta(days=1), State.DUE), (timedelta(days=6), State.FAILED)], ids=["young", "old"]
)
async def test_an_attempt_whose_lease_was_lost_counts(age: timedelta, expected: State) -> None:
    """It is settled when the copy comes back: put off, or after `max_age` the last one, of which its author hears."""
    store = await custody(age=age, store=StolenStore(behind=False))
    worker = DeliveryWorker(store, smarthost := ScriptedSmarthost(), OPTIONS, even_clock())
    for _ in range(2):
        await make_due(store)
        await worker.deliver_due()
    (item,) = await store.items(Query(ids=("0000000000000000a1",)))
    words = "451 4.3.0 two workers of the gateway had this; it will try again"
    assert [(to.state, to.reply) for to in item.recipients] == 2 * [(expected, words)]
    assert smarthost.mails == []
    assert len(await store.items(Query(reason="dsn"))) == (expected is State.FAILED)


async def test_what_was_delivered_under_a_lost_lease_is_not_sent_again() -> None:
    """The smarthost said 250, and custody could not be told so."""
    store, smarthost = await custody(store=StolenStore(behind=True, stolen=1)), ScriptedSmarthost()
    worker = DeliveryWorker(store, smarthost, IN_DOUBT)
    for _ in range(2):
        await worker.deliver_due()
    assert (await states(store), len(smarthost.mails)) == ([State.DELIVERED, State.DELIVERED], 1)


async def test_a_release_after_a_lost_lease_is_a_new_start() -> None:
    """A reviewer wants it sent: what became of an attempt before that says nothing of it."""
    store, smarthost = await custody(State.HELD, store=StolenStore(behind=True, stolen=1)), ScriptedSmarthost()
    worker = DeliveryWorker(store, smarthost, IN_DOUBT)
    await store.release("0000000000000000a1", actor="ann", reason="", now=datetime.now(UTC) - timedelta(hours=1))
    await worker.deliver_due()
    for _, line in store._all():  # as a reviewer would find it with `custody.in_doubt: hold`
        line.recipient = replace(line.recipient, state=State.IN_DOUBT)
    await store.release("0000000000000000a1", actor="ann", reason="", now=datetime.now(UTC))
    await worker.deliver_due()
    assert (await states(store), len(smarthost.mails)) == ([State.DELIVERED, State.DELIVERED], 2)
