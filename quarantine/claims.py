"""Leases: which worker may hand a copy over, until when, and how it ended. A lease is no state but stands beside it.

It has a name (`lease_owner`), by which it is told from the next one of the same worker, however often it is renewed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, case, false, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from quarantine import rows
from quarantine.changes import Change, changeable, write
from quarantine.crypto import DamagedError, Opener, Sealer
from quarantine.model import (
    CUSTODIAN,
    DELIVERY,
    INTERRUPTED,
    SETTLED,
    Claim,
    Settlement,
    State,
    fitting,
    lease_name,
    owner_of,
)
from quarantine.store import LeaseLostError
from quarantine.tables import Moment, copies, payloads, recipients

#: Recipients in one transaction of housekeeping; a longer one would keep receivers waiting.
BATCH: Final = 1000

#: Numbers of copies that are named in a query; beyond, all of the items' are read.
_NUMBERS: Final = 500

#: What is claimed together: the recipients of a copy who get the same bytes.
_PART: Final = (recipients.c.item, recipients.c.copy, recipients.c.original)

_LEASE: Final = (
    update(recipients)
    .where(recipients.c.item == bindparam("of_item"), recipients.c.number == bindparam("of_number"))
    .values(lease_owner=bindparam("owner"), lease_until=bindparam("until"), attempts=recipients.c.attempts + 1)
)

_GIVE_BACK: Final = (
    update(recipients)
    .where(
        recipients.c.item == bindparam("of_item"),
        recipients.c.number == bindparam("of_number"),
        recipients.c.lease_until == bindparam("until"),
    )
    .values(lease_owner=None, lease_until=None, attempts=recipients.c.attempts - 1)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasedRows:
    """One copy's rows under a lease, still sealed."""

    payload: Row[Any]
    copy: Row[Any]
    recipients: tuple[Row[Any], ...]
    original: bool

    def opened(self, opener: Opener, *, owner: str, until: datetime, content: bytes | None = None) -> Claim:
        """Open them; `content` is the payload's if it was opened before. Raises `DamagedError`."""
        key = rows.item_key(self.payload, opener)
        if key is None or self.payload.content is None:
            raise DamagedError("the content of a message that is due is gone")
        return rows.claim(
            self.payload,
            self.copy,
            self.recipients,
            rows.reader(key),
            opener,
            content=key.open("content", self.payload.content) if content is None else content,
            original=self.original,
            owner=owner,
            until=until,
        )

    def claimed(self, opener: Opener, *, owner: str, until: datetime, content: bytes | None = None) -> Claim:
        """Open them as `opened` does; where that cannot be, what can be opened, as a damaged claim."""
        try:
            return self.opened(opener, owner=owner, until=until, content=content)
        except DamagedError:
            return rows.damaged_claim(
                self.payload, self.copy, self.recipients, opener, original=self.original, owner=owner, until=until
            )


def lapsed(now: datetime, length: timedelta) -> ColumnElement[bool]:
    """Match leases that are over: past, or so far ahead that the clock was set back since they were given."""
    return or_(recipients.c.lease_until <= now, recipients.c.lease_until > now + 2 * length)


def is_claimed(row: Row[Any], now: datetime) -> bool:
    """Tell whether a worker may be delivering to this recipient, or has been interrupted in it."""
    return row.handing_over or (row.lease_until is not None and row.lease_until > now)


def claimable(now: datetime, length: timedelta) -> ColumnElement[bool]:
    """Match recipients that a worker may take: due, and under no lease. After a lost hand-over, `recover` decides."""
    return and_(
        recipients.c.state == State.DUE,
        recipients.c.due_at <= now,
        recipients.c.handing_over == false(),
        or_(recipients.c.lease_until.is_(None), lapsed(now, length)),
    )


