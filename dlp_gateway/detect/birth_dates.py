"""Dates of birth: the date behind a label of one, or directly before it."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from dlp_gateway.detect.ownership import Reader
from dlp_gateway.detect.shapes import dates
from dlp_gateway.detect.span import Span
from dlp_gateway.detect.walk import owns_nothing

_ASKED: Final = 2_000
_SMALL: Final = re.compile(r"\b[a-z]{3,}\b")
_ASIDE: Final = re.compile(r"\([^()\n]{0,60}\)")


def birth_dates(reader: Reader) -> Iterator[Span]:
    """Yield the date that stands behind a label of a birth date, or directly before it ("3 March 1944 (d.o.b.)")."""
    text = reader.page.text
    labels = reader.hits.where(lambda label: label.owns == "DATE_OF_BIRTH")
    for hit in islice(labels, _ASKED):
        before = dates(text, max(reader.page.line(hit.start)[0], hit.start - 40), hit.start)
        if before and not text[before[-1][1] : hit.start].strip(" (,-\t"):
            yield date_span(*before[-1], 0.88, "before a label of it")
            continue
        for start, end in dates(text, hit.end, min(len(text), hit.end + 90))[:1]:
            between = _ASIDE.sub("", text[hit.end : start])
            if any(not owns_nothing(reader.grammar, word) for word in _SMALL.findall(between)):
                continue  # "born to run on …"
            apart = re.search(r"\n\s*\n|[.!?;]\s+[A-Z]", between) or ("\n" in between and before)
            if len(between) <= 30 and not apart:
                yield date_span(start, end, 0.88, "behind a label of it")


def date_span(start: int, end: int, score: float, why: str) -> Span:
    """Return the span of a date of birth; `why` tells where it stands."""
    return Span(
        start=start, end=end, type="DATE_OF_BIRTH", country="", score=score, rule="date-of-birth", why=f"a date {why}"
    )
