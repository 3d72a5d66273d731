"""One look at a text tells which of many expressions occur in it, however the text is written."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.detect.folding import fold
from dlp_gateway.detect.triggers import Triggers

WORDS = {"licence": r"\blicence\b", "copy": r"\bcop(?:y|ies)[\s\-]{0,3}of\b"}
FORMS = {"number": r"\d", "pair": r"\b[a-z]{2}\d{2}\b", "key": r"\bkey_\d{2}\b"}
TRIGGERS = Triggers(
    words={name: (one,) for name, one in WORDS.items()},
    forms={**{name: (one,) for name, one in FORMS.items()}, "both": (FORMS["pair"], r"zz")},
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", set()),
        ("nothing at all", set()),
        ("a Licence", {"licence"}),
        ("a licen\u00e7e, ＡＢ１２", {"licence", "number", "pair"}),
        ("a lic\u00aden\u200bce", {"licence"}),
        ("a lic\x00en\x1bce of 4\x7f2", {"licence", "number"}),
        ("COPIES  OF", {"copy"}),
        ("my_licence_copy", {"licence"}),
        ("key_12", {"number", "key"}),
        ("a zz", set()),
        ("ab12", {"number", "pair"}),
        ("zz, far away from ab12", {"number", "pair", "both"}),
        ("\ud800 licence", {"licence"}),
    ],
)
def test_what_occurs_is_told_by_name(text: str, expected: set[str]) -> None:
    """Case, width, accents and invisible characters hide nothing; "_" parts words, but belongs to forms."""
    assert expected == TRIGGERS.of(text)


@given(st.text(alphabet="licenceopfs _-ab127zky\x00\u00e7\u00ad\u0661\u2011\n", max_size=80))
def test_it_is_what_a_search_for_each_alone_finds(text: str) -> None:
    """The two automata together tell no more and no less than each expression by itself on the folded text."""
    folded = fold(text).text
    expected = {name for name, one in WORDS.items() if re.search(one, folded.replace("_", " "), re.IGNORECASE)}
    expected |= {name for name, one in FORMS.items() if re.search(one, folded, re.IGNORECASE)}
    expected |= {"both"} if "pair" in expected and "zz" in folded else set()
    assert expected == TRIGGERS.of(text)


def test_a_long_text_that_is_made_to_need_many_states_is_told_all_the_same() -> None:
    """What does not fit into the automaton's memory at once is looked for all the same."""
    triggers = Triggers(words={}, forms={"far": (r"[ab][ab01]{300}1",), "near": ("q",)})
    text = "".join("ab01"[(n * n >> 3) & 3] for n in range(200_000))
    assert triggers.of(f"{text}q") == {"far", "near"}
