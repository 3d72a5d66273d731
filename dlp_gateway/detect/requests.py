"""Whether a text asks its readers to send an identity document: signs for and against it, weighed by sentence."""

from collections.abc import Mapping
from typing import Final

from dlp_gateway.detect.request_signs import signs_in
from dlp_gateway.detect.request_text import own_text
from dlp_gateway.detect.words import Role, Words

#: What each sign weighs, in tenths, for a request or against it.
POINTS: Final[Mapping[str, int]] = {
    "blank": 27,
    "any:address": 15,
    "own:request": 14,
    "near:asks": 13,
    "next:asks+copy": 13,
    "next:otherwise": 11,
    "own:need": 11,
    "head:polite": 10,
    "copy-of": 9,
    "next:copy": 9,
    "next:needed-asks": 7,
    "any:deadline": 6,
    "next:aimed": 6,
    "next:channel": 6,
    "own:aimed": 6,
    "own:reader": 6,
    "prev:meant": 6,
    "several": 6,
    "next:deadline": 5,
    "prev:silent": 5,
    "prev:ways": 5,
    "copied:yours": 4,
    "head:colon": 4,
    "own:channel": 4,
    "prev:need": 4,
    "missing": 3,
    "next:question": 3,
    "own:question": 3,
    "prev:reader": 3,
    "next:meant": 2,
    "own:asks+copy": 2,
    "own:writer": 2,
    "prev:writer": 2,
    "then:deadline": 2,
    "yours": 2,
    "next:request": 1,
    "next:writer": 1,
    "own:meant": 1,
    "own:needs+copy": 1,
    "own:otherwise": 1,
    "own:sending": 1,
    "prev:needs": 1,
    "prev:polite": 1,
    "next:polite": -1,
    "own:colon": -1,
    "next:colon": -2,
    "next:refusal": -2,
    "own:refusal": -2,
    "then:begins": -2,
    "next:silent": -3,
    "own:needs": -3,
    "few": -4,
    "short": -4,
    "next:if": -5,
    "prev:colon": -5,
    "any:told": -6,
    "own:told": -6,
    "then:silent": -6,
    "own:offered": -7,
    "then:asks": -7,
    "any:warning": -8,
    "own:silent": -9,
    "any:presented": -10,
    "weak": -11,
    "another": -12,
    "own:own-deed": -12,
    "own:presented": -12,
    "offered:mine": -15,
    "given": -19,
    "own:warning": -27,
}
_ENOUGH: Final = 16


def asks(words: Mapping[Role, Words], text: str) -> bool:
    """Tell whether the signs around one of the documents that a text names say that it is asked for."""
    return any(weight(signs) >= _ENOUGH for signs in signs_in(words, own_text(text)))


def weight(signs: frozenset[str]) -> int:
    """Return how much speaks for a request, less what speaks against it."""
    return sum(POINTS.get(sign, 0) for sign in signs)
