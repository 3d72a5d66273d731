"""Messages parsed briefly: the same but for the contents of their parts, of which there is the beginning."""

import base64
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.mail import parse as parsing
from dlp_gateway.mail.exposure import Hidden
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.parse import parse, whole
from dlp_gateway.mail.protection import hides_recipients
from tests import strategies
from tests.resident import growing


def without_contents(message: Message) -> Message:
    """Return the message with the number of octets of each part in place of its content."""
    parts = (replace(one, content=b"", left_out=len(one.content) + one.left_out) for one in message.parts)
    return replace(message, parts=tuple(parts))


@given(strategies.mime_soup, st.integers(0, 9))
@settings(max_examples=150, deadline=None)
def test_a_brief_message_is_the_same_but_for_contents(raw: bytes, beginning: int) -> None:
    """Header, recipients, parts and defects; and all of it can be had again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing, "BEGINNING", beginning)
        brief = parse(raw, briefly=True)
    assert without_contents(brief) == without_contents(parse(raw))
    assert all(len(part.content) <= beginning for part in brief.parts)
    assert whole(brief) == parse(raw)


@pytest.mark.parametrize("end", [b"", b"=", b"!!"], ids=["sound", "padded", "faulty"])
def test_a_large_file_is_decoded_no_further_than_its_beginning(end: bytes) -> None:
    """It is the same part but for its size, which is told by its letters, and for faults behind the beginning."""
    head = b"Content-Type: multipart/mixed; boundary=A\r\n\r\n--A\r\n\r\nwords\r\n--A\r\n"
    file = b"Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    octets = random.Random(1).randbytes(400_000)
    raw = head + file + base64.encodebytes(octets).replace(b"\n", b"\r\n") + end + b"\r\n--A--\r\n"
    brief, full = parse(raw, briefly=True), parse(raw)
    assert brief.parts[0] == full.parts[0]
    assert brief.parts[1].content == octets[: parsing.BEGINNING]
    assert brief.parts[1].span == full.parts[1].span
    assert 0 <= len(brief.parts[1].content) + brief.parts[1].left_out - len(octets) < 20_000
    assert whole(brief) == full


def test_a_large_invitation_in_base64_is_read() -> None:
    """Whatever it says that it is."""
    guests = b"".join(b"ATTENDEE:mailto:u%d@shop.example\r\n" % number for number in range(900)) * 6
    head = b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    raw = head + base64.encodebytes(b"BEGIN:VCALENDAR\r\n" + guests).replace(b"\n", b"\r\n")
    assert len(raw) > 200_000
    assert without_contents(parse(raw, briefly=True)) == without_contents(parse(raw))
    assert len(parse(raw, briefly=True).visible) == 5_400


def test_all_guests_of_a_large_invitation_are_seen() -> None:
    """As far as invitations are read; what lies beyond is told."""
    guests = b"".join(b"ATTENDEE:mailto:u%d@shop.example\r\n" % number for number in range(900))
    head = b"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\n"
    for raw in (head + guests, head + guests * 40):
        assert without_contents(parse(raw, briefly=True)) == without_contents(parse(raw))
    assert len(parse(head + guests, briefly=True).visible) == 900


def test_what_is_sealed_far_below_is_found() -> None:
    """Whoever looks for a part that no rewrite reaches gets to see all of each."""
    raw = b"To: one@shop.example\r\n\r\n" + b"some words\r\n" * 1_000 + b"-----BEGIN PGP MESSAGE-----\r\n\r\nabc=\r\n"
    assert hides_recipients(parse(raw, briefly=True), Hidden(("one@shop.example",)))


_TEXT = b"words 1234567\r\n" * 2_800_000
_DISPUTED = (
    b"Content-Type: multipart/mixed; boundary=A\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"
    b"--A\r\n\r\n--B\r\n\r\n" + _TEXT + b"--A--\r\n--B--\r\n"
)


@pytest.mark.parametrize(
    "raw",
    [
        b"Content-Type: text/plain\r\n\r\n" + _TEXT,
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(_TEXT[:31_500_000]),
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + _TEXT,
        b"Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\n" + _TEXT,
        _DISPUTED,
    ],
    ids=["text", "base64", "quoted-printable", "two types", "two boundaries"],
)
def test_a_brief_message_takes_one_copy_for_a_moment(raw: bytes) -> None:
    """However many readings its parts have; and nothing to speak of afterwards."""
    with growing() as growth:
        message = parse(raw, briefly=True)
    assert growth.peak < 1.3 * len(raw)
    assert sum(len(part.content) for part in message.parts) < 100_000
