"""What all tests share: no clock in hypothesis; databases; a PostgreSQL of this run's own, or a skip that says why."""

import asyncio
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from dlp_gateway.journal import migrations
from dlp_gateway.observe import output
from dlp_gateway.observe.lines import Lines
from quarantine.crypto import PrivateKey
from quarantine.migrations import migrate
from tests.e2e.conftest import require
from tests.postgres import Postgres

# How long an example takes says how busy the machine is, and nothing about what is tested.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

#: A database of its own in each folder.
SQLITE = "sqlite:///custody.db"


async def set_up(url: str, folder: Path) -> None:
    """Make the tables of custody and of the journal."""
    await migrate(url, folder=folder)
    await migrations.migrate(url, folder=folder)


@pytest.fixture(scope="session")
def key() -> PrivateKey:
    """One key pair of a custody for all tests."""
    return PrivateKey.generate()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database that was set up, for custody and journal, and never used."""
    folder = tmp_path_factory.mktemp("empty")
    asyncio.run(set_up(SQLITE, folder))
    return folder


@pytest.fixture
def folder(empty_database: Path, tmp_path: Path) -> Path:
    """A folder with a fresh database of the test's own."""
    shutil.copytree(empty_database, tmp_path / "custody")
    return tmp_path / "custody"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Give a cluster for as long as the run lasts."""
    of_debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    cluster = Postgres(of_debian[-1] if of_debian else Path(require("postgres", "postgresql")))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def empty_postgres_database(postgres: Postgres) -> str:
    """Give the name of a database that was set up, for custody and journal, and never used."""
    name = postgres.database()
    asyncio.run(set_up(postgres.url(name), Path()))
    return name


@pytest.fixture
def postgres_url(postgres: Postgres, empty_postgres_database: str) -> Iterator[str]:
    """Give the address of a fresh database of the test's own."""
    name = postgres.database(empty_postgres_database)
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def log_lines() -> Iterator[io.StringIO]:
    """Give what is logged, as JSON lines; only our own logger is exchanged."""
    stream, former = io.StringIO(), output.current.logger
    output.current.logger = output._logger("debug", "json", Lines(stream, print))
    yield stream
    output.current.logger = former
