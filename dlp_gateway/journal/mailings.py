"""The memory of mails to several: written before they leave, found by message, thread, topic and sender."""

from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, and_, literal, or_, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dlp_gateway.journal.conflicts import inserting
from dlp_gateway.journal.digests import WIDTH, Digests, joined, split
from dlp_gateway.journal.recollecting import Mailing, Remembered
from dlp_gateway.journal.tables import mailings
from dlp_gateway.policy.memory import Memory
from dlp_gateway.ports import Fate, Sending

#: Outsiders that are remembered of one message: mailing programs send the same Message-ID in many parts.
MOST: Final = 100_000

#: Digests of one sender's, thread's or topic's mailings that are compared: more than any rule counts.
_DIGESTS: Final = 50_000

#: Mailings of one thread, topic or sender that are looked at, the newest: a window holds no more than people write.
_ROWS: Final = 300

_c: Final = mailings.c
_COLUMNS: Final = (
    *(_c.message, _c.at, _c.sender, _c.topic, _c.root, _c.is_answer, _c.is_objected, _c.is_exposed),
    *(_c.shown, _c.addressed),
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
        is_exposed=False,
        shown=digests.addresses(sending.shown),
        addressed=digests.addresses(sending.addressed),
    )


async def remember(connection: AsyncConnection, this: Mailing, fate: Fate, item: str) -> None:
    """Add a mailing to the memory; the parts of one mail are one, and what was said of one part holds for it."""
    row = {column.name: getattr(this, column.name) for column in _COLUMNS} | {
        "is_objected": fate.is_objected,
        "is_exposed": fate.is_exposed,
        "item": item if fate.is_kept else None,
    }
    mine = _c.message == this.message
    empty = row | {"shown": b"", "addressed": b""}
    await connection.execute(inserting(connection, mailings).values(empty).on_conflict_do_nothing())
    known = (await connection.execute(select(mailings).where(mine).with_for_update())).one()
    await connection.execute(
        update(mailings)
        .where(mine)
        .values(
            is_objected=known.is_objected or fate.is_objected,
            is_exposed=known.is_exposed or fate.is_exposed,
            item=row["item"] or known.item,
            shown=_merged(known.shown, this.shown),
            addressed=_merged(known.addressed, this.addressed),
        )
    )


def _merged(row: bytes, digests: frozenset[bytes]) -> bytes:
    """Return a row with more digests behind those that stand in it."""
    return row + joined(digests - split(row), MOST - len(row) // WIDTH)


async def settled(connection: AsyncConnection, item: str, *, left: bool, is_exposed: bool) -> None:
    """Note what became of a mailing in custody: a reviewer who let it go had no objection."""
    changes = {"is_objected": False, "is_exposed": is_exposed} if left else {}
    await connection.execute(update(mailings).where(_c.item == item).values(item=None, **changes))


async def find(
    connection: AsyncConnection, this: Mailing, answered: tuple[bytes, ...], memory: Memory
) -> tuple[Mailing, Remembered]:
    """Return the mailing with its thread's root, and what is remembered that may concern it: in one round trip."""
    longest = max(memory.window, memory.strike)
    storm = memory.storm.closed + memory.storm.within
    branches = [select(literal("message").label("way"), *_COLUMNS).where(_c.message.in_((this.message, *answered)))]
    if this.sender:
        branches.append(_newest("sender", and_(_c.sender == this.sender, _c.at > this.at - longest)))
    if answered:
        roots = select(_c.root).where(_c.message.in_(answered), _c.root != b"")
        in_thread = or_(_c.root.in_(answered), _c.root.in_(roots))
        branches.append(_newest("thread", and_(in_thread, _c.at > this.at - max(storm, longest))))
    elif this.topic:
        branches.append(_newest("topic", _c.topic == this.topic))
    rows: dict[str, list[Mailing]] = {"message": [], "sender": [], "thread": [], "topic": []}
    left = dict.fromkeys(rows, _DIGESTS)
    for row in await connection.execute(union_all(*branches)):
        if left[row.way] > 0 or row.way == "message":
            left[row.way] -= (len(row.shown) + len(row.addressed)) // WIDTH
            rows[row.way].append(_opened(row))
    order = {message: place for place, message in enumerate(answered)}
    parents = sorted((one for one in rows["message"] if one.message in order), key=lambda one: order[one.message])
    if parents:
        this = replace(this, root=parents[0].root or parents[0].message)
    return this, Remembered(
        parts=_but(this, rows["message"], same=True),
        answered=_but(this, parents),
        in_thread=_but(this, rows["thread"]),
        on_topic=_but(this, rows["topic"]),
        by_sender=_but(this, rows["sender"]),
    )


def _newest(way: str, condition: ColumnElement[bool]) -> Select[Any]:
    newest = select(*_COLUMNS).where(condition).order_by(_c.at.desc()).limit(_ROWS).subquery()
    return select(literal(way), *newest.columns)


def _opened(row: Row[Any]) -> Mailing:
    values = {column.name: getattr(row, column.name) for column in _COLUMNS}
    return Mailing(**values | {"shown": split(row.shown), "addressed": split(row.addressed)})


def _but(this: Mailing, found: list[Mailing], *, same: bool = False) -> tuple[Mailing, ...]:
    """Return the mailings that are other mails than this one, or (`same`) its earlier parts."""
    return tuple(one for one in found if (one.message == this.message) is same)
