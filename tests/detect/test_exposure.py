"""What a window adds up to."""

from datetime import UTC, datetime

import pytest

from dlp_gateway.detect.base import Exposure, Facts, Material
from dlp_gateway.detect.exposure import ExposureDetector
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
    ("exposure", "expected"),
    [
        (None, []),
        (Exposure(before=0, joint=9, written=0), []),
        (Exposure(before=36, joint=45, written=45), [("exposure.window", 45), ("exposure.written", 45)]),
        (Exposure(before=0, joint=100, written=500), [("exposure.written", 500)]),
    ],
)
def test_two_counts(exposure: Exposure | None, expected: list[tuple[str, int]]) -> None:
    """A mail that is the first of its window is no window; what was hidden counts as written."""
    material = Material(envelope=ENVELOPE, message=parse(b"\r\n"), texts=(), facts=Facts(exposure=exposure))
    assert expected == [(finding.kind, finding.count) for finding in ExposureDetector().detect(material)]
