"""Working groups: outsiders whom mails showed to each other on three days, and who therefore know each other.

A circle is learned from copies that really left with their addresses, never from one that was rewritten or held, and a
mail teaches a circle one day at most. Who joins a circle is of it after three days himself.
"""

import secrets
from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection, Integer, LargeBinary, Row, bindparam, case, func, select, update

from dlp_gateway.journal.conflicts import inserting
from dlp_gateway.journal.digests import WIDTH
from dlp_gateway.journal.tables import circle_members

#: So many of a mail's outsiders, in hundredths, must be of one circle.
OF_ONE_CIRCLE: Final = 90

_c: Final = circle_members.c


_SHOWN: Final = bindparam("shown", expanding=True, type_=LargeBinary)
_SETTLED: Final = func.sum(case((_c.third >= bindparam("since", type_=Integer), 1), else_=0)).label("settled")
_MOST: Final = select(_SETTLED).where(_c.member.in_(_SHOWN)).group_by(_c.circle).order_by(_SETTLED.desc()).limit(1)


def familiar(connection: Connection, shown: frozenset[bytes], since: int) -> int:
    """Return how many outsiders are of one working group, if nearly all are; else 0. `since` is the oldest day."""
    most = (connection.execute(_MOST, {"shown": tuple(shown), "since": since})).scalar() or 0
    return int(most) if 100 * most >= OF_ONE_CIRCLE * len(shown) else 0


def learn(connection: Connection, shown: Iterable[bytes], day: int) -> None:
    """Note in the caller's transaction that a mail showed these outsiders to each other on a day."""
    members = frozenset(shown)
    circle, theirs = _nearest(connection, members)
    stale = [member for member in members if member in theirs and theirs[member].last < day]
    if stale:
        connection.execute(
            update(circle_members)
            .where(_c.circle == circle, _c.member.in_(stale))
            .values(third=_c.second, second=_c.last, last=day)
        )
    new = [
        {"member": member, "circle": circle, "last": day, "second": 0, "third": 0}
        for member in sorted(members - theirs.keys())
    ]
    if new:
        # Another receiver may just have let the same people in.
        connection.execute(inserting(connection, circle_members).on_conflict_do_nothing(), new)


def _nearest(connection: Connection, members: frozenset[bytes]) -> tuple[bytes, dict[bytes, Row[Any]]]:
    """Return the circle of which nearly all are, and the rows of those who are; a new one if there is none."""
    size = func.count().label("size")
    nearest = (
        select(_c.circle, size)
        .where(_c.member.in_(members))
        .group_by(_c.circle)
        .order_by(size.desc(), _c.circle)
        .limit(1)
    )
    found = (connection.execute(nearest)).first()
    if found is None or 100 * found.size < OF_ONE_CIRCLE * len(members):
        return secrets.token_bytes(WIDTH), {}
    theirs = connection.execute(
        select(circle_members).where(_c.circle == found.circle, _c.member.in_(members)).with_for_update()
    )
    return found.circle, {row.member: row for row in theirs}
