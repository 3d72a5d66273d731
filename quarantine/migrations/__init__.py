"""Setting up and upgrading custody's tables with Alembic; only the supervisor does it."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from quarantine.database import Database, read_revision
from quarantine.tables import REVISION, VERSION_TABLE

_SCRIPTS: Final = Path(__file__).parent


async def migrate(url: str, *, folder: Path) -> None:
    """Bring the tables to the newest version, in one transaction; raises `StoreError` and changes nothing."""
    await upgrade(url, folder=folder, scripts=_SCRIPTS, table=VERSION_TABLE, newest=REVISION)


async def upgrade(url: str, *, folder: Path, scripts: Path, table: str, newest: str) -> None:
    """Run the migrations in `scripts`, whose version is kept in `table`; others may keep theirs beside it."""

    def run(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(scripts).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    database = Database(url, folder=folder)
    try:
        async with database.writing() as connection:
            await read_revision(connection, table=table, newest=newest)
            await connection.run_sync(run)
    finally:
        await database.close()
