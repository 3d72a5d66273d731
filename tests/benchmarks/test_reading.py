"""The benchmark of the readers runs: a glimpse of it, nothing timed is asserted."""

import pytest

from tests.benchmarks import reading

pytestmark = pytest.mark.benchmark


def test_every_format_has_a_line_and_is_read() -> None:
    """A table of all formats is told, and each of them holds the text."""
    told: list[str] = []
    reading.compare(lines=60, rounds=1, tell=told.append)
    assert len(told) == 1 + len(reading.samples(1)) + len(reading.looked_at())
    text = len("\n".join(reading.prose(60)))
    assert all(reading.measured(content, 1)[1] >= text // 2 for content in reading.samples(60).values())
