"""Octets as text, whatever their label says."""

import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dlp_gateway.content.charset import readings
from tests.work import LINEAR, growth

GERMAN = "Führerschein 41111111"
JAPANESE = "免許番号 ４１１１"
RUSSIAN = "Водительские права 4111"


@pytest.mark.parametrize(
    ("text", "encoding", "label"),
    [
        (GERMAN, "utf-8", "utf-8"),
        (GERMAN, "utf-8", ""),
        (GERMAN, "utf-8", "no-such-charset"),
        (GERMAN, "utf-8", "iso-8859-1"),
        (GERMAN, "utf-8-sig", "us-ascii"),
        (GERMAN, "iso-8859-1", "ISO-8859-1"),
        (GERMAN, "iso-8859-1", "utf-8"),
        (GERMAN, "iso-8859-1", "us-ascii"),
        (GERMAN, "iso-8859-1", "no-such-charset"),
        (GERMAN, "cp1252", '"Windows-1252"'),
        (GERMAN, "utf-16", "utf-16"),
        (GERMAN, "utf-16", "utf-8"),
        (GERMAN, "utf-16-le", "utf-16le"),
        (GERMAN, "utf-16-le", ""),
        (GERMAN, "utf-16-be", "utf-16"),
        (GERMAN, "utf-16-be", "us-ascii"),
        (GERMAN, "utf-32", "utf-8"),
        (GERMAN, "utf-32-le", "utf-32"),
        (GERMAN, "utf-7", "utf-7"),
        (GERMAN, "utf-7", "unicode-1-1-utf-7"),
        (GERMAN, "utf-7", ""),
        (GERMAN, "cp037", "ibm037"),
        (GERMAN, "cp500", "EBCDIC-CP-BE"),
        (GERMAN, "cp037", ""),
        (GERMAN, "mac_roman", "x-mac-roman"),
        (JAPANESE, "iso2022_jp", "iso-2022-jp"),
        (JAPANESE, "iso2022_jp", "csISO2022JP"),
        (JAPANESE, "iso2022_jp", "us-ascii"),
        (JAPANESE, "cp932", "shift_jis"),
        (JAPANESE, "cp932", ""),
        (JAPANESE, "euc_jp", "euc-jp"),
        (JAPANESE, "gb18030", "gb2312"),
        (JAPANESE, "gb18030", "us-ascii"),
        ("번호 ４１１１", "cp949", "ks_c_5601-1987"),
        ("번호 ４１１１", "iso2022_kr", "iso-2022-kr"),
        ("號碼 ４１１１", "big5", "big5"),
        ("号码 ４１１１", "hz", "hz-gb-2312"),
        (RUSSIAN, "koi8-r", "KOI8-R"),
        ("Посвідчення 4111", "koi8-u", "KOI8-U"),
        ("ใบขับขี่ 4111", "cp874", "windows-874"),
        (RUSSIAN, "cp1251", "windows-1251"),
        ("4111", "ascii", "utf-16"),
        ("4111", "ascii", "no-such-charset"),
    ],
)
def test_the_text_is_among_the_readings(text: str, encoding: str, label: str) -> None:
    """Right, wrong, missing and unknown labels all lead to the text that was written."""
    assert text in readings(text.encode(encoding), label)


def test_ascii_has_one_reading() -> None:
    """Ordinary mail is read once."""
    assert readings(b"Hello + bye\r\n", "us-ascii") == ("Hello + bye\r\n",)


@pytest.mark.parametrize("label", ["", "utf-8", "us-ascii", "no-such-charset"])
def test_octets_that_are_no_text_have_no_reading(label: str) -> None:
    """What nobody could have written as text is not taken for text."""
    assert not readings(bytes(range(128, 160)) * 10 + b"\x00\x01\x02\x03" * 80, label)


@settings(max_examples=300)
@example(b"\x80\x80", "utf-16")  # reads alike in both octet orders
@given(
    st.binary(max_size=200),
    st.sampled_from(["", "utf-8", "utf-16", "utf-32", "utf-7", "hz", "iso-2022-jp", "shift_jis", "gbk", "cp037", "x"]),
)  # fmt: skip
def test_no_octets_fail(content: bytes, label: str) -> None:
    """Readings are distinct texts that can be written again."""
    found = readings(content, label)
    assert len(found) == len(set(found))
    for reading in found:
        reading.encode()


@pytest.mark.parametrize("label", ["", "utf-7", "iso-2022-jp", "hz", "utf-16", "gb18030", "no-such-charset"])
def test_linear_time(label: str) -> None:
    """Octets made to be slow are read under any label in time that grows as they do."""
    for unit in (b"+", b"\x1b$B", b"~{", b"\xff\xfe", b"\x00"):
        assert growth(lambda content: readings(content, label), unit.__mul__, 1_000_000 // len(unit)) < LINEAR


def test_a_large_text_with_an_emoji_takes_no_four_octets_a_character() -> None:
    """What is read is as long, and characters that stand across pieces are what they were."""
    written = "Grüße… \U0001f600 of \U0001d400nna\r\n" * 60_000
    (found,) = readings(written.encode(), "utf-8")
    assert found == written.replace("\U0001f600", "¤").replace("\U0001d400", "A")
    assert sys.getsizeof(found) < 2.1 * len(written)
    assert readings(written[:1_000].encode(), "utf-8") == (written[:1_000],)


@pytest.mark.parametrize("rest", [b"\xff", "é".encode()[:1]])
def test_a_large_text_is_utf_8_to_its_end_or_is_not(rest: bytes) -> None:
    """As a small one."""
    content = "é".encode() * 600_000 + rest
    assert readings(content, "latin-1") == (content.decode("latin-1"),)
