"""Mails to several that are under way: written down before anybody is asked about them, so that two at once are seen.

Each has a number, and who asks counts those before his own. What a crash leaves behind counts on, as if it had left.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import (
    BigInteger,
    Connection,
    LargeBinary,
    Select,
    bindparam,
    delete,
    false,
    func,
    insert,
    literal,
    select,
)

from dlp_gateway.journal.conflicts import in_turn
from dlp_gateway.journal.digests import joined
from dlp_gateway.journal.recollecting import Mailing
from dlp_gateway.journal.tables import announcements
from quarantine.tables import Moment

#: How long one counts at most that nobody settled: as long as the longest window.
KEPT: Final = timedelta(days=7)

#: Before how many announcements one comes that has no number: all.
LAST: Final = 2**62

#: Outsiders that are written down of one mail, and mails under way that are looked at, the newest.
_MOST: Final = 100_000
_ROWS: Final = 300

_c: Final = announcements.c

# Written once, since building a statement takes longer than running it.
_NEXT: Final = select(func.coalesce(func.max(_c.number), 0) + 1)
_ANNOUNCE: Final = insert(announcements)
_WITHDRAW: Final = delete(announcements).where(
    _c.message == bindparam("of", type_=LargeBinary), _c.number <= bindparam("up_to", type_=BigInteger)
)

#: Those before a number, as rows of `mailings`; in the same statement, or one that is just settled might be in neither.
BEFORE: Final[Select[tuple[object, ...]]] = (
    select(
        literal("announced"),
        *(_c.message, _c.at, _c.sender, _c.topic, _c.root, _c.is_answer, _c.is_objected, false()),
        *(_c.is_exposed, _c.shown, _c.addressed),
    )
    .where(_c.number < bindparam("number", type_=BigInteger), _c.at > bindparam("thread_since", type_=Moment))
    .order_by(_c.number.desc())
    .limit(_ROWS)
)


def announce(connection: Connection, this: Mailing) -> int:
    """Write down in the caller's transaction that a mail is under way, and return its number."""
    in_turn(connection)
    number: int = connection.execute(_NEXT).scalar_one()
    row = {
        "number": number,
        "message": this.message,
        "at": this.at,
        "sender": this.sender,
        "topic": this.topic,
        "root": this.root,
        "is_answer": this.is_answer,
        "is_objected": this.is_objected,
        "is_exposed": this.is_exposed,
        "shown": joined(this.shown, _MOST),
        "addressed": joined(this.addressed, _MOST),
    }
    connection.execute(_ANNOUNCE, row)
    return number


def withdraw(connection: Connection, message: bytes, number: int) -> None:
    """Take an announcement back, with what an attempt before it left behind that came to no end."""
    connection.execute(_WITHDRAW, {"of": message, "up_to": number})


def forget(connection: Connection, before: datetime) -> None:
    """Drop what nobody settled."""
    connection.execute(delete(announcements).where(_c.at < before))


def concerning(this: Mailing, announced: Iterable[Mailing], threads: frozenset[bytes]) -> dict[str, list[Mailing]]:
    """Sort them as `mailings.find` does its rows; `threads` are ids that the mail answers."""
    found: dict[str, list[Mailing]] = {"message": [], "sender": [], "thread": [], "topic": []}
    for one in announced:
        if one.message == this.message or one.message in threads:
            found["message"].append(one)
        if one.sender == this.sender:
            found["sender"].append(one)
        if one.root and one.root in threads:
            found["thread"].append(one)
        if this.topic and one.topic == this.topic and not threads:
            found["topic"].append(one)
    return found
