"""Setting up and upgrading the journal's tables with Alembic; only the supervisor does it."""

from pathlib import Path
from typing import Final

from dlp_gateway.journal.tables import REVISION, VERSION_TABLE
from quarantine.migrations import upgrade

_SCRIPTS: Final = Path(__file__).parent


async def migrate(url: str, *, folder: Path) -> None:
    """Bring the tables to the newest version, in one transaction; raises `StoreError` and changes nothing."""
    await upgrade(url, folder=folder, scripts=_SCRIPTS, table=VERSION_TABLE, newest=REVISION)
