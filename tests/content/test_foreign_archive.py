"""Archives that the system's libarchive unpacks: what is in them, what is not read, and what ends them."""

import pytest

from dlp_gateway.content import foreign_archive, rar, readers
from dlp_gateway.content.kind import Kind
from dlp_gateway.content.text import Account, File, Piece, Refused, UnreadableReason
from tests.e2e.conftest import missing
from tests.formats import foreign_archives as made

FILES = {"a.txt": b"first", "b.txt": b"second"}


@pytest.fixture(autouse=True)
def library() -> None:
    """Skip where libarchive is not installed."""
    if not foreign_archive.is_installed():
        missing("libarchive is not installed (apt-get install libarchive13)")


def pieces(kind: Kind, content: bytes, account: Account | None = None) -> list[Piece]:
    """Return all that a reader finds."""
    return list(readers.pieces(kind, content, account or Account()))


def files(found: list[Piece]) -> dict[str, bytes]:
    """Return the members among the pieces."""
    return {piece.name.lower(): piece.content for piece in found if isinstance(piece, File)}


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        pytest.param(Kind.RAR, made.rar_5(FILES), id="rar 5"),
        pytest.param(Kind.RAR, made.rar_4(FILES), id="rar 4"),
        pytest.param(Kind.CABINET, made.cabinet(FILES), id="cab"),
        pytest.param(Kind.CABINET, made.cabinet(FILES, squeezed=True), id="cab, squeezed"),
        pytest.param(Kind.DISC, made.disc(FILES), id="iso"),
        pytest.param(Kind.LHA, made.lha(FILES), id="lha"),
        pytest.param(Kind.CPIO, made.cpio(FILES), id="cpio"),
        pytest.param(Kind.AR, made.ar(FILES), id="ar"),
        pytest.param(Kind.XAR, made.xar(FILES), id="xar"),
        pytest.param(Kind.PACKAGE, made.package(FILES), id="rpm"),
    ],
)
def test_members_are_found(kind: Kind, content: bytes) -> None:
    """Each with its name and its octets, and nothing to complain about."""
    found = pieces(kind, content)
    assert files(found) == FILES
    assert all(isinstance(piece, File) for piece in found)


@pytest.mark.parametrize("content", [made.compressed(b"text"), made.lzip(b"text"), made.lz4(b"text")])
def test_streams_have_no_name(content: bytes) -> None:
    """What is compressed by itself is one file."""
    assert files(pieces(Kind.COMPRESSED, content)) == {"": b"text"}


def test_each_directory_of_a_disc_is_read() -> None:
    """What Windows does not show is shown elsewhere."""
    found = files(pieces(Kind.DISC, made.disc({"a.txt": b"one"}, {"b.txt": b"two"})))
    assert found == {"a.txt": b"one", "b.txt": b"two"}


def test_what_two_directories_name_is_read_once() -> None:
    """The other name is kept, it is text."""
    found = [piece for piece in pieces(Kind.DISC, made.disc(FILES, FILES)) if isinstance(piece, File)]
    assert sorted(piece.content for piece in found if piece.content) == [b"first", b"second"]
    assert len(found) == 4


def test_another_directory_in_a_disc_is_not_read() -> None:
    """UDF beside the directory that is read may show other files."""
    content = bytearray(made.disc(FILES))
    content[0x9801:0x9806] = b"NSR02"
    assert UnreadableReason.ARCHIVE in pieces(Kind.DISC, bytes(content))


@pytest.mark.parametrize("make", [made.rar_4, made.rar_5])
@pytest.mark.parametrize("lock", ["password", "hidden_names"])
def test_passwords_have_a_reason_of_their_own(make: object, lock: str) -> None:
    """Whether names are shown or not."""
    found = pieces(Kind.RAR, make(FILES, **{lock: True}))  # type: ignore[operator]
    assert UnreadableReason.ENCRYPTED_RAR in found
    assert UnreadableReason.BROKEN not in found


@pytest.mark.parametrize("make", [made.rar_4, made.rar_5])
def test_comments_are_text(make: object) -> None:
    """WinRAR shows them beside the files."""
    assert "a comment" in pieces(Kind.RAR, make(FILES, comment="a comment"))  # type: ignore[operator]


def test_what_stands_behind_an_archive_is_read_as_well() -> None:
    """Programs differ on where it ends."""
    found = pieces(Kind.RAR, made.rar_5(FILES) + b"text behind")
    assert files(found)[""] == b"text behind"
    assert UnreadableReason.AMBIGUOUS in found


def test_one_of_several_volumes_is_not_all() -> None:
    """The others are in other mails."""
    assert UnreadableReason.AMBIGUOUS in pieces(Kind.RAR, made.rar_5(FILES, volume=True))


def test_bounds_hold() -> None:
    """No member, and not all of them together, is larger than the account allows; nor are there more."""
    found = pieces(Kind.COMPRESSED, made.lzip(bytes(40_000_000)))
    assert UnreadableReason.BOMB in found
    with pytest.raises(Refused):
        pieces(Kind.CPIO, made.cpio({str(number): bytes(1_000) for number in range(9)}), Account(octets=3_000))
    with pytest.raises(Refused):
        pieces(Kind.CPIO, made.cpio({str(number): b"x" for number in range(9)}), Account(files=5))


@pytest.mark.parametrize("kind", [Kind.RAR, Kind.CABINET, Kind.DISC, Kind.LHA, Kind.XAR, Kind.COMPRESSED])
def test_what_is_none_is_broken(kind: Kind) -> None:
    """Whatever its first octets claim."""
    assert UnreadableReason.BROKEN in pieces(kind, b"Rar!\x1a\x07\x01\x00 nothing of the sort")


def test_without_the_library_it_is_an_archive_that_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its traces of text are."""
    monkeypatch.setattr(foreign_archive, "ffi", None)
    for kind, content in ((Kind.RAR, made.rar_5(FILES)), (Kind.DISC, made.disc(FILES)), (Kind.AR, made.ar(FILES))):
        *texts, reason = pieces(kind, content)
        assert reason is UnreadableReason.ARCHIVE
        assert all(isinstance(text, str) for text in texts)


@pytest.mark.parametrize("make", [made.rar_4, made.rar_5])
def test_headers_that_are_cut_end_the_overview(make: object) -> None:
    """At every octet, without an error."""
    content = make(FILES, comment="x")  # type: ignore[operator]
    for end in range(len(content)):
        assert not rar.overview(content[:end]).end
    assert rar.overview(content).end == len(content)
