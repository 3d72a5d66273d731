"""Text is folded one character for one, so that every place can be told in the original."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.content import charset
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
        ("漢字", "??"),
        ("運転免許証番号は12", "qxzjvw#?12"),
        ("운전면허 번호 12", "qxzj w# 12"),
        ("\U0001fbf4\U0001fbf5⑷⑤⁶\U0001e953", "454563"),
        ("4\u20e35\ufe0f\u20e3", "45"),
        ("1\ufff92\U000e00413\U000e01004\U0001bca05\U0001d1736", "123456"),
        ("1\u31642\uffa03\u115f4\u17b45\u03116\u03327\u03368", "12345678"),
        ("1\x002\b3\x1f4\x7f5", "12345"),
        ("ü 1\x002\x9f3\x854", "u 123\n4"),
        ("tab\there\r\n", "tab\there\r\n"),
    ],
)
def test_numbers_and_labels_look_the_same_however_they_are_written(text: str, expected: str) -> None:
    """Width, script, accents, invisible characters and typographic signs do not hide a number or a label."""
    assert fold(text).text == expected


@pytest.mark.parametrize("unseen", ["\u200b", "\x00", "\U000e0041\x01"])
def test_places_are_those_of_the_original(unseen: str) -> None:
    """A number with invisible characters in it is told at the place where it stood."""
    text = f"no. {unseen}12{unseen}34 x"
    folded = fold(text)
    start = folded.text.index("1234")
    assert text[slice(*folded.span(start, start + 4))] == f"12{unseen}34"


@given(st.text(max_size=200))
def test_any_text_folds_to_ascii_with_a_place_for_each_character(text: str) -> None:
    """Whatever comes, the result is ASCII and every character of it came from one of the original, in order."""
    folded = fold(text)
    assert folded.text.isascii()
    places = [folded.span(i, i + 1)[0] for i in range(len(folded.text))]
    assert places == sorted(set(places))
    assert all(place < len(text) for place in places)


@given(st.text(alphabet=st.characters(max_codepoint=0x2122), max_size=60))
def test_a_text_folds_as_its_characters_do(text: str) -> None:
    """Texts of one code page are folded in a way of their own; a character that is in none makes no difference."""
    beside = fold(f"{text}\u6f22")
    assert beside.text == f"{fold(text).text}?"
    assert [beside.span(i, i + 1) for i in range(len(beside.text) - 1)] == [
        fold(text).span(i, i + 1) for i in range(len(fold(text).text))
    ]


def test_what_stands_for_wide_characters_in_large_texts_is_folded_alike() -> None:
    """All of them, beside a character that no code page has: texts and offsets are the same."""
    beyond = [*map(chr, range(0x10000, sys.maxunicode + 1))]
    wide, narrow = (fold("…Ж" + "".join(each)) for each in (beyond, map(charset.narrow, beyond)))
    assert wide.text == narrow.text
    assert wide.offsets is not None
    assert narrow.offsets is not None
    assert list(wide.offsets) == list(narrow.offsets)
