"""Custody and journal as a reviewer's command opens them: with the private key, and only what the gateway has made."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from dlp_gateway.settings import Settings
from quarantine import crypto
from quarantine.crypto import PrivateKey
from quarantine.opening import open_store
from quarantine.sql import SqlStore
from quarantine.store import StoreError

if TYPE_CHECKING:
    from dlp_gateway.journal import SqlJournal

_SQLITE: Final = "sqlite:///"
_HERE: Final = Path()  # urls in settings are absolute already


async def custody(settings: Settings) -> SqlStore:
    """Open custody; raises `StoreError` if there is none yet, `StoreKeyError` if its key is missing or another."""
    key = _key(settings)
    return await open_store(settings.custody.url, key.public, key, folder=_HERE)


async def journal(settings: Settings) -> "SqlJournal":
    """Open the journal for reading; raises as `custody` does."""
    from dlp_gateway.journal import open_journal  # noqa: PLC0415 - most commands look at custody only

    key = _key(settings)
    return await open_journal(settings.custody.url, key.public, key, folder=_HERE)


def _key(settings: Settings) -> PrivateKey:
    file = Path(settings.custody.url.removeprefix(_SQLITE))
    if not file.exists():
        raise StoreError(f"there is no custody at {file} yet; the gateway makes it when it is first started")
    try:
        return crypto.load(settings.custody.key_file)
    except FileNotFoundError:
        return crypto.load_or_create(settings.custody.key_file, store_is_empty=False)  # says what to do
