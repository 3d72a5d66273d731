"""Text is folded one character for one, so that every place can be told in the original."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.detect.folding import fold


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("Führerschein-Nº", "Fuhrerschein-N#"),
        ("driver’s licence — 12\u00a034", "driver's licence - 12 34"),
        ("１２３４", "1234"),
        ("١٢٣٤", "1234"),
        ("𝟏𝟐𝟑", "123"),
        ("12\u200b34\u00ad56", "123456"),
        ("é written as two", "e written as two"),
        ("price £5", "price $5"),
        ("免許", "??"),
    ],
)
def test_numbers_and_labels_look_the_same_however_they_are_written(text: str, expected: str) -> None:
    """Width, script, accents, invisible characters and typographic signs do not hide a number or a label."""
    assert fold(text).text == expected


def test_places_are_those_of_the_original() -> None:
    """A number with invisible characters in it is told at the place where it stood."""
    text = "no. \u200b12\u200b34 x"
    folded = fold(text)
    start = folded.text.index("1234")
    assert text[slice(*folded.span(start, start + 4))] == "12\u200b34"


@given(st.text(max_size=200))
def test_any_text_folds_to_ascii_with_a_place_for_each_character(text: str) -> None:
    """Whatever comes, the result is ASCII and every character of it came from one of the original, in order."""
    folded = fold(text)
    assert folded.text.isascii()
    places = [folded.span(i, i + 1)[0] for i in range(len(folded.text))]
    assert places == sorted(set(places))
    assert all(place < len(text) for place in places)
