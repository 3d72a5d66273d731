"""The migrations give exactly the tables that the code knows, and other versions are refused."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from quarantine import migrations
from quarantine.crypto import PrivateKey
from quarantine.database import Database
from quarantine.migrations import migrate
from quarantine.opening import open_store
from quarantine.sql import SqlStore
from quarantine.store import StoreError
from quarantine.tables import REVISION, VERSION_TABLE, metadata
from tests.conftest import SQLITE
from tests.quarantine.conftest import Make
from tests.tables import held


async def test_the_tables_are_all_migrations_applied(folder: Path) -> None:
    """Nothing is missing from the migrations, and nothing is in them that the code does not know."""

    def differences(connection: Connection) -> list[object]:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    database = Database(SQLITE, folder=folder)
    async with database.writing() as connection:
        found = await connection.run_sync(differences)
    await database.close()
    assert found == []


def test_the_code_names_the_newest_version() -> None:
    """Stores are checked against the head of the migrations without loading Alembic."""
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert scripts.get_current_head() == REVISION


async def test_migrating_again_changes_nothing(folder: Path, sql_store: SqlStore, deposit: Make) -> None:
    """Each start of the supervisor may migrate."""
    await sql_store.take((deposit("m1"),))
    before = await held(SQLITE, folder)
    assert before["recipients"].rows
    await migrate(SQLITE, folder=folder)
    assert before == await held(SQLITE, folder)


@pytest.mark.parametrize(("version", "told"), [("0000", "restart"), ("9999", "newer than this gateway")])
async def test_another_version(folder: Path, key: PrivateKey, version: str, told: str) -> None:
    """A store of an older or newer version is refused, and the sentence says what to do."""
    database = Database(SQLITE, folder=folder)
    async with database.writing() as connection:
        await connection.exec_driver_sql("UPDATE custody_version SET version_num = ?", (version,))
    await database.close()
    with pytest.raises(StoreError, match=told):
        await open_store(SQLITE, key.public, folder=folder)


async def test_a_newer_database_is_not_migrated(folder: Path) -> None:
    """The supervisor of an older version leaves a newer database alone."""
    database = Database(SQLITE, folder=folder)
    async with database.writing() as connection:
        await connection.exec_driver_sql("UPDATE custody_version SET version_num = '9999'")
    await database.close()
    with pytest.raises(StoreError, match="newer"):
        await migrate(SQLITE, folder=folder)


async def test_a_migration_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """The tables are made in one transaction: a name that is taken leaves the database as it was."""
    database = Database(SQLITE, folder=tmp_path)
    async with database.writing() as connection:
        await connection.exec_driver_sql("CREATE TABLE events (other INTEGER)")
    with pytest.raises(StoreError):
        await migrate(SQLITE, folder=tmp_path)
    async with database.reading() as connection:
        found = await connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = found.scalars().all()
    await database.close()
    assert tables == ["events"]
