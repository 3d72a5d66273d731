"""The benchmark beside Presidio runs: a glimpse of it, nothing timed is asserted."""

import pytest

from tests.benchmarks import presidio

pytestmark = pytest.mark.benchmark


def test_every_text_has_a_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind in each size, how it grows, and what hostile texts cost."""
    monkeypatch.setattr(presidio, "HOSTILE", presidio.HOSTILE[:2])
    presidio.main(1, (1_000, 2_000))
    told = capsys.readouterr().out
    for name, _ in presidio.TEXTS:
        assert f"1 KB {name}" in told
        assert f"2 KB {name}" in told
    assert "digits and blanks" in told
