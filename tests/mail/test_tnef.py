"""Who may be named in what Outlook wraps up, found without unwrapping it."""

import struct

import pytest

from dlp_gateway.mail import tnef
from dlp_gateway.mail.message import Part
from dlp_gateway.mail.parse import parse


def part(content: bytes, *, media_type: str = "application/ms-tnef", filename: str = "winmail.dat") -> Part:
    """Return a part with that content."""
    return Part(
        path="2", media_type=media_type, charset="", filename=filename, disposition="attachment", content=content
    )


def wrapped(*properties: bytes) -> bytes:
    """Return a stream as Outlook writes it: signature, key, an attribute for each text ([MS-OXTNEF] 2.1.3)."""
    stream = struct.pack("<IH", 0x223E9F78, 1)
    for octets in properties:
        stream += struct.pack("<BII", 1, 0x00069003, len(octets)) + octets + struct.pack("<H", sum(octets) & 0xFFFF)
    return stream


@pytest.mark.parametrize(
    "text",
    [
        b"SMTP:ann@home.example\0",
        b"\x03\x00ann@home.example\x00\x01",
        "Ann Berg <ann@home.example>".encode("utf-16-le"),
        "x; ann@home.example".encode("utf-16-le") + b"\0\0",
        b"\0" + "ann@home.example".encode("utf-16-le"),  # no property begins at an even octet of the file
    ],
)
def test_addresses_are_found(text: bytes) -> None:
    """In one octet a letter and in two, between whatever properties lie beside them."""
    found = " ".join(tnef.names(part(wrapped(b"\x1f\0\x01\x30", text, b"\xff" * 9))))
    assert "ann@home.example" in found


@pytest.mark.parametrize("unit", [b"a@", b"a\0@\0", b"a@b\0@\0", b"@"], ids=["octets", "wide", "both", "signs"])
def test_each_letter_is_read_once(unit: bytes) -> None:
    """Signs that stand near to each other have one text around them."""
    content = unit * 100_000
    assert sum(map(len, tnef.names(part(content)))) < 3 * len(content)


def test_nothing_is_found_where_nothing_is() -> None:
    """Signs that stand for themselves are no addresses."""
    assert list(tnef.names(part(wrapped(b"@ @@ 5 @ 3", b"\0@\0")))) == []


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (part(b""), True),
        (part(b"", media_type="application/octet-stream"), True),
        (part(b"", filename="x"), True),
        (part(wrapped(), media_type="application/octet-stream", filename="att0001.bin"), True),
        (part(b"%PDF", media_type="application/pdf", filename="offer.pdf"), False),
    ],
)
def test_what_outlook_unwraps(*, one: Part, expected: bool) -> None:
    """By type, name, or how it begins."""
    assert tnef.is_tnef(one) is expected


def test_a_part_of_a_mail_is_seen() -> None:
    """As the parser hands it over."""
    raw = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n\r\n"
        b"SMTP:ann@home.example\r\n--b--\r\n"
    )
    assert [tnef.is_tnef(one) for one in parse(raw).parts] == [True]
