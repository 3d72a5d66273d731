"""The table of sessions that receivers share: counted across processes, and forgotten with them."""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from dlp_gateway.smtp import crowd
from dlp_gateway.smtp.crowd import Crowd, Kind, SharedDepartures

ROOT = Path(__file__).parents[2]
ONE, OTHER = ("192.0.2.1",), ("2001:db8::/64", "2001:db8::/48")

OTHER_RECEIVER = """
import sys
from dlp_gateway.smtp.crowd import Crowd
crowd = Crowd(int(sys.argv[1]))
for _ in range(3):
    print(*crowd.enter(("192.0.2.1",)), flush=True)
sys.stdin.read()
"""

#: It stops for a moment after it has read how many parts are in use, before it writes that.
SLOW_RECEIVER = """
from dlp_gateway.smtp import crowd
def slow(*numbers):
    del crowd.max
    print("halfway", flush=True)
    sys.stdin.readline()
    return max(*numbers)
crowd.max = slow
"""


def started(descriptor: int, before: str = "") -> subprocess.Popen[str]:
    """Start a process that has three sessions of one client."""
    return subprocess.Popen(
        [sys.executable, "-c", f"import sys{before}{OTHER_RECEIVER}", str(descriptor)],
        cwd=ROOT,
        pass_fds=[descriptor],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_sessions_are_counted_for_each_network() -> None:
    """In all and for each; who left is not there any more."""
    alone = Crowd()
    assert alone.enter(ONE) == (1, (1,))
    assert alone.enter(OTHER) == (2, (1, 1))
    assert alone.enter(OTHER) == (3, (2, 2))
    alone.leave(OTHER)
    alone.leave(OTHER)
    assert alone.enter(ONE) == (2, (2,))
    alone.close()


def test_each_kind_is_counted_for_itself() -> None:
    """Handshakes take no places from sessions, nor outsiders from anybody."""
    alone = Crowd()
    for kind in Kind:
        assert alone.enter(ONE, kind) == (1, (1,))
    assert alone.enter(ONE, Kind.HANDSHAKE) == (2, (2,))
    alone.leave(ONE, Kind.HANDSHAKE)
    alone.leave(ONE, Kind.HANDSHAKE)
    assert [alone.total(kind) for kind in Kind] == [1, 0, 1, 1, 1]


def test_departures_are_those_of_all_receivers() -> None:
    """Whoever asks sees that another makes a note about an earlier message of the same sender."""
    descriptor = Crowd.share()
    one, other = (SharedDepartures(Crowd(descriptor)) for _ in range(2))
    place = one.enter("client 192.0.2.1", 1_000)
    assert place is not None
    assert other.any_before("client 192.0.2.1", 1_001)
    assert not other.any_before("client 192.0.2.1", 1_000)
    assert not other.any_before("client 192.0.2.2", 1_001)
    one.leave(place)
    assert not other.any_before("client 192.0.2.1", 1_001)
    os.close(descriptor)


def test_departures_find_places_until_all_are_taken() -> None:
    """And again when one is free; what finds none is not waited for."""
    departures = SharedDepartures(Crowd())
    places = [departures.enter(f"client {number}", number) for number in range(crowd._DEPARTURES)]
    assert len({*places}) == crowd._DEPARTURES
    assert departures.enter("one more", 1) is None
    assert all(departures.any_before(f"client {number}", number + 1) for number in range(crowd._DEPARTURES))
    assert places[7] is not None
    departures.leave(places[7])
    assert departures.enter("one more", 1) == places[7]
    assert departures.any_before("one more", 2)


def test_a_departure_that_nobody_settles_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sender would else wait for ever, whatever became of who entered it."""
    departures = SharedDepartures(Crowd())
    departures.enter("client 192.0.2.1", 1)
    monkeypatch.setattr(crowd, "_FORGOTTEN", 0)
    assert not departures.any_before("client 192.0.2.1", 2)


def test_all_receivers_are_one_crowd_and_the_dead_leave_it() -> None:
    """A killed receiver's sessions are gone when its successor begins."""
    descriptor = Crowd.share()
    mine = Crowd(descriptor)
    mine.enter(ONE)
    with started(descriptor) as other:
        assert other.stdout is not None
        assert [other.stdout.readline().strip() for _ in range(3)] == ["2 (2,)", "3 (3,)", "4 (4,)"]
        assert mine.enter(ONE) == (5, (5,))
        other.kill()
    with started(descriptor) as successor:
        assert successor.stdout is not None
        assert [successor.stdout.readline().strip() for _ in range(3)] == ["3 (3,)", "4 (4,)", "5 (5,)"]
    mine.close()
    os.close(descriptor)


def test_receivers_that_start_together_see_each_other() -> None:
    """One is interrupted while it enters that its part is in use; the other waits, or would be lost from the table."""
    descriptor = Crowd.share()
    with started(descriptor, SLOW_RECEIVER) as one:
        assert one.stdin is not None
        assert one.stdout is not None
        assert one.stdout.readline() == "halfway\n"
        with started(descriptor) as other:
            assert other.stdout is not None
            select.select([other.stdout], [], [], 1.0)  # it waits for the first one
            one.stdin.write("\n")
            one.stdin.flush()
            counted = [one.stdout.readline() for _ in range(3)] + [other.stdout.readline() for _ in range(3)]
            assert max(counted) == "6 (6,)\n"
            last = Crowd(descriptor)
            assert last.enter(ONE) == (7, (7,))
            one.kill()
            other.kill()
    os.close(descriptor)


def test_networks_that_meet_are_not_taken_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full table only means that a process counts by itself."""
    monkeypatch.setattr(crowd, "_PROBES", 2)
    alone = Crowd()
    networks = [(f"192.0.2.{number}", f"198.51.{number}.0") for number in range(250)]
    for number, network in enumerate(networks, 1):
        assert alone.enter(network) == (number, (1, 1))
    for network in networks:
        assert alone.enter(network)[1] == (2, 2)
        alone.leave(network)
        alone.leave(network)
    assert alone.enter(ONE) == (1, (1,))
    alone.close()


def test_more_receivers_than_parts_count_for_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is turned away for it."""
    monkeypatch.setattr(crowd, "_PARTS", 0)
    descriptor = Crowd.share()
    late = Crowd(descriptor)
    assert late.enter(ONE) == (1, (1,))
    late.close()
    os.close(descriptor)
