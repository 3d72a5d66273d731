"""A gateway with a database of its own, of each sort."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dlp_gateway.journal import open_journal
from quarantine.crypto import PrivateKey
from quarantine.opening import open_store
from tests.conftest import SQLITE
from tests.fakes import ScriptedSmarthost
from tests.memory.house import House


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.e2e)])
def url(request: pytest.FixtureRequest) -> str:
    """The address of a fresh database of each sort; SQLite's lies in `folder`."""
    return SQLITE if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
async def house(url: str, folder: Path, key: PrivateKey) -> AsyncIterator[House]:
    """A gateway that has seen nothing yet."""
    journal = await open_journal(url, key.public, key, folder=folder)
    store = await open_store(url, key.public, key, folder=folder)
    yield House(journal=journal, store=store, smarthost=ScriptedSmarthost())
    await journal.close()
    await store.close()
