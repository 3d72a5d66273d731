"""What fails on our side: a custody that cannot be written, a row that cannot be read, an error of ours."""

import asyncio
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dlp_gateway import delivery
from dlp_gateway.delivery import DeliveryWorker
from dlp_gateway.observe import instruments
from dlp_gateway.ports import Delivery
from quarantine.memory import MemoryStore
from quarantine.model import Claim, Deposit, Query, Settlement, State
from quarantine.store import LeaseLostError, StoreError
from tests.delivery.custody import OPTIONS, custody, make_due, states
from tests.fakes import LATER, NEVER, ScriptedSmarthost


class FailingStore(MemoryStore):
    """A custody whose disk is full for the next `failures` settlements."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures

    async def settle(
        self, claim: Claim, settlements: tuple[Settlement, ...], *, now: datetime, deposits: tuple[Deposit, ...] = ()
    ) -> None:
        """Fail, or settle."""
        if self.failures:
            self.failures -= 1
            raise StoreError("no space left on device")
        await super().settle(claim, settlements, now=now, deposits=deposits)


class LockedStore(FailingStore):
    """A custody that is locked when the final dot is to be noted, and for the next `failures` settlements."""

    locked = True

    async def handing_over(self, claim: Claim, recipients: tuple[int, ...]) -> None:
        """Fail, or note it."""
        if self.locked:
            raise StoreError("database is locked")
        await super().handing_over(claim, recipients)


class LostStore(FailingStore):
    """A custody in which another has taken the lease when the final dot is to be noted."""

    async def handing_over(self, claim: Claim, recipients: tuple[int, ...]) -> None:
        """Fail."""
        raise LeaseLostError


class DamagedStore(MemoryStore):
    """A custody whose disk lost the content of what is due, and, if `nameless`, everything that was sealed."""

    def __init__(self, *, nameless: bool = False) -> None:
        super().__init__()
        self.nameless = nameless

    async def claim(
        self, *, owner: str, now: datetime, lease: timedelta, limit: int, octets: int | None = None
    ) -> tuple[Claim, ...]:
        """Claim what cannot be sent."""
        claims = await super().claim(owner=owner, now=now, lease=lease, limit=limit, octets=octets)
        return tuple(self.damaged(claim) for claim in claims)

    def damaged(self, claim: Claim) -> Claim:
        """Return what is left of it."""
        if not self.nameless:
            return replace(claim, content=b"", damaged=True)
        nobody = tuple(replace(recipient, address="") for recipient in claim.recipients)
        return replace(claim, content=b"", damaged=True, reverse_path="", edits="", options="", recipients=nobody)


class BreakingSmarthost(ScriptedSmarthost):
    """Takes the mail, and then an error of our own strikes before its reply is read."""

    async def deliver(self, *arguments: object, **named: object) -> Delivery:  # type: ignore[override]
        """Deliver, and fail."""
        await super().deliver(*arguments, **named)  # type: ignore[arg-type]
        raise IndexError


def told(log_lines: io.StringIO) -> list[dict[str, Any]]:
    """Return what was logged."""
    return [json.loads(line) for line in log_lines.getvalue().splitlines()]


def deliveries(outcome: str) -> float:
    """Return how many attempts were counted with this outcome."""
    lines = instruments.expose()[0].decode().splitlines()
    sample = f'dlp_deliveries_total{{outcome="{outcome}"}} '
    return float(next((line.removeprefix(sample) for line in lines if line.startswith(sample)), "0"))


async def test_a_settlement_is_tried_until_custody_can_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mail is out: a full disk makes no doubt of it, no second copy, and no second DSN."""
    monkeypatch.setattr(delivery, "_SETTLE_AGAIN", 0.001)
    store = await custody(store=FailingStore(3))
    smarthost = ScriptedSmarthost(rcpt={"b@x.example": NEVER})
    await DeliveryWorker(store, smarthost, OPTIONS).deliver_due()
    assert await states(store) == [State.DELIVERED, State.FAILED]
    assert len(smarthost.mails) == len(await store.items(Query(reason="dsn"))) == 1


async def test_a_settlement_is_not_tried_for_longer_than_the_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """A custody that stays broken gets its worker back; later it is in doubt whether the mail arrived."""
    monkeypatch.setattr(delivery, "_LEASE", timedelta(milliseconds=50))
    monkeypatch.setattr(delivery, "_SETTLE_AGAIN", 0.02)
    store = await custody(store=FailingStore(1000))
    worker = DeliveryWorker(store, ScriptedSmarthost(), OPTIONS)
    await asyncio.wait_for(worker.deliver_due(), 3)
    await asyncio.sleep(0.05)
    await worker.keep_house()
    assert await states(store) == [State.IN_DOUBT, State.IN_DOUBT]


