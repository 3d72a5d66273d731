"""The memory of mails to several: written before they leave, found by message, thread, topic and sender."""

from dataclasses import replace
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    Select,
    and_,
    bindparam,
    literal,
    or_,
    select,
    union_all,
    update,
)

from dlp_gateway.journal import announcements
from dlp_gateway.journal.conflicts import inserting
from dlp_gateway.journal.digests import WIDTH, Digests, joined, split
from dlp_gateway.journal.recollecting import Mailing, Remembered
from dlp_gateway.journal.tables import mailings
from dlp_gateway.policy.memory import Memory
from dlp_gateway.recollection import Fate, Sending
from quarantine.tables import Moment

#: Outsiders that are remembered of one message: mailing programs send the same Message-ID in many parts.
MOST: Final = 100_000

#: Digests of one sender's, thread's or topic's mailings that are compared: more than any rule counts.
_DIGESTS: Final = 50_000

#: Mailings of one thread, topic or sender that are looked at, the newest: a window holds no more than people write.
_ROWS: Final = 300

_c: Final = mailings.c
_COLUMNS: Final = (
    *(_c.message, _c.at, _c.sender, _c.topic, _c.root, _c.is_answer, _c.is_objected, _c.is_stopped),
    *(_c.is_exposed, _c.shown, _c.addressed),
)


def mailing(sending: Sending, digests: Digests) -> Mailing:
    """Return a message as the memory knows it; its thread is that of the oldest message that it names."""
    return Mailing(
        message=digests.message(sending.message_id, sending.id),
        at=sending.at,
        sender=digests.sender(sending.reverse_path, sending.login, sending.client),
        topic=digests.topic(sending.topic),
        root=digests.message(sending.answered[-1], "") if sending.answered else b"",
        is_answer=sending.is_answer,
        is_objected=False,
        is_stopped=False,
        is_exposed=False,
        shown=digests.addresses(sending.shown),
        addressed=digests.addresses(sending.addressed),
    )


def remember(connection: Connection, this: Mailing, fate: Fate, item: str) -> None:
    """Add a mailing to the memory; the parts of one mail are one, and what was said of one part holds for it."""
    row = {column.name: getattr(this, column.name) for column in _COLUMNS} | {
        "is_objected": fate.is_objected,
        "is_stopped": fate.is_stopped,
        "is_exposed": fate.is_exposed,
        "item": item if fate.is_kept else None,
    }
    row["shown"], row["addressed"] = _merged(b"", this.shown), _merged(b"", this.addressed)
    # What the driver says of inserted rows is not the same everywhere; what comes back is.
    new = inserting(connection, mailings).on_conflict_do_nothing().returning(_c.message)
    if connection.execute(new, row).first() is not None:
        return
    mine = _c.message == this.message
    known = connection.execute(select(mailings).where(mine).with_for_update()).one()
    connection.execute(
        update(mailings)
        .where(mine)
        .values(
            is_objected=known.is_objected or fate.is_objected,
            is_stopped=known.is_stopped or fate.is_stopped,
            is_exposed=known.is_exposed or fate.is_exposed,
            item=row["item"] or known.item,
            shown=_merged(known.shown, this.shown),
            addressed=_merged(known.addressed, this.addressed),
        )
    )


