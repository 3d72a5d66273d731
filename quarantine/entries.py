"""Items of custody in memory: what the rows are to `sql`."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Final

from quarantine.model import (
    DELIVERY,
    DEPOSITOR,
    FINAL,
    Claim,
    Deposit,
    Event,
    Item,
    Query,
    Recipient,
    Standing,
    State,
    Transition,
    first_expiry,
    most_urgent,
    require_transition,
)

#: The numbers of transitions, whichever store they happen in.
_NUMBERS: Final = count(1)


@dataclass(slots=True, kw_only=True)
class Line:
    """A recipient as it stands, with its lease."""

    recipient: Recipient
    changed_at: datetime
    original: bool = False
    lease: str = ""
    until: datetime | None = None
    handing_over: bool = False

    @property
    def state(self) -> State:
        """Where the copy stands."""
        return self.recipient.state

    def claimed(self, now: datetime) -> bool:
        """Tell whether a worker may be delivering to this recipient, or was interrupted in it."""
        return self.handing_over or (self.until is not None and self.until > now)

    def lapsed(self, now: datetime, lease: timedelta) -> bool:
        """Tell whether there is a lease and it is over: past, or so far ahead that the clock was set back since."""
        return self.until is not None and not now < self.until <= now + 2 * lease

    def claimable(self, now: datetime, lease: timedelta) -> bool:
        """Tell whether a worker may take it."""
        free = not self.handing_over and (self.until is None or self.lapsed(now, lease))
        return self.state is State.DUE and self.recipient.due_at <= now and free

    def under(self, claim: Claim) -> bool:
        """Tell whether the claim still holds it."""
        is_part = self.recipient.copy == claim.copy and self.original == claim.original
        return is_part and self.lease == claim.lease

    def free(self) -> None:
        """Give the lease back."""
        self.lease, self.until = "", None


@dataclass(slots=True, kw_only=True)
class Entry:
    """One item; `forgotten` are the addresses by which it is still found once erased, as by the digests of `sql`."""

    deposit: Deposit
    size: int
    lines: list[Line]
    events: list[Event] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)  # of the events
    erased: bool = False
    forgotten: frozenset[str] = frozenset()

    def note(self, event: Event) -> None:
        """Add an event."""
        self.events.append(event)
        self.numbers.append(next(_NUMBERS))

    @property
    def transitions(self) -> tuple[Transition, ...]:
        """Return the events as they are read in a row with those of other items."""
        return tuple(
            Transition(
                number=number,
                at=event.at,
                actor=event.actor,
                item=event.item,
                reasons=self.deposit.reasons,
                before=event.before,
                after=event.after,
            )
            for number, event in zip(self.numbers, self.events, strict=True)
        )


def entered(deposit: Deposit) -> Entry:
    """Return a deposit as it is taken in."""
    addressed = [(number, copy, to) for number, copy in enumerate(deposit.copies, 1) for to in copy.recipients]
    recipients = [
        Recipient(
            id=count,
            copy=number,
            address=address,
            state=copy.state,
            attempts=0,
            due_at=copy.due_at,
            reply="",
            due_since=deposit.created_at,
        )
        for count, (number, copy, address) in enumerate(addressed, 1)
    ]
    entry = Entry(
        deposit=deposit,
        size=len(deposit.content),
        lines=[Line(recipient=recipient, changed_at=deposit.created_at) for recipient in recipients],
    )
    for recipient in recipients:
        entry.note(
            Event(
                at=deposit.created_at,
                actor=DEPOSITOR,
                item=deposit.id,
                recipient=recipient.address,
                before=None,
                after=recipient.state,
                reason="",
            )
        )
    return entry


def change(
    entry: Entry,
    line: Line,
    after: State,
    *,
    actor: str,
    reason: str,
    now: datetime,
    again: bool = False,
    silent: bool = False,
) -> None:
    """Change a recipient's state and end its lease; `again` and `silent` as in `changes.Change`."""
    if not again:
        require_transition(line.state, after)
    if not silent:
        entry.note(
            Event(
                at=now,
                actor=actor,
                item=entry.deposit.id,
                recipient=line.recipient.address,
                before=line.state,
                after=after,
                reason=reason,
            )
        )
    line.recipient = replace(line.recipient, state=after)
    line.changed_at, line.handing_over = now, False
    line.free()


def item_of(entry: Entry) -> Item:
    """Return the item as a reviewer sees it."""
    deposit = entry.deposit
    return Item(
        id=deposit.id,
        state=most_urgent(line.state for line in entry.lines),
        reverse_path=deposit.reverse_path,
        subject=deposit.subject,
        size=entry.size,
        reasons=deposit.reasons,
        group=hashlib.sha256(deposit.group.encode()).hexdigest() if deposit.group else "",
        created_at=deposit.created_at,
        expires_at=first_expiry(deposit.expires_at, [(line.state, line.changed_at) for line in entry.lines]),
        recipients=tuple(line.recipient for line in entry.lines),
    )


def standing_of(entry: Entry) -> Standing:
    """Return how the item stands."""
    return Standing(
        states=dict(Counter(line.state for line in entry.lines)),
        due_at=min(line.recipient.due_at for line in entry.lines),
        expires_at=entry.deposit.expires_at,
        originals=sum(line.original for line in entry.lines),
    )


def parts(lines: Iterable[Line]) -> list[list[Line]]:
    """Put together the recipients of a copy who get the same bytes."""
    parts: dict[tuple[int, bool], list[Line]] = {}
    for line in lines:
        parts.setdefault((line.recipient.copy, line.original), []).append(line)
    return [parts[part] for part in sorted(parts)]


def claim_of(entry: Entry, lines: list[Line], *, owner: str, until: datetime) -> Claim:
    """Return the part of a copy to which these recipients belong."""
    number = lines[0].recipient.copy
    copy = entry.deposit.copies[number - 1]
    return Claim(
        item=entry.deposit.id,
        copy=number,
        reverse_path=copy.reverse_path,
        edits=copy.edits,
        original=lines[0].original,
        options=copy.options,
        content=entry.deposit.content,
        created_at=entry.deposit.created_at,
        recipients=tuple(line.recipient for line in lines),
        owner=owner,
        until=until,
    )


def matches(entry: Entry, query: Query) -> bool:
    """Tell whether a query wants the item."""
    deposit, address = entry.deposit, query.address.casefold()
    known = {deposit.reverse_path, *(line.recipient.address for line in entry.lines)} | entry.forgotten
    return (
        (not query.ids or deposit.id in query.ids)
        and (not query.states or any(line.state in query.states for line in entry.lines))
        and (not address or address in {one.casefold() for one in known})
        and (not query.reason or query.reason in deposit.reasons)
        and (query.created_before is None or deposit.created_at < query.created_before)
        and (query.created_after is None or deposit.created_at > query.created_after)
    )


def finished(entry: Entry, before: datetime) -> bool:
    """Tell whether every recipient reached a final state before this moment."""
    return all(line.state in FINAL and line.changed_at < before for line in entry.lines)


def erase(entry: Entry) -> None:
    """Leave what the rows of `sql` leave: states, times, and the reasons that people gave."""
    deposit = entry.deposit
    entry.forgotten = frozenset({deposit.reverse_path, *(line.recipient.address for line in entry.lines)})
    entry.deposit = replace(deposit, content=b"", subject="", reverse_path="")
    entry.erased = True
    for line in entry.lines:
        line.recipient = replace(line.recipient, address="", reply="")
    entry.events = [
        replace(event, recipient="", reason="" if event.actor == DELIVERY else event.reason) for event in entry.events
    ]
