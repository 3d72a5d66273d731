"""Inserts that may meet a row that is there already: SQLite and PostgreSQL say it alike, standard SQL does not."""

from typing import TypeAlias

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

Inserting: TypeAlias = sqlite.Insert | postgresql.Insert


def inserting(connection: AsyncConnection, table: Table) -> Inserting:
    """Return an insert with `on_conflict_do_nothing`, `on_conflict_do_update` and `excluded`."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
