"""States of a recipient in custody, the only transitions between them, and the values that go in and come out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import accumulate
from typing import Final


class State(StrEnum):
    """Where a recipient's copy stands."""

    HELD = "held"  # waits for a human
    DUE = "due"  # waits for delivery (released, delayed, deferred, a notice)
    DELIVERED = "delivered"
    FAILED = "failed"  # the next hop refused it for good, or it was given up
    IN_DOUBT = "in-doubt"  # handed over, but whether it arrived is unknown
    DISCARDED = "discarded"
    EXPIRED = "expired"


#: The only transitions; a property test walks them.
TRANSITIONS: Final = frozenset(
    {
        (State.HELD, State.DUE),
        (State.HELD, State.DISCARDED),
        (State.HELD, State.EXPIRED),
        (State.DUE, State.DELIVERED),
        (State.DUE, State.FAILED),
        (State.DUE, State.IN_DOUBT),
        (State.DUE, State.DISCARDED),
        (State.FAILED, State.DUE),
        (State.FAILED, State.DISCARDED),
        (State.FAILED, State.EXPIRED),
        (State.IN_DOUBT, State.DUE),
        (State.IN_DOUBT, State.DELIVERED),
    }
)

#: No way leads out of these; an item whose recipients are all here may be erased.
FINAL: Final = frozenset(State) - {before for before, _ in TRANSITIONS}

#: How one attempt to deliver may end.
SETTLED: Final = frozenset({State.DELIVERED, State.FAILED, State.IN_DOUBT, State.DUE})

#: How long a recipient stays FAILED, for a reviewer to try again, before it is EXPIRED and may be erased.
FAILED_KEPT: Final = timedelta(days=14)

#: Who is named in events where it was no person: what took the message in, what delivers it, what keeps the house.
DEPOSITOR: Final = "gateway"
DELIVERY: Final = "delivery"
CUSTODIAN: Final = "custody"

#: What is noted where no person gave a reason (and before the reason of one who released the original).
DAMAGED: Final = "the stored message is damaged and cannot be opened"
EXPIRED: Final = "nobody decided in time"
INTERRUPTED: Final = "interrupted after the message was handed over: it may have arrived"
ORIGINAL: Final = "original, without edits"

#: What a reviewer must see first; an item shows the first of its recipients' states.
URGENCY: Final = (
    State.HELD,
    State.IN_DOUBT,
    State.FAILED,
    State.DUE,
    State.DELIVERED,
    State.DISCARDED,
    State.EXPIRED,
)


class TransitionError(ValueError):
    """A change of state that the table does not have."""


def require_transition(before: State, after: State) -> None:
    """Raise `TransitionError` unless the table has this change."""
    if (before, after) not in TRANSITIONS:
        raise TransitionError(f"a recipient cannot go from {before} to {after}")


def first_expiry(held_until: datetime | None, standing: Sequence[tuple[State, datetime]]) -> datetime | None:
    """Return when the first recipient expires, given each one's state and since when it is in it; None: none will."""
    ends = [since + FAILED_KEPT for state, since in standing if state is State.FAILED]
    if held_until is not None and any(state is State.HELD for state, _ in standing):
        ends.append(held_until)
    return min(ends, default=None)


def most_urgent(states: Iterable[State]) -> State:
    """Return the state that an item with recipients in these `states` shows."""
    return min(states, key=URGENCY.index)


def fitting(sizes: Sequence[int], octets: int | None) -> int:
    """Return how many of the first `sizes` are no more than `octets` together; the first always fits."""
    if octets is None:
        return len(sizes)
    return max(sum(total <= octets for total in accumulate(sizes)), min(len(sizes), 1))


def lease_name(owner: str, until: datetime) -> str:
    """Return by what a lease is known for as long as it is renewed: whose it is, and when it was first to end."""
    return f"{owner}#{until.isoformat()}"


def owner_of(lease: str) -> str:
    """Return whose lease it is."""
    return lease.rpartition("#")[0] or lease  # what earlier versions wrote is the owner alone


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyDeposit:
    """One copy of the payload: who gets it and how it is changed on the way out.

    `edits` and `options` are opaque text for the depositor (sealed at rest). `state` is HELD or DUE; `due_at` is when a
    DUE copy may first be delivered.
    """

    reverse_path: str
    recipients: tuple[str, ...]
    edits: str
    options: str
    state: State
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """A message to be taken into custody. `group` ties the parts of one mail together ("" if unknown; kept hashed).

    `expires_at` is when those who are still HELD expire, or None.
    """

    id: str
    content: bytes
    subject: str
    reverse_path: str
    reasons: tuple[str, ...]
    group: str
    created_at: datetime
    expires_at: datetime | None
    copies: tuple[CopyDeposit, ...]


