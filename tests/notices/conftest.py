"""A house with custody, journal and ledger on SQLite."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dlp_gateway.journal import open_journal, open_ledger
from dlp_gateway.notices import NoticeWorker
from quarantine.crypto import PrivateKey
from quarantine.opening import open_store
from tests.conftest import SQLITE
from tests.notices.house import OPTIONS, House


@pytest.fixture
async def house(folder: Path, key: PrivateKey) -> AsyncIterator[House]:
    """A house in which everything is news from now on."""
    store = await open_store(SQLITE, key.public, key, folder=folder)
    journal = await open_journal(SQLITE, key.public, key, folder=folder)
    ledger = await open_ledger(SQLITE, key, folder=folder)
    worker = NoticeWorker(store, ledger, OPTIONS)
    await worker.begin()
    yield House(store=store, journal=journal, ledger=ledger, worker=worker)
    await ledger.close()
    await journal.close()
    await store.close()
