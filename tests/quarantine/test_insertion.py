"""Rows that go in with few statements come back as they were, in order."""

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import (
    Boolean,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from quarantine.insertion import insert_rows, prepared
from quarantine.tables import Moment
from tests.work import lines

table = Table(
    "things",
    MetaData(),
    Column("number", Integer, primary_key=True),
    Column("name", Text),
    Column("is_new", Boolean, nullable=False),
    Column("at", Moment, nullable=True),
    Column("sealed", LargeBinary, nullable=True),
    Column("copy", Integer, nullable=False, server_default="7"),
)
engine = create_engine("sqlite://")
table.metadata.create_all(engine)

rows = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9),
            "is_new": st.booleans(),
            "at": st.none() | st.datetimes(timezones=st.just(UTC)),
            "sealed": st.none() | st.binary(max_size=9),
        }
    ),
    max_size=70,
)


@given(rows)
def test_rows_come_back_as_they_were(new: list[dict[str, object]]) -> None:
    """Any number of them, with what is not stored as it is, what is missing and what the table itself sets."""
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM things"))
        insert_rows(connection, table, new)
        found = [row._mapping for row in connection.execute(select(table).order_by(table.c.number))]
    assert [{name: row[name] for name in ("name", "is_new", "at", "sealed")} for row in found] == new
    assert {row["copy"] for row in found} <= {7}


def test_few_statements_write_many_rows() -> None:
    """A thousand rows take a dozen statements, of lengths that come again."""
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    for count in (1000, 999):
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM things"))
            statements.clear()
            now = datetime.now(UTC)
            new = [{"name": f"{one}", "is_new": True, "at": now + timedelta(one)} for one in range(count)]
            insert_rows(connection, table, new)
            assert len(statements) <= 12
            assert connection.execute(select(table.c.name)).scalars().all() == [one["name"] for one in new]


def test_nothing_is_made_for_another_database() -> None:
    """What only SQLite takes is prepared for SQLite only, and PostgreSQL costs the loop nothing."""
    new = [{"name": f"{one}", "is_new": True} for one in range(1000)]
    work = [lines(partial(prepared, table, new, dialect)) for dialect in (postgresql.dialect(), sqlite.dialect())]
    assert work[0] < 10 < len(new) < work[1]


def test_one_wrong_row_writes_none(tmp_path: Path) -> None:
    """A row that the table refuses takes its whole group with it."""
    file = create_engine(f"sqlite:///{tmp_path}/things.db")
    table.metadata.create_all(file)
    new = [{"number": one, "name": "", "is_new": one != 5 or None} for one in range(9)]
    with pytest.raises(IntegrityError), file.begin() as connection:
        insert_rows(connection, table, new)
    with file.begin() as connection:
        assert connection.execute(select(table)).all() == []
    file.dispose()
