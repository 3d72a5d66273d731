"""A store that is not there, not set up or sealed to another key is not opened, and the error says why."""

from pathlib import Path

import pytest

from quarantine.crypto import PrivateKey
from quarantine.opening import is_empty, open_store
from quarantine.store import StoreError, StoreKeyError
from tests.conftest import SQLITE
from tests.quarantine.conftest import Make, opened


async def test_a_folder_that_is_not_there(tmp_path: Path, key: PrivateKey) -> None:
    """The error names the reason."""
    with pytest.raises(StoreError, match=r"there is no folder .*; make it: install -d -m 700 -o"):
        await open_store(SQLITE, key.public, folder=tmp_path / "nowhere")


async def test_a_database_that_was_not_set_up(tmp_path: Path, key: PrivateKey) -> None:
    """The error says how to set it up."""
    with pytest.raises(StoreError, match="dlp-gateway serve"):
        await open_store(SQLITE, key.public, folder=tmp_path)


async def test_another_key(folder: Path, key: PrivateKey, deposit: Make) -> None:
    """A store opens with the key that it was sealed to, not with another; both ids are named."""
    async with opened(folder, key) as store:
        await store.take((deposit("m1"),))
    other = PrivateKey.generate()
    with pytest.raises(StoreKeyError, match=f"{key.public.id}.*{other.public.id}"):
        await open_store(SQLITE, other.public, other, folder=folder)


async def test_empty_until_sealed(folder: Path, key: PrivateKey) -> None:
    """A store without tables, or with unused ones, may get a new key; one that was opened with a key may not."""
    assert await is_empty(SQLITE, folder=folder)
    assert await is_empty("sqlite:///fresh.db", folder=folder)
    async with opened(folder, key):
        pass
    assert not await is_empty(SQLITE, folder=folder)
