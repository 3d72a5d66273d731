"""Transfer encodings undone."""

import base64
import binascii
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.mail import encoded_word, transfer
from dlp_gateway.mail.message import Defect
from dlp_gateway.mail.transfer import decode, encodings_named
from tests.work import LINEAR, growth


@pytest.mark.parametrize(
    ("body", "encodings"),
    [
        (b"base64", ("base64",)),
        (b"BASE64 ", ("base64",)),
        (b"x-base64", ("base64",)),
        (b"Base-64;", ("base64",)),
        (b'"Quoted-Printable"', ("quoted-printable",)),
        (b"quoted_printable", ("quoted-printable",)),
        (b"x-uue", ("uuencode",)),
        (b"(x) 7bit; y", ("7bit",)),
        (b"(7bit (or (so))) base64", ("7bit", "base64")),
        (b"(7bit base64", ("7bit", "base64")),
        (b"7bit, base64", ("7bit", "base64")),
        (b"=?utf-8?q?base64?=", ("base64",)),
        (b"8bit (as ever)", ("8bit",)),
        (b"x-strange", ("x-strange",)),
        (b"", ("",)),
        (b"\xff\xfe", ("",)),
    ],
)
def test_encodings_named(body: bytes, encodings: tuple[str, ...]) -> None:
    """Each encoding counts, wherever and however it is written; if there is none, the first word."""
    assert encodings == encodings_named(body)


@pytest.mark.parametrize(
    ("encoding", "content", "octets", "defects"),
    [
        ("7bit", b"a=41", b"a=41", ()),
        ("", b"a\xff", b"a\xff", ()),
        ("quoted-printable", b"a=41=\r\nb \r\nc=3d", b"aAb\r\nc=", ()),
        ("quoted-printable", b"a=  \r\nb", b"ab", ()),
        ("quoted-printable", b"a=ZZ", b"a=ZZ", (Defect.BAD_ENCODING,)),
        ("quoted-printable", b"a_b", b"a_b", ()),
        ("base64", b"QUJD\r\n", b"ABC", ()),
        ("base64", b"QUJ", b"AB", (Defect.BAD_ENCODING,)),
        ("uuencode", b"begin 644 x\r\n#0V%T\r\n`\r\nend\r\n", b"Cat", ()),
        ("uuencode", b"text", b"text", (Defect.BAD_ENCODING,)),
        ("uuencode", b"begin 644 x\n#0V%T\n", b"Cat", (Defect.BAD_ENCODING,)),
        ("x-unknown", b"a", b"a", (Defect.UNKNOWN_ENCODING,)),
    ],
)
def test_decode(encoding: str, content: bytes, octets: bytes, defects: tuple[Defect, ...]) -> None:
    """Each encoding, well formed and not."""
    assert (octets, defects) == decode(content, encoding)


@given(st.binary(max_size=100), st.sampled_from(("base64", "quoted-printable", "uuencode", "7bit", "?")))
def test_never_raises(content: bytes, encoding: str) -> None:
    """Any octets are decoded somehow."""
    assert isinstance(decode(content, encoding)[0], bytes)


@pytest.mark.parametrize("unit", [b" ", b"=", b"= ", b"\t\r", b" \n", b"begin 644 ", b"=\r\n"])
@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "uuencode"])
def test_takes_linear_time(encoding: str, unit: bytes) -> None:
    """A megabyte of any unit costs no more than its length."""
    assert growth(lambda content: decode(content, encoding), unit.__mul__, 1_000_000 // len(unit)) < LINEAR


_PIECES = st.lists(st.sampled_from((b"QUJD", b"QQ==", b"=", b"==", b"A", b" ", b"\t", b"\r\n", b"\n", b"=4", b"-")))


@given(_PIECES.map(b"".join), st.sampled_from(("base64", "quoted-printable")), st.integers(1, 9))
def test_what_is_decoded_piece_by_piece_is_what_it_is_as_a_whole(content: bytes, encoding: str, size: int) -> None:
    """Wherever the pieces of a large part end."""
    whole = decode(content, encoding)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoded_word, "SLICE", size)
        patch.setattr(transfer, "_LINES", size)
        octets, defects = decode(content, encoding)
        assert (octets, defects) == decode(b"=4" + content + b"1\n", encoding, 2, 2 + len(content))
    assert octets == whole[0]
    # Of base64 no more than a slice may follow the padding.
    assert defects == whole[1] or (encoding == "base64" and b"=" in content and bool(defects))


@given(
    st.binary(max_size=90),
    st.integers(1, 9),
    st.integers(3, 40),
    st.lists(st.tuples(st.integers(0, 150), st.sampled_from((b"\n", b"\r", b" ", b"=", b"!", b"\r\n"))), max_size=2),
)
def test_lines_of_one_width_are_decoded_as_any_others(
    octets: bytes, width: int, size: int, faults: list[tuple[int, bytes]]
) -> None:
    """Also where one is not as the first, or something stands in it that does not belong there."""
    letters = base64.b64encode(octets)
    content = b"".join(letters[place : place + width] + b"\r\n" for place in range(0, len(letters), width))
    for place, fault in faults:
        content = content[:place] + fault + content[place:]
    whole = decode(content, "base64")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoded_word, "SLICE", size)
        assert decode(content, "base64")[0] == whole[0]
    assert faults or whole == (octets, ())


_OCTETS = bytes(range(256)) * 40_000


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("base64", base64.encodebytes(_OCTETS)),
        ("base64", b"!" + base64.encodebytes(_OCTETS)),
        ("base64", b"=" * 10_000_000),
        ("quoted-printable", b"a=41 b\r\n" * 1_000_000),
        ("quoted-printable", b"a=41 \t\r\n" * 1_000_000),
        ("uuencode", b"begin 644 x\n" + binascii.b2a_uu(_OCTETS[:45]) * 160_000 + b"`\nend\n"),
    ],
)
def test_a_large_part_is_decoded_without_another_copy(encoding: str, content: bytes) -> None:
    """Beside the octets that come out there are but some of those that went in, whatever is wrong with them."""
    tracemalloc.start()
    octets, _ = decode(content, encoding)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.2 * len(octets) + 9_000_000