async def test_a_final_dot_that_cannot_be_noted_is_put_off(
    monkeypatch: pytest.MonkeyPatch, log_lines: io.StringIO
) -> None:
    """Nothing was sent: the lease is given back as soon as custody writes again, and no attempt is counted."""
    monkeypatch.setattr(delivery, "_SETTLE_AGAIN", 0.001)
    store, smarthost = LockedStore(2), ScriptedSmarthost(rcpt={"b@x.example": NEVER})
    worker = DeliveryWorker(await custody(age=timedelta(days=6), store=store), smarthost, OPTIONS)
    await worker.deliver_due()
    (item,) = await store.items(Query())
    assert smarthost.mails == []
    assert [(to.state, to.attempts, to.reply[:9]) for to in item.recipients] == 2 * [(State.DUE, 0, "451 4.3.0")]
    assert {line["attempts"] for line in told(log_lines) if line["event"] == "delivery"} == {0}
    store.locked = False
    await make_due(store)  # not before its lease is given back
    await worker.deliver_due()
    assert await states(store) == [State.DELIVERED, State.FAILED]
    assert [recipients for _, recipients, _ in smarthost.mails] == [("a@x.example",)]


async def test_a_lost_lease_is_not_put_off() -> None:
    """What is another worker's now is not settled by this one."""
    store, smarthost = await custody(store=LostStore(0)), ScriptedSmarthost()
    await DeliveryWorker(store, smarthost, OPTIONS).deliver_due()
    (item,) = await store.items(Query())
    assert [(to.state, to.attempts, to.reply) for to in item.recipients] == 2 * [(State.DUE, 1, "")]
    assert smarthost.mails == []


async def test_what_cannot_be_read_is_given_up_in_the_end() -> None:
    """A row of ours that no attempt can read fails with words for the reviewer, and the author hears of it."""
    store, smarthost = await custody(options="{}"), ScriptedSmarthost()
    worker, seen = DeliveryWorker(store, smarthost, OPTIONS), []
    for _ in range(5):
        await make_due(store)
        await worker.deliver_due()
        seen.append(await states(store))
    assert seen == 4 * [[State.DUE, State.DUE]] + [[State.FAILED, State.FAILED]]
    (broken,) = await store.items(Query(ids=("0000000000000000a1",)))
    assert broken.recipients[0].reply == "554 5.3.0 the gateway failed to deliver this and gave it up"
    assert len(await store.items(Query(reason="dsn"))) == 1
    await worker.deliver_due()
    assert [recipients for _, recipients, _ in smarthost.mails] == [("ann@corp.example",)]


async def test_a_damaged_mail_is_failed_aloud(log_lines: io.StringIO) -> None:
    """Nothing is sent; log and metrics say so as of every failure, and its author gets a DSN without the mail."""
    store, smarthost, before = await custody(store=DamagedStore()), ScriptedSmarthost(), deliveries("failed")
    await DeliveryWorker(store, smarthost, OPTIONS).deliver_due()
    assert (await states(store), smarthost.mails) == ([State.FAILED, State.FAILED], [])
    (lost,) = await store.items(Query(ids=("0000000000000000a1",)))
    assert lost.recipients[0].reply == "554 5.3.0 the stored message is damaged and cannot be opened"
    (report,) = await store.items(Query(reason="dsn"))
    content = await store.content(report.id)
    assert b"Final-Recipient: rfc822; a@x.example\r\nAction: failed\r\nStatus: 5.3.0\r\n" in content
    assert (b"b@x.example" in content, b"c@x.example" in content, b"Hello" in content) == (True, False, False)
    assert [(line["event"], line["state"]) for line in told(log_lines)] == 2 * [("delivery", "failed")]
    assert deliveries("failed") - before == 2


async def test_a_damaged_mail_of_which_nothing_is_known(log_lines: io.StringIO) -> None:
    """Neither its author nor its recipients can be named: it has failed, and the log says so."""
    store, smarthost = await custody(store=DamagedStore(nameless=True)), ScriptedSmarthost()
    await DeliveryWorker(store, smarthost, OPTIONS).deliver_due()
    assert (await states(store), smarthost.mails) == ([State.FAILED, State.FAILED], [])
    assert len(await store.items(Query())) == 1
    assert [(line["event"], line["state"]) for line in told(log_lines)] == 2 * [("delivery", "failed")]


async def test_a_release_counts_our_own_failures_anew() -> None:
    """A reviewer tries again what was given up: the first error of ours is not the last."""
    store = await custody(options="{}")
    worker = DeliveryWorker(store, ScriptedSmarthost(), OPTIONS)
    for _ in range(5):
        await make_due(store)
        await worker.deliver_due()
    await store.release("0000000000000000a1", actor="ann", reason="", now=datetime.now(UTC))
    await worker.deliver_due()
    assert await states(store) == [State.DUE, State.DUE]


async def test_an_error_of_ours_after_the_dot_is_a_doubt() -> None:
    """What the smarthost may have is not sent again as if nothing had been."""
    store = await custody()
    smarthost = BreakingSmarthost(rcpt={"b@x.example": LATER})
    await DeliveryWorker(store, smarthost, OPTIONS).deliver_due()
    assert await states(store) == [State.IN_DOUBT, State.DUE]
