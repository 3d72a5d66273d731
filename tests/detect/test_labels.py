"""The lexicon finds labels with their slips of the pen, the longest first, in time linear in the text."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.detect.folding import fold
from dlp_gateway.detect.identifier_rules import TYPES, load_rules
from dlp_gateway.detect.labels import OTHER, LabelFile, Lexicon, Strength, compile_lexicon

RULES = Path(__file__).parents[2] / "rules"


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    """The lexicon of the built-in packs."""
    return load_rules(RULES).lexicon


@pytest.mark.parametrize(
    ("words", "owner"),
    [
        ("driver's license", "DRIVER_LICENSE"),
        ("dirvers lisence", "DRIVER_LICENSE"),
        ("drivers-license", "DRIVER_LICENSE"),
        ("driverLicenseNumber", "DRIVER_LICENSE"),
        ("driving_licence_no", "DRIVER_LICENSE"),
        ("Fuhrerscheinnummer", "DRIVER_LICENSE"),
        ("fuehrerschein", "DRIVER_LICENSE"),
        ("permis de conduire", "DRIVER_LICENSE"),
        ("rijbewijsnummer", "DRIVER_LICENSE"),
        ("permiso de conducir", "DRIVER_LICENSE"),
        ("patente di guida", "DRIVER_LICENSE"),
        ("prawo jazdy", "DRIVER_LICENSE"),
        ("carta de conducao", "DRIVER_LICENSE"),
        ("license key", OTHER),
        ("fishing licence", OTHER),
        ("diving licence", OTHER),
        ("printer driver", OTHER),
        ("permis de construire", OTHER),
        ("Angelschein", OTHER),
        ("order number", OTHER),
        ("Bestellnummer", OTHER),
        ("numero de pedido", OTHER),
        ("social security number", "US_SSN"),
        ("NI number", "UK_NINO"),
        ("Reisepass", "PASSPORT"),
        ("SIN", "NATIONAL_ID"),
    ],
)
def test_what_words_own(lexicon: Lexicon, words: str, owner: str) -> None:
    """Labels of eight languages own what they say, and words for other things own nothing of a person."""
    hits = lexicon.scan(f"the {words} 123")
    assert [owner] == [hit.label.owns for hit in hits]


def test_a_capitals_only_label_is_no_word_of_another_language(lexicon: Lexicon) -> None:
    """FIN is a number of Singapore; "fin" is French for "end"."""
    assert not lexicon.scan("fin de la semaine")


def test_the_longest_label_wins(lexicon: Lexicon) -> None:
    """Words: "driver license" inside "driver license plate" would be wrong to stop at "license"."""
    text = "her driver's license number is"
    hits = lexicon.scan(text)
    assert [text[hit.start : hit.end] for hit in hits] == ["driver's license number"]


@pytest.mark.parametrize(
    ("text", "owners"),
    [
        ("he showed his licence. No. of passport: 123", ["DRIVER_LICENSE", "PASSPORT"]),
        ("il a un permis. N° de sécu : 123", ["DRIVER_LICENSE", "NATIONAL_ID"]),
        ("Driver license. No. 123", ["DRIVER_LICENSE"]),
    ],
)
def test_a_label_ends_with_its_sentence(lexicon: Lexicon, text: str, owners: list[str]) -> None:
    """Two labels about a full stop are not taken for one that owns the number of the second."""
    assert [hit.label.owns for hit in lexicon.scan(fold(text).text)] == owners


def test_a_phrase_in_two_files_means_what_the_first_says() -> None:
    """The order of files decides, so a lexicon has one meaning for each phrase."""
    files = [
        LabelFile(id="one", owns="PASSPORT", phrases={"en": ("travel pass",)}),
        LabelFile(id="two", owns=OTHER, phrases={"en": ("travel pass",)}),
    ]
    assert [hit.label.owns for hit in compile_lexicon(files).scan("travel pass 12")] == ["PASSPORT"]


@given(st.text(alphabet=".#'/-> _\nabcdefghijklmnoprstuvz0é", max_size=60))
def test_every_hit_has_an_owner(lexicon: Lexicon, text: str) -> None:
    """Whatever the words around it, what the first automaton finds the second one knows."""
    folded = fold(f"{text} dl # patente\n{text}").text
    known = {label.id for label in lexicon.labels}
    assert all(hit.label.id in known for hit in lexicon.scan(folded))


def test_every_label_owns_a_known_type() -> None:
    """A label that owned a misspelt type would own numbers that no rule can find."""
    assert set() == {file.owns for file in load_rules(RULES).labels} - {*TYPES, OTHER}


@pytest.mark.parametrize(
    "words",
    ["medical report", "patent filed", "routine check", "ne pas", "NATO", "gjelder", "GJ 05", "zjazd", "mail perso"],
)
def test_everyday_words_are_no_sure_labels(lexicon: Lexicon, words: str) -> None:
    """A label with a slip, without its gap or from another script must not be a common word elsewhere."""
    assert not [hit for hit in lexicon.scan(words) if hit.label.owns != OTHER and hit.label.strength is Strength.STRONG]


def test_a_gap_that_is_not_nothing(lexicon: Lexicon) -> None:
    """A birth date in French is written "né le"; Nele is a name."""
    assert [hit.label.owns for hit in lexicon.scan(fold("né le").text)] == ["DATE_OF_BIRTH"]
    assert not lexicon.scan("nele")
