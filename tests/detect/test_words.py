"""Lists of words: what they find, who may write them, and how wrong ones are told."""

from pathlib import Path

import pytest

from dlp_gateway import packs
from dlp_gateway.detect.words import Role, Words, folded, load_words, problems_of
from dlp_gateway.errors import ConfigurationError
from tests.work import LINEAR, growth

WORDS = load_words(packs.builtin())


@pytest.mark.parametrize(
    "text",
    [
        "HIV clinic: new hours",
        "patients",
        "Ｈ\u00adI\u200bV status",
        "Independent Inquiry into abuse",
        "you are at risk of redundancy",
        "Einladung zur Selbsthilfegruppe",
        "PATIENTINNEN und Patienten",
        "clinique du Nord",
        "groupe de victimes d'attentats",
        "Slachtoffers van de ramp",
        "pacientes de oncología",
        "pazienti della clinica",
        "utentes do centro",
        "expediente de regulación de empleo",
        "ontslagronde",
    ],
)
def test_audiences_that_are_secret(text: str) -> None:
    """Seven languages, whatever the case, the width and the marks between letters; some as matters only."""
    assert WORDS[Role.AUDIENCE].stand_in(text) or WORDS[Role.MATTER].stand_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "price inquiry",
        "customer enquiry about order 4711",
        "redundancy of the power supply",
        "hearing aids and visual aids",
        "patience, please",
        "clinical trial software",
        "public policy",
        "Kündigung Ihres Vertrags",
        "adoption of the new tool",
        "economic depression",
        "sidan ett",
        "impatient",
    ],
)
def test_ordinary_subjects(text: str) -> None:
    """Whole words only, and what business means by them."""
    assert not WORDS[Role.AUDIENCE].stand_in(text)


def test_packs_of_the_operator_add_words(tmp_path: Path) -> None:
    """A further pack adds its lists; one that is called like a built-in pack takes its place."""
    (tmp_path / "ours" / "words").mkdir(parents=True)
    (tmp_path / "ours" / "words" / "wards.yaml").write_text("{id: wards, role: audience, phrases: {en: [ward seven]}}")
    both = load_words(packs.builtin(), (tmp_path / "ours",))
    assert both[Role.AUDIENCE].stand_in("Ward Seven")
    assert both[Role.AUDIENCE].stand_in("HIV")
    (tmp_path / "sensitive-audience" / "words").mkdir(parents=True)
    replaced = load_words(packs.builtin(), (tmp_path / "sensitive-audience",))
    assert not replaced[Role.AUDIENCE].stand_in("HIV")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{id: a, role: audience, phrases: {en: ['(open']}}", "One of the phrases cannot be used: it has letters"),
        ("{id: a, role: audience, phrases: {en: ['a{1,9}']}}", "One of the phrases cannot be used: it has letters"),
        ("{id: a, role: audience, phrases: {en: ['']}}", "One of the phrases cannot be used: it has letters"),
        ("{id: a, role: spies, phrases: {en: [x]}}", ""),
        ("{id: a, role: audience, phrases: {}}", ""),
    ],
)
def test_wrong_lists_are_told(tmp_path: Path, text: str, expected: str) -> None:
    """With the file; they are not loaded."""
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "a.yaml").write_text(text)
    (problem,) = problems_of((tmp_path,))
    assert problem.source == str(tmp_path / "words" / "a.yaml")
    assert problem.message.startswith(expected)
    with pytest.raises(ConfigurationError):
        load_words(packs.builtin(), (tmp_path,))


def test_takes_linear_time() -> None:
    """A long text of anything is looked through in time that grows as it does."""
    for unit in ("please ", "a", "(", "hiv", "victims of ", "ä"):
        for words in WORDS.values():
            assert growth(lambda text, words=words: list(words.spans(folded(text))), unit.__mul__, 400_000) < LINEAR


def test_no_phrases_find_nothing() -> None:
    """An operator may leave a role empty."""
    assert list(Words(()).spans("anything")) == []


def test_each_of_several_phrases_has_words_that_begin_and_end() -> None:
    """Bars outside brackets part phrases: "id no" does not stand in "did not"."""
    words = Words(("passport copy|id no|card*",))
    assert [words.stand_in(text) for text in ("the audit did not", "your id no please", "two cards", "discard it")] == [
        False,
        True,
        True,
        False,
    ]
