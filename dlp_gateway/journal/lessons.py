"""What mail in custody will have taught once it is delivered; what is discarded or expires teaches nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dlp_gateway.journal.conflicts import inserting
from dlp_gateway.journal.digests import joined, split
from dlp_gateway.journal.tables import lessons
from quarantine.model import FINAL, State
from quarantine.tables import recipients

#: Lessons that are settled in one transaction; callers come again.
_AT_ONCE: Final = 100
_MOST: Final = 1_000

_c: Final = lessons.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A lesson whose mail left (`was_delivered`) or never will; `is_exposed`: it showed outsiders to each other."""

    item: str
    at: datetime
    pairs: frozenset[bytes]
    members: frozenset[bytes]
    was_delivered: bool
    is_exposed: bool


async def keep(
    connection: AsyncConnection,
    item: str,
    at: datetime,
    *,
    pairs: Iterable[bytes],
    members: Iterable[bytes],
    is_exposed: bool,
    is_hidden: bool,
) -> None:
    """Keep a lesson in the transaction in which custody takes the mail."""
    row = {
        "item": item,
        "at": at,
        "pairs": joined(frozenset(pairs), _MOST),
        "members": joined(frozenset(members), _MOST),
        "is_exposed": is_exposed,
        "is_hidden": is_hidden,
    }
    await connection.execute(inserting(connection, lessons).on_conflict_do_nothing(), row)


async def any_waits(connection: AsyncConnection) -> bool:
    """Tell whether there is a lesson at all, which is seldom."""
    return (await connection.execute(select(_c.item).limit(1))).first() is not None


async def take_settled(connection: AsyncConnection) -> tuple[Settled, ...]:
    """Take out lessons whose mail was delivered to somebody, or whose recipients are all final or gone."""
    delivered = func.count().filter(recipients.c.state == State.DELIVERED).label("delivered")
    open_still = func.count().filter(recipients.c.state.not_in(FINAL)).label("open")
    original = func.count().filter(recipients.c.original).label("original")
    states = (
        select(lessons, delivered, open_still, original)
        .join(recipients, recipients.c.item == _c.item, isouter=True)
        .group_by(*lessons.c)
        .subquery()
    )
    # Without a row in custody, the outer join counts one open recipient of no state: NULL is in no list.
    found = select(states).where((states.c.delivered > 0) | (states.c.open == 0)).limit(_AT_ONCE)
    settled = tuple(
        Settled(
            item=row.item,
            at=row.at,
            pairs=split(row.pairs),
            members=split(row.members),
            was_delivered=row.delivered > 0,
            is_exposed=row.is_exposed and (not row.is_hidden or row.original > 0),  # sent as it was written
        )
        for row in (await connection.execute(found)).all()
    )
    await connection.execute(delete(lessons).where(_c.item.in_([one.item for one in settled])))
    return settled
