"""What is told of a licence all at once, where nobody calls it one: its state, its number, and its expiry or class.

"Ann Weir, Ohio, RT482913, good till 2029" is a licence to whoever reads it, and so is a birth date with a state and a
number behind it. Such a place speaks of licences as the word would, only less surely.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

import re2

from dlp_gateway.detect.grammar import Grammar
from dlp_gateway.detect.labels import Hit, Label, Strength
from dlp_gateway.detect.shapes import DATE

#: The topic that stands at the state of such a place; it owns nothing.
TOLD: Final = Label(id="driver-licence-told", owns="DRIVER_LICENSE", strength=Strength.TOPIC)
#: How many places are asked for: no more numbers of a text are asked for their owner.
_ASKED: Final = 1_000
_APART: Final = r"[ ,;:/()-]{1,4}"
_NUMBER: Final = r"(?-i:[A-Z]{0,3}[ -]?\d[A-Z0-9]*(?:[ -][A-Z0-9]*\d[A-Z0-9]*)*)"
_ISSUED: Final = r"(?:[ -]issued)?(?: (?:card|id|plastic|no|number|operator|dl))?"
_CARD: Final = re.compile(r"issued|\b(?:card|id|plastic|operator|dl)\Z", re.IGNORECASE)
_BORN: Final = rf"\b(?:dob|d\.o\.b\.?|born(?: on)?|date of birth|birth ?date|birthday)[ :,-]{{1,3}}(?:{DATE})"


def expression(grammar: Grammar) -> str:
    """Return an expression for such places in folded text, whatever their case; its groups are the states."""
    words = grammar.licences
    state, beside = words.state, words.attributes
    forms = (
        rf"\b((?:{state}){_ISSUED}){_APART}{_NUMBER}{_APART}(?:{beside})\b",
        rf"\b{_NUMBER}{_APART}({state}){_APART}(?:{beside})\b",
        rf"\b((?:{state}){_ISSUED}){_APART}{_NUMBER}{_APART}{_BORN}",
        rf"{_BORN}{_APART}((?:{state}){_ISSUED}){_APART}{_NUMBER}\b",
    )
    return "|".join(f"(?:{form})" for form in forms)


def is_called_a_card(hit: Hit, text: str) -> bool:
    """Tell whether what stands at a state says that it gave a card out: "Idaho-issued card"."""
    return hit.label.id == TOLD.id and _CARD.search(text, hit.start, hit.end) is not None


class Particulars:
    """Finds such places; takes time linear in the text."""

    def __init__(self, grammar: Grammar) -> None:
        """Take the words of states, classes and days of expiry."""
        options = re2.Options()
        options.case_sensitive = False
        self._finder = re2.compile(expression(grammar), options)

    def topics(self, data: bytes) -> Iterator[Hit]:
        """Yield the state of each such place of a folded text, given as octets, as what speaks of a licence."""
        for match in islice(self._finder.finditer(data), _ASKED):
            start, end = next(span for span in map(match.span, range(1, self._finder.groups + 1)) if span[0] >= 0)
            yield Hit(start=start, end=end, label=TOLD)
