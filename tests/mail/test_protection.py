"""To and Cc under a seal: what is encrypted, and payloads with a header section of their own (RFC 9788)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.mail.exposure import Hidden
from dlp_gateway.mail.parse import parse
from dlp_gateway.mail.protection import _sections, hides_recipients
from tests import work

HIDDEN = Hidden(("one@shop.example",))


def signed(content_type: str, *fields: str) -> bytes:
    """Return a signed mail whose payload has these fields."""
    inner = "\r\n".join([content_type, *fields])
    return (
        "From: ann@corp.example\r\nTo: one@shop.example\r\n"
        "Content-Type: multipart/signed; protocol=application/pgp-signature; boundary=cut\r\n\r\n"
        f"--cut\r\n{inner}\r\n\r\ntext\r\n--cut\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--cut--\r\n"
    ).encode()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (signed('Content-Type: text/plain; hp="clear"', "To: one@shop.example", "Cc: x@corp.example"), True),
        (signed("Content-Type: text/plain;\r\n hp=clear", "CC: One <ONE@shop.example>"), True),
        (signed('Content-Type: multipart/mixed; protected-headers="v1"; boundary=x', "To: one@shop.example"), True),
        (signed('Content-Type: text/plain; protected-headers="v1"', "Subject: one@shop.example"), False),
        (signed("Content-Type: text/plain", "To: one@shop.example"), False),
        (signed("Content-Type: text/plain; hp=clear", "To: ann@corp.example"), False),
        (b"To: one@shop.example\r\nContent-Type: application/pkcs7-mime; name=smime.p7m\r\n\r\nx", True),
        (b"To: one@shop.example\r\nContent-Disposition: attachment; filename=smime.p7m\r\n\r\nx", True),
        (
            b"Content-Type: multipart/encrypted; boundary=c\r\n\r\n--c\r\nContent-Type: application/pgp-encrypted\r\n",
            True,
        ),
        (b"To: one@shop.example\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nabc=\r\n", True),
        (b"To: one@shop.example\r\n\r\nIt begins with -----BEGIN PGP MESSAGE-----\r\n", False),
        (b"To: one@shop.example\r\n\r\nhp=clear, protected-headers=v1\r\nTo: one@shop.example\r\n", False),
    ],
)
def test_knows_what_no_rewrite_reaches(raw: bytes, expected: bool) -> None:  # noqa: FBT001  a table
    """Encrypted parts may show anybody; a signed payload does if it says so and names him."""
    assert hides_recipients(parse(raw), HIDDEN) is expected


def test_a_game_with_parameters_ends() -> None:
    """Ten thousand payloads that say they are protected count as one that shows everybody."""
    raw = b"To: one@shop.example\r\n\r\n" + b"X: y; hp=clear\r\n" * 10_000
    assert hides_recipients(parse(raw), HIDDEN)


def test_a_section_is_looked_at_once() -> None:
    """Ninety parameters in one section cost what one does: its list of five thousand recipients is read once."""
    listed = b"To: one@shop.example\r\n\r\nTo: " + b"ann@corp.example, " * 5_000 + b"\r\nX: y"
    few, many = (parse(listed + b"; hp=clear" * count + b"\r\n\r\ntext") for count in (1, 90))
    assert not hides_recipients(few, HIDDEN)
    assert not hides_recipients(many, HIDDEN)
    assert work.lines(lambda: hides_recipients(many, HIDDEN)) < 2 * work.lines(lambda: hides_recipients(few, HIDDEN))


@given(st.lists(st.sampled_from((b"\n", b"\r\n", b"-", b"--", b"a", b" ")), max_size=30), st.sets(st.integers(0, 40)))
def test_a_section_is_the_same_whichever_were_looked_for_before(pieces: list[bytes], places: set[int]) -> None:
    """What is kept from one place to the next changes none of them."""
    raw = b"".join(pieces)
    ascending = sorted(place for place in places if place <= len(raw))
    assert list(_sections(raw, ascending)) == [next(_sections(raw, [place])) for place in ascending]


def test_many_long_sections_are_a_game() -> None:
    """A megabyte of sections of payloads is read by nobody, so that it may show anybody."""
    section = b"To: " + b"ann@corp.example, " * 12_000 + b"\r\nX: y; hp=clear\r\n\r\n"
    assert not hides_recipients(parse(b"To: one@shop.example\r\n\r\n" + section * 2), HIDDEN)
    assert hides_recipients(parse(b"To: one@shop.example\r\n\r\n" + section * 9), HIDDEN)
