"""Rows with a large value in SQLite: it goes in piece by piece, since what is bound to a statement is copied twice."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table

from quarantine.failures import is_stale
from quarantine.insertion import insert_rows

#: Octets of a value that is large; below, one statement costs less.
LARGE: Final = 1_000_000
_PIECE: Final = 262_144


def insert_with_contents(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], column: str) -> None:
    """Insert rows, all of the same columns, in the caller's transaction; `column` has octets that may be large."""
    # SQLite's own connection, which can write into a value, is at hand where we call it without asyncio.
    large = [row for row in rows if len(row[column]) >= LARGE] if connection.dialect.driver == "pysqlite" else []
    if not large:
        insert_rows(connection, table, rows)
        return
    insert_rows(connection, table, [{**row, column: b""} if len(row[column]) >= LARGE else row for row in rows])
    (key,) = table.primary_key
    for row in large:
        of_row = f'"{table.name}" WHERE "{key.name}" = ?'
        room = f'UPDATE "{table.name}" SET "{column}" = zeroblob(?) WHERE "{key.name}" = ?'  # noqa: S608 - names of our tables
        connection.exec_driver_sql(room, (len(row[column]), row[key.name]))
        number = connection.exec_driver_sql(f"SELECT rowid FROM {of_row}", (row[key.name],)).scalar_one()  # noqa: S608 - as above
        _write(connection, (table.name, column, number), row[column])


def _write(connection: Connection, place: tuple[str, str, int], octets: bytes) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - told to mypy
    try:
        with driver.blobopen(*place) as value, memoryview(octets) as view:
            for start in range(0, len(view), _PIECE):
                value.write(view[start : start + _PIECE])
    except sqlite3.Error as error:
        if is_stale(error):  # no statement of SQLAlchemy's, so nobody else looks at it
            connection.invalidate(error)
        raise
