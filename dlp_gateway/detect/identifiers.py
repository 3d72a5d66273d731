"""The detector of identifiers: driver's licences, payment cards, account and identity numbers, in every text."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from dlp_gateway.content.text import Text
from dlp_gateway.detect import sent
from dlp_gateway.detect.base import Finding, Material
from dlp_gateway.detect.folding import fold
from dlp_gateway.detect.gate import LABEL, forms, words
from dlp_gateway.detect.identifier_rules import CARD, TYPES, RuleBook, load_rules
from dlp_gateway.detect.recognition import Recognition, Span
from dlp_gateway.detect.shapes import compact
from dlp_gateway.detect.titles import titled
from dlp_gateway.detect.triggers import Triggers

__all__ = ["IdentifierDetector", "Span", "load_rules"]

_LEAST: Final = 0.3  # below "low" of a policy nothing is reported
#: Distinct values kept of which nothing else is told apart: twenty times as many as a message reports.
SAME_SORT: Final = 20_000


class IdentifierDetector:
    """Reports `identifier.<TYPE>`, one finding for each distinct value of a message, where it stands first.

    And `sent.<TYPE>`: how many distinct values the sender has sent outside within a window, this message included.
    """

    name: Final = "identifiers"

    def __init__(self, rules: RuleBook, triggers: Triggers | None = None) -> None:
        """Take rules, and triggers if others share them; `gate.words` and `gate.forms` of the rules are among them."""
        self._triggers = triggers or Triggers(words=words(rules), forms=forms(rules))
        self._recognition = Recognition(rules, self._triggers)

    @property
    def kinds(self) -> frozenset[str]:
        """Every kind that may be reported."""
        return frozenset((*(f"identifier.{kind}" for kind in TYPES), *map(sent.kind, TYPES)))

    def detect(self, material: Material) -> Iterable[Finding]:
        """Yield the findings of a message; of a value that stands in it twice, the surer measurement counts.

        Raises `MemoryError` behind them if more of those left out would have been reported: of a sort of which there
        were more than are kept, those that were kept turned out to be surer.
        """
        found: dict[tuple[str, str], Finding] = {}
        sorts: Counter[tuple[str, str, str, float]] = Counter()
        for text, spans in self._in_all(material):
            for span in spans:
                written = compact(fold(text.text[span.start : span.end]).text)
                key = span.type, written.replace("*", "") if span.type == CARD else written
                known = found.get(key)
                if known is None:
                    sorts[span.sort] += 1
                if (known is None and sorts[span.sort] <= SAME_SORT) or (known and span.score > known.score):
                    found[key] = self._finding(
                        span, f"{text.where}:{span.start}-{span.end}" if known is None else known.where
                    )
        yield from self._added_up(found, material)
        left = Counter((one.kind.partition(".")[2], one.rule, one.country, one.score) for one in found.values())
        if any(count > SAME_SORT and left[sort] < SAME_SORT // 2 for sort, count in sorts.items()):
            raise MemoryError("there are more identifiers than are kept")

    def _in_all(self, material: Material) -> Iterator[tuple[Text, Iterable[Span]]]:
        """Yield each text with what is found in it, and once more those that a label in another text stands over."""
        told = material.once(self._triggers)
        for text, seen in zip(material.texts, told, strict=True):
            if seen:
                yield text, self._each(text.text, seen)
        if LABEL in frozenset().union(*told):
            yield from titled(self._recognition, material.texts, lambda place: LABEL in told[place])

    def _added_up(self, found: dict[tuple[str, str], Finding], material: Material) -> Iterator[Finding]:
        """Yield what was found, and how many values the sender has sent outside with it."""
        if (before := material.facts.sent) is None:
            yield from found.values()
            return
        marked = [
            replace(one, token=sent.token(before.key, *key)) if sent.is_sure(one.score) else one
            for key, one in found.items()
        ]
        yield from marked
        yield from sent.added_up(marked, before)

    def spans(self, text: str, seen: frozenset[str] | None = None) -> tuple[Span, ...]:
        """Return the identifiers of one text, by place; offsets count its code points.

        `seen` is what the triggers told of the text, if they were asked before.
        """
        return tuple(self._each(text, seen))

    def _each(self, text: str, seen: frozenset[str] | None) -> Iterator[Span]:
        return (span for span in self._recognition.each(text, seen, least=_LEAST) if span.score >= _LEAST)

    def _finding(self, span: Span, where: str) -> Finding:
        return Finding(
            kind=f"identifier.{span.type}",
            detector=self.name,
            rule=span.rule,
            count=1,
            score=span.score,
            where=where,
            country=span.country,
        )
