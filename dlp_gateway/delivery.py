"""Takes what is due out of custody, hands it to the smarthost and settles it; the only place where custody is emptied.

Runs in the supervisor, which alone holds the private key. A recipient that the smarthost defers is tried again with
back-off; one that it refuses, or that was tried in vain for `max_age`, is FAILED and its author gets a DSN, committed
with the failure. What a crash leaves between the smarthost's 250 and our commit is IN_DOUBT (or DUE, as
`custody.in_doubt` says). A copy at which we ourselves fail again and again is FAILED too, so that somebody sees it.
"""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from dlp_gateway import deposits
from dlp_gateway.deposits import Transport
from dlp_gateway.mail.dsn import Action, Original, Report, status
from dlp_gateway.mail.reply import Reply
from dlp_gateway.observe import log, metrics
from dlp_gateway.ports import Delivery, Progress, Smarthost
from quarantine.model import Claim, Deposit, Recipient, Settlement, State
from quarantine.store import LeaseLostError, Store, StoreError

#: Longer than one transaction may take (ten minutes for the final dot, RFC 5321 4.5.3.2.6, and the commands before it).
_LEASE: Final = timedelta(minutes=30)
_AT_ONCE: Final = 8
_HOUSEKEEPING: Final = 60.0  # seconds
_SETTLE_AGAIN: Final = 2.0  # seconds

