"""Archives of objects as Pages, Numbers and Keynote write them."""

import pytest

from dlp_gateway.content import iwork
from dlp_gateway.content.text import Account, UnreadableReason


def chunk(packed: bytes) -> bytes:
    """Return one chunk."""
    return b"\0" + len(packed).to_bytes(3, "little") + packed


def literal(octets: bytes) -> bytes:
    """Return octets as they are."""
    return bytes(((len(octets) - 1) << 2,)) + octets


@pytest.mark.parametrize(
    ("packed", "expected"),
    [
        pytest.param(literal(b"first words"), "first words", id="as it is"),
        pytest.param(b"\xf0\x0afirst words", "first words", id="a length of its own"),
        pytest.param(b"\xf4\x0a\0first words", "first words", id="a length of two octets"),
        pytest.param(literal(b"no. 4539") + bytes((0b001, 4)), "no. 45394539", id="a short copy"),
        pytest.param(literal(b"no. 4539") + b"\x0e\x04\0", "no. 45394539", id="a copy"),
        pytest.param(literal(b"no. 4539") + b"\x0f\x04\0\0\0", "no. 45394539", id="a copy from afar"),
        pytest.param(literal(b"number 7") + b"\x1e\x01\0", "number 777777777", id="a copy of itself"),
    ],
)
def test_strings_are_unpacked(packed: bytes, expected: str) -> None:
    """Literals, and copies of what came before."""
    assert list(iwork.read(chunk(b"\x20" + packed), Account())) == [expected]


def test_chunks_follow_each_other() -> None:
    """Each is packed by itself, and what they hold is one."""
    content = chunk(b"\x06" + literal(b"first ")) + chunk(b"\x06" + literal(b"second"))
    assert list(iwork.read(content, Account())) == ["first second"]


@pytest.mark.parametrize("packed", [b"\x20\x0e\x04\0", b"\x20" + literal(b"no. 4539") + b"\x0e\0\0", b"\x80", b""])
def test_what_points_nowhere_is_broken(packed: bytes) -> None:
    """What came before it stays."""
    assert list(iwork.read(chunk(packed), Account()))[-1] is UnreadableReason.BROKEN


def test_copies_of_copies_are_bounded() -> None:
    """A few octets may stand for very many."""
    packed = b"\x20" + literal(b"x" * 60) + b"\xfe\x01\0" * 900_000
    *_, reason = iwork.read(chunk(packed), Account(octets=1_000_000))
    assert reason in {UnreadableReason.BOMB, UnreadableReason.TOO_LARGE}