def require_sound(deposit: Deposit) -> None:
    """Raise ValueError for a deposit that could be answered 250 and never leave: no recipient, or a final state."""
    if not deposit.copies or not all(copy.recipients for copy in deposit.copies):
        raise ValueError("a deposit needs a recipient in each of its copies")
    if not all(copy.state in {State.HELD, State.DUE} for copy in deposit.copies):
        raise ValueError("a deposit is taken in as held or as due")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One recipient of an item as it stands now; `reply` is the next hop's last word or "".

    `id` and `copy` count from 1 within the item. `address` is "" once the item was erased. `attempts` counts the claims
    since `due_since` (in a `Claim`: those before this one), when it last became due by being taken or released;
    `told_of_delay`: since then somebody was told that it takes long.
    """

    id: int
    copy: int
    address: str
    state: State
    attempts: int
    due_at: datetime
    reply: str
    due_since: datetime
    told_of_delay: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A message in custody, opened for a reviewer with the private key. `state` is the most urgent of its recipients'.

    `group` is the digest that the parts of one mail share, or ""; `expires_at` is when the first recipient expires, or
    None while none will. Once erased (or if the row is damaged),
    `reverse_path`, `subject` and the recipients' addresses are "".
    """

    id: str
    state: State
    reverse_path: str
    subject: str
    size: int
    reasons: tuple[str, ...]
    group: str
    created_at: datetime
    expires_at: datetime | None
    recipients: tuple[Recipient, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A change, written in the transaction that made it; `recipient` is the address, "" once the item was erased.

    `before` is None for what was taken in. `before` and `after` are both DUE where the next hop asked to try later.
    """

    at: datetime
    actor: str
    item: str
    recipient: str
    before: State | None
    after: State
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """An event of whichever item, as it is read in a row with all others, unopened: one recipient went into `after`.

    `number` counts up through the whole store and is never given twice. The recipients who changed together, in one
    transaction, have the same `at` and stand in a row. `reasons` are the deposit's.
    """

    number: int
    at: datetime
    actor: str
    item: str
    reasons: tuple[str, ...]
    before: State | None
    after: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How many recipients of an item are in each state (0 left out), when the first is due, when HELD ones expire.

    `originals` are those for whom a reviewer asked for the message as it came.
    """

    states: dict[State, int]
    due_at: datetime
    expires_at: datetime | None
    originals: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A copy that one worker may hand over until `until`, or for as long as it renews its lease, and who is due in it.

    `original`: a reviewer asked by name for the message without the changes that `edits` make to it. `damaged`: it
    cannot be opened, so it can only be settled as FAILED; `content` is b"" then, and what else cannot be opened is "".
    """

    item: str
    copy: int
    reverse_path: str
    edits: str
    original: bool
    options: str
    content: bytes
    created_at: datetime
    recipients: tuple[Recipient, ...]
    owner: str
    until: datetime
    damaged: bool = False

    @property
    def lease(self) -> str:
        """The name of its lease."""
        return lease_name(self.owner, self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How delivery ended for one recipient (its `id`): DELIVERED, FAILED, IN_DOUBT, or DUE again at `due_at`.

    `told_of_delay`: a deposit of the same settlement tells that it takes long. Not `counted`: it was no attempt, since
    nothing was sent.
    """

    recipient: int
    state: State
    reply: str
    due_at: datetime | None = None
    told_of_delay: bool = False
    counted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A filter over items; empty fields do not filter. `address` matches a recipient or the reverse-path exactly."""

    ids: tuple[str, ...] = ()
    states: frozenset[State] = frozenset()
    address: str = ""
    reason: str = ""
    created_before: datetime | None = None
    created_after: datetime | None = None
    limit: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Recipients by state (all are there), bytes of sealed content, and since when the oldest held and due wait."""

    recipients: dict[State, int]
    bytes: int
    oldest_held: datetime | None
    oldest_due: datetime | None
