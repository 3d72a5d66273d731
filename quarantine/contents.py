"""Rows with a large value in SQLite: it goes in piece by piece, and is sealed on the way.

What is bound to a statement is copied twice.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table

from quarantine.crypto import SealedContent
from quarantine.failures import is_stale
from quarantine.insertion import insert_rows

#: Octets of a value that is large; below, one statement costs less.
LARGE: Final = 1_000_000


def insert_with_contents(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], column: str) -> None:
    """Insert rows, all of the same columns, in the caller's transaction; `column` has octets, or `SealedContent`."""
    large = [row for row in rows if isinstance(row[column], SealedContent)]
    # SQLite's own connection, which can write into a value, is at hand where we call it without asyncio.
    in_pieces = connection.dialect.driver == "pysqlite"
    if not large:
        insert_rows(connection, table, rows)
        return
    insert_rows(connection, table, [{**row, column: _bound(row[column], in_pieces=in_pieces)} for row in rows])
    if not in_pieces:
        return
    (key,) = table.primary_key
    for row in large:
        of_row = f'"{table.name}" WHERE "{key.name}" = ?'
        room = f'UPDATE "{table.name}" SET "{column}" = zeroblob(?) WHERE "{key.name}" = ?'  # noqa: S608 - names of our tables
        connection.exec_driver_sql(room, (len(row[column]), row[key.name]))
        number = connection.exec_driver_sql(f"SELECT rowid FROM {of_row}", (row[key.name],)).scalar_one()  # noqa: S608 - as above
        _write(connection, (table.name, column, number), row[column])


def _bound(value: bytes | SealedContent, *, in_pieces: bool) -> bytes:
    """Return what is bound to the statement."""
    if isinstance(value, bytes):
        return value
    return b"" if in_pieces else b"".join(value)


def _write(connection: Connection, place: tuple[str, str, int], sealed: SealedContent) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - told to mypy
    try:
        with driver.blobopen(*place) as value:
            for piece in sealed:
                value.write(piece)
    except sqlite3.Error as error:
        if is_stale(error):  # no statement of SQLAlchemy's, so nobody else looks at it
            connection.invalidate(error)
        raise
