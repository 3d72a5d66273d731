"""Where an identifier stands in a text, how sure that is, and why."""

from dataclasses import dataclass


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
