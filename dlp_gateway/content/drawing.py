"""Texts in drawings → the lines that they are seen as: SVG places each where it likes, in any order."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

_TEXTS: Final = 20_000
_LENGTH: Final = re.compile(r"\s*([+-]?\d{0,9}(?:\.\d{0,9})?)")
_MOVED: Final = re.compile(
    r"translate\(\s{0,8}([+-]?[\d.]{1,18})(?:[\s,]{1,8}([+-]?[\d.]{1,18}))?|matrix\(([^()]{1,200})\)"
)
_ANCESTORS: Final = 20
#: A line is as high as letters usually are.
_SAME_LINE: Final = 4.0
_BLANK: Final = 1.7  # how many times the usual distance of two letters stands for a blank between them


@dataclass(frozen=True, slots=True)
class _Placed:
    x: float
    y: float
    text: str


def lines(tree: LexborHTMLParser) -> Iterator[str]:
    """Yield the texts of the drawings in a page in the order in which they are seen, if they stand in another."""
    placed = [_placed(node) for node in tree.css("text, tspan")[:_TEXTS]]
    texts = [one for one in placed if one.text]
    rows = sorted(texts, key=lambda one: (round(one.y / _SAME_LINE), one.x))
    if len(rows) < 2 or (rows == texts and all(len(one.text) > 1 for one in rows)):
        return
    row: list[_Placed] = []
    for one in rows:
        if row and round(row[-1].y / _SAME_LINE) != round(one.y / _SAME_LINE):
            yield _line(row)
            row = []
        row.append(one)
    if row:
        yield _line(row)


def _placed(node: LexborNode) -> _Placed:
    """Where the text of an element itself begins."""
    x, y = _length(node, "x"), _length(node, "y")
    parent: LexborNode | None = node
    for _ in range(_ANCESTORS):
        if parent is None or parent.tag in {"svg", "-undef"}:
            break
        moved = _MOVED.search(parent.attributes.get("transform") or "")
        if moved:
            across, down = _shift(moved)
            x, y = x + across, y + down
        parent = parent.parent
        if x == y == 0 and parent is not None and parent.tag == "text":
            x, y = _length(parent, "x"), _length(parent, "y")
    return _Placed(x, y, node.text(deep=False).strip())


def _shift(moved: re.Match[str]) -> tuple[float, float]:
    try:
        if moved[3] is not None:
            numbers = [float(one) for one in re.split(r"[\s,]+", moved[3].strip())]
            return (numbers[4], numbers[5]) if len(numbers) == 6 else (0.0, 0.0)
        return float(moved[1]), float(moved[2] or 0)
    except ValueError:
        return 0.0, 0.0


def _length(node: LexborNode, name: str) -> float:
    written = _LENGTH.match(node.attributes.get(name) or "")
    try:
        return float(written[1]) if written and written[1] else 0.0
    except ValueError:
        return 0.0


def _line(row: list[_Placed]) -> str:
    """Put a row together: words with blanks, letters with one where they stand further apart than usual."""
    if sum(len(one.text) for one in row) > 2 * len(row):
        return " ".join(one.text for one in row)
    steps = sorted(after.x - before.x for before, after in pairwise(row))
    usual = steps[len(steps) // 2] if steps else 0.0
    found = row[0].text if row else ""
    for before, after in pairwise(row):
        found += (" " if after.x - before.x > _BLANK * usual else "") + after.text
    return found
