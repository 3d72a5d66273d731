"""The circuit: opens after failures on end, waits longer and longer, and closes when a probe succeeds."""

from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.smtp.circuit import Circuit


def circuit(limit: int = 3) -> Circuit:
    """Return a closed one."""
    return Circuit(limit=limit, first=1.0, longest=30.0)


def test_it_opens_with_the_last_failure_on_end_and_says_so_once() -> None:
    """A success between them begins the count anew; who was under way when it opened does not count."""
    one = circuit()
    assert [one.failed(), one.failed()] == [False, False]
    one.succeeded()
    assert [one.failed() for _ in range(5)] == [False, False, True, False, False]
    assert one.open


def test_probes_are_twice_as_far_apart_each_time_up_to_a_bound() -> None:
    """A host that is away for days is asked twice a minute."""
    one = circuit(limit=1)
    one.failed()
    pauses = []
    for _ in range(8):
        pauses.append(one.pause)
        one.probed(well=False)
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]


def test_a_host_that_greets_and_serves_nobody_is_probed_ever_less_often() -> None:
    """A probe that succeeds lets mail try again; only a transaction that ends shortens the pause."""
    one = circuit(limit=1)
    one.failed()
    one.probed(well=True)
    assert not one.open
    one.failed()
    assert (one.open, one.pause) == (True, 2)
    one.probed(well=True)
    one.succeeded()
    one.failed()
    assert one.pause == 1


@given(happened=st.lists(st.sampled_from(["failed", "succeeded", "well", "ill"]), max_size=80), limit=st.integers(1, 5))
def test_whatever_happens_the_pause_is_bounded(happened: list[str], limit: int) -> None:
    """And a circuit that is open becomes closed by a success or a good probe, nothing else."""
    one = circuit(limit)
    for word in happened:
        before = one.open
        if word == "failed":
            one.failed()
        elif word == "succeeded":
            one.succeeded()
        else:
            one.probed(well=word == "well")
        assert 1 <= one.pause <= 30
        if before and not one.open:
            assert word in {"succeeded", "well"}


def test_one_senders_mail_does_not_open_it() -> None:
    """What is lost in the content may be the mail's own fault; of a host that is ill, others' mail is lost, too."""
    one = circuit()
    assert [one.lost("ada@corp.example") for _ in range(9)] == [False] * 9
    assert (one.failures, one.lost("bob@corp.example"), one.lost("")) == (1, False, True)
    one.probed(well=True)
    assert [one.lost(sender) for sender in ("ada@corp.example", "bob@corp.example", "")] == [False, False, True]
    one.succeeded()
    assert [one.lost("ada@corp.example"), one.failed(), one.failed()] == [False, False, True]
