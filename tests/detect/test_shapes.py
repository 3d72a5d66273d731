"""Runs of groups are what may be a number; dates, amounts, phones and links are left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.detect.shapes import compact, dates, runs


def found(text: str) -> list[str]:
    """Return the runs of `text` as written."""
    return [text[run.start : run.end] for run in runs(text, 0, len(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no. F255-921-50-094-0 ok", ["F255-921-50-094-0"]),
        ("is B 4274001 and", ["B 4274001"]),
        ("MORGA657054SM9IJ", ["MORGA657054SM9IJ"]),
        ("U1CTKS6MFJ", ["U1CTKS6MFJ"]),
        ("22 BL 76443,", ["22 BL 76443"]),
        ("on 12/04/2026 at 10:30", []),
        ("EUR 1.892,50 or $4,000.00", []),
        ("call +44 20 7946 0018 or (801) 555-0129", []),
        ("see https://example.com/orders/12345678", []),
        ("ann123456@example.com", []),
        ("60c83025-fe9e-49f6-a9e6-8501bf107213", []),
        ("2026-10-02T11:14:10Z start", []),
        ("https://example.com/quote?dl=12345678", ["12345678"]),
        ("address 10.0.26100.1742", []),
    ],
)
def test_what_may_be_a_number(text: str, expected: list[str]) -> None:
    """A number may have separators and letters; what is plainly something else is none."""
    assert expected == found(text)


def test_a_label_is_no_part_of_a_number() -> None:
    """In "DL 1234567" two letters are the label."""
    text = "DL 1234567"
    assert [(run.start, run.end) for run in runs(text, 0, len(text), [(0, 2)])] == [(3, 10)]


def test_a_label_within_a_link_does_not_open_the_link() -> None:
    """The "dl" of a path is a word in the lexicon; the number behind it is still part of the link."""
    text = "https://files.example.com/dl/4410293847"
    at = text.index("dl")
    assert list(runs(text, 0, len(text), [(at, at + 2)])) == []


def test_compact_keeps_what_counts() -> None:
    """Separators and case do not distinguish numbers."""
    assert compact("morga 657054 SM9IJ") == compact("MORGA-657054.sm9ij")


@pytest.mark.parametrize("text", ["born 3 June 1985", "born 1985-06-03", "born 06/03/85", "geb. 3. Mai 1985"])
def test_dates_are_found_in_figures_and_words(text: str) -> None:
    """A date of birth may be written with the month as a word."""
    assert len(dates(text, 0, len(text))) == 1


@given(st.text(alphabet="aB1 -./:@\n", max_size=120))
def test_runs_stand_in_order_and_within_the_text(text: str) -> None:
    """Runs never overlap, never leave the range, and hold at least two digits."""
    last = 0
    for run in runs(text, 0, len(text)):
        assert last <= run.start < run.end <= len(text)
        assert sum(map(str.isdigit, text[run.start : run.end])) >= 2
        last = run.end
