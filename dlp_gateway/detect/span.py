"""Where an identifier stands in a text, how sure that is, and why."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

#: How many are kept that only their value tells apart: twenty times as many as a message reports.
SAME_SORT: Final = 20_000


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


def of_each_sort(spans: Iterable[Span]) -> list[Span]:
    """Return the first of each sort; whoever writes more of one has been found out before."""
    seen: Counter[tuple[str, str, str, float]] = Counter()
    kept: list[Span] = []
    for span in spans:
        seen[span.sort] += 1
        if seen[span.sort] <= SAME_SORT:
            kept.append(span)
    return kept
