"""The comparison runs: a small share of it, nothing timed is asserted."""

import pytest

from tests.benchmarks import messages
from tests.benchmarks.compare import KINDS, Kind, compare

pytestmark = pytest.mark.benchmark


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_message_is_fit_to_be_sent_as_it_stands(kind: Kind) -> None:
    """Each is about as large as its name says and ends in CRLF, without bare line ends and lines with a leading dot."""
    message = kind.make(kind.size)
    assert 0.95 * kind.size <= len(message) <= 1.05 * kind.size
    assert message.endswith(b"\r\n")
    assert message.count(b"\r\n") == message.count(b"\n") == message.count(b"\r")
    assert b"\r\n." not in message


async def test_every_mail_arrives_through_both(capsys: pytest.CaptureFixture[str]) -> None:
    """A few mails of one kind go through relay and gateway, and the table has a line for each."""
    await compare((Kind(name="2 KB prose", make=messages.prose, size=2_000, count=20),), rounds=1)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1 if index == 0 else 3] for index, line in enumerate(lines)] == ["system", "relay", "gateway"]
