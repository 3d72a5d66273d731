"""What detectors are given."""

from datetime import UTC, datetime
from typing import Final

from dlp_gateway.detect.base import Material
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.parse import parse

ENVELOPE: Final = Envelope(
    id="0" * 18,
    reverse_path="ann@corp.example",
    recipients=("bob@a.example",),
    client="192.0.2.1",
    login="",
    body_8bit=False,
    smtputf8=False,
    received_at=datetime(2026, 11, 21, 22, 0, tzinfo=UTC),
)


def test_a_view_of_a_message_is_made_once() -> None:
    """However many detectors ask, the function runs once for a message, and once more for another."""
    asked: list[Material] = []

    def subject(material: Material) -> bytes:
        asked.append(material)
        return material.message.named("Subject")[0].body

    one, other = (
        Material(envelope=ENVELOPE, message=parse(b"Subject: %s\r\n\r\n" % word), texts=()) for word in (b"a", b"b")
    )
    assert [one.once(subject), one.once(subject), other.once(subject)] == [b"a", b"a", b"b"]
    assert asked == [one, other]
