"""What a database holds, to be compared: the definition and the rows of every table."""

from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, MetaData, Table
from sqlalchemy.schema import CreateIndex, CreateTable

from quarantine.database import Database


class Held(NamedTuple):
    """The statements that would make a table and its indexes, and what is in it."""

    made_by: tuple[str, ...]
    rows: tuple[str, ...]


async def held(url: str, folder: Path) -> dict[str, Held]:
    """Return what each table of a database is and holds."""

    def look(connection: Connection) -> dict[str, Held]:
        def one(table: Table) -> Held:
            made_by = (CreateTable(table), *map(CreateIndex, table.indexes))
            return Held(
                made_by=tuple(sorted(str(statement.compile(connection)) for statement in made_by)),
                rows=tuple(sorted(map(repr, connection.execute(table.select())))),
            )

        known = MetaData()
        known.reflect(connection)
        return {table.name: one(table) for table in known.sorted_tables}

    database = Database(url, folder=folder)
    try:
        async with database.reading() as connection:
            return await connection.run_sync(look)
    finally:
        await database.close()
