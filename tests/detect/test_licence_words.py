"""What is said of licences beside their numbers."""

import pytest

from tests.detect.identifiers import BOOK, licences

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


@pytest.mark.parametrize(
    "text",
    [
        "PDL 19412345678901, index 48812.",
        "Point de livraison (PDL) : 19412345678901",
        "le PDL de notre local est 19412345678901 et le compteur 041876123456.",
        "PRM : 19412345678901",
        "DL 44182739 bytes done, DL speed 8812093 B/s, DL link below.",
        "DL 44182739 bytes, UL 88120934 bytes",
        "DL 44182739 octets",
        "DL: 44182739 kB",
        "DL 441827 MB/s",
    ],
)
def test_a_short_label_owns_neither_a_meter_nor_an_amount(text: str) -> None:
    """A point of delivery has fourteen digits, which no licence of a state has; behind an amount stands its unit."""
    assert not licences(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("PDL 441827391", "441827391"), ("DL 44182739 GB", "44182739"), ("DL 44182739 MB", "44182739")],
)
def test_what_may_be_a_country_or_a_province_is_no_unit(text: str, expected: str) -> None:
    """GB and MB (Manitoba) are where a licence is from."""
    assert licences(text) == [expected]
