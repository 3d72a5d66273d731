"""A house with custody, journal and ledger on SQLite."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dlp_gateway.journal import migrations, open_journal, open_ledger
from dlp_gateway.notices import NoticeWorker
from quarantine.crypto import PrivateKey
from quarantine.migrations import migrate
from quarantine.opening import open_store
from tests.notices.house import OPTIONS, House

URL = "sqlite:///custody.db"


@pytest.fixture(scope="session")
def key() -> PrivateKey:
    """One key pair for all tests."""
    return PrivateKey.generate()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database that was set up and never used."""
    folder = tmp_path_factory.mktemp("empty")

    async def set_up() -> None:
        await migrate(URL, folder=folder)
        await migrations.migrate(URL, folder=folder)

    asyncio.run(set_up())
    return folder


@pytest.fixture
def folder(empty_database: Path, tmp_path: Path) -> Path:
    """A folder with a fresh database of its own."""
    shutil.copytree(empty_database, tmp_path / "custody")
    return tmp_path / "custody"


@pytest.fixture
async def house(folder: Path, key: PrivateKey) -> AsyncIterator[House]:
    """A house in which everything is news from now on."""
    store = await open_store(URL, key.public, key, folder=folder)
    journal = await open_journal(URL, key.public, key, folder=folder)
    ledger = await open_ledger(URL, key, folder=folder)
    worker = NoticeWorker(store, ledger, OPTIONS)
    await worker.begin()
    yield House(store=store, journal=journal, ledger=ledger, worker=worker)
    await ledger.close()
    await journal.close()
    await store.close()
