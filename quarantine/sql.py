"""Custody in a database (SQLite, PostgreSQL) by SQLAlchemy Core; every method is one transaction."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from quarantine import claims, history, rows, tables
from quarantine.changes import Change, changeable, write
from quarantine.crypto import Opener, PrivateKey, PublicKey, Sealer
from quarantine.database import Database
from quarantine.groups import TOGETHER, Groups
from quarantine.leased import open_leased
from quarantine.model import (
    CUSTODIAN,
    DELIVERY,
    EXPIRED,
    FAILED_KEPT,
    FINAL,
    ORIGINAL,
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
)
from quarantine.store import Also, StoreKeyError
from quarantine.tables import meta, payloads
from quarantine.takes import Take, insert_rows, insert_takes

#: Items in one transaction of housekeeping; callers come again.
_ITEMS: Final = 200

#: The name of the row that `try_out` writes.
_TRIED: Final = "tried"

#: Why a person decided stays as long as the events; what the next hop said may quote an address and goes.
_ERASED: Final[BindParameter[list[str]]] = bindparam("erased", expanding=True)
_ERASE: Final = (
    update(payloads)
    .where(payloads.c.id.in_(_ERASED))
    .values(sealed_key=None, subject=None, reverse_path=None, content=None),
    update(tables.copies).where(tables.copies.c.item.in_(_ERASED)).values(reverse_path=None, edits=None, options=None),
    update(tables.recipients).where(tables.recipients.c.item.in_(_ERASED)).values(address=None, reply=None),
    update(tables.events)
    .where(tables.events.c.item.in_(_ERASED), tables.events.c.actor == DELIVERY)
    .values(reason=None),
)


class SqlStore:
    """The `Store` of `quarantine.store`. Without the private key, whatever opens a message raises `StoreKeyError`."""

    def __init__(
        self,
        database: Database,
        public: PublicKey,
        private: PrivateKey | None = None,
        *,
        together: int = TOGETHER,
    ) -> None:
        """`together`: how many takes may share a transaction."""
        self.database: Final = database
        self._groups = Groups(self._commit, together=together, size=attrgetter("size"))
        self._sealer = Sealer(public)
        self._key = None if private is None else Opener(private)

    @property
    def _opener(self) -> Opener:
        if self._key is None:
            raise StoreKeyError("this process holds the custody's public key only and cannot open messages")
        return self._key

    async def take(self, deposits: tuple[Deposit, ...], also: Also | None = None) -> None:
        """Seal and commit all `deposits` (and what `also` writes), or raise `StoreError` and take none."""
        await self._groups.add(Take(sealed=rows.sealed_rows(deposits, self._sealer), also=also))

    async def items(self, query: Query) -> tuple[Item, ...]:
        """Return matching items, oldest first."""
        opener = self._opener
        async with self.database.reading() as connection:
            return await _open(connection, self._matching(query), opener)

    async def ids(self, beginning: str, *, limit: int) -> tuple[str, ...]:
        """Return the first `limit` ids that begin so, in their order."""
        alike = func.substr(payloads.c.id, 1, len(beginning)) == beginning  # LIKE has its own mind about case
        async with self.database.glancing() as connection:
            found = await connection.scalars(select(payloads.c.id).where(alike).order_by(payloads.c.id).limit(limit))
            return tuple(found)

    async def content(self, item: str) -> bytes:
        """Return the original content; raises KeyError if there is none (unknown or erased)."""
        opener = self._opener
        async with self.database.glancing() as connection:
            payload = (await connection.execute(select(payloads).where(payloads.c.id == item))).one_or_none()
        key = None if payload is None else rows.item_key(payload, opener)
        if payload is None or payload.content is None or key is None:
            raise KeyError(item)
        return await self.database.beside(partial(key.open, "content", payload.content))

    async def copies(self, item: str) -> tuple[Claim, ...]:
        """Return every copy with all its recipients, unclaimed, to look at what would leave; none that is damaged."""
        opener = self._opener
        async with self.database.reading() as connection:
            found = (await connection.execute(select(tables.recipients).where(tables.recipients.c.item == item))).all()
            sealed = await claims.with_payloads(connection, found)
        claimed: list[Claim] = []
        for leased in sealed:
            if leased.payload.content is not None:  # all share it, so it is opened once; () once it is erased
                content = claimed[0].content if claimed else None
                claim = leased.claimed(opener, owner="", until=leased.payload.created_at, content=content)
                claimed += () if claim.damaged else (claim,)
        return tuple(claimed)

    async def events(self, item: str) -> tuple[Event, ...]:
        """Return the item's events, oldest first."""
        opener = self._opener
        events, theirs = tables.events.c, tables.recipients.c
        address = (theirs.address, payloads.c.id, payloads.c.schema, payloads.c.key_id, payloads.c.sealed_key)
        found = (
            select(events.at, events.actor, events.before, events.after, events.reason, *address)
            .join(tables.recipients, and_(theirs.item == events.item, theirs.number == events.recipient))
            .join(payloads, payloads.c.id == events.item)
            .where(events.item == item)
            .order_by(events.id)  # the clock may have been set back between two
        )
        async with self.database.glancing() as connection:
            event_rows: list[Row[Any]] = list(await connection.execute(found))
        return rows.events(event_rows, opener)

    async def transitions(self, *, after: int, limit: int) -> tuple[Transition, ...]:
        """Return what happened to all items after that number, oldest first."""
        async with self.database.reading_settled() as connection:
            return await history.transitions(connection, after=after, limit=limit)

    async def last_transition(self) -> int:
        """Return the number of the newest transition, 0 if there never was one."""
        async with self.database.reading_settled() as connection:
            return await history.last_transition(connection)

    async def standings(self, items: tuple[str, ...]) -> dict[str, Standing]:
        """Return how each of the `items` that are there stands."""
        async with self.database.reading() as connection:
            return await history.standings(connection, items)

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
        async with self.database.writing() as connection:
            found = await self._named(connection, item, recipients, (State.HELD, State.FAILED, State.IN_DOUBT))
            why = f"{ORIGINAL}: {reason}" if original else reason
            changes = [
                Change(row=row, after=State.DUE, reason=why, due_at=now, original=original, anew=True) for row in found
            ]
            return await write(connection, changes, actor=actor, now=now, sealer=self._sealer)

    async def confirm(
        self, item: str, *, actor: str, reason: str, now: datetime, recipients: tuple[str, ...] = ()
    ) -> int:
        """Make IN_DOUBT recipients (all, or those named) DELIVERED: somebody knows it; return how many changed."""
        async with self.database.writing() as connection:
            found = await self._named(connection, item, recipients, (State.IN_DOUBT,))
            changes = [Change(row=row, after=State.DELIVERED, reason=reason) for row in found]
            return await write(connection, changes, actor=actor, now=now, sealer=self._sealer)

    async def discard(
        self, item: str, *, actor: str, reason: str, now: datetime, recipients: tuple[str, ...] = ()
    ) -> int:
        """Make HELD and FAILED recipients, and DUE ones that nobody has claimed, DISCARDED; return how many changed."""
        async with self.database.writing() as connection:
            found = await self._named(connection, item, recipients, (State.HELD, State.FAILED, State.DUE))
            free = [row for row in found if row.state != State.DUE or not claims.is_claimed(row, now)]
            changes = [Change(row=row, after=State.DISCARDED, reason=reason) for row in free]
            return await write(connection, changes, actor=actor, now=now, sealer=self._sealer)

    async def reschedule(self, item: str, *, due_at: datetime) -> int:
        """Move when unclaimed DUE recipients may first be delivered; return how many. No change of state, no event."""
        waiting = (tables.recipients.c.state == State.DUE, tables.recipients.c.lease_until.is_(None))
        moved = update(tables.recipients).where(tables.recipients.c.item == item, *waiting).values(due_at=due_at)
        async with self.database.writing() as connection:
            return (await connection.execute(moved)).rowcount

    async def hasten(self, *, since: datetime, now: datetime) -> int:
        """Make unclaimed DUE recipients that were tried and put off after `since` due `now`; return how many."""
        async with self.database.writing() as connection:
            return await claims.hasten(connection, since=since, now=now)

    async def set_back(self, *, now: datetime, is_right: bool) -> int:
        """Have what became due by a clock that was ahead be due by this one; return how many recipients."""
        async with self.database.writing() as connection:
            return await claims.set_back(connection, now=now, is_right=is_right)

    async def claim(
        self, *, owner: str, now: datetime, lease: timedelta, limit: int, octets: int | None = None
    ) -> tuple[Claim, ...]:
        """Lease up to `limit` copies with recipients that are due; no other worker gets them before the lease ends."""
        opener, until = self._opener, now + lease
        async with self.database.glancing() as connection:  # most of the time nothing is due: then lock nobody out
            due = select(tables.recipients.c.item).where(claims.claimable(now, lease)).limit(1)
            if (await connection.execute(due)).first() is None:
                return ()
        async with self.database.writing() as connection:
            leased = await claims.lease(connection, owner=owner, now=now, length=lease, limit=limit, octets=octets)
        return await open_leased(self.database, leased, opener, owner=owner, until=until)

    async def renew(self, held: tuple[Claim, ...], *, until: datetime) -> int:
        """Have leases that are still held end at `until`; return of how many recipients."""
        async with self.database.writing() as connection:
            return await claims.renew(connection, held, until=until)

    async def handing_over(self, claim: Claim, recipients: tuple[int, ...]) -> None:
        """Note that the final dot for these recipients is about to be sent; `LeaseLostError` if the lease is."""
        async with self.database.writing() as connection:
            await claims.mark_handing_over(connection, claim, recipients)

    async def settle(
        self, claim: Claim, settlements: tuple[Settlement, ...], *, now: datetime, deposits: tuple[Deposit, ...] = ()
    ) -> None:
        """Write how it ended, take the `deposits` that tell of it and give the lease back, all or nothing."""
        sealed = rows.sealed_rows(deposits, self._sealer)
        async with self.database.writing() as connection:
            await claims.settle(connection, claim, settlements, now=now, sealer=self._sealer, opener=self._opener)
            await connection.run_sync(insert_rows, sealed)

    async def end_leases(self, is_dead: Callable[[str], bool], *, now: datetime) -> int:
        """End the leases of owners who are dead; return how many."""
        return await self.database.transact(partial(claims.end_leases, is_dead=is_dead, now=now))

    async def recover(self, *, now: datetime, lease: timedelta, retry: bool) -> int:
        """Take back leases that are over: DUE again or, once handed over, IN_DOUBT (or DUE: `retry`)."""
        async with self.database.writing() as connection:
            return await claims.recover(connection, now=now, length=lease, retry=retry, sealer=self._sealer)

    async def expire(self, *, now: datetime) -> tuple[Item, ...]:
        """Make recipients EXPIRED: HELD past the deposit's `expires_at`, FAILED for `FAILED_KEPT`; return the items."""
        opener, theirs = self._opener, tables.recipients.c
        ended = exists().where(payloads.c.id == theirs.item, payloads.c.expires_at <= now)
        late = or_(
            and_(theirs.state == State.HELD, ended),
            and_(theirs.state == State.FAILED, theirs.changed_at <= now - FAILED_KEPT),
        )
        async with self.database.writing() as connection:
            touched = (
                (await connection.execute(select(theirs.item).where(late).distinct().limit(_ITEMS))).scalars().all()
            )
            found = await connection.execute(changeable().where(late, theirs.item.in_(touched)))
            changes = [Change(row=row, after=State.EXPIRED, reason=EXPIRED) for row in found]
            await write(connection, changes, actor=CUSTODIAN, now=now, sealer=self._sealer)
            return await _open(connection, select(payloads.c.id).where(payloads.c.id.in_(touched)), opener)

    async def erase(self, *, before: datetime) -> int:
        """Erase content, subject and key of items whose recipients all reached a final state before `before`."""
        open_still = exists().where(
            tables.recipients.c.item == payloads.c.id,
            or_(tables.recipients.c.state.not_in(FINAL), tables.recipients.c.changed_at >= before),
        )
        finished = select(payloads.c.id).where(payloads.c.sealed_key.is_not(None), ~open_still).limit(_ITEMS)
        async with self.database.writing() as connection:
            erased = (await connection.execute(finished)).scalars().all()
            for statement in _ERASE:
                await connection.execute(statement, {"erased": erased})
        if erased:
            await self.database.shrink_log()
        return len(erased)

    async def forget(self, *, before: datetime) -> int:
        """Drop the rows of erased items whose last change was before `before`; return how many items."""
        later = exists().where(tables.recipients.c.item == payloads.c.id, tables.recipients.c.changed_at >= before)
        gone = select(payloads.c.id).where(payloads.c.sealed_key.is_(None), ~later).limit(_ITEMS)
        async with self.database.writing() as connection:
            dropped = (await connection.execute(gone)).scalars().all()
            await connection.execute(delete(payloads).where(payloads.c.id.in_(dropped)))
        return len(dropped)

    async def statistics(self) -> Statistics:
        """Return sizes and ages for metrics; needs no private key."""
        by_state = select(tables.recipients.c.state, func.count()).group_by(tables.recipients.c.state)
        size = select(func.coalesce(func.sum(func.length(payloads.c.content)), 0))
        since = select(func.min(tables.recipients.c.due_since))
        async with self.database.reading() as connection:
            counts = {row[0]: row[1] for row in await connection.execute(by_state)}
            return Statistics(
                recipients={state: counts.get(state, 0) for state in State},
                bytes=(await connection.execute(size)).scalar_one(),
                oldest_held=(
                    await connection.execute(since.where(tables.recipients.c.state == State.HELD))
                ).scalar_one(),
                oldest_due=(await connection.execute(since.where(tables.recipients.c.state == State.DUE))).scalar_one(),
            )

    async def try_out(self) -> None:
        """Write a mark and commit it, or raise `StoreError`: whether a deposit could be taken now."""
        await self.database.try_out(_mark)

    async def close(self) -> None:
        """Finish what is being written and give back connections."""
        await self._groups.close()
        await self.database.close()

    async def _commit(self, takes: list[Take]) -> list[None]:
        return await self.database.transact(partial(insert_takes, takes=takes))

    def _matching(self, query: Query) -> Select[Any]:
        """Select the ids of the items that a query wants, oldest first."""
        chosen = select(payloads.c.id).order_by(payloads.c.created_at, payloads.c.id).limit(query.limit)
        theirs = exists().where(tables.recipients.c.item == payloads.c.id)
        if query.ids:
            chosen = chosen.where(payloads.c.id.in_(query.ids))
        if query.states:
            chosen = chosen.where(theirs.where(tables.recipients.c.state.in_(query.states)))
        if query.address:
            index = self._sealer.public.address_index(query.address)
            addressed = payloads.c.id.in_(
                select(tables.recipients.c.item).where(tables.recipients.c.address_index == index)
            )
            chosen = chosen.where(or_(payloads.c.reverse_path_index == index, addressed))
        if query.reason:
            # replace() heeds upper and lower case on every database; SQLite's LIKE does not.
            without = func.replace(payloads.c.reasons, rows.written_reasons((query.reason,)), "")
            chosen = chosen.where(without != payloads.c.reasons)
        if query.created_before is not None:
            chosen = chosen.where(payloads.c.created_at < query.created_before)
        if query.created_after is not None:
            chosen = chosen.where(payloads.c.created_at > query.created_after)
        return chosen

    async def _named(
        self, connection: AsyncConnection, item: str, addresses: tuple[str, ...], states: tuple[State, ...]
    ) -> list[Row[Any]]:
        """Return the item's recipients in one of `states`: all, or those with one of `addresses`."""
        chosen = changeable().where(tables.recipients.c.item == item, tables.recipients.c.state.in_(states))
        if addresses:
            index = [self._sealer.public.address_index(address) for address in addresses]
            chosen = chosen.where(tables.recipients.c.address_index.in_(index))
        return list(await connection.execute(chosen))


def _mark(connection: Connection) -> None:
    """Write down the moment, which was not there before: a change that SQLite has to bring to the disk."""
    now = datetime.now(UTC).isoformat()
    if not connection.execute(update(meta).where(meta.c.name == _TRIED).values(value=now)).rowcount:
        connection.execute(insert(meta).values(name=_TRIED, value=now))


async def _open(connection: AsyncConnection, chosen: Select[Any], opener: Opener) -> tuple[Item, ...]:
    """Open the items whose ids `chosen` selects, oldest first."""
    head = [column for column in payloads.c if column is not payloads.c.content]
    ids = chosen.subquery()
    found = select(*head).join(ids, ids.c.id == payloads.c.id).order_by(payloads.c.created_at, payloads.c.id)
    theirs = select(tables.recipients).join(ids, ids.c.id == tables.recipients.c.item)
    by_item: dict[str, list[Row[Any]]] = {}
    for row in await connection.execute(theirs.order_by(tables.recipients.c.item, tables.recipients.c.number)):
        by_item.setdefault(row.item, []).append(row)
    return tuple(rows.item(row, by_item[row.id], opener) for row in await connection.execute(found))
