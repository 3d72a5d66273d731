"""Delivery from custody: every reply of the smarthost ends in the state that tells the truth."""

import asyncio
import io
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dlp_gateway import delivery
from dlp_gateway.delivery import DeliveryOptions, DeliveryWorker
from dlp_gateway.deposits import Transport
from dlp_gateway.mail.edit import AddTrace, PruneRecipients, RemoveBcc, to_json
from dlp_gateway.observe import instruments
from dlp_gateway.ports import Delivery
from quarantine.memory import MemoryStore
from quarantine.model import Claim, CopyDeposit, Deposit, Query, Settlement, State
from quarantine.store import LeaseLostError, StoreError
from tests.fakes import LATER, NEVER, UNREACHABLE, ScriptedSmarthost

MAIL = b"From: ann@corp.example\r\nTo: a@x.example, c@x.example\r\nBcc: b@x.example\r\nSubject: Hello\r\n\r\nHi\r\n"
TRACE = b"Received: by gw.corp.example with ESMTP id 0000000000000000a1;\r\n\tSat, 21 Nov 2026 22:08:57 +0000\r\n"
OPTIONS = DeliveryOptions(
    owner="test",
    hostname="gw.corp.example",
    smarthost="mta.example",
    first=timedelta(minutes=1),
    longest=timedelta(minutes=4),
    max_age=timedelta(days=5),
    retry_in_doubt=False,
    keep=timedelta(days=30),
)


async def custody(
    state: State = State.DUE,
    age: timedelta = timedelta(),
    *,
    store: MemoryStore | None = None,
    reverse_path: str = "ann@corp.example",
    options: str = Transport(body_8bit=False, smtputf8=False).to_json(),
) -> MemoryStore:
    """Return a custody with one mail to two recipients."""
    store = store or MemoryStore()
    when = datetime.now(UTC) - age
    copy = CopyDeposit(
        reverse_path=reverse_path,
        recipients=("a@x.example", "b@x.example"),
        edits=to_json(
            (AddTrace(field=TRACE), RemoveBcc(), PruneRecipients(hidden=("c@x.example",), to="ann@corp.example"))
        ),
        options=options,
        state=state,
        due_at=when,
    )
    deposit = Deposit(
        id="0000000000000000a1",
        content=MAIL,
        subject="Hello",
        reverse_path=reverse_path,
        reasons=("test",),
        group="",
        created_at=when,
        expires_at=None,
        copies=(copy,),
    )
    await store.take((deposit,))
    return store


async def filled(*contents: bytes, store: MemoryStore | None = None) -> MemoryStore:
    """Return a custody with a due mail for each content: 0000000000000000a1 and so on, to a@x.example and so on."""
    store, now = store or MemoryStore(), datetime.now(UTC)
    for number, content in enumerate(contents, 1):
        copy = CopyDeposit(
            reverse_path="ann@corp.example",
            recipients=(f"r{number}@x.example",),
            edits=to_json(()),
            options=Transport(body_8bit=False, smtputf8=False).to_json(),
            state=State.DUE,
            due_at=now,
        )
        deposit = Deposit(
            id=f"00000000000000{number:04}",
            content=content,
            subject="",
            reverse_path="ann@corp.example",
            reasons=(),
            group="",
            created_at=now,
            expires_at=None,
            copies=(copy,),
        )
        await store.take((deposit,))
    return store


async def states(store: MemoryStore, item: str = "0000000000000000a1") -> list[State]:
    """Return the states of the item's recipients."""
    return [one.state for one in (await store.items(Query(ids=(item,))))[0].recipients]


async def test_due_mail_is_delivered_with_its_edits() -> None:
    """250 → delivered; what leaves is the original with the edits that were kept beside it."""
    store, smarthost = await custody(), ScriptedSmarthost()
    worker = DeliveryWorker(store, smarthost, OPTIONS)
    assert await worker.deliver_due()
    assert await states(store) == [State.DELIVERED, State.DELIVERED]
    assert smarthost.mails == [
        (
            "ann@corp.example",
            ("a@x.example", "b@x.example"),
            TRACE + MAIL.replace(b"Bcc: b@x.example\r\n", b"").replace(b", c@x.example", b""),
        )
    ]
    assert not await worker.deliver_due()


