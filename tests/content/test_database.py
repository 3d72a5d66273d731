"""Databases are read as their tables, and nothing in them is run."""

import sqlite3
from contextlib import closing

import pytest

from dlp_gateway.content.database import read
from dlp_gateway.content.kind import Kind, of
from dlp_gateway.content.text import Account, File, UnreadableReason
from dlp_gateway.mail.message import Part


def made(*statements: str) -> bytes:
    """Return a database that these statements make."""
    with closing(sqlite3.connect(":memory:")) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()
        return database.serialize()


DRIVERS = made("CREATE TABLE drivers (name, licence_no)", "INSERT INTO drivers VALUES ('Orla Tidewell', 'D8707389')")


def test_rows_stand_below_their_headings() -> None:
    """A table is a table, whatever the file is called."""
    part = Part(path="1", media_type="", charset="", filename="a.dat", disposition="", content=DRIVERS)
    assert of(part) == (Kind.DATABASE,)
    text = next(read(DRIVERS, Account()))
    assert text == "drivers\nname\tlicence no\nOrla Tidewell\tD8707389"


def test_files_in_cells() -> None:
    """What is stored as octets is a file in the file."""
    content = made("CREATE TABLE f (c)", "INSERT INTO f VALUES (CAST('%PDF-1.4 nothing at all in it' AS BLOB))")
    assert [piece.content[:5] for piece in read(content, Account()) if isinstance(piece, File)] == [b"%PDF-"]


def test_a_database_with_a_log_beside_it() -> None:
    """Its own pages are read, though its header asks for the log."""
    assert "D8707389" in str(next(read(DRIVERS[:18] + b"\2\2" + DRIVERS[20:], Account())))


@pytest.mark.parametrize(
    "content",
    [DRIVERS[:700], DRIVERS[:4096] + b"\xff" * 4096, b"SQLite format 3\0" + bytes(100)],
    ids=["cut", "overwritten", "empty"],
)
def test_what_is_damaged_is_said(content: bytes) -> None:
    """What cannot be opened is broken, and is searched for traces."""
    assert UnreadableReason.BROKEN in list(read(content, Account()))


def test_nothing_is_run() -> None:
    """Views and generated columns that would never end cost nothing, or end at a bound."""
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    pieces = list(
        read(made("CREATE TABLE t (a)", "INSERT INTO t VALUES ('word')", f"CREATE VIEW v AS {endless}"), Account())
    )
    assert "t\na\nword" in pieces
