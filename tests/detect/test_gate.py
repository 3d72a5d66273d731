"""The gate lets everything through that holds an identifier, and costs next to nothing otherwise."""

import json
import re
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.detect.gate import Gate, forms, words
from dlp_gateway.detect.identifier_cases import CasesFile, unmark
from dlp_gateway.document import load
from tests.detect.identifiers import BOOK, RECOGNITION, RULES

LOTS = Path(__file__).parent / "corpus"


def test_every_text_with_an_identifier_passes() -> None:
    """No case that must be found is stopped at the gate, written with or without accents and typographic signs."""
    gate = Gate(BOOK)
    texts = [
        unmark(text)[0] for path in RULES.glob("*/identifiers/*.cases.yaml") for text in load(path, CasesFile).finds
    ]
    variants = [
        variant
        for text in texts
        for variant in (text, text.replace("'", "’"), text.replace(" ", "\u00a0"), text.replace("-", "–"))
    ]
    assert [text for text in variants if not gate.opens(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "Dr\u200biver's licence D\u200b1234562",
        "Driver's licence １２３４５６７",
        "Fu\u0308hrerschein B072RRE2I55",
        "Дriver: driver’s licence А1234567",
        "card 4111\u00a01111\u20111111\u20111111",
        "4\U000e01001\U000e010011 1111 1111 1111",
        "4\u03361\u033611 1111 1111 1111",
        "\U0001fbf4\U0001fbf1\U0001fbf1\U0001fbf1 1111 1111 1111",
        "\U0001e954\U0001e951\U0001e951\U0001e951 1111 1111 1111",
        "4\x00111 1111 1111 1111",
        "4\u0080111 1111 1111 1111",
        "4\U0001d173111 1111 1111 1111",
        "\ud800 driver's licence 1234567",
    ],
)
def test_tricks_with_characters_do_not_close_it(text: str) -> None:
    """Invisible, wide, combining, Cyrillic and broken characters are looked at more closely, not less."""
    assert Gate(BOOK).opens(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "See you on 14 March 2026 at 10:30 in room 204, budget 4,711.00 EUR.",
        "Wir treffen uns um 10:30 Uhr, Rechnung 4711 liegt bei. Grüße",
        "Please show your driver's licence at the desk.",
        "Please call me on 020 7946 0123 or 0171 555 2368 about parcel 1234 5678 9012 3457.",
        "shelf,batch,parcel\n4711,123456789,12345678901\n4712,123456780,12345678903",
        "DE00 1234 5678 9012 3456 78 and 666-12-3456 are on the form.",
    ],
)
def test_ordinary_mail_does_not_pass(text: str) -> None:
    """Without a number, or without a label or a number that proves itself, nothing more is done."""
    assert not Gate(BOOK).opens(text)


def mails() -> list[str]:
    """Return the mails of three lots, and what the cases of the rules must and must not find."""
    cases = [load(path, CasesFile) for path in sorted(RULES.glob("*/identifiers/*.cases.yaml"))]
    marked = chain.from_iterable((*one.finds, *one.misses) for one in cases)
    lines = (line for lot in "abc" for line in (LOTS / f"lot_{lot}.jsonl").read_text(encoding="utf-8").splitlines())
    return [*(unmark(one)[0] for one in marked), *(json.loads(line)["text"] for line in lines)]


MAILS = mails()
EVERYTHING = frozenset((*words(BOOK), *forms(BOOK)))
WORDS = sorted({word for mail in MAILS for word in mail.split()})
NUMBERS = [word for word in WORDS if any(map(str.isdigit, word))]


def _one_of(pieces: list[str]) -> st.SearchStrategy[str]:
    return st.integers(0, len(pieces) - 1).map(lambda index: pieces[index])


def test_it_hides_nothing_of_the_mails_at_hand() -> None:
    """Whatever the whole way would find in a mail is found behind the gate, and as sure."""
    assert [mail for mail in MAILS if RECOGNITION.spans(mail) != RECOGNITION.spans(mail, EVERYTHING)] == []


@given(
    st.lists(_one_of(NUMBERS) | _one_of(WORDS), max_size=40),
    st.sampled_from([" ", "\n", ", ", "-", "\u00a0", "_"]),
)
def test_it_hides_nothing_of_what_their_words_make(pieces: list[str], between: str) -> None:
    """The same holds for their words and numbers in any order, joined in any way."""
    text = between.join(pieces)
    assert RECOGNITION.spans(text) == RECOGNITION.spans(text, EVERYTHING)


def test_all_expressions_of_the_rules_are_of_linear_time() -> None:
    """RE2 takes every `find`, so no text can make the gate slow; a text made to is answered at once."""
    assert not Gate(BOOK).opens("a" * 200_000)
    assert all(re.search(r"\(\?[=!<]", rule.find_source) is None for rule in BOOK.rules)
