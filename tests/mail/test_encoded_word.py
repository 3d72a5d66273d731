"""Encoded words: written so that they read back, read whatever comes."""

import binascii
import encodings.aliases
import pkgutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.mail.address_list import scan
from dlp_gateway.mail.encoded_word import base64_octets, charset_text, decode, phrase
from tests import strategies


@given(strategies.names.filter(lambda name: "@" not in name))
@settings(max_examples=300)
def test_names_read_back(name: str) -> None:
    """A display name that is written afresh reads back the same, but for white space and what does not print."""
    expected = " ".join("".join(character if character.isprintable() else " " for character in name).split())
    written = phrase(name)
    assert written.isascii()
    assert max(map(len, written.split(b" "))) <= 75 or written.startswith(b'"')
    (mailbox,) = scan(b"%s <a@b.example>" % written).mailboxes
    assert expected == mailbox.name


def test_no_codec_makes_decoding_raise() -> None:
    """Every codec that Python has, by every name, on octets that fit none: text or a refusal, never an error."""
    names = {*encodings.aliases.aliases, *encodings.aliases.aliases.values()}
    names |= {module.name for module in pkgutil.iter_modules(encodings.__path__)}
    for name in names:
        for octets in (b"", b"a", b"\xff\xfe\x00", bytes(range(256)), b"\\x1 \\N{", b"xn--\xff"):
            assert isinstance(charset_text(octets, name)[0], str)


def test_a_word_without_charset_stays_text() -> None:
    """A label that is only a language names no charset; what the word says is not lost."""
    assert decode("a =?*de?q?b?= c") == ("a b c", False)


def test_no_surrogates() -> None:
    """UTF-7 can say half a surrogate pair, which nothing could write again."""
    assert decode("=?utf-7?q?+2AA-x?=") == ("\ufffdx", False)


@given(st.text("=?utf-8bBqQ_ \t*", max_size=40))
@settings(max_examples=300)
def test_never_raises(text: str) -> None:
    """What looks like encoded words is text, never an error."""
    assert isinstance(decode(text)[0], str)


@pytest.mark.parametrize(
    ("data", "octets", "clean"),
    [
        (b"QUJD", b"ABC", True),
        (b"QU JD\r\n", b"ABC", True),
        (b"QUI=", b"AB", True),
        (b"QUI", b"AB", True),
        (b"QUJ", b"AB", False),
        (b"QUI==", b"AB", False),
        (b"QUI=QUJD", b"ABABC", False),
        (b"Q!U-J.D", b"ABC", False),
        (b"QUJDQ", b"ABC", False),
        (b"====", b"", False),
        (b"", b"", True),
    ],
)
def test_base64(data: bytes, octets: bytes, *, clean: bool) -> None:
    """All that any decoder shows is decoded, and what is not clean is told."""
    assert (octets, clean) == base64_octets(data)


@given(st.binary(max_size=100))
def test_base64_never_raises(data: bytes) -> None:
    """Any octets are base64 of something."""
    assert isinstance(base64_octets(data)[0], bytes)


_ALPHABET = b"AQgwBRhxZaz09+/=-_* "


@given(st.lists(st.sampled_from(_ALPHABET), max_size=24).map(bytes))
def test_base64_is_decoded_as_the_standard_library_does(data: bytes) -> None:
    """The fast decoder makes nothing of what the strict one refuses, padding apart, and nothing else of what it takes."""
    octets, clean = base64_octets(data)
    compact = data.translate(None, b" ")
    try:
        assert (octets, clean) == (binascii.a2b_base64(compact, strict_mode=True), True)
    except binascii.Error:
        assert not clean or binascii.b2a_base64(octets, newline=False).rstrip(b"=") == compact
