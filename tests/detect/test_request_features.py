"""Features of what stands around the mention of a document."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.detect.request_features import BITS, TRIGGER, features, vocabularies
from dlp_gateway.detect.triggers import Triggers


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("Please send us your passport.", 1),
        ("Your licence, please. And bring your ID card.", 2),
        ("Your card, please, and all documents.", 0),
        ("Your passport is here, and the card too.", 1),
        ("See https://shop.example/?id=12 for the shoes.", 0),
        ("> Send us your passport.\n\nNo.", 0),
        ("Fine by me.\n\nOn Tue, 4 Aug 2026, Jo wrote:\n\nSend us your passport.", 0),
        ("運転免許証の写真を送ってください。", 1),
        ("", 0),
    ],
)
def test_a_sentence_with_a_mention_has_features(text: str, mentions: int) -> None:
    """What is quoted has none, and neither has a text that mentions documents only by weak words."""
    assert len(list(features(text))) == mentions


def test_licences_and_passports_share_what_is_said_of_them() -> None:
    """The word for a document is left out, but for its class."""
    (first, _), (other, _) = (
        next(features(f"Please send us your {document} today.")) for document in ("driving licence", "passport")
    )
    shared = len(first & other) / len(first | other)
    assert shared > 0.5


def test_the_same_is_said_in_two_languages() -> None:
    """Words are known by what they mean."""
    (english, _), (german, _), (unlike, _) = (
        next(features(text))
        for text in (
            "Please send us your passport.",
            "Bitte senden Sie uns Ihren Reisepass.",
            "My passport was stolen in Rome.",
        )
    )
    assert len(english & german) > 2 * len(english & unlike)


def test_every_language_has_small_words_and_a_word_for_no() -> None:
    """Those by which the language is told, and those that turn a request round."""
    assert all(
        len(one.common) >= 10 and any("not" in meanings for meanings in one.whole.values())
        for one in vocabularies().values()
    )


@pytest.mark.parametrize(
    ("text", "opens"),
    [("Your PASSPORT?", True), ("der Führerschein", True), ("ID", True), ("the card", False), ("compassion", False)],
)
def test_what_is_looked_at_has_a_trigger(text: str, opens: bool) -> None:  # noqa: FBT001  a column of the table
    """The expression for the automaton finds what features are made of."""
    assert bool(Triggers(words={"mention": (TRIGGER,)}, forms={}).of(text)) is opens


@given(st.text(st.sampled_from("id passport ,.:;!?\n>-*'=@é0漢\0"), max_size=300))
def test_any_text_has_numbers_of_the_table(text: str) -> None:
    """Nothing is out of it, and no text is too strange."""
    assert all(0 <= number < 1 << BITS for group in features(text) for some in group for number in some)


@pytest.mark.parametrize(
    "text",
    [
        "id\n\n" * 60_000,
        "passport " * 30_000,
        "please send me a copy of your id and bring it, or not! " * 5_000,
        "idé" * 80_000,
    ],
)
def test_takes_bounded_time(text: str) -> None:
    """A text of nothing but mentions costs little more than one with a few."""
    started = time.process_time()
    assert len(list(features(text))) <= 32
    assert time.process_time() - started < 3
