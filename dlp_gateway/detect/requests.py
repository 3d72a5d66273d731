"""Whether a text asks its readers to send an identity document: signs for and against it, weighed by sentence."""

from collections.abc import Mapping
from typing import Final

from dlp_gateway.detect.request_signs import signs_in
from dlp_gateway.detect.request_text import own_text
from dlp_gateway.detect.words import Role, Words

#: What each sign weighs, in tenths, for a request or against it.
POINTS: Final[Mapping[str, int]] = {
    "blank": 27,
    "own:request": 19,
    "any:address": 16,
    "head:polite": 15,
    "own:need": 15,
    "next:asks+copy": 14,
    "near:asks": 13,
    "copy-of": 11,
    "next:otherwise": 11,
    "next:copy": 10,
    "next:needed-asks": 7,
    "several": 7,
    "any:deadline": 6,
    "copied:yours": 6,
    "missing": 6,
    "next:channel": 6,
    "own:channel": 6,
    "own:reader": 6,
    "prev:meant": 6,
    "prev:need": 6,
    "prev:ways": 6,
    "head:colon": 5,
    "own:denied": 5,
    "prev:silent": 5,
    "next:deadline": 4,
    "prev:reader": 4,
    "next:meant": 3,
    "next:question": 3,
    "own:sending": 3,
    "own:writer": 3,
    "prev:writer": 3,
    "then:polite": 3,
    "any:refusal": 2,
    "next:need": 2,
    "own:asks+copy": 2,
    "own:asks-and-needs": 2,
    "next:request": 1,
    "next:sending": 1,
    "own:copy": 1,
    "own:question": 1,
    "prev:polite": 1,
    "own:possession": -1,
    "few": -2,
    "next:if": -2,
    "next:silent+copy": -2,
    "then:begins": -2,
    "begins": -3,
    "short": -3,
    "own:silent": -4,
    "any:told": -5,
    "prev:colon": -5,
    "then:silent": -6,
    "own:told": -7,
    "own:offered": -8,
    "any:warning": -9,
    "any:presented": -10,
    "then:asks": -10,
    "weak": -11,
    "mine": -12,
    "own:own-deed": -13,
    "own:presented": -13,
    "another": -14,
    "own:warning": -14,
    "given": -20,
}
_ENOUGH: Final = 22


def asks(words: Mapping[Role, Words], text: str) -> bool:
    """Tell whether the signs around one of the documents that a text names say that it is asked for."""
    return any(weight(signs) >= _ENOUGH for signs in signs_in(words, own_text(text)))


def weight(signs: frozenset[str]) -> int:
    """Return how much speaks for a request, less what speaks against it."""
    return sum(POINTS.get(sign, 0) for sign in signs)
