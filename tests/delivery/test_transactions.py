"""Several transactions at a time: none stops another, they are never too many, and each mail has its turn."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from dlp_gateway import delivery
from dlp_gateway.delivery import DeliveryWorker
from dlp_gateway.mail.edit import Edited
from dlp_gateway.ports import Delivery
from quarantine.model import State
from tests.delivery.custody import OPTIONS, filled
from tests.fakes import UNREACHABLE, ScriptedSmarthost
from tests.waiting import until


class PickySmarthost(ScriptedSmarthost):
    """Waits for `go` where the content says so; `begun` is what it was given, `done` what it has answered."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.begun: list[bytes] = []
        self.done: list[bytes] = []

    async def deliver(self, content: bytes | Edited, **named: object) -> Delivery:
        """Deliver, some at once."""
        content = bytes(content)
        self.begun.append(content)
        if content.startswith(b"Subject: slow"):
            await self.go.wait()
        said = await super().deliver(content, **named)  # type: ignore[arg-type]
        self.done.append(content)
        return said


async def test_a_transaction_that_hangs_stops_no_other() -> None:
    """One waits for the reply to its final dot, all others leave meanwhile, a few at a time; at the end it is told."""
    slow, quick = b"Subject: slow\r\n\r\n", [b"Subject: %d\r\n\r\n" % number for number in range(30)]
    store, smarthost = await filled(slow, *quick), PickySmarthost()
    worker = DeliveryWorker(store, smarthost, replace(OPTIONS, poll=timedelta(milliseconds=10)))
    running = asyncio.create_task(worker.run())
    await until(lambda: len(smarthost.done) == 30)
    assert (smarthost.done, smarthost.begun[0]) == (quick, slow)
    worker.stop()
    smarthost.go.set()
    await asyncio.wait_for(running, 3)
    assert (await store.statistics()).recipients[State.DELIVERED] == 31


async def test_no_more_than_a_few_leave_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of mails nor of octets; but a large one that hangs leaves room for one more."""
    monkeypatch.setattr(delivery, "_OCTETS", 1000)
    slow = b"Subject: slow\r\n\r\n"
    for contents, expected in (
        (20 * [slow], 8),
        (20 * [slow + bytes(250)], 4),
        (20 * [slow + bytes(5000)], 2),
    ):
        store, smarthost = await filled(*contents), PickySmarthost()
        worker = DeliveryWorker(store, smarthost, OPTIONS)
        while await worker.begin_due():
            pass
        await until(lambda: len(smarthost.begun) == expected)  # noqa: B023  it is called at once
        assert not await worker.begin_due()
        smarthost.go.set()
        await worker.finish()
        assert (await store.statistics()).recipients[State.DELIVERED] == expected


async def test_after_an_outage_mail_leaves_in_the_order_in_which_it_came() -> None:
    """What was put off in it, each for another while, is due as soon as a host can be reached again."""
    store, smarthost = await filled(*(b"Subject: %d\r\n\r\n" % number for number in range(5))), ScriptedSmarthost()
    worker = DeliveryWorker(store, smarthost, replace(OPTIONS, first=timedelta(minutes=30)))
    smarthost.rcpt, smarthost.reachable = {f"r{number}@x.example": UNREACHABLE for number in range(1, 6)}, False
    await worker.deliver_due()
    await worker.look_at_smarthost()
    assert not await worker.deliver_due()
    smarthost.rcpt, smarthost.reachable = {}, True
    await worker.look_at_smarthost()
    assert await worker.deliver_due()
    assert [content.partition(b"Subject: ")[2][:1] for _, _, content in smarthost.mails] == [
        b"0",
        b"1",
        b"2",
        b"3",
        b"4",
    ]
