"""Writing a change of state: checked against the table of transitions, with its event, in the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, Select, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from quarantine.crypto import Sealer
from quarantine.model import State, require_transition
from quarantine.tables import events, recipients

_WRITTEN: Final = (
    "state",
    "original",
    "attempts",
    "due_at",
    "due_since",
    "changed_at",
    "lease_owner",
    "lease_until",
    "handing_over",
    "reply",
    "told_of_delay",
)
_UPDATE: Final = (
    update(recipients)
    .where(recipients.c.item == bindparam("of_item"), recipients.c.number == bindparam("of_number"))
    .values({name: bindparam(name) for name in _WRITTEN})
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A recipient's row as it was read in this transaction, and what becomes of it; None leaves a column as it is.

    The lease ends with the change, unless `keep_lease`. `anew`: it became due by a decision, so attempts count from 0
    and nobody was told of a delay.
    `again` marks a retry: DUE stays DUE. Not `counted`: the claim that ends with it was no attempt. `silent`: nothing
    happened that a reviewer would want to read.
    """

    row: Row[Any]
    after: State
    reason: str = ""
    due_at: datetime | None = None
    original: bool | None = None
    reply: str | None = None
    told_of_delay: bool = False
    anew: bool = False
    again: bool = False
    counted: bool = True
    keep_lease: bool = False
    silent: bool = False


def changeable() -> Select[Any]:
    """Select recipients, locked until the transaction ends."""
    return select(recipients).order_by(recipients.c.item, recipients.c.number).with_for_update()


async def write(
    connection: AsyncConnection, changes: Sequence[Change], *, actor: str, now: datetime, sealer: Sealer
) -> int:
    """Write changes and their events; raises `TransitionError` for one that the table does not have."""
    if not changes:
        return 0
    sealed = _Texts(sealer)
    for change in changes:
        if not change.again:
            require_transition(State(change.row.state), change.after)
    await connection.execute(_UPDATE, [_columns(change, sealed, now) for change in changes])
    written = [_event(change, sealed, actor, now) for change in changes if not change.silent]
    if written:
        await connection.execute(insert(events), written)
    return len(changes)


class _Texts(dict[tuple[str, str, str], bytes]):
    """Sealed texts by item, column and text: the recipients of one message share most replies and reasons."""

    def __init__(self, sealer: Sealer) -> None:
        super().__init__()
        self._sealer = sealer

    def __missing__(self, text: tuple[str, str, str]) -> bytes:
        sealed = self[text] = self._sealer.seal_text(*text)
        return sealed


def _columns(change: Change, sealed: _Texts, now: datetime) -> dict[str, Any]:
    row = change.row
    return {
        "of_item": row.item,
        "of_number": row.number,
        "state": change.after,
        "original": row.original if change.original is None else change.original,
        "attempts": 0 if change.anew else row.attempts - (not change.counted),
        "due_at": change.due_at or row.due_at,
        "due_since": now if change.anew else row.due_since,
        "changed_at": now,
        "lease_owner": row.lease_owner if change.keep_lease else None,
        "lease_until": row.lease_until if change.keep_lease else None,
        "handing_over": False,
        "told_of_delay": (row.told_of_delay or change.told_of_delay) and not change.anew,
        "reply": row.reply if change.reply is None else sealed[row.item, "reply", change.reply],
    }


def _event(change: Change, sealed: _Texts, actor: str, now: datetime) -> dict[str, Any]:
    return {
        "item": change.row.item,
        "recipient": change.row.number,
        "at": now,
        "actor": actor,
        "before": change.row.state,
        "after": change.after,
        "reason": sealed[change.row.item, "reason", change.reason] if change.reason else None,
    }
