"""The end of DATA, found however it arrives."""

import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.smtp import data, line_ends
from dlp_gateway.smtp.data import DataReader
from dlp_gateway.smtp.replies import BARE_NEWLINE, FAR_TOO_BIG, NUL, TOO_BIG, Refusal
from dlp_gateway.smtp.room import Room
from dlp_gateway.smtp.spool import Spool
from dlp_gateway.smtp.transaction import stuffed
from tests.work import LINEAR, growth

LIMIT = 10_000
_MANY = line_ends.MANY


def read(octets: bytes, size: int = 65_536, limit: int = LIMIT) -> tuple[bytes | Refusal | None, bytes]:
    """Feed octets in segments of `size`; return what was found and what is left for the next command."""
    buffer = bytearray()
    reader = DataReader(buffer, limit, Room())
    for start in range(0, len(octets), size):
        buffer += octets[start : start + size]
        found = reader.read()
        if found is not None:
            return (found.in_memory if isinstance(found, Spool) else found), bytes(buffer) + octets[start + size :]
    return None, bytes(buffer)


def unstuffed(octets: bytes) -> bytes:
    """The rule of RFC 5321 4.5.2 line by line, as slow as it is plain."""
    lines = octets.split(b"\r\n")
    return b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)


@pytest.fixture(
    autouse=True,
    params=[(data._BLOCK, line_ends.MANY), (8, line_ends.MANY), (data._BLOCK, 0), (8, 0)],
    ids=["", "blocks", "arrays", "blocks-arrays"],
)
def block(request: pytest.FixtureRequest) -> Iterator[None]:
    """Set octets aside in the usual blocks, and in blocks so small that they end everywhere; look at few in arrays."""
    with pytest.MonkeyPatch.context() as patch:
        block, many = request.param
        patch.setattr(data, "_BLOCK", block)
        patch.setattr(line_ends, "MANY", many)
        yield


LINES = st.lists(st.sampled_from([b"", b".", b"..", b".x", b"x", b"x.", b"Subject: hello", b"\xff" * 3]), max_size=12)


@given(lines=LINES, size=st.integers(1, 40), rest=st.sampled_from([b"", b"QUIT\r\n", b".\r\n", b"\r\n.\r\n"]))
@settings(max_examples=300)
def test_stuffed_message_comes_out_as_it_was(lines: list[bytes], size: int, rest: bytes) -> None:
    """What is stuffed on one side and cut anywhere is the same on the other; what follows is left alone."""
    content = b"".join(line + b"\r\n" for line in lines)
    found, left = read(stuffed(content) + b".\r\n" + rest, size)
    assert (content, rest) == (found, left)


@given(lines=st.lists(st.sampled_from([b"", b"..", b".x", b"x.", b"...", b"x"]), max_size=12), size=st.integers(1, 40))
def test_one_leading_dot_is_removed_from_every_line(lines: list[bytes], size: int) -> None:
    """Also from a line that a client did not stuff (RFC 5321 4.5.2)."""
    octets = b"".join(line + b"\r\n" for line in lines)
    assert (unstuffed(octets), b"") == read(octets + b".\r\n", size)


@given(octets=st.lists(st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"x", b"\x00"]), max_size=20).map(b"".join))
@settings(max_examples=500)
def test_only_crlf_dot_crlf_ends_a_message(octets: bytes) -> None:
    """Whatever comes: a message is given out only if every CR and LF in it stands in a CRLF, in any segmentation."""
    whole, _ = read(octets + b"\r\n.\r\n")
    single, _ = read(octets + b"\r\n.\r\n", 1)
    assert whole == single
    if isinstance(whole, bytes):
        assert whole.count(b"\r") == whole.count(b"\n") == whole.count(b"\r\n")
        assert b"\x00" not in whole


SMUGGLING = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r.\r\n",
    b"\r.\r",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\n.\r",
    b"\r.\n",
    b"\n\n.\r\n",
    b"\r\r\n.\r\n",
    b"\r\n.\r\r\n",
    b"\r\n\n.\r\n",
    b"\n\r.\r\n",
    b"\r\n.\n\r\n",
    b"\n\r\n.\r\n",
    b"\r\n\r.\r\n",
    b"\r\n.\r\x00\n",
    b"\r\n\x00.\n",
    b"\r\n.\x00\n",
    b"\x00\n.\r\n",
    b"\n.\x00\r\n",
    b"\x0b\n.\r\n",
    b"\r\n.\r\x85",
    b"\xe2\x80\xa8\n.\r\n",
]


