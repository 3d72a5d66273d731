"""Presidio's own recognizers, and an operator's spaCy model, as a detector: behind a gate, in windows, within a budget.

Stock recognizers take more than linear time and know no bounds, so they never see a whole text: only what stands around
a figure, an "@" or, for a model, a capital letter; in windows of bounded size, and of a message no more than a budget.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import re2

from dlp_gateway.detect.base import Finding, Material
from dlp_gateway.detect.presidio import Analyzer, stock
from dlp_gateway.detect.recognition import Span
from dlp_gateway.errors import InspectionError

_AROUND: Final = 120  # characters that a recognizer may want to see beside what opened the gate
_WINDOW: Final = 2_000
_BUDGET: Final = 100_000  # characters of a message, all windows together
_LEAST: Final = 0.3


class GuestDetector:
    """Reports `presidio.<ENTITY>` for the recognizers of Presidio that are named, one finding a distinct place.

    Raises `InspectionError` if a message holds more for them to see than the budget allows.
    """

    name: Final = "presidio"

    def __init__(self, names: Iterable[str], *, model: str = "") -> None:
        """Take names of Presidio's recognizer classes and a spaCy model that is installed, or the path of one."""
        self._analyzer = Analyzer(stock(names, model=model), model=model, pipeline=True)
        self._gate = re2.compile(r"[\d@]|\b[A-Z][a-z]" if model else r"[\d@]")

    @property
    def kinds(self) -> frozenset[str]:
        """Every kind that may be reported."""
        return frozenset(f"presidio.{entity}" for entity in self._analyzer.entities)

    def detect(self, material: Material) -> Iterable[Finding]:
        """Yield the findings of a message, of each kind and value the first."""
        seen: set[tuple[str, str]] = set()
        left = _BUDGET
        for text in material.texts:
            for low, high in self._windows(text.text):
                left -= high - low
                if left < 0:
                    raise InspectionError("There is more in the message than the named recognizers may look at.")
                for span in self._analyzer.spans(text.text[low:high]):
                    start, end = low + span.start, low + span.end
                    key = span.type, text.text[start:end]
                    if span.score >= _LEAST and key not in seen:
                        seen.add(key)
                        yield self._finding(span, f"{text.where}:{start}-{end}")

    def _windows(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield ranges of bounded size around what opens the gate; they overlap where there is much of it."""
        low = high = -1
        for match in self._gate.finditer(text):
            place = match.start()
            if high >= 0 and place - _AROUND <= high and place + _AROUND - low <= _WINDOW:
                high = min(len(text), place + _AROUND)
                continue
            if high >= 0:
                yield low, high
            low, high = max(0, place - _AROUND), min(len(text), place + _AROUND)
        if high >= 0:
            yield low, high

    def _finding(self, span: Span, where: str) -> Finding:
        return Finding(
            kind=f"presidio.{span.type}",
            detector=self.name,
            rule=span.rule,
            count=1,
            score=round(span.score, 2),
            where=where,
            country=span.country,
        )
