"""What one take writes: the rows of its deposits, and what its caller has written beside them (the journal's)."""

from dataclasses import dataclass

from sqlalchemy import Connection

from quarantine import insertion, tables
from quarantine.contents import insert_with_contents
from quarantine.rows import SealedRows
from quarantine.store import Also, JointAlso


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """The sealed rows of one take, and a hook that writes in the same transaction."""

    sealed: SealedRows
    also: Also | None

    @property
    def size(self) -> int:
        """Octets of sealed content."""
        return sum(len(payload["content"]) for payload in self.sealed.payloads)


def insert_takes(connection: Connection, takes: list[Take]) -> list[None]:
    """Write several takes in the caller's transaction: each table, and hooks of one type, at once."""
    sealed = [take.sealed for take in takes]
    insert_rows(
        connection,
        SealedRows(
            payloads=[row for one in sealed for row in one.payloads],
            copies=[row for one in sealed for row in one.copies],
            recipients=[row for one in sealed for row in one.recipients],
            events=[row for one in sealed for row in one.events],
        ),
    )
    for also in _joined([take.also for take in takes if take.also is not None]):
        also(connection)
    return [None] * len(takes)


def _joined(hooks: list[Also]) -> list[Also]:
    if len(hooks) > 1 and isinstance(hooks[0], JointAlso) and len(set(map(type, hooks))) == 1:
        return [hooks[0].joined(hooks[1:])]
    return hooks


def insert_rows(connection: Connection, sealed: SealedRows) -> None:
    """Write sealed deposits in the caller's transaction."""
    insert_with_contents(connection, tables.payloads, sealed.payloads, "content")
    insertion.insert_rows(connection, tables.copies, sealed.copies)
    insertion.insert_rows(connection, tables.recipients, sealed.recipients)
    insertion.insert_rows(connection, tables.events, sealed.events)
