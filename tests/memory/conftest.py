"""A gateway with a database of its own, of each sort."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dlp_gateway.journal import migrations, open_journal
from quarantine.crypto import PrivateKey
from quarantine.migrations import migrate
from quarantine.opening import open_store
from tests.fakes import ScriptedSmarthost
from tests.memory.house import URL, House


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    """One key pair."""
    return PrivateKey.generate()


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database that was set up and never used."""
    folder = tmp_path_factory.mktemp("empty")

    async def set_up() -> None:
        await migrate(URL, folder=folder)
        await migrations.migrate(URL, folder=folder)

    asyncio.run(set_up())
    return folder


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.e2e)])
def url(request: pytest.FixtureRequest) -> str:
    """The address of a fresh database of each sort."""
    return URL if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
async def house(url: str, empty_database: Path, tmp_path: Path, key: PrivateKey) -> AsyncIterator[House]:
    """A gateway that has seen nothing yet."""
    folder = tmp_path / "custody"
    shutil.copytree(empty_database, folder)
    journal = await open_journal(url, key.public, key, folder=folder)
    store = await open_store(url, key.public, key, folder=folder)
    yield House(journal=journal, store=store, smarthost=ScriptedSmarthost())
    await journal.close()
    await store.close()
