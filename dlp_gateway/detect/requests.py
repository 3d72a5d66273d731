"""Whether a text asks its readers to send an identity document: signs for and against it, weighed by sentence."""

from collections.abc import Mapping
from typing import Final

from dlp_gateway.detect.request_signs import signs_in
from dlp_gateway.detect.request_text import own_text
from dlp_gateway.detect.words import Role, Words

#: What each sign weighs, in tenths, for a request or against it.
POINTS: Final[Mapping[str, int]] = {
    "blank": 40,
    "any:address": 29,
    "own:request": 19,
    "next:otherwise": 18,
    "near:asks": 17,
    "own:need": 16,
    "head:way": 15,
    "copy-of": 14,
    "any:deadline": 13,
    "next:copy": 13,
    "several": 13,
    "prev:if": 11,
    "next:asks+copy": 9,
    "head:colon": 8,
    "next:channel": 8,
    "next:question": 8,
    "own:aimed": 8,
    "own:reader": 8,
    "prev:need": 8,
    "next:aimed": 7,
    "own:channel": 7,
    "prev:polite": 7,
    "prev:silent": 7,
    "prev:ways": 7,
    "head:polite": 5,
    "next:meant": 5,
    "own:clitic": 5,
    "prev:reader": 5,
    "prev:way": 5,
    "then:polite": 5,
    "next:needed-asks": 4,
    "own:asks-and-needs": 4,
    "then:otherwise": 4,
    "missing": 3,
    "next:writer": 3,
    "own:copy": 3,
    "own:if": 3,
    "prev:meant": 3,
    "then:deadline": 3,
    "copied:channel": 2,
    "copied:deadline": 2,
    "copied:yours": 2,
    "next:sending": 2,
    "own:meant": 2,
    "own:way": 2,
    "prev:refusal": 2,
    "then:asks-and-needs": 2,
    "then:request": 2,
    "yours": 2,
    "next:deadline": 1,
    "next:need": 1,
    "own:deadline": 1,
    "own:polite": 1,
    "own:writer": 1,
    "prev:astray": 1,
    "next:silent": -1,
    "own:needs": -1,
    "prev:offered": -1,
    "short": -1,
    "next:asks-other": -3,
    "own:begins": -3,
    "own:colon": -3,
    "begins": -4,
    "next:offered": -4,
    "few": -5,
    "next:colon": -5,
    "next:silent+copy": -5,
    "own:refusal": -5,
    "own:silent": -5,
    "prev:colon": -5,
    "own:ways+copy": -6,
    "any:told": -7,
    "then:begins": -9,
    "then:silent": -9,
    "own:offered": -10,
    "own:possession": -10,
    "own:told": -10,
    "then:asks": -10,
    "weak": -10,
    "any:warning": -11,
    "any:presented": -14,
    "offered:mine": -14,
    "own:own-deed": -15,
    "own:presented": -17,
    "given": -22,
    "mine": -26,
    "another": -28,
    "own:warning": -39,
}
_ENOUGH: Final = 33


def asks(words: Mapping[Role, Words], text: str) -> bool:
    """Tell whether the signs around one of the documents that a text names say that it is asked for."""
    return any(weight(signs) >= _ENOUGH for signs in signs_in(words, own_text(text)))


def weight(signs: frozenset[str]) -> int:
    """Return how much speaks for a request, less what speaks against it."""
    return sum(POINTS.get(sign, 0) for sign in signs)
