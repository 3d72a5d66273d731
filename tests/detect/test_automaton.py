"""One pass tells which of many expressions match."""

import pytest
import re2

from dlp_gateway.detect.automaton import Automaton


@pytest.mark.parametrize(
    ("data", "anywhere", "whole"),
    [(b"", [], []), (b"ab", [1], [1]), (b"xAB9", [1, 2], []), (b"\xff", [], []), (b"9", [2], [2])],
)
def test_expressions_are_told_by_number(data: bytes, anywhere: list[int], whole: list[int]) -> None:
    """From 1, in either case; anywhere in the octets, or all of them."""
    expressions = ("ab", r"\d")
    assert anywhere == sorted(Automaton(expressions).matching(data))
    assert whole == Automaton(expressions, whole=True).matching(data)
    assert not Automaton(expressions, either_case=False).matching(b"AB")


def test_none_at_all_matches_nothing() -> None:
    """An automaton may be empty."""
    assert Automaton(()).matching(b"anything") == []


def test_what_is_no_expression_is_refused() -> None:
    """As RE2 says it."""
    with pytest.raises(re2.error):
        Automaton(("(",))