@pytest.mark.parametrize("form", SMUGGLING, ids=repr)
@pytest.mark.parametrize("size", [1, 3, 65_536])
def test_smuggled_end_is_refused(form: bytes, size: int) -> None:
    """No form of an end that another server might honour passes, nor what a smuggler puts behind it."""
    inner = b"MAIL FROM:<ceo@corp.example>\r\nRCPT TO:<victim@example.org>\r\nDATA\r\nhidden\r\n.\r\n"
    found, _ = read(b"Subject: x\r\n\r\ntext" + form + inner, size)
    assert found == BARE_NEWLINE


def test_nul_is_refused_at_the_end() -> None:
    """A NUL is found wherever it stands; the dialogue goes on behind the message."""
    assert read(b"Subject: x\r\n\r\na\x00b\r\n.\r\nNOOP\r\n") == (NUL, b"NOOP\r\n")


def test_size_counts_neither_stuffed_dots_nor_the_final_one() -> None:
    """A message of exactly the limit passes, one octet more does not (RFC 1870 6.3)."""
    content = b".\r\n" * (LIMIT // 3) + b"\r\n"
    assert content == read(stuffed(content) + b".\r\n", limit=len(content))[0]
    assert read(stuffed(content) + b".\r\nNOOP\r\n", limit=len(content) - 1) == (TOO_BIG, b"NOOP\r\n")


@pytest.mark.parametrize("size", [1, 7, 65_536])
def test_too_big_is_read_to_its_end(size: int) -> None:
    """The dialogue goes on behind a message that is too big, however it is cut."""
    assert read(b"x" * (3 * LIMIT) + b"\r\n.\r\nQUIT\r\n", size) == (TOO_BIG, b"QUIT\r\n")


def test_far_too_big_is_given_up() -> None:
    """There is an end to reading what nobody will keep."""
    assert read(b"x" * 2_000_000, limit=LIMIT)[0] == FAR_TOO_BIG


def test_line_of_any_length_passes() -> None:
    """Some senders write lines of megabytes, and smarthosts take them."""
    content = b"x" * 5_000_000 + b"\r\n"
    assert content == read(content + b".\r\n", limit=6_000_000)[0]


@pytest.mark.parametrize("unit", [b"\r\n", b"..\r\n", b"x" * 998 + b"\r\n"], ids=["empty", "dots", "long"])
def test_memory_is_one_copy(unit: bytes) -> None:
    """8.4 MB of lines of any kind: hazard 2 was 700 MB."""
    octets = unit * (8_400_000 // len(unit)) + b".\r\n"
    tracemalloc.start()
    buffer = bytearray()
    reader = DataReader(buffer, 50_000_000, Room())
    found: bytes | Spool | Refusal | None = None
    for start in range(0, len(octets), 65_536):
        buffer += octets[start : start + 65_536]
        found = reader.read()
    content = found.in_memory if isinstance(found, Spool) else None
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert content is not None
    assert peak < 1.6 * len(octets)


@pytest.mark.parametrize("unit", [b"\r\n", b"..\r\n", b"x" * 998 + b"\r\n"], ids=["empty", "dots", "long"])
def test_takes_linear_time(unit: bytes) -> None:
    """Lines of any kind cost no more than their length."""

    def work(octets: bytes) -> None:
        assert isinstance(read(octets, limit=50_000_000)[0], bytes)

    assert growth(work, lambda count: unit * count + b".\r\n", 8_400_000 // len(unit)) < LINEAR


def test_single_octets_cost_no_more_than_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that sends octet by octet is not made quadratic."""
    monkeypatch.setattr(line_ends, "MANY", _MANY)  # nobody makes an array of one octet

    def work(octets: bytes) -> None:
        assert isinstance(read(octets, 1, limit=1_000_000)[0], bytes)

    assert growth(work, lambda count: b"ab\r\n" * count + b".\r\n", 50_000) < LINEAR
