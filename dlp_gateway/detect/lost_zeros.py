"""Numbers in a column without the zeros that they begin with: a spreadsheet takes them for amounts, and drops these."""

import re
from collections.abc import Iterator
from typing import Final

from dlp_gateway.detect.labels import Hit, Strength
from dlp_gateway.detect.span import Span
from dlp_gateway.detect.validators import us_ssn

_SSN: Final = "US_SSN"
_DIGITS: Final = 9
#: Areas begin at 001, so one zero or two are lost; a cell may be in quotation marks.
_CELL: Final = re.compile(r"[ \"']{0,3}([1-9]\d{6,7})[ \"'\r]{0,3}")
_SCORE: Final = 0.8
#: What may stand behind the label in its heading: "SSN #", "SSN (US)", but not "SSN status".
_BEHIND: Final = re.compile(r"[^A-Za-z(]*+(?:\(.*)?")


def without_zeros(hit: Hit, heading: tuple[int, int], text: str, start: int, end: int) -> Iterator[Span]:
    """Yield the number of a cell below a heading that surely names such numbers, if it is one but for its zeros."""
    if hit.label.owns != _SSN or hit.label.strength is not Strength.STRONG:
        return
    if _BEHIND.fullmatch(text, hit.end, max(hit.end, heading[1])) is None:
        return
    cell = _CELL.fullmatch(text, start, end)
    if cell is None or not us_ssn(cell[1].zfill(_DIGITS)):
        return
    yield Span(
        start=cell.start(1), end=cell.end(1), type=_SSN, country="US", score=_SCORE, rule="us-ssn",
        why=f"{len(cell[1])} digits in a column with a heading of it, which lost the zeros before them",
    )  # fmt: skip