def _merged(row: bytes, digests: frozenset[bytes]) -> bytes:
    """Return a row with more digests behind those that stand in it."""
    return row + joined(digests - split(row), MOST - len(row) // WIDTH)


def settled(connection: Connection, item: str, *, is_released: bool, is_exposed: bool) -> None:
    """Note what became of a mailing in custody: a reviewer who let it go had no objection."""
    changes: dict[str, bool] = {"is_objected": False, "is_stopped": False} if is_released else {}
    changes |= {"is_exposed": True} if is_exposed else {}
    connection.execute(update(mailings).where(_c.item == item).values(item=None, **changes))


def _newest(way: str, condition: ColumnElement[bool], *marks: str) -> Select[Any]:
    """Select the newest rows, of which only those with one of these marks are read, if any is named."""
    newest = select(*_COLUMNS).where(condition).order_by(_c.at.desc()).limit(_ROWS).subquery()
    rows = select(literal(way), *newest.columns)
    return rows.where(or_(*(newest.columns[mark] for mark in marks))) if marks else rows


# Written once, since building a statement takes longer than running it. `own` and `answered` are rows of digests.
_OWN: Final = bindparam("own", type_=LargeBinary)
_ANSWERED: Final = bindparam("answered", expanding=True, type_=LargeBinary)
_BY_MESSAGE: Final = select(literal("message").label("way"), *_COLUMNS).where(
    or_(_c.message == _OWN, _c.message.in_(_ANSWERED))
)
_BY_SENDER: Final = _newest(
    "sender",
    and_(_c.sender == bindparam("sender", type_=LargeBinary), _c.at > bindparam("since", type_=Moment)),
    *("is_objected", "is_stopped", "is_exposed"),  # a robot's other mails say nothing of this one
)
_ROOTS: Final = select(_c.root).where(_c.message.in_(_ANSWERED), _c.root != b"")
#: The mail that began the thread, where an answer names nothing but another answer to it.
_BEGINNING: Final = select(literal("message"), *_COLUMNS).where(_c.message.in_(_ROOTS))
_IN_THREAD: Final = _newest(
    "thread",
    and_(or_(_c.root.in_(_ANSWERED), _c.root.in_(_ROOTS)), _c.at > bindparam("thread_since", type_=Moment)),
)
_ON_TOPIC: Final = _newest("topic", _c.topic == bindparam("topic", type_=LargeBinary))
_BEFORE: Final = announcements.BEFORE.subquery()
_ANNOUNCED: Final = select(_BEFORE)
_PARTS_ANNOUNCED: Final = select(_BEFORE).where(or_(_BEFORE.c.message == _OWN, _BEFORE.c.message.in_(_ANSWERED)))
_FOR_PARTS: Final = union_all(_BY_MESSAGE, _PARTS_ANNOUNCED)
_FOR_AN_ANSWER: Final = union_all(_BY_MESSAGE, _BEGINNING, _BY_SENDER, _IN_THREAD, _ANNOUNCED)
_FOR_A_TOPIC: Final = union_all(_BY_MESSAGE, _BY_SENDER, _ON_TOPIC, _ANNOUNCED)
_FOR_ANOTHER: Final = union_all(_BY_MESSAGE, _BY_SENDER, _ANNOUNCED)


def find(
    connection: Connection,
    this: Mailing,
    answered: tuple[bytes, ...],
    memory: Memory,
    number: int,
    *,
    parts_only: bool = False,
) -> tuple[Mailing, Remembered]:
    """Return the mailing with its thread's root, and what is remembered that may concern it: in one round trip.

    What is under way concerns it if it was announced before `number`; its parts are one mail, whoever came first.
    `parts_only`: these, and what it answers, will do.
    """
    longest = max(memory.window, memory.strike)
    storm = memory.storm.closed + memory.storm.within
    by_topic = this.topic and this.is_answer
    statement = _FOR_AN_ANSWER if answered else _FOR_A_TOPIC if by_topic else _FOR_ANOTHER
    if parts_only:
        statement = _FOR_PARTS
    values = {
        "own": this.message,
        "answered": answered,
        "sender": this.sender,
        "since": this.at - longest,
        "thread_since": this.at - max(storm, longest),
        "topic": this.topic,
        "number": number or announcements.LAST,
    }
    rows: dict[str, list[Mailing]] = {"message": [], "sender": [], "thread": [], "topic": [], "announced": []}
    left = dict.fromkeys(rows, _DIGESTS)
    for way, *row in connection.execute(statement, values):
        one = _opened(*row)
        if left[way] > 0 or way == "message":
            left[way] -= len(one.shown) + len(one.addressed)
            rows[way].append(one)
    threads = frozenset(answered).union(one.root for one in rows["message"] if one.message in answered and one.root)
    for way, under_way in announcements.concerning(this, rows["announced"], threads).items():
        rows[way] += under_way
    order = {message: place for place, message in enumerate(answered)}
    parents = sorted((one for one in rows["message"] if one.message in order), key=lambda one: order[one.message])
    if parents:
        this = replace(this, root=parents[0].root or parents[0].message)
    beginnings = {one.message: one for one in rows["message"] if one.message in threads and one.message not in order}
    parents += beginnings.values()
    return this, Remembered(
        parts=_but(this, rows["message"], same=True),
        answered=_but(this, parents),
        in_thread=_but(this, rows["thread"]),
        on_topic=_but(this, rows["topic"]),
        by_sender=_but(this, rows["sender"]),
    )


def _opened(*row: Any) -> Mailing:  # noqa: ANN401  the columns in their order
    message, at, sender, topic, root, is_answer, is_objected, is_stopped, is_exposed, shown, addressed = row
    shown_to_all = split(shown)
    return Mailing(
        message=message,
        at=at,
        sender=sender,
        topic=topic,
        root=root,
        is_answer=is_answer,
        is_objected=is_objected,
        is_stopped=is_stopped,
        is_exposed=is_exposed,
        shown=shown_to_all,
        addressed=shown_to_all if addressed == shown else split(addressed),
    )


def _but(this: Mailing, found: list[Mailing], *, same: bool = False) -> tuple[Mailing, ...]:
    """Return the mailings that are other mails than this one, or (`same`) its earlier parts."""
    return tuple(one for one in found if (one.message == this.message) is same)
