"""Answers that go to many."""

from datetime import UTC, datetime

import pytest

from dlp_gateway.detect.base import Facts, Material, Thread
from dlp_gateway.detect.reply_all import ReplyAllDetector
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


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (Facts(), []),
        (Facts(thread=Thread(audience=40, addressed_again=0)), []),
        (
            Facts(thread=Thread(audience=40, addressed_again=12)),
            [("reply_all.audience", 12), ("thread.again", 12)],
        ),
        (Facts(foreign=15, closed=6), [("thread.foreign", 15), ("thread.closed", 6)]),
        (Facts(struck=40), [("thread.struck", 40)]),
    ],
)
def test_audiences(facts: Facts, expected: list[tuple[str, int]]) -> None:
    """Each count is of outsiders whom this mail reaches; where nothing was looked up there is nothing."""
    material = Material(envelope=ENVELOPE, message=parse(b"\r\n"), texts=(), facts=facts)
    assert expected == [(finding.kind, finding.count) for finding in ReplyAllDetector().detect(material)]
