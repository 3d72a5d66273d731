"""Tables that can be used and may not be what is meant: old, changed since, asked for by nobody, another user's."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dlp_gateway.checks import records
from dlp_gateway.processes import policies
from tests.checks.conftest import Configure
from tests.detect.edm.tables import build

POLICY = "edm: {people: ./people.edm}\n"


def told(configure: Configure, folder: Path, policy: str = POLICY, later: timedelta = timedelta()) -> list[str]:
    """Return what is said of the table."""
    path, *_ = configure(policy)
    _, policy_ = policies.load(path)
    return [one.says for one in records.remarks(policy_, folder / "custody.db", datetime.now(UTC) + later)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the folder with a table whose CSV file was deleted."""
    build(tmp_path)
    (tmp_path / "people.csv").unlink()
    return tmp_path


def test_a_fresh_table_says_nothing(configure: Configure, folder: Path) -> None:
    """Warnings that always come are read by nobody."""
    assert told(configure, folder) == []


def test_an_old_table(configure: Configure, folder: Path) -> None:
    """Whoever came since is not in it."""
    (says,) = told(configure, folder, later=timedelta(days=40))
    assert says.startswith("It is 40 days old")


def test_a_file_that_was_changed_since(configure: Configure, folder: Path) -> None:
    """The command that mends it is told."""
    source = folder / "people.csv"
    source.write_text("x")
    os.utime(source, (2_000_000_000, 2_000_000_000))
    (says,) = told(configure, folder)
    assert f"dlp-gateway edm build {source}" in says


def test_a_table_that_no_rule_asks_for(configure: Configure, folder: Path) -> None:
    """It would be looked for in no mail."""
    (says,) = told(configure, folder, f"packs: [payment]\n{POLICY}")
    assert says.startswith("No rule asks for it")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_table_that_the_service_may_not_read(configure: Configure, folder: Path) -> None:
    """Root, who checks, can read all of it."""
    (folder / "custody.db").touch()
    os.chown(folder / "custody.db", 12_345, 12_345)
    said = told(configure, folder)
    assert [says.rpartition("run: ")[2] for says in said] == [
        f"chown 12345 {folder / 'people.edm'}",
        f"chown 12345 {folder / 'people.key'}",
    ]
