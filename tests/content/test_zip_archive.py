"""Archives as every program would read them: honest ones are not suspected, lying ones hide nothing."""

import zipfile

import pytest

from dlp_gateway.content import archive, zip_archive
from dlp_gateway.content.text import Account, File, Piece, UnreadableReason
from tests.formats import archives
from tests.formats.documents import docx, packed

SHOWN, HIDDEN = {"a.txt": b"shown to all"}, {"b.txt": b"hidden from some"}


def pieces(content: bytes) -> list[Piece]:
    """Return what is found in an archive."""
    return list(archive.zipped(content, Account()))


def files(content: bytes) -> dict[str, bytes]:
    """Return the members by name."""
    return {piece.name: piece.content for piece in pieces(content) if isinstance(piece, File)}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(packed({"a.txt": "shown to all"}), id="deflated"),
        pytest.param(packed({"a.txt": "shown to all"}, method=zipfile.ZIP_STORED), id="stored"),
        pytest.param(packed({"a.txt": "shown to all", "b.zip": packed({"c.txt": "x"})}), id="an archive within"),
        pytest.param(
            packed({"a.txt": "shown to all", "b.zip": packed({"c": "x"})}, method=zipfile.ZIP_STORED),
            id="stored within",
        ),
        pytest.param(archives.zip_wide("a.txt", b"shown to all"), id="Zip64"),
        pytest.param(archives.zip_streamed({**SHOWN, "c.txt": b"x" * 1_000}), id="written into a pipe"),
        pytest.param(archives.zip_nested(b"shown to all", 1), id="one level"),
        pytest.param(packed({"a.txt": "shown to all", "b/": ""}), id="with a folder"),
        pytest.param(packed({"a.txt": "shown to all", "d.docx": docx("x")}), id="with a document"),
        pytest.param(packed({"a.txt": "shown to all", "e.txt": ""}), id="with an empty file"),
    ],
)
def test_honest_archives_are_not_suspected(content: bytes) -> None:
    """Nothing is odd about what archivers write."""
    assert not [piece for piece in pieces(content) if isinstance(piece, UnreadableReason)]
    assert files(content)["a.txt"] == b"shown to all"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(archives.zip_with_hidden_member(SHOWN, HIDDEN), id="not in the directory"),
        pytest.param(archives.zip_with_wrong_count(SHOWN | HIDDEN, 1), id="beyond the count"),
        pytest.param(packed(dict(SHOWN)) + packed(dict(HIDDEN)), id="second of two"),
        pytest.param(packed(dict(HIDDEN)) + packed(dict(SHOWN)), id="first of two"),
    ],
)
def test_what_only_some_programs_see_is_read(content: bytes) -> None:
    """Members of all directories, of none, and beyond the count, and it is said that this is odd."""
    found = files(content)
    assert (found["a.txt"], found["b.txt"]) == (b"shown to all", b"hidden from some")
    assert UnreadableReason.AMBIGUOUS in pieces(content)


def test_both_names_and_both_sizes_are_read() -> None:
    """A member's own header may say otherwise than the directory."""
    assert list(files(archives.zip_with_two_names("a", "b", b"x"))) == ["a\nb"]
    content = archives.zip_with_two_sizes("a", b"0123456789", 4)
    assert {b"0123", b"0123456789"} == {piece.content for piece in pieces(content) if isinstance(piece, File)}


@pytest.mark.parametrize("where", ["header", "directory"])
def test_a_flag_does_not_hide_what_is_plain(where: str) -> None:
    """What one of two places says to be encrypted is read all the same."""
    content = archives.zip_said_to_be_encrypted("a", b"plain", where=where)
    assert b"plain" in {piece.content for piece in pieces(content) if isinstance(piece, File)}


def test_what_a_size_covers_behind_a_stream_is_read() -> None:
    """Octets between the end of a member's data and what its size says are a hiding place."""
    member = archives.zip_without_directory({"a": b"x"})
    content = archives.zip_with_two_sizes("a", b"x" + member, 1)
    assert b"x" in files(content).values()


def test_members_that_share_octets_are_a_bomb() -> None:
    """A directory with a hundred names for one member expands a hundredfold."""
    assert UnreadableReason.BOMB in pieces(archives.zip_overlapping(100, b"x" * 1_000))


def test_an_archive_without_directory_is_read_and_broken() -> None:
    """What was cut is read as far as it goes."""
    content = archives.zip_without_directory(SHOWN)
    assert files(content) == {"a.txt": b"shown to all"}
    assert UnreadableReason.BROKEN in pieces(content)


@pytest.mark.parametrize(
    ("content", "behind"),
    [
        (b"GIF89a" + packed(dict(SHOWN)), 0),
        (b"GIF89a" + packed(dict(SHOWN)) + b"12345", 5),
        (b"GIF89a" + packed(dict(SHOWN), comment="hello"), 0),
        (b"GIF89a", -1),
        (b"GIF89aPK\x05\x06" + bytes(5), -1),
    ],
)
def test_an_archive_behind_something_else_is_found(content: bytes, behind: int) -> None:
    """As programs find it: by the end of its directory."""
    assert zip_archive.appended(content) == behind
