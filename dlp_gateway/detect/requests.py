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
    "near:asks": 15,
    "own:need": 15,
    "any:deadline": 13,
    "copy-of": 13,
    "prev:ways": 13,
    "several": 13,
    "next:copy": 12,
    "next:asks+copy": 11,
    "prev:if": 11,
    "next:channel": 9,
    "next:question": 9,
    "head:colon": 8,
    "own:aimed": 8,
    "own:reader": 8,
    "next:aimed": 7,
    "own:channel": 7,
    "prev:need": 7,
    "prev:silent": 7,
    "head:polite": 5,
    "next:meant": 5,
    "next:needed-asks": 5,
    "own:clitic": 5,
    "prev:reader": 5,
    "then:polite": 5,
    "prev:meant": 4,
    "prev:polite": 4,
    "then:otherwise": 4,
    "copied:deadline": 3,
    "missing": 3,
    "next:sending": 3,
    "own:asks-and-needs": 3,
    "own:if": 3,
    "prev:needs": 3,
    "then:asks-and-needs": 3,
    "then:deadline": 3,
    "then:request": 3,
    "copied:yours": 2,
    "next:writer": 2,
    "own:asks+copy": 2,
    "own:meant": 2,
    "own:sending": 2,
    "prev:refusal": 2,
    "yours": 2,
    "copied:channel": 1,
    "next:asks-it": 1,
    "next:deadline": 1,
    "next:need": 1,
    "own:copy": 1,
    "own:deadline": 1,
    "own:otherwise": 1,
    "own:polite": 1,
    "own:question": 1,
    "own:way": 1,
    "own:writer": 1,
    "prev:writer": 1,
    "next:way": -1,
    "prev:offered": -1,
    "next:asks-other": -2,
    "next:silent": -2,
    "own:begins": -2,
    "own:colon": -2,
    "next:offered": -3,
    "next:silent+copy": -3,
    "own:needs": -3,
    "begins": -4,
    "few": -5,
    "next:colon": -5,
    "own:refusal": -5,
    "prev:colon": -5,
    "own:ways+copy": -6,
    "any:told": -7,
    "any:warning": -7,
    "own:silent": -7,
    "then:asks": -7,
    "then:silent": -8,
    "own:told": -9,
    "own:offered": -10,
    "own:possession": -10,
    "then:begins": -10,
    "weak": -12,
    "offered:mine": -14,
    "own:own-deed": -14,
    "any:presented": -15,
    "own:presented": -15,
    "given": -21,
    "mine": -26,
    "another": -27,
    "own:warning": -42,
}
_ENOUGH: Final = 33


def asks(words: Mapping[Role, Words], text: str) -> bool:
    """Tell whether the signs around one of the documents that a text names say that it is asked for."""
    return any(weight(signs) >= _ENOUGH for signs in signs_in(words, own_text(text)))


def weight(signs: frozenset[str]) -> int:
    """Return how much speaks for a request, less what speaks against it."""
    return sum(POINTS.get(sign, 0) for sign in signs)
