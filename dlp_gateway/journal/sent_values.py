"""Identifiers that senders sent outside within the window, as tokens: written down and added up before they leave."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, select

from dlp_gateway.detect.sent import MOST
from dlp_gateway.journal.conflicts import in_turn, inserting
from dlp_gateway.journal.tables import sent_values

Value = tuple[str, int]
_c: Final = sent_values.c


def add(
    connection: Connection, sender: bytes, values: Collection[Value], at: datetime, window: timedelta
) -> tuple[Value, ...]:
    """Note in the caller's transaction what a sender is about to send; return what he sent of that sort before.

    Mails that are inspected at the same time come one after another here: the later one is told of the other's.
    """
    in_turn(connection)
    theirs = select(_c.identifier, _c.token).where(
        _c.sender == sender,
        _c.identifier.in_({identifier for identifier, _ in values}),
        _c.at > at - window,
    )
    before = tuple((row.identifier, row.token) for row in connection.execute(theirs.limit(MOST)))
    if len(before) < MOST:
        learn(connection, {(sender, at): values})
    return before


def withdraw(connection: Connection, sender: bytes, values: Iterable[Value], at: datetime) -> None:
    """Take back in the caller's transaction what a mail of `at` does not send, unless another one did since."""
    for identifier, token in values:
        mine = (_c.sender == sender, _c.identifier == identifier, _c.token == token, _c.at == at)
        connection.execute(delete(sent_values).where(*mine))


def learn(connection: Connection, sent: Mapping[tuple[bytes, datetime], Iterable[Value]]) -> None:
    """Note in the caller's transaction what senders sent, and when."""
    newest = {
        (sender, value): at
        for (sender, at), values in sorted(sent.items(), key=lambda item: item[0][1])
        for value in values
    }
    if not newest:
        return
    insert = inserting(connection, sent_values)
    now = datetime.now(UTC)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=[_c.sender, _c.identifier, _c.token],
            set_={"at": insert.excluded.at, "written_at": insert.excluded.written_at},
        ),
        [
            {"sender": sender, "identifier": identifier, "token": token, "at": at, "written_at": now}
            for (sender, (identifier, token)), at in sorted(newest.items())
        ],
    )
