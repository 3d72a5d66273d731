"""Hands a message to the smarthost; whom it defers or refuses is in custody before the others get their final dot.

Why so: `docs/decisions/0004-partial-acceptance.md`.
"""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from dlp_gateway import deposits
from dlp_gateway.mail.dsn import Action, Original
from dlp_gateway.mail.edit import Edit, Edited
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.reply import Reply
from dlp_gateway.observe import log, metrics, trouble
from dlp_gateway.ports import Custody, Delivery, Progress, Smarthost
from dlp_gateway.reporter import Outcome, Reporter
from quarantine.model import Deposit
from quarantine.store import StoreError

#: How soon after the smarthost's 250 a recipient that it deferred is tried again.
FIRST_RETRY: Final = timedelta(seconds=30)

#: The reason under which reviewers find mail that was taken while no host of the smarthost's could have it.
UNREACHABLE: Final = "smarthost-unreachable"

#: How soon such mail is tried: an outage may be over by then, and mail that comes after it should not pass it by.
AFTER_AN_OUTAGE: Final = timedelta(seconds=5)

#: Until the final reply is known, deposits of the same transaction must not leave: longer than any wait for the reply
#: to the final dot (ten minutes, RFC 5321 4.5.3.2.6).
NOT_BEFORE_THE_REPLY: Final = timedelta(minutes=11)
_AGAIN: Final = timedelta(seconds=5)  # between attempts to take a deposit back
_LAST_ATTEMPT: Final = timedelta(seconds=3)  # when the process ends; shorter than what is left of the drain's time


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message that may leave: as it came, the edits that apply, and the content with them.

    `returnable` as in `deposits.Transport`.
    """

    envelope: Envelope
    message: Message
    edits: tuple[Edit, ...]
    content: Edited
    returnable: bool = False


class Forwarder:
    """One transaction with the smarthost, with custody's safety net under it."""

    def __init__(self, smarthost: Smarthost, custody: Custody, *, hostname: str, smarthost_name: str) -> None:
        self._smarthost = smarthost
        self._custody = custody
        self._reporter = Reporter(hostname=hostname, smarthost=smarthost_name)
        self._closing = asyncio.Event()
        self._unfinished: set[asyncio.Task[None]] = set()

    async def forward(self, outgoing: Outgoing) -> Delivery:
        """Return the smarthost's replies; if one is positive, deferred recipients and DSNs are in custody.

        Raises `StoreError` if custody could not take them: then nobody has the mail.
        """
        envelope = outgoing.envelope
        taken: list[Deposit] = []

        async def before_final_dot(progress: Progress) -> None:
            if not (progress.deferred or progress.refused):  # nearly always
                return
            if remainder := self._remainder(outgoing, progress):
                await self._custody.take(remainder)
                taken.extend(remainder)
                if progress.deferred:
                    log.in_custody(envelope.id, "deferred", len(progress.deferred))

        with metrics.stage("forward"):
            delivery = await self._smarthost.deliver(
                outgoing.content,
                reverse_path=envelope.reverse_path,
                recipients=envelope.recipients,
                body_8bit=envelope.body_8bit,
                smtputf8=envelope.smtputf8,
                dsn=envelope.dsn,
                before_final_dot=before_final_dot,
            )
        for recipient, reply in delivery.replies:
            metrics.smarthost_reply(0 if recipient in delivery.unknown else reply.code)
        if any(reply.positive for _, reply in delivery.replies):
            try:
                await self._make_due(taken)
                await self._tell_of_success(outgoing, delivery)
            except Exception as error:  # noqa: BLE001  some have the mail: nothing that fails now may make it come again
                log.internal_error(envelope.id, "forwarding", error)
                metrics.internal_error("forwarding")
        else:
            await self._take_back(envelope.id, taken)
        return delivery

    async def close(self) -> None:
        """Try once more to take back what nobody was to get, for a moment only: the process ends."""
        self._closing.set()
        if self._unfinished:
            _, late = await asyncio.wait(self._unfinished, timeout=_LAST_ATTEMPT.total_seconds())
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _make_due(self, taken: list[Deposit]) -> None:
        """Bring the deposits forward; if that fails they leave later, and the 250 stands: some have the mail."""
        try:
            for deposit in taken:
                wait = timedelta() if deposits.DSN in deposit.reasons else FIRST_RETRY
                await self._custody.reschedule(deposit.id, due_at=datetime.now(UTC) + wait)
        except StoreError as error:
            trouble.store_failed(error)

    async def _tell_of_success(self, outgoing: Outgoing, delivery: Delivery) -> None:
        """Take the DSN for whom the smarthost took and will not report on (RFC 3461 5.2.2 (b)).

        If custody cannot, the 250 stands: they have the mail, and a second copy would be worse than no notification.
        """
        if delivery.notifies or not outgoing.envelope.dsn.recipients:  # nobody hears of a success unless he asked
            return
        relayed = [(recipient, reply) for recipient, reply in delivery.replies if reply.positive]
        try:
            now = datetime.now(UTC)
            found = self._reports(outgoing, Action.RELAYED, relayed, now, wait=timedelta(), host=delivery.host)
            if found:
                await self._custody.take(found)
        except StoreError as error:
            trouble.store_failed(error)

    async def _take_back(self, mail: str, taken: list[Deposit]) -> None:
        """Discard the deposits of a transaction that nobody got; tried until they would leave, if it fails."""
        try:
            await self._discard(mail, taken)
        except StoreError as error:
            trouble.store_failed(error)
            task = asyncio.create_task(self._discard_later(mail, taken))
            self._unfinished.add(task)  # the loop itself holds tasks weakly
            task.add_done_callback(self._unfinished.discard)

    async def _discard(self, mail: str, taken: list[Deposit]) -> None:
        """Discard one after another, and take out of `taken` what is done."""
        while taken:
            discarded = await self._custody.discard(
                taken[0].id, actor="gateway", reason="the smarthost took no recipient", now=datetime.now(UTC)
            )
            del taken[0]
            if not discarded:
                log.not_taken_back(mail)

    async def _discard_later(self, mail: str, taken: list[Deposit]) -> None:
        """Try until they would leave, or the process ends; what is left then will be delivered, and that is told."""
        end, is_last = time.monotonic() + NOT_BEFORE_THE_REPLY.total_seconds(), False
        try:
            while taken and not is_last:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), _AGAIN.total_seconds())
                is_last = self._closing.is_set() or time.monotonic() >= end
                with suppress(StoreError):
                    await self._discard(mail, taken)
        finally:
            if taken:
                log.not_taken_back(mail)

    def _remainder(self, outgoing: Outgoing, progress: Progress) -> tuple[Deposit, ...]:
        """Return the deposits for the recipients that the smarthost defers, and the DSN for those that it refuses."""
        now = datetime.now(UTC)
        found = self._reports(
            outgoing, Action.FAILED, progress.refused, now, wait=NOT_BEFORE_THE_REPLY, host=progress.host
        )
        if progress.deferred:
            waiting = deposits.deferred(
                outgoing.envelope,
                outgoing.message,
                outgoing.edits,
                recipients=tuple(recipient for recipient, _ in progress.deferred),
                due_at=now + NOT_BEFORE_THE_REPLY,
                returnable=outgoing.returnable,
            )
            found = (waiting, *found)
        return found

    def _reports(
        self,
        outgoing: Outgoing,
        action: Action,
        said: Iterable[tuple[str, Reply]],
        now: datetime,
        *,
        wait: timedelta,
        host: str,
    ) -> tuple[Deposit, ...]:
        """Return the DSN about those of whom `host` `said` something, for those who are to hear of it."""
        envelope, told = outgoing.envelope, tuple(said)
        if not told:
            return ()
        return self._reporter.deposits(
            envelope.id,
            Original(
                content=bytes(outgoing.content),
                reverse_path=envelope.reverse_path,
                arrived_at=envelope.received_at,
                envelope_id=envelope.dsn.envelope_id,
                ret=envelope.dsn.ret,
                returnable=outgoing.returnable,
            ),
            envelope.dsn,
            [Outcome(recipient=recipient, action=action, reply=reply, host=host) for recipient, reply in told],
            now=now,
            due_at=now + wait,
        )