async def test_the_original_leaves_without_blind_copies() -> None:
    """Asked for by name: no rewrite, but neither Bcc fields nor a message without our trace leave."""
    store, smarthost = await custody(State.HELD), ScriptedSmarthost()
    await store.release("0000000000000000a1", actor="ann", reason="", now=datetime.now(UTC), original=True)
    assert await DeliveryWorker(store, smarthost, OPTIONS).deliver_due()
    assert await states(store) == [State.DELIVERED, State.DELIVERED]
    (sent,) = smarthost.mails
    assert sent[2] == TRACE + MAIL.replace(b"Bcc: b@x.example\r\n", b"")


async def test_held_mail_stays() -> None:
    """What nobody released is not delivered."""
    store, smarthost = await custody(State.HELD), ScriptedSmarthost()
    assert not await DeliveryWorker(store, smarthost, OPTIONS).deliver_due()
    assert smarthost.mails == []


async def test_each_recipient_gets_his_own_truth() -> None:
    """4xx → due again later, 5xx → failed with the reply kept and a DSN to the author."""
    store = await custody()
    smarthost = ScriptedSmarthost(rcpt={"a@x.example": LATER, "b@x.example": NEVER})
    await DeliveryWorker(store, smarthost, OPTIONS).deliver_due()
    item = (await store.items(Query(ids=("0000000000000000a1",))))[0]
    later, never = item.recipients
    assert (later.state, never.state) == (State.DUE, State.FAILED)
    assert later.due_at > datetime.now(UTC) + timedelta(seconds=30)
    assert "no such user" in never.reply
    report = (await store.items(Query(reason="dsn")))[0]
    assert [one.address for one in report.recipients] == ["ann@corp.example"]


async def test_a_failed_dsn_makes_no_dsn() -> None:
    """The null reverse-path ends every chain."""
    store = await custody()
    await DeliveryWorker(store, ScriptedSmarthost(rcpt={"b@x.example": NEVER}), OPTIONS).deliver_due()
    refusing = ScriptedSmarthost(rcpt={"ann@corp.example": NEVER})
    await DeliveryWorker(store, refusing, OPTIONS).deliver_due()
    assert len(await store.items(Query())) == 2


def in_doubt() -> float:
    """Return how many recipients were counted as in doubt."""
    lines = instruments.expose()[0].decode().splitlines()
    return float(next(line for line in lines if line.startswith("dlp_in_doubt_total ")).split()[1])


@pytest.mark.parametrize(("retry", "expected"), [(False, State.IN_DOUBT), (True, State.DUE)])
async def test_a_connection_lost_after_the_dot_is_in_doubt(retry: bool, expected: State) -> None:  # noqa: FBT001
    """(j) Whether it arrived is unknown: a human is asked, or it is sent again, as the settings say."""
    before = in_doubt()
    store, smarthost = await custody(), ScriptedSmarthost(final=None)
    await DeliveryWorker(store, smarthost, replace(OPTIONS, retry_in_doubt=retry)).deliver_due()
    assert await states(store) == [expected, expected]
    assert in_doubt() - before == 2


async def test_it_is_given_up_after_its_time() -> None:
    """After `max_age` a deferral counts as a failure, and the author hears of it."""
    store = await custody(age=timedelta(days=6))
    smarthost = ScriptedSmarthost(rcpt={"a@x.example": LATER})
    await DeliveryWorker(store, smarthost, OPTIONS).deliver_due()
    assert await states(store) == [State.FAILED, State.DELIVERED]
    assert len(await store.items(Query(reason="dsn"))) == 1


async def test_copies_in_doubt_have_an_end() -> None:
    """Where what is in doubt is sent again, a host that always hangs up behind the dot gets it for `max_age` only."""
    store = await custody(age=timedelta(days=6))
    options = replace(OPTIONS, retry_in_doubt=True)
    await DeliveryWorker(store, ScriptedSmarthost(final=None), options).deliver_due()
    assert await states(store) == [State.FAILED, State.FAILED]


def test_waits_double_up_to_the_longest() -> None:
    """The back-off is as the operator wrote it."""
    assert [OPTIONS.wait(attempts).total_seconds() / 60 for attempts in range(4)] == [1, 2, 4, 4]


async def test_housekeeping_expires_and_erases() -> None:
    """Nobody decided: expired; over and kept long enough: erased."""
    store = await custody(State.HELD, age=timedelta(days=40))
    worker = DeliveryWorker(store, ScriptedSmarthost(), OPTIONS)
    await store.discard("0000000000000000a1", actor="root", reason="", now=datetime.now(UTC) - timedelta(days=35))
    await worker.keep_house()
    with pytest.raises(KeyError):
        await store.content("0000000000000000a1")


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


