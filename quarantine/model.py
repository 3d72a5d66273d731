"""States of a recipient in custody, the only transitions between them, and the values that go in and come out."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
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
    """A message to be taken into custody. `group` ties parts of one mail together ("" if unknown; stored as an HMAC)."""

    id: str
    content: bytes
    subject: str
    reverse_path: str
    reasons: tuple[str, ...]
    group: str
    created_at: datetime
    expires_at: datetime | None
    copies: tuple[CopyDeposit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One recipient of an item as it stands now; `reply` is the next hop's last word or ""."""

    id: int
    copy: int
    address: str
    state: State
    attempts: int
    due_at: datetime
    reply: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A message in custody, opened for a reviewer (needs the private key). `state` is the most urgent of its recipients'."""

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
    """A change, written in the transaction that made it."""

    at: datetime
    actor: str
    item: str
    recipient: str
    before: State | None
    after: State
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A copy that one delivery worker may hand over until `until`: the recipients that are due in it, by row id."""

    item: str
    copy: int
    reverse_path: str
    edits: str
    options: str
    content: bytes
    created_at: datetime
    recipients: tuple[Recipient, ...]
    owner: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How delivery ended for one recipient: DELIVERED, FAILED, IN_DOUBT, or DUE again at `due_at`."""

    recipient: int
    state: State
    reply: str
    due_at: datetime | None = None


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
    """Recipients by state, bytes of sealed content, and when the oldest held and due recipients came in."""

    recipients: dict[State, int]
    bytes: int
    oldest_held: datetime | None
    oldest_due: datetime | None