#: How often an error of our own may cost one copy its attempt, and what a reviewer reads then.
_OWN_FAILURES: Final = 5
_BROKEN: Final = Reply(code=451, enhanced="4.3.0", text="the gateway failed to deliver this and will try again")
_BROKEN_FOR_GOOD: Final = Reply(code=554, enhanced="5.3.0", text="the gateway failed to deliver this and gave it up")


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
        self._failures: Counter[tuple[str, int]] = Counter()

    def stop(self) -> None:
        """Finish what is under way and claim nothing more; who cannot wait for that cancels `run`."""
        self._stopping.set()

    async def run(self) -> None:
        """Deliver until `stop`; custody that cannot be used is waited for, never given up.

        Cancelled, it leaves their leases to the copies that are under way, for `Store.recover` to decide about later; a
        settlement that has begun is still written.
        """
        next_housekeeping = time.monotonic()  # the wall clock may be set back
        while not self._stopping.is_set():
            busy = False
            try:
                if time.monotonic() >= next_housekeeping:
                    next_housekeeping = time.monotonic() + _HOUSEKEEPING
                    await self.keep_house()
                busy = await self.deliver_due()
            except StoreError as error:
                _note_unavailable(error)
            except Exception as error:  # noqa: BLE001  the worker loop: the next round may go well
                _note_internal("", error)
            if not busy:
                await self._pause()

    async def deliver_due(self) -> bool:
        """Claim and deliver what is due now; return whether there was anything."""
        lease_ends = time.monotonic() + _LEASE.total_seconds()
        claims = await self._store.claim(owner=self._options.owner, now=datetime.now(UTC), lease=_LEASE, limit=_AT_ONCE)
        await asyncio.gather(*(self._attempt(claim, lease_ends) for claim in claims))
        return bool(claims)

    async def keep_house(self) -> None:
        """Take back lost leases, expire what nobody released, erase what is over, and publish how much there is."""
        now = datetime.now(UTC)
        if recovered := await self._store.recover(now=now, lease=_LEASE, retry=self._options.retry_in_doubt):
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

    async def _attempt(self, claim: Claim, lease_ends: float) -> None:
        """Deliver one claim; what goes wrong inside costs it its turn (the lease runs out), not the loop."""
        try:
            await self._settle(claim, await self._hand_over(claim), lease_ends)
        except StoreError as error:
            _note_unavailable(error)
        except Exception as error:  # noqa: BLE001  the worker loop: one broken item must not stop the others
            _note_internal(claim.item, error)

    async def _hand_over(self, claim: Claim) -> Delivery:
        """Hand one copy over. An error of our own is a delivery too: to be tried again, given up or in doubt."""
        handed_over: set[str] = set()
        ids = {recipient.address: recipient.id for recipient in claim.recipients}

        async def before_final_dot(progress: Progress) -> None:
            await self._store.handing_over(claim, tuple(ids[address] for address in progress.accepted))
            handed_over.update(progress.accepted)

        part = (claim.item, claim.copy)
        try:
            transport = Transport.from_json(claim.options)
            delivery = await self._smarthost.deliver(
                deposits.outgoing(claim),
                reverse_path=claim.reverse_path,
                recipients=tuple(ids),
                body_8bit=transport.body_8bit,
                smtputf8=transport.smtputf8,
                before_final_dot=before_final_dot,
            )
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001  the worker loop: see `_attempt`
            _note_internal(claim.item, error)
            self._failures[part] += 1
            reply = _BROKEN if self._failures[part] < _OWN_FAILURES else _BROKEN_FOR_GOOD
            return Delivery(replies=tuple((address, reply) for address in ids), unknown=frozenset(handed_over))
        del self._failures[part]
        return delivery

    async def _settle(self, claim: Claim, delivery: Delivery, lease_ends: float) -> None:
        """Commit how it ended, for as long as the lease lasts: the mail is out, and only custody does not know."""
        by_address = {recipient.address: recipient for recipient in claim.recipients}
        now = datetime.now(UTC)
        settlements = tuple(
            self._settlement(by_address[address], reply, address in delivery.unknown, now)
            for address, reply in delivery.replies
        )
        reports = self._reports(claim, delivery, settlements, now)
        while True:
            try:
                await self._write(claim, settlements, reports)
                break
            except LeaseLostError:
                raise
            except StoreError as error:
                if time.monotonic() + _SETTLE_AGAIN > lease_ends:
                    raise
                _note_unavailable(error)
            await asyncio.sleep(_SETTLE_AGAIN)
        if delivery.unknown:
            metrics.in_doubt(len(delivery.unknown))
        for (address, reply), settlement in zip(delivery.replies, settlements, strict=True):
            metrics.delivery(settlement.state.value)
            attempts = by_address[address].attempts + 1
            log.delivery(claim.item, settlement.recipient, settlement.state.value, reply, attempts)

    async def _write(self, claim: Claim, settlements: tuple[Settlement, ...], reports: tuple[Deposit, ...]) -> None:
        """Settle, to the end of the transaction even when cancelled: what is known shall not become a doubt."""
        settling = asyncio.ensure_future(
            self._store.settle(claim, settlements, now=datetime.now(UTC), deposits=reports)
        )
        try:
            await asyncio.shield(settling)
        except asyncio.CancelledError:
            await asyncio.gather(settling, return_exceptions=True)
            raise

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

    def _reports(
        self, claim: Claim, delivery: Delivery, settlements: tuple[Settlement, ...], now: datetime
    ) -> tuple[Deposit, ...]:
        """Return the DSN for those who failed, if there is anybody to tell (RFC 5321 4.5.5) and a way to write it."""
        failures = tuple(
            said for said, settled in zip(delivery.replies, settlements, strict=True) if settled.state is State.FAILED
        )
        if not failures or not claim.reverse_path:
            return ()
        report = deposits.notification(
            Original(content=deposits.outgoing(claim), reverse_path=claim.reverse_path, arrived_at=claim.created_at),
            tuple(
                Report(
                    recipient=recipient,
                    action=Action.FAILED,
                    status=status(reply) if reply.permanent else "4.4.7",
                    remote=self._options.smarthost if reply.remote else "",
                    reply=reply,
                    attempted_at=now,
                )
                for recipient, reply in failures
            ),
            hostname=self._options.hostname,
            now=now,
            due_at=now,
        )
        if report is None:
            log.unreported(claim.item)
            return ()
        return (report,)


def _note_unavailable(error: StoreError) -> None:
    log.store_unavailable(error)
    metrics.store_error()


def _note_internal(item: str, error: Exception) -> None:
    log.internal_error(item, "delivery", error)
    metrics.internal_error("delivery")


def _age(since: datetime | None, now: datetime) -> float:
    return max((now - since).total_seconds(), 0.0) if since else 0.0