async def lease(
    connection: AsyncConnection, *, owner: str, now: datetime, length: timedelta, limit: int, octets: int | None
) -> Sequence[Row[Any]]:
    """Lease up to `limit` copies for a time of this `length`, longest due first; return their recipients.

    Contents are read afterwards: who writes must not wait for that.
    """
    due = (
        select(*_PART)
        .where(claimable(now, length))
        .group_by(*_PART)
        .order_by(func.min(recipients.c.due_at), *_PART)
        .limit(limit)
    )
    parts = [tuple(part) for part in await connection.execute(due)]
    if not parts:
        return ()
    items = {item for item, _, _ in parts}
    sizes = dict(
        (await connection.execute(select(payloads.c.id, payloads.c.size).where(payloads.c.id.in_(items)))).all()
    )
    parts = parts[: fitting([sizes[item] for item, _, _ in parts], octets)]
    chosen = select(recipients).where(claimable(now, length), tuple_(*_PART).in_(parts))
    free = (await connection.execute(chosen.with_for_update(skip_locked=True))).all()
    if free:
        given = {"owner": lease_name(owner, now + length), "until": now + length}
        await connection.execute(_LEASE, [{"of_item": row.item, "of_number": row.number, **given} for row in free])
    return free


async def renew(connection: AsyncConnection, held: Sequence[Claim], *, until: datetime) -> int:
    """Have the leases of these claims end at `until`, as far as their workers have them still."""
    theirs = recipients.c
    named = tuple_(theirs.item, theirs.copy, theirs.original, theirs.lease_owner)
    renewed = update(recipients).where(
        theirs.item.in_({claim.item for claim in held}),
        named.in_([(claim.item, claim.copy, claim.original, claim.lease) for claim in held]),
        theirs.state == State.DUE,
    )
    return (await connection.execute(renewed.values(lease_until=until))).rowcount


async def give_back(connection: AsyncConnection, leased: Sequence[Row[Any]], *, until: datetime) -> None:
    """Give back the leases that `lease` gave, as if they had never been."""
    theirs = [{"of_item": row.item, "of_number": row.number, "until": until} for row in leased]
    if theirs:
        await connection.execute(_GIVE_BACK, theirs)


async def hasten(connection: AsyncConnection, *, since: datetime, now: datetime) -> int:
    """Make due now what was tried after `since` and put off; a bounded part of it. No event: nothing happened to it."""
    theirs = recipients.c
    waiting = and_(
        theirs.state == State.DUE,
        theirs.attempts > 0,  # others wait by a decision
        theirs.due_at > now,
        theirs.changed_at >= since,
        theirs.lease_until.is_(None),
    )
    chosen = select(theirs.item, theirs.number).where(waiting).limit(BATCH)
    moved = update(recipients).where(waiting, tuple_(theirs.item, theirs.number).in_(chosen)).values(due_at=now)
    return (await connection.execute(moved)).rowcount


async def set_back(connection: AsyncConnection, *, now: datetime, is_right: bool) -> int:
    """Have what became due by a clock that was ahead be due by this one; a bounded part of it, and no event."""
    theirs, here = recipients.c, bindparam("here", now, type_=Moment)
    is_ahead = theirs.changed_at > here
    ahead = and_(theirs.state == State.DUE, or_(is_ahead, theirs.due_since > here) if is_right else is_ahead)
    chosen = select(theirs.item, theirs.number).where(ahead).limit(BATCH)
    moved = update(recipients).where(ahead, tuple_(theirs.item, theirs.number).in_(chosen))
    # What was never tried waits by a decision, and for as long as that said.
    wait = case((theirs.attempts > 0, here), else_=here + (theirs.due_at - theirs.changed_at))
    right: dict[str, ColumnElement[Any]] = {
        "due_at": case((is_ahead, wait), else_=theirs.due_at),
        "changed_at": case((is_ahead, here), else_=theirs.changed_at),
    }
    if is_right:  # by one that is behind, in its turn, all would have waited for years
        right["due_since"] = case((theirs.due_since > here, here), else_=theirs.due_since)
    return (await connection.execute(moved.values(right))).rowcount


async def with_payloads(connection: AsyncConnection, found: Sequence[Row[Any]]) -> tuple[LeasedRows, ...]:
    """Put recipients together with their copies and payloads."""
    items = sorted({row.item for row in found})
    numbers = sorted({row.copy for row in found})
    payload_rows = await connection.execute(select(payloads).where(payloads.c.id.in_(items)))
    wanted = select(copies).where(copies.c.item.in_(items))
    if len(numbers) <= _NUMBERS:  # of a mail that was split into thousands, the few whose turn it is
        wanted = wanted.where(copies.c.number.in_(numbers))
    copy_rows = await connection.execute(wanted)
    by_item = {row.id: row for row in payload_rows}
    by_copy = {(row.item, row.number): row for row in copy_rows}
    ordered = sorted(found, key=lambda row: (row.item, row.copy, row.original, row.number))
    return tuple(
        LeasedRows(payload=by_item[item], copy=by_copy[item, copy], recipients=tuple(recipient_rows), original=original)
        for (item, copy, original), recipient_rows in groupby(ordered, lambda row: (row.item, row.copy, row.original))
    )


