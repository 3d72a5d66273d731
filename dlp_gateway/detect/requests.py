"""Whether a text asks its readers to send an identity document: signs for and against it, weighed by sentence."""

from collections.abc import Mapping
from typing import Final

from dlp_gateway.detect.request_signs import signs_in
from dlp_gateway.detect.request_text import own_text
from dlp_gateway.detect.words import Role, Words

#: What each sign weighs, in tenths, for a request or against it.
POINTS: Final[Mapping[str, int]] = {
    "blank": 27,
    "any:address": 17,
    "own:request": 16,
    "own:need": 13,
    "any:deadline": 12,
    "near:asks": 12,
    "copy-of": 11,
    "head:polite": 10,
    "next:asks+copy": 10,
    "next:otherwise": 10,
    "next:aimed": 8,
    "next:copy": 8,
    "several": 8,
    "next:channel": 6,
    "next:needed-asks": 6,
    "own:aimed": 6,
    "own:channel": 6,
    "own:reader": 6,
    "prev:need": 6,
    "prev:silent": 5,
    "prev:ways": 5,
    "copied:yours": 4,
    "missing": 4,
    "own:asks-and-needs": 4,
    "prev:if": 4,
    "head:colon": 3,
    "head:way": 3,
    "next:question": 3,
    "own:asks+copy": 3,
    "prev:meant": 3,
    "prev:reader": 3,
    "prev:writer": 3,
    "copied:deadline": 2,
    "next:meant": 2,
    "next:request": 2,
    "own:writer": 2,
    "then:polite": 2,
    "next:asks-it": 1,
    "next:need": 1,
    "next:sending": 1,
    "next:writer": 1,
    "own:meant": 1,
    "own:question": 1,
    "own:sending": 1,
    "prev:polite": 1,
    "yours": 1,
    "begins": -1,
    "next:colon": -2,
    "own:colon": -2,
    "own:needs": -2,
    "prev:colon": -2,
    "short": -2,
    "few": -3,
    "next:silent": -3,
    "own:refusal": -3,
    "then:begins": -4,
    "any:told": -5,
    "then:asks": -5,
    "then:silent": -6,
    "any:warning": -7,
    "own:offered": -8,
    "own:silent": -8,
    "own:told": -8,
    "weak": -9,
    "any:presented": -10,
    "another": -12,
    "own:presented": -12,
    "offered:mine": -13,
    "own:own-deed": -14,
    "own:warning": -18,
    "given": -19,
}
_ENOUGH: Final = 20


def asks(words: Mapping[Role, Words], text: str) -> bool:
    """Tell whether the signs around one of the documents that a text names say that it is asked for."""
    return any(weight(signs) >= _ENOUGH for signs in signs_in(words, own_text(text)))


def weight(signs: frozenset[str]) -> int:
    """Return how much speaks for a request, less what speaks against it."""
    return sum(POINTS.get(sign, 0) for sign in signs)
