"""Takes what is due out of custody, hands it to the smarthost and settles it; the only place where custody is emptied.

Runs in the supervisor, which alone holds the private key. A recipient that the smarthost defers is tried again with
back-off; one that it refuses, or that was tried in vain for `max_age`, is FAILED. The DSNs that the author gets of all
that (see `reporter`) are committed with it. What a crash leaves between the smarthost's 250 and our commit is IN_DOUBT
(or DUE, as `custody.in_doubt` says). A copy at which we ourselves fail again and again is FAILED too, so that somebody
sees it. No time is over by a `clock` that may be wrong.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from dlp_gateway import deposits
from dlp_gateway.clock import Clock
from dlp_gateway.deposits import Transport
from dlp_gateway.mail.reply import Reply
from dlp_gateway.observe import log, metrics
from dlp_gateway.ports import Delivery, Progress, Smarthost
from dlp_gateway.settlement import NOTHING_KNOWN, Attempt, DeliveryOptions, answered_alike, reports, settlements
from quarantine.model import DAMAGED, Claim, Deposit, Recipient, Settlement
from quarantine.store import LeaseLostError, Store, StoreError
from quarantine.threads import NoThreadError, in_thread

__all__ = ["DeliveryOptions", "DeliveryWorker"]

T = TypeVar("T")

#: How long a lease lasts unless it is renewed, and how old it is when it is: what a transaction may take in all is not
#: bounded (five minutes for each RCPT, RFC 5321 4.5.3.2.3), and whoever sends slowly gets there too.
_LEASE: Final = timedelta(minutes=30)
_RENEWED: Final = timedelta(minutes=1)

#: Copies under way, and octets of their contents; a last one may go over.
_AT_ONCE: Final = 8
_OCTETS: Final = 50_000_000

_LARGE: Final = 500_000  # octets; below, what is done to a mail in the loop takes a few milliseconds

_HOUSEKEEPING: Final = 60.0  # seconds
_SETTLE_AGAIN: Final = 2.0  # seconds

#: Copies of which it is remembered that an attempt lost its lease.
_REMEMBERED: Final = 1000

#: How often an error of our own may cost one copy its attempt, and what a reviewer reads then.
_OWN_FAILURES: Final = 5
_BROKEN: Final = Reply(code=451, enhanced="4.3.0", text="the gateway failed to deliver this and will try again")
_BROKEN_FOR_GOOD: Final = Reply(code=554, enhanced="5.3.0", text="the gateway failed to deliver this and gave it up")

#: Custody could not be written before the final dot, so none was sent.
_NOT_NOTED: Final = Reply(code=451, enhanced="4.3.0", text="the gateway could not use its custody and will try again")

#: Another worker took the lease though this one was alive, so it sent no final dot.
_LEASE_LOST: Final = Reply(code=451, enhanced="4.3.0", text="two workers of the gateway had this; it will try again")

#: What the disk lost, or somebody changed after it was sealed.
_DAMAGED: Final = Reply(code=554, enhanced="5.3.0", text=DAMAGED)


class DeliveryWorker:
    """The loop that empties custody."""

    def __init__(
        self, store: Store, smarthost: Smarthost, options: DeliveryOptions, clock: Clock | None = None
    ) -> None:
        self._store = store
        self._clock = clock or Clock(log.clock_jumped)
        self._smarthost = smarthost
        self._options = options
        self._stopping = asyncio.Event()
        self._under_way: dict[asyncio.Task[None], Claim] = {}
        self._failures: Counter[tuple[str, int]] = Counter()
        self._lost: dict[tuple[str, int], tuple[tuple[Recipient, ...], Delivery]] = {}
        self._mended = False  # that nothing waits by a clock that was ahead
        self._renewed_at = datetime.fromtimestamp(0, UTC)
        self._outage: datetime | None = None  # since when the smarthost cannot be reached

    def stop(self) -> None:
        """Finish what is under way and claim nothing more; who cannot wait for that cancels `run`."""
        self._stopping.set()

    async def run(self) -> None:
        """Deliver until `stop`; custody that cannot be used is waited for, never given up.

        Cancelled, it leaves their leases to the copies that are under way, for `Store.recover` to decide about later; a
        settlement that has begun is still written.
        """
        next_housekeeping = time.monotonic()  # the wall clock may be set back
        try:
            while not self._stopping.is_set():
                busy = False
                try:
                    await self.look_at_clock()
                    await self.renew_leases()
                    if time.monotonic() >= next_housekeeping:
                        next_housekeeping = time.monotonic() + _HOUSEKEEPING
                        await self.keep_house()
                    await self.look_at_smarthost()
                    busy = await self.begin_due()
                except StoreError as error:
                    _note_unavailable(error)
                except Exception as error:  # noqa: BLE001  the worker loop: the next round may go well
                    _note_internal("", error)
                if not busy:
                    await self._pause()
            await self.finish()
        finally:
            for attempt in self._under_way:
                attempt.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def begin_due(self) -> bool:
        """Claim what is due and there is room for, and begin to deliver it; return whether there was anything."""
        room = _AT_ONCE - len(self._under_way)
        octets = _OCTETS - sum(len(claim.content) for claim in self._under_way.values())
        if room <= 0 or (octets <= 0 and len(self._under_way) > 1):  # one that is large and hangs stops no other
            return False
        claims = await self._store.claim(
            owner=self._options.owner, now=self._clock.now(), lease=_LEASE, limit=room, octets=max(octets, 0)
        )
        for claim in claims:
            attempt = asyncio.create_task(self._attempt(claim))
            self._under_way[attempt] = claim
            attempt.add_done_callback(self._under_way.pop)
        return bool(claims)

    async def finish(self) -> None:
        """Wait for the end of all that is under way."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def deliver_due(self) -> bool:
        """Go one round and wait for its end; return whether there was anything due."""
        begun = await self.begin_due()
        await self.finish()
        return begun

    async def look_at_smarthost(self) -> None:
        """After an outage, make due at once what was put off in it, so that it leaves in the order in which it came."""
        if not self._smarthost.reachable:
            self._outage = self._outage or self._clock.now()
        elif self._outage is not None:
            # Whatever waits was tried within the longest wait before the outage was noticed.
            since = self._outage - self._options.longest
            while await self._store.hasten(since=since, now=self._clock.now()):
                pass
            self._outage = None

    async def look_at_clock(self) -> None:
        """At our start, look when custody was written last. After the clock was set back, put right what waits by it.

        It would wait until that time comes again. What was set back before our start is known from a clock that is
        believed: one that is behind now would have all mail in custody come from its future.
        """
        now = self._clock.now()
        if self._clock.unknown:
            for last in await self._store.transitions(after=await self._store.last_transition() - 1, limit=1):
                self._clock.showed(last.at)
            while await self._store.hasten(since=now, now=now):
                pass
            self._clock.unknown = False
        if self._clock.set_back:
            while await self._store.set_back(now=now, is_right=False):
                pass
            self._clock.set_back, self._mended = False, False
        if self._clock.believed and not self._mended:
            while await self._store.set_back(now=now, is_right=True):
                pass
            self._mended = True

    async def renew_leases(self) -> None:
        """Have the leases of what is under way go on, in time; at once where the clock jumped, by which they end."""
        now = self._clock.now()
        if self._under_way and not timedelta() <= now - self._renewed_at < _RENEWED:
            await self._store.renew(tuple(self._under_way.values()), until=now + _LEASE)
            self._renewed_at = now

    async def keep_house(self) -> None:
        """Take back lost leases, expire what nobody released, erase what is over, and publish how much there is.

        Nothing is expired or erased by a clock that may be wrong.
        """
        now = self._clock.now()
        await self._store.end_leases(self._options.is_dead, now=now)
        if recovered := await self._store.recover(now=now, lease=_LEASE, retry=self._options.retry_in_doubt):
            log.recovered(recovered)
        if self._clock.believed:
            await self._end(now)
        statistics = await self._store.statistics()
        metrics.custody(
            {state.value: count for state, count in statistics.recipients.items()},
            size=statistics.bytes,
            oldest_held=_age(statistics.oldest_held, now),
            oldest_due=_age(statistics.oldest_due, now),
        )

    async def _end(self, now: datetime) -> None:
        for item in await self._store.expire(now=now):
            log.expired(item.id)
        if erased := await self._store.erase(before=now - self._options.keep):
            log.erased(erased)
        await self._store.forget(before=now - 2 * self._options.keep)

    async def _pause(self) -> None:
        """Wait until there may be room, or more to do, or somebody stops us."""
        stopping = asyncio.ensure_future(self._stopping.wait())
        patience = self._options.poll.total_seconds()
        await asyncio.wait({stopping, *self._under_way}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()

    async def _attempt(self, claim: Claim) -> None:
        """Deliver one claim; what goes wrong inside costs it its turn (the lease runs out), not the loop."""
        attempt = Attempt(delivery=answered_alike(claim, _LEASE_LOST))
        try:
            attempt = await self._hand_over(claim)
            await self._settle(claim, attempt)
        except LeaseLostError:
            self._lose(claim, attempt.delivery)
        except StoreError as error:
            _note_unavailable(error)
        except Exception as error:  # noqa: BLE001  the worker loop: one broken item must not stop the others
            _note_internal(claim.item, error)

    async def _hand_over(self, claim: Claim) -> Attempt:
        """Hand one copy over. An error of our own is an attempt too: to be tried again, given up or in doubt."""
        if claim.damaged:
            return Attempt(delivery=answered_alike(claim, _DAMAGED))
        handed_over: set[str] = set()
        ids = {recipient.address: recipient.id for recipient in claim.recipients}

        async def before_final_dot(progress: Progress) -> None:
            await self._store.handing_over(claim, tuple(ids[address] for address in progress.accepted))
            handed_over.update(progress.accepted)

        part, content = (claim.item, claim.copy), NOTHING_KNOWN
        try:
            transport = Transport.from_json(claim.options)
            content = await _beside(len(claim.content), partial(deposits.leaving, claim))
            delivery = self._lost_before(claim) or await self._smarthost.deliver(
                content,
                reverse_path=claim.reverse_path,
                recipients=tuple(ids),
                body_8bit=transport.body_8bit,
                smtputf8=transport.smtputf8,
                dsn=transport.dsn,
                before_final_dot=before_final_dot,
            )
        except LeaseLostError:
            raise
        except StoreError as error:  # it is raised by the hook alone, and then there is no final dot
            _note_unavailable(error)
            return Attempt(delivery=answered_alike(claim, _NOT_NOTED), content=content, counted=False)
        except Exception as error:  # noqa: BLE001  the worker loop: see `_attempt`
            _note_internal(claim.item, error)
            self._failures[part] += 1
            reply = _BROKEN
            if self._failures[part] >= _OWN_FAILURES:
                reply = _BROKEN_FOR_GOOD
                del self._failures[part]  # a reviewer may release it
            delivery = replace(answered_alike(claim, reply), unknown=frozenset(handed_over))
            return Attempt(delivery=delivery, content=content)
        del self._failures[part]
        return Attempt(delivery=delivery, content=content)

    def _lose(self, claim: Claim, delivery: Delivery) -> None:
        """Another worker has it now; should it come back to us, this was an attempt all the same."""
        log.lease_lost(claim.item)
        self._lost[claim.item, claim.copy] = claim.recipients, delivery
        while len(self._lost) > _REMEMBERED:  # others have settled these
            del self._lost[next(iter(self._lost))]

    def _lost_before(self, claim: Claim) -> Delivery | None:
        """Return how our last attempt ended if it lost its lease, to be settled now; a release is a new start."""
        recipients, delivery = self._lost.pop((claim.item, claim.copy), ((), None))
        since = {recipient.id: recipient.due_since for recipient in recipients}
        return delivery if all(since.get(one.id) == one.due_since for one in claim.recipients) else None

    async def _settle(self, claim: Claim, attempt: Attempt) -> None:
        """Commit how it ended, for as long as a lease lasts: the mail may be out, and only custody does not know."""
        now, ends = self._clock.now(), time.monotonic() + _LEASE.total_seconds()
        settled = settlements(claim, attempt, self._options, now, gives_up=self._clock.believed)
        reporting = partial(reports, claim, attempt, settled, self._options, now)
        telling = asyncio.ensure_future(_beside(len(attempt.content), reporting))
        while True:
            try:
                await self._write(claim, settled, telling)
                break
            except LeaseLostError:
                raise
            except StoreError as error:
                if time.monotonic() + _SETTLE_AGAIN > ends:
                    raise
                _note_unavailable(error)
            await asyncio.sleep(_SETTLE_AGAIN)
        if attempt.delivery.unknown:
            metrics.in_doubt(len(attempt.delivery.unknown))
        replies = dict(attempt.delivery.replies)
        for recipient, settlement in zip(claim.recipients, settled, strict=True):
            state = settlement.state.value
            metrics.delivery(state)
            attempts = recipient.attempts + attempt.counted
            log.delivery(claim.item, recipient.id, state, replies[recipient.address], attempts)

    async def _write(
        self, claim: Claim, settled: tuple[Settlement, ...], telling: asyncio.Future[tuple[Deposit, ...]]
    ) -> None:
        """Settle, to the end of the transaction even when cancelled: what is known shall not become a doubt."""

        async def settle() -> None:
            await self._store.settle(claim, settled, now=self._clock.now(), deposits=await telling)

        settling = asyncio.ensure_future(settle())
        try:
            await asyncio.shield(settling)
        except asyncio.CancelledError:
            await asyncio.gather(settling, return_exceptions=True)
            raise


async def _beside(size: int, work: Callable[[], T]) -> T:
    """Return what `work` returns; for a large mail in a thread, so that the loop serves others meanwhile."""
    if size >= _LARGE:
        with suppress(NoThreadError):  # the loop waits, rather than that what was delivered is not settled
            return await in_thread(work)
    return work()


def _note_unavailable(error: StoreError) -> None:
    log.store_unavailable(error)
    metrics.store_error()


def _note_internal(item: str, error: Exception) -> None:
    log.internal_error(item, "delivery", error)
    metrics.internal_error("delivery")


def _age(since: datetime | None, now: datetime) -> float:
    return max((now - since).total_seconds(), 0.0) if since else 0.0
