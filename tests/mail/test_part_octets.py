"""Parts of which no more is decoded than somebody looks at."""

import base64
import binascii
import quopri
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.mail.message import Defect, Part
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
        alike = [full for full in whole if (full.path, full.media_type) == (part.path, part.media_type)]
        assert any(full.content.startswith(part.content) for full in alike)
        assert any(full.octets <= part.octets for full in alike)
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


@pytest.mark.parametrize("most", [10, 500])
def test_what_is_no_base64_is_told_and_shown(most: int) -> None:
    """A fault in what was decoded is none of the cut, and clients that cannot decode it show it as it stands."""
    head = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    for body in (b"number 123-45-6789, keep it\r\n", b"QUJD!QUJD\r\n"):
        parts = parse(head + body + base64.encodebytes(bytes(9_000)), Limits(part_octets=most)).parts
        assert [Defect.BAD_ENCODING in part.defects for part in parts] == [True, False]
        assert parts[1].content == (body + base64.encodebytes(bytes(9_000)))[:most]
    for sound in (0, 1, 2, 3):
        (part,) = parse(head + b"\r\n " * sound + base64.encodebytes(bytes(9_000)), Limits(part_octets=most)).parts
        assert not part.defects


def test_a_file_that_begins_late_is_found() -> None:
    """In uuencode, what stands before it is no part of it."""
    head = b"Content-Type: text/calendar\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n"
    lines = b"".join(binascii.b2a_uu(b"BEGIN:VCALENDAR\r\nATTENDEE:mailto:a@b.example\r\n"[at:][:45]) for at in (0, 45))
    raw = head + b"words of prose\r\n" * 1_000 + b"begin 644 a.ics\r\n" + lines + b"`\r\nend\r\n"
    cut, full = parse(raw, Limits(part_octets=100)), parse(raw)
    assert cut == full
    assert [one.address for one in cut.visible] == ["a@b.example"]


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
