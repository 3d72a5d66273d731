"""The journal's migrations give exactly the tables that the code knows, beside custody's."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from dlp_gateway.journal import migrations
from dlp_gateway.journal.tables import REVISION, VERSION_TABLE, metadata
from quarantine.database import Database
from quarantine.tables import VERSION_TABLE as CUSTODY_VERSION
from quarantine.tables import metadata as custody

URL = "sqlite:///custody.db"


async def test_the_tables_are_all_migrations_applied(folder: Path) -> None:
    """Nothing is missing from the migrations, and nothing is in them that the code does not know."""
    beside = {*custody.tables, CUSTODY_VERSION}

    def differences(connection: Connection) -> list[object]:
        options = {
            "version_table": VERSION_TABLE,
            "compare_type": True,
            "include_name": lambda name, kind, _: kind != "table" or name not in beside,
        }
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    database = Database(URL, folder=folder)
    async with database.writing() as connection:
        found = await connection.run_sync(differences)
    await database.close()
    assert found == []


def test_the_code_names_the_newest_version() -> None:
    """Journals are checked against the head of the migrations without loading Alembic."""
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert scripts.get_current_head() == REVISION


async def test_migrating_again_changes_nothing(folder: Path) -> None:
    """Each start of the supervisor may migrate."""
    await migrations.migrate(URL, folder=folder)
