"""Takes what is due out of custody, hands it to the smarthost and settles it; the only place where custody is emptied.

Runs in the supervisor, which alone holds the private key. A recipient that the smarthost defers is tried again with
back-off; one that it refuses, or that was tried in vain for `max_age`, is FAILED and its author gets a DSN. What a
crash leaves between the smarthost's 250 and our commit is IN_DOUBT (or DUE, as `custody.in_doubt` says).
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from dlp_gateway import deposits
from dlp_gateway.deposits import Transport
from dlp_gateway.mail.reply import Reply
from dlp_gateway.observe import log, metrics
from dlp_gateway.ports import Progress, Smarthost
from quarantine.model import Claim, Recipient, Settlement, State
from quarantine.store import Store, StoreError

#: Longer than one transaction may take (ten minutes for the final dot, RFC 5321 4.5.3.2.6, and the commands before it).
_LEASE: Final = timedelta(minutes=30)
_AT_ONCE: Final = 8
_HOUSEKEEPING: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOptions:
    """`owner` names this process in leases, `hostname` and `smarthost` the two hosts in a DSN; `retry_in_doubt` above.

    The wait between attempts is `first`, then twice the one before, at most `longest`; after `max_age` it is given up.
    `keep` is how long content stays after every recipient reached a final state; `poll` how often custody is asked.
    """

    owner: str
    hostname: str
    smarthost: str
    first: timedelta
    longest: timedelta
    max_age: timedelta
    retry_in_doubt: bool
    keep: timedelta
    poll: timedelta = timedelta(seconds=1)

    def wait(self, attempts: int) -> timedelta:
        """Return how long to wait after `attempts` attempts before this one."""
        return min(self.first * (1 << min(attempts, 20)), self.longest)


class DeliveryWorker:
    """The loop that empties custody."""

    def __init__(self, store: Store, smarthost: Smarthost, options: DeliveryOptions) -> None:
        self._store = store
        self._smarthost = smarthost
        self._options = options
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Finish what is under way and claim nothing more."""
        self._stopping.set()

    async def run(self) -> None:
        """Deliver until `stop`; custody that cannot be used is waited for, never given up."""
        next_housekeeping = datetime.now(UTC)
        while not self._stopping.is_set():
            busy = False
            try:
                if datetime.now(UTC) >= next_housekeeping:
                    await self.keep_house()
                    next_housekeeping = datetime.now(UTC) + _HOUSEKEEPING
                busy = await self.deliver_due()
            except StoreError as error:
                log.store_unavailable(error)
                metrics.store_error()
            if not busy:
                await self._pause()

    async def deliver_due(self) -> bool:
        """Claim and deliver what is due now; return whether there was anything."""
        claims = await self._store.claim(owner=self._options.owner, now=datetime.now(UTC), lease=_LEASE, limit=_AT_ONCE)
        await asyncio.gather(*(self._attempt(claim) for claim in claims))
        return bool(claims)

    async def _attempt(self, claim: Claim) -> None:
        """Deliver one claim; what goes wrong inside costs it its turn (the lease runs out), not the loop."""
        try:
            await self._deliver(claim)
        except StoreError as error:
            log.store_unavailable(error)
            metrics.store_error()
        except Exception as error:  # noqa: BLE001  the worker loop: one broken item must not stop the others
            log.internal_error(claim.item, "delivery", error)
            metrics.internal_error("delivery")

    async def keep_house(self) -> None:
        """Take back lost leases, expire what nobody released, erase what is over, and publish how much there is."""
        now = datetime.now(UTC)
        if recovered := await self._store.recover(now=now, retry=self._options.retry_in_doubt):
            log.recovered(recovered)
        for item in await self._store.expire(now=now):
            log.expired(item.id)
        if erased := await self._store.erase(before=now - self._options.keep):
            log.erased(erased)
        await self._store.forget(before=now - 2 * self._options.keep)
        statistics = await self._store.statistics()
        metrics.custody(
            {state.value: count for state, count in statistics.recipients.items()},
            size=statistics.bytes,
            oldest_held=_age(statistics.oldest_held, now),
            oldest_due=_age(statistics.oldest_due, now),
        )

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), self._options.poll.total_seconds())
        except TimeoutError:
            return

    async def _deliver(self, claim: Claim) -> None:
        """Hand one copy over and settle it."""
        by_address = {recipient.address: recipient for recipient in claim.recipients}
        transport = Transport.from_json(claim.options)

        async def before_final_dot(progress: Progress) -> None:
            await self._store.handing_over(claim, tuple(by_address[address].id for address in progress.accepted))

        delivery = await self._smarthost.deliver(
            deposits.outgoing(claim),
            reverse_path=claim.reverse_path,
            recipients=tuple(by_address),
            body_8bit=transport.body_8bit,
            smtputf8=transport.smtputf8,
            before_final_dot=before_final_dot,
        )
        now = datetime.now(UTC)
        settlements = tuple(
            self._settlement(by_address[address], reply, address in delivery.unknown, now)
            for address, reply in delivery.replies
        )
        failures = tuple(
            (address, reply)
            for (address, reply), settlement in zip(delivery.replies, settlements, strict=True)
            if settlement.state is State.FAILED
        )
        if failures:
            await self._report(claim, failures, transport, now)
        await self._store.settle(claim, settlements, now=now)
        metrics.in_doubt(len(delivery.unknown))
        for (address, reply), settlement in zip(delivery.replies, settlements, strict=True):
            attempts = by_address[address].attempts + 1
            metrics.delivery(settlement.state.value)
            log.delivery(claim.item, settlement.recipient, settlement.state.value, reply, attempts)

    def _settlement(
        self,
        recipient: Recipient,
        reply: Reply,
        unknown: bool,  # noqa: FBT001  one of four facts about one reply
        now: datetime,
    ) -> Settlement:
        words = str(reply)
        if unknown:
            state = State.DUE if self._options.retry_in_doubt else State.IN_DOUBT
            return Settlement(recipient=recipient.id, state=state, reply=words, due_at=now + self._options.first)
        if reply.positive:
            return Settlement(recipient=recipient.id, state=State.DELIVERED, reply=words)
        wait = self._options.wait(recipient.attempts)
        if reply.permanent or now + wait > recipient.due_since + self._options.max_age:
            return Settlement(recipient=recipient.id, state=State.FAILED, reply=words)
        return Settlement(recipient=recipient.id, state=State.DUE, reply=words, due_at=now + wait)

    async def _report(
        self,
        claim: Claim,
        failures: tuple[tuple[str, Reply], ...],
        transport: Transport,
        now: datetime,
    ) -> None:
        report = deposits.undeliverable(
            reverse_path=claim.reverse_path,
            content=claim.content,
            failures=failures,
            hostname=self._options.hostname,
            smarthost=self._options.smarthost,
            smtputf8=transport.smtputf8,
            now=now,
            due_at=now,
        )
        if report is not None:
            await self._store.take((report,))


def _age(since: datetime | None, now: datetime) -> float:
    return max((now - since).total_seconds(), 0.0) if since else 0.0
