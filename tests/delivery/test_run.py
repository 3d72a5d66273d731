"""The worker's loop: how it ends, what it outlives, and that large mail does not keep it."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dlp_gateway.delivery import DeliveryWorker
from dlp_gateway.ports import Delivery
from quarantine.memory import MemoryStore
from quarantine.model import Claim, Deposit, Query, Settlement, State
from tests.delivery.custody import OPTIONS, custody, filled, states
from tests.fakes import NEVER, ScriptedSmarthost
from tests.waiting import until


class SlowSmarthost(ScriptedSmarthost):
    """Waits for `go` before it answers the final dot."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go = asyncio.Event(), asyncio.Event()

    async def deliver(self, *arguments: object, **named: object) -> Delivery:  # type: ignore[override]
        """Deliver once told to."""
        said = await super().deliver(*arguments, **named)  # type: ignore[arg-type]
        self.reached.set()
        await self.go.wait()
        return said


class SlowStore(MemoryStore):
    """A custody whose settlement takes a while."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()

    async def settle(
        self, claim: Claim, settlements: tuple[Settlement, ...], *, now: datetime, deposits: tuple[Deposit, ...] = ()
    ) -> None:
        """Settle in a moment."""
        self.begun.set()
        await asyncio.sleep(0.05)
        await super().settle(claim, settlements, now=now, deposits=deposits)


class FaultyStore(MemoryStore):
    """A custody whose first look for due mail fails as nobody expected."""

    faulty = True

    async def claim(
        self, *, owner: str, now: datetime, lease: timedelta, limit: int, octets: int | None = None
    ) -> tuple[Claim, ...]:
        """Fail once, then claim."""
        if self.faulty:
            self.faulty = False
            raise IndexError
        return await super().claim(owner=owner, now=now, lease=lease, limit=limit, octets=octets)


class Watched(ThreadPoolExecutor):
    """The loop's threads, which count what they were given."""

    given = 0

    def submit(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        """Count, and run it."""
        self.given += 1
        return super().submit(*arguments, **named)


class Held(Watched):
    """Threads of which the second waits for `go`."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.go = threading.Event()

    def submit(self, work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        """Run it, the second time once told to."""
        held = self.given == 1

        def run() -> Any:  # noqa: ANN401
            if held:
                self.go.wait(5)
            return work(*arguments, **named)

        return super().submit(run)


async def test_stopping_lets_a_delivery_finish() -> None:
    """Told to stop, the worker reads the answer to what it has sent."""
    store, smarthost = await custody(), SlowSmarthost()
    worker = DeliveryWorker(store, smarthost, OPTIONS)
    running = asyncio.create_task(worker.run())
    await smarthost.reached.wait()
    worker.stop()
    smarthost.go.set()
    await asyncio.wait_for(running, 3)
    assert await states(store) == [State.DELIVERED, State.DELIVERED]


async def test_a_cancelled_delivery_is_in_doubt_later() -> None:
    """Cut off between the final dot and the reply, it keeps its lease: nobody sends it again meanwhile."""
    store, smarthost = await custody(), SlowSmarthost()
    worker = DeliveryWorker(store, smarthost, OPTIONS)
    running = asyncio.create_task(worker.run())
    await smarthost.reached.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not await worker.deliver_due()
    lease = timedelta(minutes=30)
    assert await store.recover(now=datetime.now(UTC) + lease, lease=lease, retry=False) == 2
    assert (await states(store), len(smarthost.mails)) == ([State.IN_DOUBT, State.IN_DOUBT], 1)


async def test_a_settlement_that_has_begun_is_written_though_cancelled() -> None:
    """The 250 was read: a stop at this moment does not make a doubt of it."""
    store = SlowStore()
    await custody(store=store)
    running = asyncio.create_task(DeliveryWorker(store, ScriptedSmarthost(), OPTIONS).run())
    await store.begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await states(store) == [State.DELIVERED, State.DELIVERED]


async def test_a_large_settlement_that_has_begun_is_written_though_cancelled() -> None:
    """The replies were read, and a DSN is being made in a thread: a stop at this moment makes no doubt of it either."""
    store = await filled(b"Subject: Hello\r\n\r\n" + bytes(500_000))
    smarthost, executor = ScriptedSmarthost(rcpt={"r1@x.example": NEVER}), Held(2)
    asyncio.get_running_loop().set_default_executor(executor)
    running = asyncio.create_task(DeliveryWorker(store, smarthost, OPTIONS).run())
    await until(lambda: executor.given == 2)  # the edits, and the DSN
    running.cancel()
    await asyncio.sleep(0)
    executor.go.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await store.statistics()).recipients[State.FAILED] == 1


async def test_a_large_mail_does_not_keep_the_loop() -> None:
    """Its edits, and the DSN that may bring it back, are made in a thread; those of a small one cost less than that."""
    executor = Watched(1)
    asyncio.get_running_loop().set_default_executor(executor)
    given = []
    for size in (1000, 500_000):
        store = await filled(b"Subject: Hello\r\n\r\n" + bytes(size))
        await DeliveryWorker(store, ScriptedSmarthost(rcpt={"r1@x.example": NEVER}), OPTIONS).deliver_due()
        given.append(executor.given)
        assert len(await store.items(Query(reason="dsn"))) == 1
    assert given == [0, 2]


async def test_the_loop_outlives_an_error_of_ours() -> None:
    """One round goes wrong, the next delivers."""
    store, smarthost = FaultyStore(), SlowSmarthost()
    await custody(store=store)
    smarthost.go.set()
    worker = DeliveryWorker(store, smarthost, replace(OPTIONS, poll=timedelta(milliseconds=1)))
    running = asyncio.create_task(worker.run())
    await asyncio.wait_for(smarthost.reached.wait(), 3)
    worker.stop()
    await asyncio.wait_for(running, 3)
    assert await states(store) == [State.DELIVERED, State.DELIVERED]
