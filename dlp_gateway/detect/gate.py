"""The gate: whether a text can hold an identifier at all; most mail goes no further.

It is exact about what is no identifier: a form alone does not open it, only a number of that form that proves itself.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from dlp_gateway.detect.folding import Folded, fold
from dlp_gateway.detect.identifier_rules import Rule, RuleBook
from dlp_gateway.detect.labels import KEYED, OTHER, pattern
from dlp_gateway.detect.particulars import expression
from dlp_gateway.detect.proof import Proof, prove, proves
from dlp_gateway.detect.triggers import Triggers

#: What is seen where a label of an identifier stands.
LABEL: Final = "identifiers.label"
_DIGIT: Final = re.compile(r"[0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What a text that needs a closer look has: its folded form and its octets, whether labels may own, and proofs."""

    folded: Folded
    data: bytes
    labelled: bool
    proofs: tuple[Proof, ...]


class Gate:
    """Opens for a text with a number and a label of an identifier, or with a number that proves itself."""

    def __init__(self, book: RuleBook, triggers: Triggers | None = None) -> None:
        """Take rules, and the triggers to which `words` and `forms` of them were given if others share them."""
        self._triggers = triggers or Triggers(words=words(book), forms=forms(book))
        self._forms = tuple((_form(rule), rule) for rule in book.rules if rule.find_source)
        self._names = frozenset((LABEL, *(form for form, _ in self._forms)))

    def glance(self, text: str, seen: frozenset[str] | None = None) -> Glance | None:
        """Return what there is for a closer look, None if there is nothing; `seen` is what the triggers told before."""
        seen = self._triggers.of(text) if seen is None else seen
        if seen.isdisjoint(self._names):
            return None
        folded = fold(text)
        labelled = _is_labelled(folded.text, seen)
        data = folded.text.encode("ascii")
        proofs = tuple(p for rule in self._looked_for(seen) if (p := prove(rule, data, folded.text)).places)
        return Glance(folded=folded, data=data, labelled=labelled, proofs=proofs) if labelled or proofs else None

    def opens(self, text: str, seen: frozenset[str] | None = None) -> bool:
        """Tell whether there is anything for a closer look; the same as `glance`, but stops at the first sign of it."""
        seen = self._triggers.of(text) if seen is None else seen
        if seen.isdisjoint(self._names):
            return False
        folded = fold(text).text
        data = folded.encode("ascii")
        return _is_labelled(folded, seen) or any(proves(rule, data, folded) for rule in self._looked_for(seen))

    def _looked_for(self, seen: frozenset[str]) -> Iterator[Rule]:
        return (rule for form, rule in self._forms if form in seen)


def _is_labelled(folded: str, seen: frozenset[str]) -> bool:
    return LABEL in seen and _DIGIT.search(folded) is not None


def words(book: RuleBook) -> Mapping[str, tuple[str, ...]]:
    """Return the labels of identifiers as triggers, and what speaks of a licence without one."""
    phrases = [p for file in book.labels if file.owns != OTHER for group in file.phrases.values() for p in group]
    spoken = (*(f"(?:{pattern(phrase)})" for phrase in phrases), KEYED, expression(book.grammar))
    return {LABEL: ("|".join(spoken),)} if phrases else {}


def forms(book: RuleBook) -> Mapping[str, tuple[str, ...]]:
    """Return the forms of numbers as triggers: each `find`, and as many digits as its numbers have."""
    return {_form(rule): (rule.find_source, *_joined(rule.digits)) for rule in book.rules if rule.find_source}


def _form(rule: Rule) -> str:
    return f"identifiers.form.{rule.id}"


def _joined(digits: int) -> tuple[str, ...]:
    """Return an expression for so many digits with at most one sign between each two of them."""
    return (rf"\d(?:[ ./-]?\d){{{digits - 1}}}",) if digits else ()
