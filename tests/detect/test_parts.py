"""Files and pictures are counted; the text, logos and signatures are none."""

from base64 import b64encode
from datetime import UTC, datetime

import pytest

from dlp_gateway.detect.base import Material
from dlp_gateway.detect.parts import PartsDetector
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.parse import parse

ENVELOPE = Envelope(
    id="0" * 18,
    reverse_path="",
    recipients=(),
    client="192.0.2.1",
    login="",
    body_8bit=False,
    smtputf8=False,
    received_at=datetime(2026, 1, 1, tzinfo=UTC),
)
PHOTOGRAPH = b"\xff\xd8\xff\xe0" + b"photograph" * 3_000
LOGO = b"\x89PNG\r\n\x1a\n" + b"logo" * 100


def part(fields: str, content: bytes) -> str:
    """Return a part of a multipart message."""
    return f"--b\n{fields}\nContent-Transfer-Encoding: base64\n\n{b64encode(content).decode()}\n"


def counted(*parts: str) -> dict[str, tuple[int, str]]:
    """Return counts and places in a message with a text and these parts."""
    raw = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhello\n" + "".join(parts) + "--b--\n"
    message = parse(raw.replace("\n", "\r\n").encode())
    material = Material(envelope=ENVELOPE, message=message, texts=())
    return {found.kind: (found.count, found.where) for found in PartsDetector().detect(material)}


def test_a_text_alone() -> None:
    """The text is no file."""
    assert counted() == {}


def test_files_and_pictures() -> None:
    """Each sort is counted by itself, at the first of its kind."""
    pdf = part("Content-Type: application/pdf; name=a.pdf", b"%PDF-1.7")
    photograph = part("Content-Type: image/jpeg\nContent-Disposition: inline", PHOTOGRAPH)
    assert counted(pdf, photograph, pdf) == {
        "parts.attachment": (2, "part:2"),
        "parts.picture": (1, "part:3"),
    }


@pytest.mark.parametrize(
    ("fields", "content", "expected"),
    [
        ("Content-Type: image/png\nContent-Disposition: inline", LOGO, None),
        ("Content-Type: image/png\nContent-Disposition: attachment", LOGO, "parts.picture"),
        ("Content-Type: application/octet-stream", PHOTOGRAPH, "parts.picture"),
        ("Content-Type: application/octet-stream; name=IMG_1.HEIC", b"x" * 30_000, "parts.picture"),
        ("Content-Type: application/octet-stream", b"RIFF1234WEBP" + b"x" * 30_000, "parts.picture"),
        ("Content-Type: text/plain\nContent-Disposition: attachment; filename=list.txt", b"list", "parts.attachment"),
        ("Content-Type: text/csv", b"a,b", "parts.attachment"),
        ("Content-Type: application/pgp-signature", b"signature", None),
        ("Content-Type: text/calendar; method=REQUEST", b"BEGIN:VCALENDAR", None),
        ("Content-Type: application/pdf", b"", None),
    ],
)
def test_what_a_part_is(fields: str, content: bytes, expected: str | None) -> None:
    """By type, name or first octets; small inline pictures are logos, and what is empty is nothing."""
    assert list(counted(part(fields, content))) == ([expected] if expected else [])
