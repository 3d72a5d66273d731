"""SQLite databases → their tables, a row a line, and the files in their cells (the only door to sqlite3 for content).

The database stays in memory: it is opened from its octets, read-only, and nothing is asked of it but the rows of its
own tables. What it would have run for that (views, triggers, virtual tables, functions in indices) is not.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import count, islice
from typing import Final

from dlp_gateway.content import traces
from dlp_gateway.content.structured import spoken
from dlp_gateway.content.text import UNPACKED_OCTETS, Account, File, Piece, UnreadableReason

_TABLES: Final = 500
_ROWS: Final = 200_000
_CHARACTERS: Final = 16_000_000
#: Instructions of SQLite's machine: a row of ten cells takes some fifteen.
_STEPS: Final = 10_000
_MOST_STEPS: Final = 2_000
_SMALLEST_FILE: Final = 24
_BOUNDS: Final = frozenset({sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_NOMEM})
_ALLOWED: Final = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ})


def read(content: bytes, account: Account) -> Iterator[Piece]:
    """Yield the tables as text, what cells hold as files, and traces of what was deleted."""
    try:
        with closing(sqlite3.connect(":memory:")) as database:
            # In memory there is no log beside the file, which its header may ask for (SQLite's file format, 1.3.3).
            database.deserialize(content[:18] + b"\1\1" + content[20:])
            yield from _tables(database, account)
    except sqlite3.Error as problem:
        is_bound = getattr(problem, "sqlite_errorcode", 0) in _BOUNDS
        yield UnreadableReason.TOO_LARGE if is_bound else UnreadableReason.BROKEN
    yield traces.runs(content)


def _tables(database: sqlite3.Connection, account: Account) -> Iterator[Piece]:
    database.text_factory = lambda octets: octets.decode("utf-8", "replace")
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, UNPACKED_OCTETS)
    database.execute("PRAGMA trusted_schema = OFF")
    database.execute("PRAGMA cell_size_check = ON")
    steps = count()
    database.set_progress_handler(lambda: next(steps) >= _MOST_STEPS, _STEPS)
    database.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY)
    # A rootpage of nought is a virtual table's (SQLite's file format, 2.6).
    names = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0").fetchall()
    left = _CHARACTERS
    for (name,) in names[:_TABLES]:
        quoted = str(name).replace('"', '""')
        rows = database.execute(f'SELECT * FROM "{quoted}"')  # noqa: S608 - a name, quoted; nothing else is allowed
        lines = [spoken(str(name)), "\t".join(spoken(column[0]) for column in rows.description)]
        for row in islice(rows, _ROWS):
            cells = [str(cell) for cell in row if not isinstance(cell, bytes) and cell is not None]
            yield from _files(row, account)
            left -= sum(map(len, cells)) + len(row)
            if left < 0:
                break
            lines.append("\t".join(_cell(cell) for cell in row))
        yield "\n".join(lines)
        if left < 0 or rows.fetchone() is not None:
            yield UnreadableReason.TOO_LARGE
            return
    if len(names) > _TABLES:
        yield UnreadableReason.TOO_LARGE


def _cell(cell: object) -> str:
    return "" if cell is None or isinstance(cell, bytes) else " ".join(str(cell).split())


def _files(row: tuple[object, ...], account: Account) -> Iterator[File]:
    for cell in row:
        if isinstance(cell, bytes) and len(cell) >= _SMALLEST_FILE:
            account.count()
            account.spend(len(cell))
            yield File(name="", content=cell)
