"""The interface of custody; `sql.py` and `memory.py` implement it and pass one contract suite."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol, runtime_checkable

from quarantine.model import Claim, Deposit, Event, Item, Query, Settlement, Standing, Statistics, Transition


class StoreError(Exception):
    """Custody cannot be used now: disk full, locked, corrupt, unreachable. Nothing was taken.

    `why` is a word of `failures.Why`, "" where it is no failure of the database's; `file` is the database's.
    """

    def __init__(self, message: str = "", *, why: str = "", file: str = "") -> None:
        super().__init__(message)
        self.why = why
        self.file = file


class BusyError(StoreError):
    """Nobody got a turn to write in time: another try would wait as long."""


class StoreKeyError(StoreError):
    """The key is missing, unreadable or not the one that this store was sealed to."""


class LeaseLostError(StoreError):
    """The lease of a delivery ran out, and the message is another worker's now, or a human's: trying again is vain."""

    def __init__(self) -> None:
        super().__init__("the lease of this delivery ran out and the message was given to another worker")


#: More rows for the transaction of a deposit (the journal's); gets the implementation's connection, or None in memory.
#: It runs in a thread of the database's, or in the event loop: it must touch nothing that others change meanwhile.
Also = Callable[[Any], None]


@runtime_checkable
class JointAlso(Protocol):
    """An `Also` that can be put together with others of its type, where takes share a transaction."""

    def __call__(self, connection: Any, /) -> None:  # noqa: ANN401  as above
        """Write."""
        ...

    def joined(self, others: Any, /) -> Also:  # noqa: ANN401  a sequence of its type
        """Return the hook that does what this one and the others do."""
        ...


class Store(Protocol):
    """Custody. Every method is one transaction; when it returns, the change is on disk."""

    async def take(self, deposits: tuple[Deposit, ...], also: Also | None = None) -> None:
        """Seal and commit all `deposits`, or raise `StoreError` and take none. Works with the public key alone."""
        ...

    async def items(self, query: Query) -> tuple[Item, ...]:
        """Return matching items, oldest first."""
        ...

    async def ids(self, beginning: str, *, limit: int) -> tuple[str, ...]:
        """Return the first `limit` ids that begin so, in their order; needs no private key."""
        ...

    async def content(self, item: str) -> bytes:
        """Return the original content; raises KeyError if there is none (unknown or erased)."""
        ...

    async def copies(self, item: str) -> tuple[Claim, ...]:
        """Return every copy with all its recipients, unclaimed, to look at what would leave."""
        ...

    async def events(self, item: str) -> tuple[Event, ...]:
        """Return the item's events, oldest first."""
        ...

    async def transitions(self, *, after: int, limit: int) -> tuple[Transition, ...]:
        """Return what happened to all items after that number, oldest first; needs no private key.

        `limit` of them, and further ones if need be: the recipients who changed together are not told apart.
        """
        ...

    async def last_transition(self) -> int:
        """Return the number of the newest transition, 0 if there never was one; needs no private key."""
        ...

    async def standings(self, items: tuple[str, ...]) -> dict[str, Standing]:
        """Return how each of the `items` that are there stands; needs no private key."""
        ...

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
        """Make HELD, FAILED and IN_DOUBT recipients (all, or those named) DUE; return how many changed.

        0 if nothing was left to release (a second click). `original` drops the copies' edits by name.
        """
        ...

    async def confirm(
        self, item: str, *, actor: str, reason: str, now: datetime, recipients: tuple[str, ...] = ()
    ) -> int:
        """Make IN_DOUBT recipients (all, or those named) DELIVERED: somebody knows it; return how many changed."""
        ...

    async def discard(
        self, item: str, *, actor: str, reason: str, now: datetime, recipients: tuple[str, ...] = ()
    ) -> int:
        """Make HELD and FAILED recipients, and DUE ones that nobody has claimed, DISCARDED; return how many changed."""
        ...

    async def reschedule(self, item: str, *, due_at: datetime) -> int:
        """Move when unclaimed DUE recipients may first be delivered; return how many. No change of state, no event."""
        ...

    async def hasten(self, *, since: datetime, now: datetime) -> int:
        """Make unclaimed DUE recipients that were tried and put off after `since` due `now`; return how many.

        A bounded part at a time: call again until nothing is left. No change of state, no event.
        """
        ...

    async def set_back(self, *, now: datetime, is_right: bool) -> int:
        """The clock was set back to `now`: have DUE recipients that were written later be due by this one.

        What was tried is due now; what was not waits from now on for as long as it was to. If it `is_right` now, they
        have been due since then. A bounded part at a time, as in `hasten`; returns of how many recipients.
        """
        ...

    async def claim(
        self, *, owner: str, now: datetime, lease: timedelta, limit: int, octets: int | None = None
    ) -> tuple[Claim, ...]:
        """Lease up to `limit` copies with recipients that are due; no other worker gets them before the lease ends.

        `octets`: of content in all, after the first copy; None: whatever there is.
        A lease that would last for more than two of this length was given before the clock was set back, and is over.
        A copy that cannot be opened comes too, `damaged`, for its worker to settle.
        """
        ...

    async def renew(self, held: tuple[Claim, ...], *, until: datetime) -> int:
        """Have the leases of these claims end at `until`; return of how many recipients.

        Those that another worker has by now, or that are over and taken back, are left as they are.
        """
        ...

    async def handing_over(self, claim: Claim, recipients: tuple[int, ...]) -> None:
        """Note that the final dot for these recipients is about to be sent; `LeaseLostError` if the lease is."""
        ...

    async def settle(
        self, claim: Claim, settlements: tuple[Settlement, ...], *, now: datetime, deposits: tuple[Deposit, ...] = ()
    ) -> None:
        """Write how it ended, take the `deposits` that tell of it and give the lease back, all or nothing.

        `LeaseLostError` if the lease was lost to another worker.
        """
        ...

    async def end_leases(self, is_dead: Callable[[str], bool], *, now: datetime) -> int:
        """End the leases of owners who are dead, so that `recover` need not wait for them; return how many."""
        ...

    async def recover(self, *, now: datetime, lease: timedelta, retry: bool) -> int:
        """Take back leases that are over (see `claim`): DUE again or, once handed over, IN_DOUBT (DUE if `retry`).

        Returns how many.
        """
        ...

    async def expire(self, *, now: datetime) -> tuple[Item, ...]:
        """Make recipients EXPIRED: HELD past the deposit's `expires_at`, FAILED for `FAILED_KEPT`; return the items.

        `recover`, `expire`, `erase` and `forget` do a bounded part at a time: call again until nothing is returned.
        """
        ...

    async def erase(self, *, before: datetime) -> int:
        """Erase content, subject and key of items whose recipients all reached a final state before `before`."""
        ...

    async def forget(self, *, before: datetime) -> int:
        """Drop the rows of erased items whose last change was before `before`; return how many items."""
        ...

    async def statistics(self) -> Statistics:
        """Return sizes and ages for metrics; needs no private key."""
        ...

    async def try_out(self) -> None:
        """Write a mark and commit it, or raise `StoreError`: whether a deposit could be taken now."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...
