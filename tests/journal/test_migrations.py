"""The journal's migrations give exactly the tables that the code knows, beside custody's."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from dlp_gateway.detect.base import Thread
from dlp_gateway.journal import SqlJournal, migrations, open_journal
from dlp_gateway.journal.rows import message_id_index
from dlp_gateway.journal.tables import REVISION, VERSION_TABLE, metadata
from dlp_gateway.policy.memory import Memory
from dlp_gateway.ports import Entry
from dlp_gateway.recollection import Questions, Sending
from quarantine.crypto import PrivateKey
from quarantine.database import Database
from quarantine.migrations import migrate as set_up_custody
from quarantine.migrations import upgrade
from quarantine.tables import VERSION_TABLE as CUSTODY_VERSION
from quarantine.tables import metadata as custody
from tests.tables import held

URL = "sqlite:///custody.db"


async def test_the_tables_are_all_migrations_applied(url: str, folder: Path) -> None:
    """Nothing is missing from the migrations, and nothing is in them that the code does not know."""
    beside = {*custody.tables, CUSTODY_VERSION}

    def differences(connection: Connection) -> list[object]:
        options = {
            "version_table": VERSION_TABLE,
            "compare_type": True,
            "include_name": lambda name, kind, _: kind != "table" or name not in beside,
        }
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    database = Database(url, folder=folder)
    async with database.writing() as connection:
        found = await connection.run_sync(differences)
    await database.close()
    assert found == []


def test_the_code_names_the_newest_version() -> None:
    """Journals are checked against the head of the migrations without loading Alembic."""
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert scripts.get_current_head() == REVISION


async def test_migrating_again_changes_nothing(
    url: str, folder: Path, journal: SqlJournal, entry: Callable[..., Entry]
) -> None:
    """Each start of the supervisor may migrate."""
    journal.record(entry("m1"))
    await journal.flush()
    before = await held(url, folder)
    assert before["journal_passages"].rows
    await migrations.migrate(url, folder=folder)
    assert before == await held(url, folder)


async def test_mass_sends_are_taken_over(tmp_path: Path, key: PrivateKey, sent: Callable[..., Sending]) -> None:
    """What an older version remembered is still answered to."""
    await set_up_custody(URL, folder=tmp_path)
    await upgrade(URL, folder=tmp_path, scripts=scripts_until(tmp_path, "0001"), table=VERSION_TABLE, newest="0001")
    audience = tuple(f"c{number}@shop{number}.example" for number in range(12))
    row = {
        "message_id_index": message_id_index(key.public, "<1@corp.example>"),
        "at": 1_000_000,
        "audience": b"".join(sorted(key.public.address_index(one)[:16] for one in audience)),
    }
    with closing(sqlite3.connect(tmp_path / "custody.db")) as other, other:
        other.execute("INSERT INTO mass_sends VALUES (:message_id_index, :at, :audience)", row)
    await migrations.migrate(URL, folder=tmp_path)
    journal = await open_journal(URL, key.public, folder=tmp_path)
    answer = sent(*audience, message_id="<2@corp.example>", answered=("<1@corp.example>",))
    questions = Questions(
        memory=Memory(),
        mass_send=10,
        threads=True,
        exposure=False,
        groups=False,
        strangers=False,
        look_alikes=False,
        sent=False,
    )
    found = (await journal.recollect(answer, questions)).facts.thread
    await journal.close()
    assert found == Thread(audience=12, addressed_again=12)


def scripts_until(folder: Path, newest: str) -> Path:
    """Return a folder with the migrations up to one."""
    scripts = folder / "scripts"
    shutil.copytree(Path(migrations.__file__).parent, scripts)
    for path in (scripts / "versions").glob("0*.py"):
        if path.name[:4] > newest:
            path.unlink()
    return scripts
