"""Opening a store: the tables must be known, and the key must be the one that everything was sealed to."""

from pathlib import Path

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from quarantine.crypto import PrivateKey, PublicKey
from quarantine.database import BUSY_TIMEOUT, Database, has_table, require_revision
from quarantine.groups import TOGETHER
from quarantine.sql import SqlStore
from quarantine.store import StoreKeyError
from quarantine.tables import REVISION, VERSION_TABLE, meta


async def open_store(
    url: str,
    public: PublicKey,
    private: PrivateKey | None = None,
    *,
    folder: Path,
    busy_timeout: float = BUSY_TIMEOUT,
    together: int = TOGETHER,
) -> SqlStore:
    """Open a store that `migrate` has set up, and bind it to the key if it is new; raises `StoreError`.

    `together`: how many takes may share a transaction.
    """
    database = Database(url, folder=folder, busy_timeout=busy_timeout)
    try:
        await require_revision(database, table=VERSION_TABLE, revision=REVISION)
        await _bind(database, public)
    except BaseException:
        await database.close()
        raise
    return SqlStore(database, public, private, together=together)


async def is_empty(url: str, *, folder: Path) -> bool:
    """Tell whether nothing was ever sealed here, so that a new key may be made; raises `StoreError`."""
    database = Database(url, folder=folder)
    try:
        async with database.glancing() as connection:
            return await _bound_key(connection) is None
    finally:
        await database.close()


async def _bind(database: Database, public: PublicKey) -> None:
    async with database.glancing() as connection:
        bound = await _bound_key(connection)
    if bound is None:
        async with database.writing() as connection:
            bound = await _bound_key(connection)
            if bound is None:
                await connection.execute(insert(meta).values(name="key", value=public.id))
                return
    if bound != public.id:
        raise StoreKeyError(
            f"the custody is sealed to the key {bound}, and the key file holds {public.id}; put the right key file back"
        )


async def _bound_key(connection: AsyncConnection) -> str | None:
    if not await has_table(connection, meta.name):
        return None
    return (await connection.execute(select(meta.c.value).where(meta.c.name == "key"))).scalar()
