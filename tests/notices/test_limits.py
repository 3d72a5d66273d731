"""Whatever comes in which order: nobody is told too often, and nothing is lost."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.ledger import Window
from dlp_gateway.notices.limits import EVERYBODY, HOUR, Gate, is_over

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
people = st.sampled_from([b"ann", b"ben", b"cy"])


@given(
    each=st.integers(1, 4),
    together=st.integers(1, 6),
    arrivals=st.lists(st.tuples(people, st.integers(0, 50)), max_size=60),
)
def test_nothing_is_lost_and_nobody_is_told_too_often(
    each: int, together: int, arrivals: list[tuple[bytes, int]]
) -> None:
    """In rounds over some hours: what came in is told or waits, and no hour has more than its limits."""
    now, kept = NOON, {}
    told: Counter[bytes] = Counter()
    per_hour: Counter[tuple[bytes, datetime]] = Counter()
    for whom, minutes in arrivals:
        now += timedelta(minutes=minutes)
        gate = Gate(each=each, together=together, now=now, windows=kept)
        if gate.admit(whom):
            told[whom] += 1
            for one in (whom, EVERYBODY):
                per_hour[one, gate.changed[one].since] += 1
        else:
            gate.defer(whom, "held", "entry")
        kept |= gate.changed
    waiting = {whom: sum(window.waiting.values()) for whom, window in kept.items()}
    came = Counter(whom for whom, _ in arrivals)
    assert {whom: told[whom] + waiting.get(whom, 0) for whom in came} == dict(came)
    assert all(count <= (together if whom == EVERYBODY else each) for (whom, _), count in per_hour.items())


def test_an_hour_that_is_over_waits_for_its_summary() -> None:
    """What comes meanwhile waits with the rest, so that one summary tells all of it; then a new hour begins."""
    old = Window(whom=b"ann", since=NOON, told=1, waiting={"held": 3}, entry="e1")
    gate = Gate(each=20, together=20, now=NOON + HOUR, windows={b"ann": old})
    assert is_over(old, gate.now)
    assert not gate.admit(b"ann")
    gate.defer(b"ann", "held", "e2")
    assert gate.changed[b"ann"].waiting == {"held": 4}
    assert gate.sum_up(gate.changed[b"ann"])
    assert gate.changed[b"ann"] == Window(whom=b"ann", since=NOON + HOUR, told=1)
    assert gate.admit(b"ann")


def test_a_summary_needs_room_too() -> None:
    """Where everybody's hour is full, it waits."""
    old = Window(whom=b"ann", since=NOON - HOUR, told=1, waiting={"held": 3}, entry="e1")
    full = Window(whom=EVERYBODY, since=NOON, told=5)
    gate = Gate(each=20, together=5, now=NOON, windows={b"ann": old, EVERYBODY: full})
    assert not gate.sum_up(old)
    assert gate.changed == {}


def test_a_clock_that_was_set_back_silences_nobody() -> None:
    """An hour that begins in the future is over."""
    ahead = Window(whom=b"ann", since=NOON + timedelta(days=1), told=20)
    gate = Gate(each=20, together=20, now=NOON, windows={b"ann": ahead})
    assert gate.admit(b"ann")
