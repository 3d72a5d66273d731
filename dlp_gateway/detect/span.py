"""Where an identifier stands in a text, how sure that is, and why."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

#: Of what is less sure nothing is told.
_DOUBTED: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """An identifier at `start` … `end` (code points of the text); `why` tells in words and never shows the value."""

    start: int
    end: int
    type: str
    country: str
    score: float
    rule: str
    why: str

    @property
    def sort(self) -> tuple[str, str, str, float]:
        """What else is reported of it than the value and its place."""
        return self.type, self.rule, self.country, self.score


class Spans:
    """All that was found in a text, in twelve octets each: whoever hides one may write a million before it."""

    def __init__(self, spans: Iterable[Span]) -> None:
        """Take them in any order."""
        self._starts, self._ends, self._meant = array("I"), array("I"), array("I")
        meanings: dict[tuple[str, str, float, str, str], int] = {}
        for span in spans:
            if span.score > _DOUBTED:
                meaning = span.type, span.country, span.score, span.rule, span.why
                self._starts.append(span.start)
                self._ends.append(span.end)
                self._meant.append(meanings.setdefault(meaning, len(meanings)))
        self._meanings = tuple(meanings)

    def settled(self) -> Iterator[Span]:
        """Yield them by place; of spans that overlap the surer, then the longer."""
        order: Iterable[int] = range(len(self._starts))
        if any(one > other for one, other in pairwise(self._starts)):  # most stand in order
            order = array("I", sorted(order, key=self._starts.__getitem__))
        together: list[int] = []  # those that overlap, one the next
        end = 0
        for index in order:
            if self._starts[index] >= end:
                yield from map(self._span, self._apart(together))
                together = []
            together.append(index)
            end = max(end, self._ends[index])
        yield from map(self._span, self._apart(together))

    def _apart(self, spans: list[int]) -> list[int]:
        if len(spans) < 2:
            return spans
        kept: list[int] = []
        starts: list[int] = []
        for span in sorted(spans, key=self._precedence):
            start, end = self._starts[span], self._ends[span]
            index = bisect_left(starts, start)
            if (not index or self._ends[kept[index - 1]] <= start) and (index == len(kept) or starts[index] >= end):
                kept.insert(index, span)
                starts.insert(index, start)
        return kept

    def _precedence(self, index: int) -> tuple[float, int, int]:
        start = self._starts[index]
        return -self._meanings[self._meant[index]][2], start - self._ends[index], start

    def _span(self, index: int) -> Span:
        kind, country, score, rule, why = self._meanings[self._meant[index]]
        return Span(
            start=self._starts[index],
            end=self._ends[index],
            type=kind,
            country=country,
            score=score,
            rule=rule,
            why=why,
        )
