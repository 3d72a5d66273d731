"""The benchmark of mails to very many runs: a few recipients, nothing timed is asserted."""

import pytest

from tests.benchmarks import copies

pytestmark = pytest.mark.benchmark


def test_every_way_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A table with what became of each mail is printed."""
    copies.compare((12,), 1_000)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[2:]]
    assert [line[:3] for line in lines] == [
        ["split", "12", "InCustody"],
        ["hide", "12", "Forwarded"],
        ["blind", "12", "Forwarded"],
    ]
