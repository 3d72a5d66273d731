"""New rows, many with one statement where the database is SQLite.

Python's module for SQLite gives up the interpreter's lock for each row that it inserts, and beside a busy loop waits up
to a turn to get it back: the changes cost both threads more than the rows do. For the same reason rows that can be
prepared by the loop should be, as `prepared`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Final

from sqlalchemy import Connection, Dialect, Table, TypeDecorator, insert

#: Values of one statement, far below what SQLite takes since its version 3.32 (sqlite.org/limits.html 9).
_VALUES: Final = 4_000


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, all of the same columns, in the caller's transaction."""
    prepared(table, rows, connection.dialect)(connection)


def prepared(table: Table, rows: Sequence[Mapping[str, Any]], dialect: Dialect) -> Callable[[Connection], None]:
    """Return what inserts rows, all of the same columns, in a transaction of a database that speaks `dialect`."""
    if dialect.name == "sqlite":
        return partial(_execute, _statements(table, rows, dialect))
    return partial(_insert, table, rows)


def _execute(statements: Sequence[tuple[str, tuple[Any, ...]]], connection: Connection) -> None:
    for statement, values in statements:
        connection.exec_driver_sql(statement, values)


def _insert(table: Table, rows: Sequence[Mapping[str, Any]], connection: Connection) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _statements(table: Table, rows: Sequence[Mapping[str, Any]], dialect: Dialect) -> list[tuple[str, tuple[Any, ...]]]:
    if not rows:
        return []
    columns = tuple(rows[0])
    if any(len(row) != len(columns) for row in rows):
        raise ValueError("rows of different columns")
    most = _power_of_two(_VALUES // len(columns))
    statements = []
    start = 0
    while start < len(rows):
        count = min(most, _power_of_two(len(rows) - start))  # of few lengths, so that SQLite has each at hand already
        values = [row[column] for row in rows[start : start + count] for column in columns]
        for place, kind in _decorated(table, columns):
            values[place :: len(columns)] = [
                kind.process_bind_param(value, dialect) for value in values[place :: len(columns)]
            ]
        statements.append((_statement(table.name, columns, count), tuple(values)))
        start += count
    return statements


def _power_of_two(most: int) -> int:
    return 1 << (most.bit_length() - 1)


@lru_cache
def _decorated(table: Table, columns: tuple[str, ...]) -> tuple[tuple[int, TypeDecorator[Any]], ...]:
    """Return the places and types of columns whose values are not stored as they are."""
    kinds = ((place, table.c[column].type) for place, column in enumerate(columns))
    return tuple((place, kind) for place, kind in kinds if isinstance(kind, TypeDecorator))


@lru_cache
def _statement(table: str, columns: tuple[str, ...], count: int) -> str:
    names = ", ".join(f'"{column}"' for column in columns)
    row = f"({', '.join('?' * len(columns))})"
    return f'INSERT INTO "{table}" ({names}) VALUES {", ".join([row] * count)}'  # noqa: S608 - names of our tables
