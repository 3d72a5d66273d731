"""Custody in memory, for tests and trials: the same answers as `sql`, nothing durable and nothing sealed."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from operator import attrgetter

from quarantine import entries
from quarantine.entries import Entry, Line
from quarantine.model import (
    CUSTODIAN,
    DELIVERY,
    EXPIRED,
    FAILED_KEPT,
    INTERRUPTED,
    ORIGINAL,
    SETTLED,
    Claim,
    Deposit,
    Event,
    Item,
    Query,
    Settlement,
    Standing,
    State,
    Statistics,
    Transition,
    fitting,
    lease_name,
    owner_of,
    require_sound,
)
from quarantine.store import Also, LeaseLostError, StoreError


class MemoryStore:
    """The `Store` of `quarantine.store`, lost with the process."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    async def take(self, deposits: tuple[Deposit, ...], also: Also | None = None) -> None:
        """Keep all `deposits`, or raise `StoreError` and keep none."""
        self._require_new(deposits)
        if also is not None:
            also(None)
        self._entries |= {deposit.id: entries.entered(deposit) for deposit in deposits}

    async def items(self, query: Query) -> tuple[Item, ...]:
        """Return matching items, oldest first."""
        found = (entries.item_of(entry) for entry in self._entries.values() if entries.matches(entry, query))
        return tuple(sorted(found, key=attrgetter("created_at", "id"))[: query.limit])

    async def ids(self, beginning: str, *, limit: int) -> tuple[str, ...]:
        """Return the first `limit` ids that begin so, in their order."""
        return tuple(sorted(item for item in self._entries if item.startswith(beginning))[:limit])

    async def content(self, item: str) -> bytes:
        """Return the original content; raises KeyError if there is none (unknown or erased)."""
        entry = self._entries[item]
        if entry.erased:
            raise KeyError(item)
        return entry.deposit.content

    async def copies(self, item: str) -> tuple[Claim, ...]:
        """Return every copy with all its recipients, unclaimed, to look at what would leave; () once erased."""
        entry = self._entries.get(item)
        if entry is None or entry.erased:
            return ()
        return tuple(
            entries.claim_of(entry, lines, owner="", until=entry.deposit.created_at)
            for lines in entries.parts(entry.lines)
        )

    async def events(self, item: str) -> tuple[Event, ...]:
        """Return the item's events, oldest first."""
        return tuple(self._entries[item].events) if item in self._entries else ()

    async def transitions(self, *, after: int, limit: int) -> tuple[Transition, ...]:
        """Return what happened to all items after that number, oldest first."""
        numbered = (one for entry in self._entries.values() for one in entry.transitions if one.number > after)
        found = sorted(numbered, key=attrgetter("number"))
        end = limit
        while end < len(found) and (found[end].item, found[end].at) == (found[end - 1].item, found[end - 1].at):
            end += 1
        return tuple(found[:end])

    async def last_transition(self) -> int:
        """Return the number of the newest transition, 0 if there never was one."""
        return max((number for entry in self._entries.values() for number in entry.numbers), default=0)

    async def standings(self, items: tuple[str, ...]) -> dict[str, Standing]:
        """Return how each of the `items` that are there stands."""
        return {item: entries.standing_of(self._entries[item]) for item in items if item in self._entries}

    async def release(
        self,
        item: str,
        *,
        actor: str,
        reason: str,
        now: datetime,
        recipients: tuple[str, ...] = (),
        original: bool = False,
    ) -> int:
        """Make HELD, FAILED and IN_DOUBT recipients (all, or those named) DUE; return how many changed."""
        found = self._named(item, recipients, {State.HELD, State.FAILED, State.IN_DOUBT})
        why = f"{ORIGINAL}: {reason}" if original else reason
        for entry, line in found:
            entries.change(entry, line, State.DUE, actor=actor, reason=why, now=now)
            line.recipient = replace(line.recipient, due_at=now, due_since=now, attempts=0, told_of_delay=False)
            line.original = original
        return len(found)

    async def confirm(
        self, item: str, *, actor: str, reason: str, now: datetime, recipients: tuple[str, ...] = ()
    ) -> int:
        """Make IN_DOUBT recipients (all, or those named) DELIVERED: somebody knows it; return how many changed."""
        found = self._named(item, recipients, {State.IN_DOUBT})
        for entry, line in found:
            entries.change(entry, line, State.DELIVERED, actor=actor, reason=reason, now=now)
        return len(found)

    async def discard(
        self, item: str, *, actor: str, reason: str, now: datetime, recipients: tuple[str, ...] = ()
    ) -> int:
        """Make HELD and FAILED recipients, and DUE ones that nobody has claimed, DISCARDED; return how many changed."""
        found = self._named(item, recipients, {State.HELD, State.FAILED, State.DUE})
        loose = [(entry, line) for entry, line in found if line.state is not State.DUE or not line.claimed(now)]
        for entry, line in loose:
            entries.change(entry, line, State.DISCARDED, actor=actor, reason=reason, now=now)
        return len(loose)

    async def reschedule(self, item: str, *, due_at: datetime) -> int:
        """Move when unclaimed DUE recipients may first be delivered; return how many. No change of state, no event."""
        waiting = [line for _, line in self._named(item, (), {State.DUE}) if line.until is None]
        for line in waiting:
            line.recipient = replace(line.recipient, due_at=due_at)
        return len(waiting)

    async def hasten(self, *, since: datetime, now: datetime) -> int:
        """Make unclaimed DUE recipients that were tried and put off after `since` due `now`; return how many."""
        waiting = [
            line
            for _, line in self._all()
            if line.state is State.DUE and line.recipient.attempts and line.recipient.due_at > now
            if line.until is None and line.changed_at >= since
        ]
        for line in waiting:
            line.recipient = replace(line.recipient, due_at=now)
        return len(waiting)

    async def set_back(self, *, now: datetime, is_right: bool) -> int:
        """Have what became due by a clock that was ahead be due by this one; return how many recipients."""
        due = [line for _, line in self._all() if line.state is State.DUE]
        ahead = [line for line in due if line.changed_at > now]
        early = [line for line in due if is_right and line.recipient.due_since > now]
        touched = sum(line in ahead or line in early for line in due)
        for line in ahead:
            wait = timedelta() if line.recipient.attempts else line.recipient.due_at - line.changed_at
            line.recipient, line.changed_at = replace(line.recipient, due_at=now + wait), now
        for line in early:
            line.recipient = replace(line.recipient, due_since=now)
        return touched

    async def claim(
        self, *, owner: str, now: datetime, lease: timedelta, limit: int, octets: int | None = None
    ) -> tuple[Claim, ...]:
        """Lease up to `limit` copies with recipients that are due; no other worker gets them before the lease ends."""
        parts = [
            (entry, lines)
            for entry in self._entries.values()
            for lines in entries.parts([line for line in entry.lines if line.claimable(now, lease)])
        ]
        parts.sort(key=lambda part: (min(line.recipient.due_at for line in part[1]), part[0].deposit.id))
        claims = []
        for entry, lines in parts[: fitting([entry.size for entry, _ in parts[:limit]], octets)]:
            claims.append(entries.claim_of(entry, lines, owner=owner, until=now + lease))
            for line in lines:
                line.lease, line.until = lease_name(owner, now + lease), now + lease
                line.recipient = replace(line.recipient, attempts=line.recipient.attempts + 1)
        return tuple(claims)

    async def renew(self, held: tuple[Claim, ...], *, until: datetime) -> int:
        """Have leases that are still held end at `until`; return of how many recipients."""
        theirs = [
            line
            for claim in held
            if claim.item in self._entries
            for line in self._entries[claim.item].lines
            if line.under(claim) and line.state is State.DUE
        ]
        for line in theirs:
            line.until = until
        return len(theirs)

    async def handing_over(self, claim: Claim, recipients: tuple[int, ...]) -> None:
        """Note that the final dot for these recipients is about to be sent; `LeaseLostError` if the lease is."""
        _, by_id = self._leased(claim)
        ours = [by_id[number] for number in recipients if number in by_id and by_id[number].state is State.DUE]
        if len(ours) != len(recipients):
            raise LeaseLostError
        for line in ours:
            line.handing_over = True

    async def settle(
        self, claim: Claim, settlements: tuple[Settlement, ...], *, now: datetime, deposits: tuple[Deposit, ...] = ()
    ) -> None:
        """Write how it ended, take the `deposits` that tell of it and give the lease back, all or nothing."""
        self._require_new(deposits)
        entry, by_id = self._leased(claim)
        for settlement in settlements:
            if settlement.state not in SETTLED or (settlement.state is State.DUE and settlement.due_at is None):
                raise ValueError("a delivery ends as delivered, failed or in doubt, or is due again at a given time")
            line = by_id.get(settlement.recipient)
            if line is None or (line.state is State.IN_DOUBT and settlement.state is not State.DELIVERED):
                raise LeaseLostError
        for settlement in settlements:
            line = by_id[settlement.recipient]
            again = settlement.state is State.DUE
            silent = again and settlement.reply == line.recipient.reply
            entries.change(
                entry,
                line,
                settlement.state,
                actor=DELIVERY,
                reason=settlement.reply,
                now=now,
                again=again,
                silent=silent,
            )
            due_at = settlement.due_at if again and settlement.due_at else line.recipient.due_at
            told = line.recipient.told_of_delay or settlement.told_of_delay
            line.recipient = replace(
                line.recipient,
                attempts=line.recipient.attempts - (not settlement.counted),
                reply=settlement.reply,
                due_at=due_at,
                told_of_delay=told,
            )
        for line in by_id.values():
            if line.state is State.DUE and not line.handing_over:
                line.free()
        await self.take(deposits)

    async def end_leases(self, is_dead: Callable[[str], bool], *, now: datetime) -> int:
        """End the leases of owners who are dead; return how many."""
        running = [line for _, line in self._all() if line.until is not None and line.until > now]
        ended = [line for line in running if is_dead(owner_of(line.lease))]
        for line in ended:
            line.until = now
        return len(ended)

    async def recover(self, *, now: datetime, lease: timedelta, retry: bool) -> int:
        """Take back leases that are over: DUE again or, once handed over, IN_DOUBT (or DUE: `retry`)."""
        lost = [(entry, line) for entry, line in self._all() if line.state is State.DUE and line.lapsed(now, lease)]
        for entry, line in lost:
            if not line.handing_over or retry:
                silent = not line.handing_over
                reason = "" if silent else INTERRUPTED
                entries.change(
                    entry, line, State.DUE, actor=CUSTODIAN, reason=reason, now=now, again=True, silent=silent
                )
            else:
                lease_kept, until = line.lease, line.until
                entries.change(entry, line, State.IN_DOUBT, actor=CUSTODIAN, reason=INTERRUPTED, now=now)
                line.lease, line.until = lease_kept, until  # a late worker can still say "delivered"
        return len(lost)

    async def expire(self, *, now: datetime) -> tuple[Item, ...]:
        """Make recipients EXPIRED: HELD past the deposit's `expires_at`, FAILED for `FAILED_KEPT`; return the items."""
        touched = {}
        for entry, line in self._all():
            end = {State.HELD: entry.deposit.expires_at, State.FAILED: line.changed_at + FAILED_KEPT}.get(line.state)
            if end is not None and end <= now:
                entries.change(entry, line, State.EXPIRED, actor=CUSTODIAN, reason=EXPIRED, now=now)
                touched[entry.deposit.id] = entry
        return tuple(sorted(map(entries.item_of, touched.values()), key=attrgetter("created_at", "id")))

    async def erase(self, *, before: datetime) -> int:
        """Erase content, subject and key of items whose recipients all reached a final state before `before`."""
        finished = [entry for entry in self._entries.values() if not entry.erased and entries.finished(entry, before)]
        for entry in finished:
            entries.erase(entry)
        return len(finished)

    async def forget(self, *, before: datetime) -> int:
        """Drop the rows of erased items whose last change was before `before`; return how many items."""
        gone = [known for known, entry in self._entries.items() if entry.erased and entries.finished(entry, before)]
        for item in gone:
            del self._entries[item]
        return len(gone)

    async def statistics(self) -> Statistics:
        """Return sizes and ages for metrics."""
        lines = [line for _, line in self._all()]
        return Statistics(
            recipients={state: sum(line.state is state for line in lines) for state in State},
            bytes=sum(len(entry.deposit.content) for entry in self._entries.values()),
            oldest_held=min((line.recipient.due_since for line in lines if line.state is State.HELD), default=None),
            oldest_due=min((line.recipient.due_since for line in lines if line.state is State.DUE), default=None),
        )

    async def try_out(self) -> None:
        """Nothing can be in the way."""

    async def close(self) -> None:
        """Nothing to give back."""

    def _all(self) -> Iterator[tuple[Entry, Line]]:
        return ((entry, line) for entry in list(self._entries.values()) for line in entry.lines)

    def _require_new(self, deposits: tuple[Deposit, ...]) -> None:
        for deposit in deposits:
            require_sound(deposit)
        ids = [deposit.id for deposit in deposits]
        if len(set(ids)) < len(ids) or any(known in self._entries for known in ids):
            raise StoreError("a message with this id is in custody already")

    def _leased(self, claim: Claim) -> tuple[Entry, dict[int, Line]]:
        if claim.item not in self._entries:
            raise LeaseLostError
        entry = self._entries[claim.item]
        return entry, {line.recipient.id: line for line in entry.lines if line.under(claim)}

    def _named(self, item: str, addresses: tuple[str, ...], states: set[State]) -> list[tuple[Entry, Line]]:
        """Return the item's recipients in one of `states`: all, or those with one of `addresses`."""
        if item not in self._entries:
            return []
        entry, named = self._entries[item], {address.casefold() for address in addresses}
        return [
            (entry, line)
            for line in entry.lines
            if line.state in states and (not named or line.recipient.address.casefold() in named)
        ]
