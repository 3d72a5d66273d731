"""Xtext, both ways (RFC 3461 4, RFC 6533 3)."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.mail import xtext

PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1)


@given(PRINTABLE)
def test_what_is_written_can_be_read(text: str) -> None:
    """Every printable ASCII text survives."""
    assert text == xtext.decode(xtext.encode(text))


@given(st.text())
def test_nothing_but_printable_ascii_comes_out(text: str) -> None:
    """Whatever a client sends, no control character and no line end reaches a field."""
    decoded = xtext.decode(text)
    assert decoded is None or (decoded.isascii() and decoded.isprintable())
    original = xtext.original_recipient(text)
    assert original is None or (original[1].isprintable() and original[0].isascii())


@pytest.mark.parametrize("text", ["", "+", "+4", "+4x", "+2b", "a b", "a=b", "é", "+0A", "+00", "+FF", "a\n"])
def test_no_xtext(text: str) -> None:
    """Small letters in hex, blanks, "=", half a code, and what decodes to no printable ASCII."""
    assert xtext.decode(text) is None


def test_only_ascii_can_be_written() -> None:
    """Beyond ASCII there is another form."""
    with pytest.raises(ValueError, match="xtext"):
        xtext.encode("é")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rfc822;bob+40example.org", ("rfc822", "bob@example.org")),
        ("RFC822;bob@example.org", ("rfc822", "bob@example.org")),
        ("x400;/c=nl", None),
        ("x400;/c+3Dnl", ("x400", "/c=nl")),
        ("rfc822;", None),
        (";bob", None),
        ("rfc822", None),
        ("rfc 822;bob", None),
        ("rfc822;jürgen", None),
        ("utf-8;jürgen+40b.example", ("utf-8", "jürgen@b.example")),
        ("utf-8;j\\x{FC}rgen@b.example", ("utf-8", "jürgen@b.example")),
        ("utf-8;j\\x{D800}@b.example", None),
        ("utf-8;j\\x{110000}@b.example", None),
        ("utf-8;j\\x{D}@b.example", None),
        ("utf-8;j\\@b.example", None),
        ("utf-8;j\\x{0D}\\x{0A}@b.example", None),
        ("utf-8;j\u2028@b.example", None),
        ("utf-8;j+0Ax@b.example", None),
        ("utf-8;j=x@b.example", None),
    ],
)
def test_original_recipients(text: str, expected: tuple[str, str] | None) -> None:
    """A type and an address, or nothing."""
    assert expected == xtext.original_recipient(text)


@given(st.text(st.characters(categories=["L"]), min_size=1))
def test_unicode_can_be_written_in_ascii(name: str) -> None:
    """The form for servers without SMTPUTF8 says the same."""
    original = f"utf-8;{name}@b.example"
    plain = xtext.without_unicode(original)
    assert plain.isascii()
    assert set(plain) <= set(string.printable)
    assert xtext.original_recipient(plain) == xtext.original_recipient(original)