async def mark_handing_over(connection: AsyncConnection, claim: Claim, numbers: tuple[int, ...]) -> None:
    """Note that the final dot is about to be sent; raises `LeaseLostError` if one of them is not ours."""
    marked = (
        update(recipients)
        .where(*_under(claim), recipients.c.state == State.DUE, recipients.c.number.in_(numbers))
        .values(handing_over=True)
    )
    result = await connection.execute(marked)
    if result.rowcount != len(set(numbers)):
        raise LeaseLostError


async def settle(
    connection: AsyncConnection,
    claim: Claim,
    settlements: tuple[Settlement, ...],
    *,
    now: datetime,
    sealer: Sealer,
    opener: Opener,
) -> None:
    """Write how delivery ended. What is not settled is free again if it was not handed over, else `recover` decides."""
    found = (await connection.execute(changeable().where(*_under(claim)))).all()
    by_number = {row.number: row for row in found}
    changes = []
    for settlement in settlements:
        row = by_number.get(settlement.recipient)
        if row is None or (row.state == State.IN_DOUBT and settlement.state is not State.DELIVERED):
            raise LeaseLostError
        changes.append(settled(row, settlement, rows.reply(row, opener)))
    await write(connection, changes, actor=DELIVERY, now=now, sealer=sealer)
    await connection.execute(
        update(recipients)
        .where(*_under(claim), recipients.c.state == State.DUE, recipients.c.handing_over == false())
        .values(lease_owner=None, lease_until=None)
    )


def settled(row: Row[Any], settlement: Settlement, last_reply: str) -> Change:
    """Return the change for one settlement; raises ValueError for a state in which no delivery ends."""
    if settlement.state not in SETTLED or (settlement.state is State.DUE and settlement.due_at is None):
        raise ValueError("a delivery ends as delivered, failed or in doubt, or is due again at a given time")
    again = settlement.state is State.DUE
    return Change(
        row=row,
        after=settlement.state,
        reason=settlement.reply,
        reply=settlement.reply,
        due_at=settlement.due_at if again else None,
        told_of_delay=settlement.told_of_delay,
        again=again,
        counted=settlement.counted,
        silent=again and settlement.reply == last_reply,  # days of the same 4yz are one event
    )


def end_leases(connection: Connection, is_dead: Callable[[str], bool], now: datetime) -> int:
    """End the leases of owners who are dead."""
    running = recipients.c.lease_until > now
    names = connection.execute(select(recipients.c.lease_owner).where(running).distinct()).scalars().all()
    dead = [name for name in names if is_dead(owner_of(name))]
    ended = update(recipients).where(running, recipients.c.lease_owner.in_(dead)).values(lease_until=now)
    return connection.execute(ended).rowcount if dead else 0


async def recover(connection: AsyncConnection, *, now: datetime, length: timedelta, retry: bool, sealer: Sealer) -> int:
    """Take back leases that are over; who is in doubt keeps his, so that a late worker can still say "delivered"."""
    lost = changeable().where(recipients.c.state == State.DUE, lapsed(now, length)).limit(BATCH)
    found = (await connection.execute(lost)).all()
    changes = []
    for row in found:
        if not row.handing_over:
            changes.append(Change(row=row, after=State.DUE, again=True, silent=True))
        elif retry:
            changes.append(Change(row=row, after=State.DUE, again=True, reason=INTERRUPTED))
        else:
            changes.append(Change(row=row, after=State.IN_DOUBT, reason=INTERRUPTED, keep_lease=True))
    return await write(connection, changes, actor=CUSTODIAN, now=now, sealer=sealer)


def _under(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    """Match the recipients that the claim's worker still has."""
    return (
        recipients.c.item == claim.item,
        recipients.c.copy == claim.copy,
        recipients.c.original == claim.original,
        recipients.c.lease_owner == claim.lease,
    )
