"""Replies to a mass send."""

from datetime import UTC, datetime

import pytest

from dlp_gateway.detect.base import Facts, Material, Thread
from dlp_gateway.detect.reply_all import ReplyAllDetector
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.parse import parse


@pytest.mark.parametrize(
    ("thread", "expected"),
    [
        (None, []),
        (Thread(audience=40, addressed_again=0), []),
        (Thread(audience=40, addressed_again=12), [("reply_all.audience", 12)]),
    ],
)
def test_audience_reached_again(thread: Thread | None, expected: list[tuple[str, int]]) -> None:
    """The count is of those of the audience to whom this answer goes; without a mass send there is nothing."""
    envelope = Envelope(
        id="0" * 18,
        reverse_path="",
        recipients=(),
        client="192.0.2.1",
        login="",
        body_8bit=False,
        smtputf8=False,
        received_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    material = Material(envelope=envelope, message=parse(b"\r\n"), texts=(), facts=Facts(thread=thread))
    assert expected == [(finding.kind, finding.count) for finding in ReplyAllDetector().detect(material)]
