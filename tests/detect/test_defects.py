"""Defects and unread parts as findings."""

from datetime import UTC, datetime

from dlp_gateway.content.text import Unreadable, UnreadableReason
from dlp_gateway.detect.base import Material
from dlp_gateway.detect.defects import DefectsDetector
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Defect, Message

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


def test_each_defect_and_each_unread_part() -> None:
    """A defect is told once, every unread part by itself with its path."""
    message = Message(raw=b"", fields=(), body_start=0, visible=(), parts=(), defects=(Defect.NO_HEADER,))
    unreadable = tuple(
        Unreadable(part=path, type="application/pdf", reason=UnreadableReason.ATTACHMENT) for path in ("1", "2.1")
    )
    material = Material(envelope=ENVELOPE, message=message, texts=(), unreadable=unreadable)
    expected = [
        ("defect.no-header", "message"),
        ("unreadable.attachment", "part:1"),
        ("unreadable.attachment", "part:2.1"),
    ]
    assert expected == [(finding.kind, finding.where) for finding in DefectsDetector().detect(material)]
