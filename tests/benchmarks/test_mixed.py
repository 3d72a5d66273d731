"""The mixed stream and the bombs run: a glimpse of each, nothing timed is asserted."""

import pytest

from tests.benchmarks import bombs, mixed

pytestmark = pytest.mark.benchmark


def test_the_stream_is_mixed_as_it_says() -> None:
    """A hundred mails, all fit to be sent as they stand."""
    assert sum(count for count, _ in mixed.kinds().values()) == 100
    for mail in mixed.stream():
        assert mail.endswith(b"\r\n")
        assert mail.count(b"\r\n") == mail.count(b"\n")
        assert b"\r\n." not in mail


async def test_every_mail_of_the_stream_arrives(capsys: pytest.CaptureFixture[str]) -> None:
    """Through relay and gateway, a line for each."""
    await mixed.measure(rounds=1, share=0.05, single=False)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["system", "relay", "gateway"]


async def test_a_bomb_is_answered(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for it, one for all, and what became of it."""
    await bombs.measure(only="archives in archives")
    lines = capsys.readouterr().out.splitlines()
    assert [line[:3] for line in lines] == ["bom", "arc", "all", "1 h"]
