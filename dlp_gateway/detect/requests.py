"""Whether a text asks its readers to send an identity document: signs for and against it, weighed by sentence."""

from collections.abc import Mapping
from typing import Final

from dlp_gateway.detect.request_signs import signs_in
from dlp_gateway.detect.request_text import own_text
from dlp_gateway.detect.words import Role, Words

#: What each sign weighs, in tenths, for a request or against it.
POINTS: Final[Mapping[str, int]] = {
    "blank": 40,
    "any:address": 30,
    "own:request": 19,
    "next:otherwise": 18,
    "head:way": 17,
    "copy-of": 15,
    "near:asks": 14,
    "own:need": 14,
    "any:deadline": 13,
    "next:copy": 13,
    "several": 13,
    "prev:ways": 12,
    "next:asks+copy": 10,
    "next:channel": 10,
    "prev:if": 10,
    "head:colon": 9,
    "next:question": 9,
    "next:aimed": 8,
    "own:aimed": 8,
    "own:channel": 8,
    "own:reader": 8,
    "prev:silent": 7,
    "prev:needs": 6,
    "head:polite": 5,
    "next:needed-asks": 5,
    "own:asks-and-needs": 5,
    "own:clitic": 5,
    "prev:polite": 5,
    "prev:reader": 5,
    "then:otherwise": 5,
    "copied:deadline": 4,
    "copied:yours": 4,
    "next:meant": 4,
    "prev:meant": 4,
    "then:polite": 4,
    "missing": 3,
    "next:sending": 3,
    "next:writer": 3,
    "own:if": 3,
    "own:meant": 3,
    "prev:need": 3,
    "then:asks-and-needs": 3,
    "then:deadline": 3,
    "then:request": 3,
    "next:asks-it": 2,
    "own:asks+copy": 2,
    "own:sending": 2,
    "prev:writer": 2,
    "yours": 2,
    "copied:channel": 1,
    "next:deadline": 1,
    "next:need": 1,
    "own:deadline": 1,
    "own:otherwise": 1,
    "own:polite": 1,
    "own:question": 1,
    "own:way": 1,
    "own:writer": 1,
    "prev:refusal": 1,
    "asks:offered": -1,
    "next:silent": -1,
    "prev:offered": -1,
    "astray:bare": -2,
    "next:asks-other": -2,
    "own:begins": -2,
    "own:colon": -2,
    "own:needs": -2,
    "next:offered": -3,
    "next:silent+copy": -3,
    "own:astray": -3,
    "begins": -4,
    "few": -4,
    "prev:colon": -4,
    "next:colon": -5,
    "own:refusal": -5,
    "any:told": -6,
    "own:silent": -6,
    "own:ways+copy": -6,
    "then:asks": -6,
    "any:warning": -7,
    "then:silent": -8,
    "own:possession": -9,
    "own:offered": -10,
    "then:begins": -10,
    "own:told": -11,
    "weak": -12,
    "own:own-deed": -13,
    "offered:mine": -14,
    "any:presented": -15,
    "own:presented": -15,
    "given": -22,
    "another": -26,
    "mine": -26,
    "own:warning": -43,
}
_ENOUGH: Final = 33


def asks(words: Mapping[Role, Words], text: str) -> bool:
    """Tell whether the signs around one of the documents that a text names say that it is asked for."""
    return any(weight(signs) >= _ENOUGH for signs in signs_in(words, own_text(text)))


def weight(signs: frozenset[str]) -> int:
    """Return how much speaks for a request, less what speaks against it."""
    return sum(POINTS.get(sign, 0) for sign in signs)
