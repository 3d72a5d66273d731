"""Who may stay connected when there are too many."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.console.callers import Callers


class Caller:
    """A connection that notes that it was cut off."""

    def __init__(self, network: str) -> None:
        self.network = network
        self.cut = False

    def cut_off(self) -> None:
        """Note it."""
        self.cut = True


def entered(callers: Callers, *networks: str) -> list[Caller]:
    """Let one in from each network."""
    made = [Caller(network) for network in networks]
    for one in made:
        callers.enter(one, one.network)
    return made


def test_the_one_that_waited_longest_makes_room() -> None:
    """Of its own network if that has too many, else of all."""
    callers = Callers(most=4, each=2)
    made = entered(callers, "a", "b", "a", "a", "c", "d")
    assert [one.cut for one in made] == [True, True, False, False, False, False]


def test_an_answer_begins_the_wait_anew() -> None:
    """Who was answered last goes last."""
    callers = Callers(most=2, each=2)
    first, second = entered(callers, "a", "b")
    callers.answered(first)
    entered(callers, "c")
    assert (first.cut, second.cut) == (False, True)


def test_who_has_asked_makes_room_last() -> None:
    """Its answer may take a while, and those who say nothing are no reason to go without it."""
    callers = Callers(most=3, each=2)
    prober, silent = entered(callers, "a", "a")
    callers.asked(prober)
    (other,) = entered(callers, "a")
    assert (prober.cut, silent.cut) == (False, True)
    callers.asked(other)
    youngest = entered(callers, "b", "c", "d", "d")
    assert (prober.cut, other.cut) == (False, False)
    assert [one.cut for one in youngest] == [True, True, True, False]
    callers.asked(youngest[-1])
    entered(callers, "e")
    assert [prober.cut, other.cut, youngest[-1].cut] == [True, False, False]


def test_who_left_is_not_counted() -> None:
    """Leaving twice, or being answered after that, changes nothing."""
    callers = Callers(most=9, each=1)
    (gone,) = entered(callers, "a")
    callers.leave(gone)
    callers.leave(gone)
    callers.asked(gone)
    callers.answered(gone)
    assert len(callers) == 0
    (one,) = entered(callers, "a")
    assert (one.cut, gone.cut) == (False, False)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["enter", "leave", "asked", "answered"]))))
def test_no_bound_is_passed_and_the_youngest_always_enters(steps: list[tuple[str, str]]) -> None:
    """Whatever comes and goes: those that are counted are those that were not cut off and did not leave."""
    callers = Callers(most=5, each=3)
    there: list[Caller] = []
    for network, step in steps:
        mine = [one for one in there if one.network == network]
        if step == "enter":
            (one,) = entered(callers, network)
            assert not one.cut
            there.append(one)
        elif mine and step == "leave":
            callers.leave(mine[0])
            there.remove(mine[0])
        elif mine and step == "asked":
            callers.asked(mine[-1])
        elif mine:
            callers.answered(mine[0])
        there = [one for one in there if not one.cut]
        assert len(callers) == len(there) <= 5
        assert all(count <= 3 for count in Counter(one.network for one in there).values())
