"""Signs of a request: what stands around a document, and what it says together."""

import json
from pathlib import Path

import pytest

from dlp_gateway.detect.request_signs import signs_in
from dlp_gateway.detect.request_text import own_text
from dlp_gateway.detect.requests import POINTS
from tests.detect.test_words import WORDS


def signs(text: str) -> frozenset[str]:
    """Return the signs around the sentences of a text that name a document."""
    return frozenset().union(*signs_in(WORDS, own_text(text)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Please send a copy of your passport by Friday.", {"own:asks+copy", "own:deadline", "copy-of", "yours"}),
        ("Bring:\n- boots\n\nTo be sent to us:\n- passport\n- contract", {"item", "head:sending"}),
        ("Your passport is missing. Mail it to hr@corp.example.", {"missing", "next:asks-it", "next:address"}),
        ("Never send us a copy of your passport.", {"own:denied", "own:silent"}),
        ("If anyone wants your passport, tell me.", {"own:denied"}),
        ("Here is my passport.", {"mine", "own:offered"}),
        ("Passport number: ____________", {"blank"}),
        ("Could you send me the opening hours for the passport?", {"own:strays", "about:bare"}),
        ("Your passport has, as far as we can see, the number AB1234567.", {"given"}),
    ],
)
def test_what_stands_around_a_document(text: str, expected: set[str]) -> None:
    """The sentence of the document, the one behind it, and the line above a list."""
    assert expected <= signs(text)


def test_without_a_document_there_are_no_signs() -> None:
    """A mail that names none costs one pass."""
    assert not signs("Please send us the contract by Friday.")


def test_every_sign_with_a_weight_occurs() -> None:
    """No weight stands for a sign that the detector does not give."""
    path = Path(__file__).parent / "corpus" / "requests_b.jsonl"
    found: set[str] = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        found |= signs(json.loads(line)["text"])
    assert POINTS.keys() <= found
