"""The writer's own words: what is quoted, where sentences end, which belong to a list."""

import time

import pytest

from dlp_gateway.detect.request_features import features
from dlp_gateway.detect.request_text import documents_in, own_text, sentences
from tests.detect.test_words import WORDS
from tests.work import LINEAR, growth


def split(text: str) -> list[str]:
    """Return the sentences of a text."""
    return [text[one.start : one.end].strip() for one in sentences(text)]


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("Yes.\n> Send it.\n", "Yes."),
        ("Am 3.4. schrieb Jo:\n> Was kostet das?\n\n89 Euro.", "89 Euro."),
        ("Yes.\n\nOn Tue, 4 Aug 2026, Jo wrote:\n\nSend it.", "Yes."),
        ('They wrote "please send us your passport" again.', "They wrote  again."),
        ("Example: 'Hi, send me a copy of your ID.' Why not?", "Example:  Why not?"),
        ("It's Jo's and I don't mind.", "It's Jo's and I don't mind."),
    ],
)
def test_what_others_said_is_left_out(text: str, own: str) -> None:
    """Lines that are quoted, mail that is answered, and speech, but not what stands below a quotation."""
    assert own_text(text).strip() == own


def test_sentences_end_at_stops_and_lines_but_not_at_abbreviations() -> None:
    """Wrapped lines are one sentence, short lines are one each."""
    text = (
        "Hello\nPlease quote passport no. 4 of Mr. Roe, and do so as soon as you can find a\nmoment for it. Thanks! Jo"
        "\n\nName: Ann\nBorn: 14. May"
    )
    assert split(text) == [
        "Hello",
        "Please quote passport no. 4 of Mr. Roe, and do so as soon as you can find a\nmoment for it.",
        "Thanks!",
        "Jo",
        "Name: Ann",
        "Born: 14. May",
    ]


def test_items_belong_to_the_line_above_their_list() -> None:
    """Each item knows its heading, and what follows the list is none."""
    found = sentences("Please return:\n\n- the contract\n- a copy of your passport\n\nThanks.")
    assert [one.heading for one in found] == [None, 0, 0, None]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a scan of your passport", True),
        ("Kopie des Auslaenderausweises", True),
        ("dowod wplaty", False),
        ("the fishing licence", False),
        ("your order number", False),
    ],
)
def test_documents(text: str, named: bool) -> None:  # noqa: FBT001  a parameter of cases
    """Documents of identity are told from others."""
    assert bool(documents_in(WORDS, text)) == named


def test_takes_linear_time() -> None:
    """A text of nothing but stops, breaks and quotes is split at once."""
    started = time.process_time()
    for text in (". " * 90_000, "\n- a" * 50_000, "'a " * 60_000, "x wrote:\n" * 20_000):
        sentences(own_text(text))
    assert time.process_time() - started < 5


@pytest.mark.parametrize("sign", [".", "!", ";", "?", ".\n", '."', "\n ", ". "])
def test_a_long_run_of_signs_takes_linear_time(sign: str) -> None:
    """A line of dots ends one sentence, however long it is; in text and features alike."""

    def read(text: str) -> object:
        return list(sentences(own_text(text))), list(features(text))

    assert growth(read, lambda count: "send us a copy of your passport" + sign * count, 60_000) < LINEAR
