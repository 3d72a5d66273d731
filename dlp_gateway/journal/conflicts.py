"""Where processes meet in one table: inserts of rows that may be there already, and transactions one after another."""

from typing import Final, TypeAlias

from sqlalchemy import BigInteger, Connection, Table, cast, func, select
from sqlalchemy.dialects import postgresql, sqlite

#: The name of the lock, for PostgreSQL: any number that nothing else in this database uses.
_TURN: Final = 0x646C_702D_6761_7465

Inserting: TypeAlias = sqlite.Insert | postgresql.Insert


def inserting(connection: Connection, table: Table) -> Inserting:
    """Return an insert with `on_conflict_do_nothing`, `on_conflict_do_update` and `excluded`."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def in_turn(connection: Connection) -> None:
    """Make the caller's transaction wait for all others that said so, until they are committed.

    Then whoever is later sees what was written before. SQLite has one writing transaction at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(cast(_TURN, BigInteger))))
