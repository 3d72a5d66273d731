"""Strangers, and those who resemble somebody."""

from datetime import UTC, datetime

import pytest

from dlp_gateway.detect.acquaintance import AcquaintanceDetector
from dlp_gateway.detect.base import Facts, Material
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.parse import parse

ENVELOPE = Envelope(
    id="0" * 18,
    reverse_path="ann@corp.example",
    recipients=("ben@acne.example", "Zoe@FREE.example", "carl@firm.example"),
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
        (Facts(strangers=(0, 2)), [("recipients.first_time", 2)]),
        (Facts(look_alikes=(0, 1)), [("recipients.look_alike", 1)]),
        (Facts(look_alikes=(1,), twins=(1, 2)), [("recipients.twin", 2)]),
    ],
)
def test_counts(facts: Facts, expected: list[tuple[str, int]]) -> None:
    """Each sort is counted; the domain of a provider of free mail resembles nobody's."""
    material = Material(envelope=ENVELOPE, message=parse(b"\r\n"), texts=(), facts=facts)
    found = AcquaintanceDetector(free_mail=frozenset({"free.example"})).detect(material)
    assert expected == [(finding.kind, finding.count) for finding in found]
