"""Parts of which no more is decoded than somebody looks at."""

import base64
import quopri
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.mail.message import Part
from dlp_gateway.mail.parse import Limits, parse
from tests import strategies
from tests.resident import growing


@given(strategies.mime_soup, st.integers(1, 40))
@settings(max_examples=200, deadline=None)
def test_no_part_is_lost(raw: bytes, most: int) -> None:
    """Whatever the message is, none of them holds more, and what is left out is none that is whole."""
    whole = parse(raw).parts
    cut = parse(raw, Limits(part_octets=most)).parts
    assert {part.path for part in cut} == {part.path for part in whole}
    for part in cut:
        if part.span is not None:
            assert len(part.content) <= most
        if not part.left_out:
            assert part in whole


def _parts(encoding: bytes, body: bytes, most: int) -> tuple[Part, Part]:
    raw = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n" + body
    (cut,), (full,) = parse(raw, Limits(part_octets=most)).parts, parse(raw).parts
    return cut, full


@pytest.mark.parametrize("most", [1, 57, 1_000, 4_999, 5_000, 6_000])
def test_so_many_octets_are_decoded(most: int) -> None:
    """Of each encoding, and the rest is counted."""
    octets = b"words and 1234567\r\n" * 264
    encoded = {
        b"8bit": octets,
        b"base64": base64.encodebytes(octets).replace(b"\n", b"\r\n"),
        b"quoted-printable": quopri.encodestring(octets),
    }
    for encoding, body in encoded.items():
        cut, full = _parts(encoding, body, most)
        assert cut.content == full.content[:most]
        assert cut.left_out >= len(full.content) - len(cut.content)
        assert bool(cut.left_out) == (len(full.content) > most)
        assert replace(cut, content=full.content, left_out=0) == full


def test_blanks_between_letters_hide_nothing() -> None:
    """Where an encoding takes far more octets than it stands for, all is decoded."""
    body = b"\r\n".join(b"  %c  " % letter for letter in base64.b64encode(bytes(range(200))))
    cut, _ = _parts(b"base64", body, 150)
    assert cut.content == bytes(range(150))
    assert not cut.defects


def test_a_large_text_is_in_memory_once_and_a_little() -> None:
    """Beside the message itself there is what is kept of it."""
    raw = b"Content-Type: text/plain\r\n\r\n" + b"words 1234567\r\n" * 2_000_000
    with growing() as growth:
        (part,) = parse(raw, Limits(part_octets=1_000_000)).parts
    assert growth.peak < 8_000_000
    assert len(part.content) + part.left_out == len(raw) - len(b"Content-Type: text/plain\r\n\r\n")
