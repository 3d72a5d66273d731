"""Reading what happened in custody as one row of transitions, and how items stand: in counts, nothing is opened."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from quarantine.model import Standing, State, Transition
from quarantine.rows import read_reasons
from quarantine.tables import events, payloads, recipients

#: Items asked for in one statement; SQLite takes some thousands of parameters.
_ITEMS: Final = 500


async def transitions(connection: AsyncConnection, *, after: int, limit: int) -> tuple[Transition, ...]:
    """Return what happened after that number, oldest first; those who changed together all or not at all."""
    found = list((await connection.execute(_listed().where(events.c.id > after).limit(limit))).all())
    if len(found) == limit:
        last = found[-1]
        together = (events.c.item == last.item, events.c.at == last.at, events.c.id > last.id)
        found += (await connection.execute(_listed().where(*together))).all()
    return tuple(_transition(row) for row in found)


async def last_transition(connection: AsyncConnection) -> int:
    """Return the number of the newest transition, 0 if there is none."""
    return (await connection.execute(select(func.max(events.c.id)))).scalar() or 0


async def standings(connection: AsyncConnection, items: Sequence[str]) -> dict[str, Standing]:
    """Return how the items that are there stand."""
    found: dict[str, list[Row[Any]]] = {}
    for start in range(0, len(items), _ITEMS):
        counted = (
            select(
                recipients.c.item,
                recipients.c.state,
                func.count().label("people"),
                func.min(recipients.c.due_at).label("due_at"),
                func.count().filter(recipients.c.original).label("originals"),
                payloads.c.expires_at,
            )
            .join(payloads, payloads.c.id == recipients.c.item)
            .where(recipients.c.item.in_(items[start : start + _ITEMS]))
            .group_by(recipients.c.item, recipients.c.state, payloads.c.expires_at)
        )
        for row in await connection.execute(counted):
            found.setdefault(row.item, []).append(row)
    return {
        item: Standing(
            states={State(row.state): row.people for row in rows},
            due_at=min(row.due_at for row in rows),
            expires_at=rows[0].expires_at,
            originals=sum(row.originals for row in rows),
        )
        for item, rows in found.items()
    }


def _listed() -> Select[Any]:
    columns = (events.c.id, events.c.at, events.c.actor, events.c.item, events.c.before, events.c.after)
    return select(*columns, payloads.c.reasons).join(payloads, payloads.c.id == events.c.item).order_by(events.c.id)


def _transition(row: Row[Any]) -> Transition:
    return Transition(
        number=row.id,
        at=row.at,
        actor=row.actor,
        item=row.item,
        reasons=read_reasons(row.reasons),
        before=None if row.before is None else State(row.before),
        after=State(row.after),
    )
