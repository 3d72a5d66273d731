"""What differs between two judgements, and the sum of it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.cli.difference_view import sentence
from dlp_gateway.policy.verdict import Disposition
from dlp_gateway.simulation.difference import Change, Difference, Judgement, Kind
from tests.simulation.conftest import MONDAY

_rules = st.frozensets(st.sampled_from(("a", "b", "c")), max_size=2)
judgements = st.builds(Judgement, disposition=st.sampled_from(Disposition), reasons=_rules, observed=_rules)


def judgement(disposition: str, *reasons: str, observed: tuple[str, ...] = ()) -> Judgement:
    """Return a judgement by its word."""
    return Judgement(
        disposition=Disposition[disposition.upper()], reasons=frozenset(reasons), observed=frozenset(observed)
    )


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        (judgement("forward"), judgement("forward"), set()),
        (judgement("forward"), judgement("hold", "x"), {Kind.STRICTER, Kind.HELD}),
        (judgement("hold", "x"), judgement("rewrite", "x"), {Kind.MILDER, Kind.REWRITTEN}),
        (judgement("hold", "x"), judgement("forward"), {Kind.MILDER}),
        (judgement("hold", "x"), judgement("reject", "x"), {Kind.STRICTER, Kind.REJECTED}),
        (judgement("forward"), judgement("delay", "x"), {Kind.STRICTER, Kind.DELAYED}),
        (judgement("hold", "x"), judgement("hold", "y"), {Kind.REASONS}),
        (judgement("hold", "x"), judgement("hold", "x", observed=("y",)), {Kind.OBSERVED}),
    ],
)
def test_kinds_of_change(before: Judgement, after: Judgement, kinds: set[Kind]) -> None:
    """Stricter or milder, and what becomes of it; or only why."""
    assert Change(name="x", at=MONDAY, before=before, after=after).kinds == kinds


def test_the_sentence_says_how_many_more_and_fewer() -> None:
    """Of every sort, in the order of their weight."""
    difference = Difference()
    pairs = [
        *[(judgement("forward"), judgement("hold", "x"))] * 3,
        *[(judgement("hold", "x"), judgement("forward"))] * 12,
        (judgement("hold", "x"), judgement("reject", "x")),
        (judgement("hold", "x"), judgement("hold", "y")),
        *[(judgement("forward"), judgement("forward", observed=("y",)))] * 2,
    ]
    for number, (before, after) in enumerate(pairs):
        difference.add(str(number), MONDAY + timedelta(hours=number), before, after)
    assert sentence(difference) == (
        "1 more refused; 3 more held, 13 fewer; 12 more forwarded as they are, 3 fewer; 1 for other reasons; "
        "2 differ in what is only observed."
    )
    assert sentence(Difference()) == "Nothing changes."


@given(st.lists(st.tuples(judgements, judgements), max_size=20))
def test_the_sums_agree(pairs: list[tuple[Judgement, Judgement]]) -> None:
    """Before plus more minus fewer is after; what changed is listed, and nothing else is."""
    difference = Difference()
    for number, (before, after) in enumerate(pairs):
        difference.add(str(number), MONDAY, before, after)
    for one in Disposition:
        assert difference.before[one] + difference.more[one] - difference.fewer[one] == difference.after[one]
    assert difference.mails == len(pairs) == sum(difference.after.values())
    assert [change.name for change in difference.changes] == [
        str(number) for number, (before, after) in enumerate(pairs) if before != after
    ]
    assert sum(difference.more.values()) == difference.kinds[Kind.STRICTER] + difference.kinds[Kind.MILDER]
