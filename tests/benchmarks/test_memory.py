"""The benchmark of the memory runs: few rows, nothing timed is asserted."""

import pytest

from tests.benchmarks import memory

pytestmark = pytest.mark.benchmark


async def test_every_kind_of_mail_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A table of each kind and of all together is printed, and the shares are of a hundred."""
    await memory.compare(1_000, 20)
    lines = capsys.readouterr().out.splitlines()
    names = [kind.name for kind in (*memory.KINDS, memory.RARE)]
    assert [line[:24].strip() for line in lines[2:]] == [*names, "ordinary traffic"]
    assert sum(kind.share for kind in memory.KINDS) == 100
