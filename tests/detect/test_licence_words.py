"""What is said of licences beside their numbers."""

import pytest

from tests.detect.identifiers import BOOK

WORDS = BOOK.grammar.licences


@pytest.mark.parametrize(
    ("text", "attributes", "place"),
    [
        ("it is 12345678, class C", True, False),
        ("class D 12345678", True, False),
        ("12345678 gultig bis 2031", True, False),
        ("12345678 (OH)", False, True),
        ("he reckons 12345678 , nsw", False, True),
        ("Nevada no. 12345678", False, True),
        ("12345678 or so", False, False),
        ("invoice 12345678 for Nevada", False, False),
    ],
)
def test_what_stands_beside_a_number(text: str, *, attributes: bool, place: bool) -> None:
    """A class or a day on either side, a state behind the number or its name before it."""
    start = text.index("12345678")
    assert WORDS.have_attributes(text, start, start + 8) is attributes
    assert WORDS.have_place(text, start, start + 8) is place


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("only the eight digits", {8}),
        ("les douze chiffres", {12}),
        ("die Nummer ist 11-stellig", {11}),
        ("the 16 character thing", {16}),
        ("eight people and nine dogs", set()),
    ],
)
def test_how_long_a_number_is_said_to_be(text: str, lengths: set[int]) -> None:
    """As a word or in figures, in the languages of the lexicon."""
    assert lengths == WORDS.said_lengths(text)
