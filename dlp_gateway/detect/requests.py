"""Whether a text asks its readers to send an identity document: signs for and against it, weighed by sentence."""

from collections.abc import Mapping
from typing import Final

from dlp_gateway.detect.request_signs import signs_in
from dlp_gateway.detect.request_text import own_text
from dlp_gateway.detect.words import Role, Words

#: What each sign weighs, in tenths, for a request or against it.
POINTS: Final[Mapping[str, int]] = {
    "blank": 27,
    "any:address": 21,
    "own:request": 16,
    "near:asks": 14,
    "own:need": 14,
    "any:deadline": 13,
    "copy-of": 12,
    "next:aimed": 11,
    "next:otherwise": 10,
    "several": 9,
    "next:channel": 8,
    "head:polite": 7,
    "next:copy": 7,
    "own:channel": 7,
    "next:asks+copy": 6,
    "own:aimed": 6,
    "own:reader": 6,
    "next:question": 5,
    "own:asks+copy": 5,
    "prev:silent": 5,
    "head:colon": 4,
    "next:needed-asks": 4,
    "prev:need": 4,
    "prev:ways": 4,
    "copied:yours": 3,
    "head:way": 3,
    "next:writer": 3,
    "prev:reader": 3,
    "missing": 2,
    "next:asks-it": 2,
    "own:asks-and-needs": 2,
    "own:meant": 2,
    "prev:meant": 2,
    "prev:needs": 2,
    "prev:polite": 2,
    "yours": 2,
    "next:meant": 1,
    "next:need": 1,
    "own:clitic": 1,
    "own:if": 1,
    "own:writer": 1,
    "prev:writer": 1,
    "then:polite": 1,
    "begins": -1,
    "own:colon": -1,
    "own:possession": -1,
    "prev:colon": -1,
    "short": -1,
    "offered:mine": -2,
    "own:needs": -2,
    "own:refusal": -2,
    "next:silent": -3,
    "any:told": -4,
    "few": -4,
    "next:colon": -4,
    "then:asks": -4,
    "then:begins": -6,
    "then:silent": -6,
    "any:warning": -7,
    "own:silent": -7,
    "own:told": -9,
    "weak": -10,
    "any:presented": -12,
    "own:offered": -12,
    "own:own-deed": -12,
    "own:presented": -13,
    "another": -14,
    "given": -19,
    "mine": -22,
    "own:warning": -32,
}
_ENOUGH: Final = 23


def asks(words: Mapping[Role, Words], text: str) -> bool:
    """Tell whether the signs around one of the documents that a text names say that it is asked for."""
    return any(weight(signs) >= _ENOUGH for signs in signs_in(words, own_text(text)))


def weight(signs: frozenset[str]) -> int:
    """Return how much speaks for a request, less what speaks against it."""
    return sum(POINTS.get(sign, 0) for sign in signs)
