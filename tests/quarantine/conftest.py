"""Stores to test, deposits to put into them, and what is asked of them again and again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from quarantine.crypto import PrivateKey
from quarantine.memory import MemoryStore
from quarantine.migrations import migrate
from quarantine.model import Claim, CopyDeposit, Deposit, Query, State
from quarantine.opening import open_store
from quarantine.sql import SqlStore
from quarantine.store import Store
from tests.conftest import SQLITE

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEASE = timedelta(minutes=5)

Make = Callable[..., Deposit]


@asynccontextmanager
async def opened(folder: Path, key: PrivateKey) -> AsyncIterator[SqlStore]:
    """Open the store in a folder and close it."""
    store = await open_store(SQLITE, key.public, key, folder=folder, busy_timeout=0.2)
    try:
        yield store
    finally:
        await store.close()


async def states(store: Store, item: str) -> dict[str, State]:
    """Return the state of each recipient of an item."""
    (found,) = await store.items(Query(ids=(item,)))
    return {recipient.address: recipient.state for recipient in found.recipients}


async def claim(store: Store, now: datetime, owner: str = "worker", limit: int = 8) -> tuple[Claim, ...]:
    """Claim what is due."""
    return await store.claim(owner=owner, now=now, lease=LEASE, limit=limit)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database that was set up, for custody alone, and never used."""
    folder = tmp_path_factory.mktemp("empty")
    asyncio.run(migrate(SQLITE, folder=folder))
    return folder


@pytest.fixture
async def sql_store(folder: Path, key: PrivateKey) -> AsyncIterator[SqlStore]:
    """A store on SQLite."""
    store = await open_store(SQLITE, key.public, key, folder=folder, busy_timeout=0.3)
    yield store
    await store.close()


@pytest.fixture
async def postgres_store(postgres_url: str, key: PrivateKey, tmp_path: Path) -> AsyncIterator[SqlStore]:
    """A store on PostgreSQL."""
    store = await open_store(postgres_url, key.public, key, folder=tmp_path)
    yield store
    await store.close()


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.e2e)])
def store(request: pytest.FixtureRequest) -> Store:
    """Each implementation of the store, on each database."""
    if request.param == "memory":
        return MemoryStore()
    return request.getfixturevalue("sql_store" if request.param == "sqlite" else "postgres_store")


@pytest.fixture(scope="session")
def noon() -> datetime:
    """When deposits come in."""
    return NOON


@pytest.fixture(scope="session")
def deposit() -> Make:
    """Make a deposit with one copy; `recipients` are its addresses."""

    def make(
        name: str,
        *recipients: str,
        state: State = State.HELD,
        at: datetime = NOON,
        due_at: datetime | None = None,
        expires_after: timedelta | None = timedelta(days=14),
        content: bytes = b"Subject: offer\r\n\r\nbody\r\n",
        copies: tuple[CopyDeposit, ...] = (),
        reverse_path: str = "ann@corp.example",
        reasons: tuple[str, ...] = ("licence-out",),
        group: str = "",
        subject: str = "offer",
    ) -> Deposit:
        one = CopyDeposit(
            reverse_path=reverse_path,
            recipients=recipients or ("bob@example.com",),
            edits='["hide"]',
            options='{"body_8bit": false}',
            state=state,
            due_at=due_at or at,
        )
        return Deposit(
            id=name,
            content=content,
            subject=subject,
            reverse_path=reverse_path,
            reasons=reasons,
            group=group,
            created_at=at,
            expires_at=None if expires_after is None else at + expires_after,
            copies=copies or (one,),
        )

    return make
