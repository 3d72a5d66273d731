"""What mail in custody will have taught once it is delivered; what is discarded or expires teaches nothing."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, select

from dlp_gateway.journal.conflicts import inserting
from dlp_gateway.journal.digests import joined, split
from dlp_gateway.journal.sent_values import Value
from dlp_gateway.journal.tables import lessons
from quarantine.model import FINAL, State
from quarantine.tables import recipients

#: Lessons that are settled in one transaction; callers come again.
_AT_ONCE: Final = 100
_MOST: Final = 1_000

_c: Final = lessons.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A lesson whose mail left, first at `left_at`, or (None) never will; `is_released`: a reviewer let it go.

    `members` of a circle were shown to each other, and `is_exposed`: they were strangers. `sent` are values that
    `sender` sent (see `sent_values`).
    """

    item: str
    at: datetime
    left_at: datetime | None
    is_released: bool
    pairs: frozenset[bytes]
    members: frozenset[bytes]
    is_exposed: bool
    sender: bytes
    sent: tuple[tuple[str, int], ...]


def keep(
    connection: Connection,
    item: str,
    at: datetime,
    *,
    pairs: Iterable[bytes],
    members: Iterable[bytes],
    is_exposed: bool,
    is_hidden: bool,
    is_held: bool,
    sender: bytes,
    sent: Iterable[tuple[str, int]],
) -> None:
    """Keep a lesson in the transaction in which custody takes the mail."""
    row = {
        "item": item,
        "at": at,
        "pairs": joined(frozenset(pairs), _MOST),
        "members": joined(frozenset(members), _MOST),
        "is_exposed": is_exposed,
        "is_hidden": is_hidden,
        "was_held": is_held,
        "sender": sender,
        "sent": json.dumps(tuple(sent)[:_MOST]),
    }
    connection.execute(inserting(connection, lessons).on_conflict_do_nothing(), row)


def any_waits(connection: Connection) -> bool:
    """Tell whether there is a lesson at all, which is seldom."""
    return (connection.execute(select(_c.item).limit(1))).first() is not None


def take_settled(connection: Connection) -> tuple[Settled, ...]:
    """Take out lessons whose mail was delivered to somebody, or whose recipients are all final or gone."""
    delivered = func.count().filter(recipients.c.state == State.DELIVERED).label("delivered")
    open_still = func.count().filter(recipients.c.state.not_in(FINAL)).label("open")
    original = func.count().filter(recipients.c.original).label("original")
    left_at = func.min(recipients.c.changed_at).filter(recipients.c.state == State.DELIVERED).label("left_at")
    states = (
        select(lessons, delivered, open_still, original, left_at)
        .join(recipients, recipients.c.item == _c.item, isouter=True)
        .group_by(*lessons.c)
        .subquery()
    )
    # Without a row in custody, the outer join counts one open recipient of no state: NULL is in no list.
    found = select(states).where((states.c.delivered > 0) | (states.c.open == 0)).limit(_AT_ONCE)
    settled = tuple(_settled(row) for row in (connection.execute(found)).all())
    connection.execute(delete(lessons).where(_c.item.in_([one.item for one in settled])))
    return settled


def _settled(row: Row[Any]) -> Settled:
    is_shown = row.left_at is not None and (not row.is_hidden or row.original > 0)  # or sent as it was written
    return Settled(
        item=row.item,
        at=row.at,
        left_at=row.left_at,
        is_released=row.was_held and row.left_at is not None,
        pairs=split(row.pairs),
        members=split(row.members) if is_shown else frozenset(),
        is_exposed=row.is_exposed and is_shown,
        sender=row.sender or b"",
        sent=_values(row.sent),
    )


def _values(written: str) -> tuple[Value, ...]:
    """Return the values of a row; one that is damaged teaches nothing, and keeps no other from teaching."""
    try:
        return tuple((str(identifier), int(token)) for identifier, token in json.loads(written))
    except (ValueError, TypeError):
        return ()