class LockedStore(FailingStore):
    """A custody that is locked when the final dot is to be noted, and for the next `failures` settlements."""

    locked = True

    async def handing_over(self, claim: Claim, recipients: tuple[int, ...]) -> None:
        """Fail, or note it."""
        if self.locked:
            raise StoreError("database is locked")
        await super().handing_over(claim, recipients)


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


class LostStore(FailingStore):
    """A custody in which another has taken the lease when the final dot is to be noted."""

    async def handing_over(self, claim: Claim, recipients: tuple[int, ...]) -> None:
        """Fail."""
        raise LeaseLostError


async def test_a_lost_lease_is_not_put_off() -> None:
    """What is another worker's now is not settled by this one."""
    store, smarthost = await custody(store=LostStore(0)), ScriptedSmarthost()
    await DeliveryWorker(store, smarthost, OPTIONS).deliver_due()
    (item,) = await store.items(Query())
    assert [(to.state, to.attempts, to.reply) for to in item.recipients] == 2 * [(State.DUE, 1, "")]
    assert smarthost.mails == []


async def make_due(store: MemoryStore) -> None:
    """Let the time of the next attempt come."""
    await store.reschedule("0000000000000000a1", due_at=datetime.now(UTC))


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


def told(log_lines: io.StringIO) -> list[dict[str, Any]]:
    """Return what was logged."""
    return [json.loads(line) for line in log_lines.getvalue().splitlines()]


def deliveries(outcome: str) -> float:
    """Return how many attempts were counted with this outcome."""
    lines = instruments.expose()[0].decode().splitlines()
    sample = f'dlp_deliveries_total{{outcome="{outcome}"}} '
    return float(next((line.removeprefix(sample) for line in lines if line.startswith(sample)), "0"))


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


class BreakingSmarthost(ScriptedSmarthost):
    """Takes the mail, and then an error of our own strikes before its reply is read."""

    async def deliver(self, *arguments: object, **named: object) -> Delivery:  # type: ignore[override]
        """Deliver, and fail."""
        await super().deliver(*arguments, **named)  # type: ignore[arg-type]
        raise IndexError


async def test_an_error_of_ours_after_the_dot_is_a_doubt() -> None:
    """What the smarthost may have is not sent again as if nothing had been."""
    store = await custody()
    smarthost = BreakingSmarthost(rcpt={"b@x.example": LATER})
    await DeliveryWorker(store, smarthost, OPTIONS).deliver_due()
    assert await states(store) == [State.IN_DOUBT, State.DUE]


@pytest.mark.parametrize("author", ['""@corp.example', "ann@corp..example", "\udcff@corp.example"])
async def test_an_author_who_cannot_be_told(author: str) -> None:
    """An address that no field can hold gets no DSN; the failure counts, and the others have their mail."""
    store = await custody(reverse_path=author)
    smarthost = ScriptedSmarthost(rcpt={"a@x.example": NEVER})
    await DeliveryWorker(store, smarthost, OPTIONS).deliver_due()
    assert (await states(store), len(await store.items(Query()))) == ([State.FAILED, State.DELIVERED], 1)


@pytest.mark.parametrize("name", ["", "gw corp", "gw\r\nBcc: x", "\udcff"])
async def test_a_host_that_no_report_can_name(name: str) -> None:
    """An odd host name costs the author his DSN, never the others their mail."""
    store, smarthost = await custody(), ScriptedSmarthost(rcpt={"a@x.example": NEVER})
    await DeliveryWorker(store, smarthost, replace(OPTIONS, hostname=name, smarthost=name)).deliver_due()
    assert (await states(store), len(await store.items(Query()))) == ([State.FAILED, State.DELIVERED], 1)


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


class PickySmarthost(ScriptedSmarthost):
    """Waits for `go` where the content says so; `begun` is what it was given, `done` what it has answered."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.begun: list[bytes] = []
        self.done: list[bytes] = []

    async def deliver(self, content: bytes, **named: object) -> Delivery:  # type: ignore[override]
        """Deliver, some at once."""
        self.begun.append(content)
        if content.startswith(b"Subject: slow"):
            await self.go.wait()
        said = await super().deliver(content, **named)  # type: ignore[arg-type]
        self.done.append(content)
        return said


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  a delivery sets no event
            await asyncio.sleep(0.001)


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
