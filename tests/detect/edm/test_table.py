"""A table on disk: whatever became of it or of its key, it is refused with what to do, or the mail is not judged."""

import os
from pathlib import Path

import pytest

from dlp_gateway.detect.edm import keys
from dlp_gateway.detect.edm.table import open_table
from dlp_gateway.errors import ConfigurationError, InspectionError
from tests.detect.edm.tables import PEOPLE, build


def refused(folder: Path) -> str:
    """Return why the table is refused."""
    with pytest.raises(ConfigurationError) as caught:
        open_table(folder / "people.edm", folder / "people.key", whole=True)
    return str(caught.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with a table and its key."""
    build(tmp_path)
    return tmp_path


def test_a_missing_table_or_key(folder: Path) -> None:
    """What is missing is named."""
    (folder / "people.key").unlink()
    assert "There is no key file" in refused(folder)
    keys.save(folder / "people.key", keys.make())
    (folder / "people.edm").unlink()
    assert "There is no such table" in refused(folder)


def test_a_table_of_another_key(folder: Path) -> None:
    """It would find nothing, and so is refused."""
    (folder / "people.key").unlink()
    keys.save(folder / "people.key", keys.make())
    assert "built with another key" in refused(folder)


@pytest.mark.parametrize("size", [0, 5, 20, 200, -1, -40])
def test_a_table_that_was_cut(folder: Path, size: int) -> None:
    """At whatever place."""
    path = folder / "people.edm"
    path.write_bytes(path.read_bytes()[:size])
    assert "people.edm" in refused(folder)


def test_every_changed_octet_is_seen(folder: Path) -> None:
    """In header, seal and body; the padding between them is nobody's."""
    path = folder / "people.edm"
    whole = path.read_bytes()
    for place in (0, 8, 30, 300, len(whole) - 200, len(whole) - 100, len(whole) - 1):
        path.write_bytes(whole[:place] + bytes((whole[place] ^ 1,)) + whole[place + 1 :])
        assert "people.edm" in refused(folder)


def test_a_file_of_nonsense(folder: Path) -> None:
    """A CSV file where the table should be, and nothing of it in the sentence."""
    (folder / "people.edm").write_text(PEOPLE, encoding="utf-8")
    assert "This is no table" in refused(folder)
    assert "Cruz" not in refused(folder)


def test_a_key_that_others_may_read(folder: Path) -> None:
    """It is refused with the command that mends it."""
    (folder / "people.key").chmod(0o644)
    assert "chmod 600" in refused(folder)


@pytest.mark.parametrize(
    "written", ["", "{}", "[" * 3_000, '{"edm_key": 1, "key": "AAAA"}', '{"edm_key": 2, "key": ""}']
)
def test_a_damaged_key(folder: Path, written: str) -> None:
    """It is refused, and its content is in no sentence."""
    (folder / "people.key").write_text(written)
    assert "people.key" in refused(folder)


def test_a_folder_or_a_pipe_instead(folder: Path) -> None:
    """Nothing waits for a writer who never comes."""
    for name in ("people.edm", "people.key"):
        kept = (folder / name).read_bytes()
        (folder / name).unlink()
        os.mkfifo(folder / name, 0o600)
        assert name in refused(folder)
        (folder / name).unlink()
        (folder / name).mkdir()
        assert name in refused(folder)
        (folder / name).rmdir()
        (folder / name).write_bytes(kept)
        (folder / name).chmod(0o600)


def test_a_table_that_is_written_over_in_its_place(folder: Path) -> None:
    """As `cp` does: what is mapped is relied on no more. A table that is replaced as `edm build` does it stays good."""
    path = folder / "people.edm"
    table = open_table(path, folder / "people.key")
    build(folder, PEOPLE.replace("D1234567", "D7777777"))
    table.require_same()
    other = open_table(path, folder / "people.key")
    with path.open("r+b") as file:
        file.truncate(100)
    with pytest.raises(InspectionError, match="written over"):
        other.require_same()


def test_a_table_that_is_touched_or_written_over_with_another(folder: Path) -> None:
    """A backup program may touch it; of the same size another table may be."""
    path = folder / "people.edm"
    table = open_table(path, folder / "people.key")
    os.utime(path, (1, 1))
    table.require_same()
    whole = path.read_bytes()
    for place in (20, len(whole) - 1):
        path.write_bytes(whole[:place] + bytes((whole[place] ^ 1,)) + whole[place + 1 :])
        for _ in range(2):
            with pytest.raises(InspectionError, match="written over"):
                table.require_same()
    path.write_bytes(whole)
    os.utime(path, (2, 2))
    table.require_same()


def test_the_header_tells_what_it_was_made_of(folder: Path) -> None:
    """Counts, columns and the source, and no value."""
    header = open_table(folder / "people.edm", folder / "people.key").header
    assert (header.records, header.words, header.source) == (4, (1, 2, 4), str(folder / "people.csv"))
    assert header.spec.columns["born"] == "date-dmy"
    assert len(header.spec_id) == 8
