"""Characters and their places on a page → its lines and its tables, as they are seen.

The file says nothing of lines, words and cells; people see them by the paper that is left between. Where such paper
runs down through several lines there are columns: of a table, whose rows are written with tabs between their cells, or
of running text, which is read one after the other.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

#: Bottom, left, right, size of the font, character; a plain tuple, since a page has thousands.
Glyph = tuple[float, float, float, float, str]

#: Paper, in sizes of the font: between two words, between what may be two cells, and what surely is.
_WORD_GAP: Final = 0.22
_CELL_GAP: Final = 0.6
_SURE_GAP: Final = 1.5
_CORRIDOR: Final = 0.4
#: What is lower than the first of a line by less than this is on it, too.
_DROP: Final = 0.3
#: A character that is drawn twice to look bold.
_TWICE: Final = 0.12
#: Lines of one row: those that overlap, and those nearer to each other than rows are.
_OVERLAP: Final = 0.85
_LEADING: Final = 1.4
_APART: Final = 1.25
#: What is further below than this is another table.
_FAR: Final = 3.5
_FARTHER: Final = 1.8
#: Columns of running text have at least so many lines of so many characters.
_PROSE_LINES: Final = 3
_PROSE_CHARACTERS: Final = 22
_ROWS_ARE_SURE: Final = 3
_SPACE: Final = re.compile(r"\s+")
_DIGIT: Final = re.compile(r"\d")
_ENDLESS: Final = float("inf")

_Interval = tuple[float, float]


class _Cell(NamedTuple):
    """Words without much paper between them."""

    left: float
    right: float
    text: str


class _Line(NamedTuple):
    bottom: float
    size: float
    cells: tuple[_Cell, ...]

    def gaps(self) -> list[_Interval]:
        """Return the paper left and right of each cell."""
        edges = (-_ENDLESS, *(edge for cell in self.cells for edge in cell[:2]), _ENDLESS)
        return [*zip(edges[::2], edges[1::2], strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Lines of text that belong together; of a table, its rows with tabs, and the paper between its columns."""

    lines: tuple[str, ...]
    is_table: bool = False
    is_sure: bool = False
    corridors: tuple[_Interval, ...] = ()

    def under(self, table: "Block | None") -> "Block":
        """Return the rows with the head of the `table` on the page before, which they continue."""
        if table is None or not (self.is_table and table.is_table) or not _DIGIT.search(self.lines[0]):
            return self
        common = _between(_common(self.corridors, table.corridors, 0))
        if not len(common) == len(_between(self.corridors)) == len(_between(table.corridors)):
            return self
        return replace(self, lines=(table.lines[0], *self.lines))


def blocks(glyphs: Iterable[Glyph]) -> list[Block]:
    """Return what is seen from top to bottom, whatever order it was drawn in."""
    return [block for run in _runs(_lines(glyphs)) for block in _read(run)]


def merged(drawn: str, seen: Sequence[Block]) -> str:
    """Return the text as it is drawn, rows written as such, and behind it what is seen and not drawn in this order."""
    compact = _SPACE.sub("", drawn)
    rows = {_SPACE.sub("", row): row for block in seen if block.is_sure for row in block.lines}
    placed: set[str] = set()
    lines = drawn.split("\n")
    if rows:
        for index, line in enumerate(lines):
            key = _SPACE.sub("", line)
            if key in rows:
                lines[index] = rows[key]
                placed.add(key)
    for block in seen:
        if block.is_table:
            is_placed = block.is_sure and placed.issuperset(_SPACE.sub("", row) for row in block.lines)
            lines += () if is_placed else ("", *block.lines, "")
        else:
            lines += (line for line in block.lines if _SPACE.sub("", line) not in compact)
    return "\n".join(lines)


def _lines(glyphs: Iterable[Glyph]) -> Iterator[_Line]:
    """Yield the lines of a page from top to bottom, each from left to right."""
    line: list[tuple[float, float, float, str]] = []
    level = 0.0
    for bottom, left, right, size, character in sorted(glyphs, reverse=True):
        drop = level - bottom
        if drop > 1.0 and drop > size * _DROP and line:
            yield _line(level, line)
            line = []
        if not line:
            level = bottom
        line.append((left, right, size, character))
    if line:
        yield _line(level, line)


def _line(level: float, glyphs: list[tuple[float, float, float, str]]) -> _Line:
    glyphs.sort()
    start, _, size, last = glyphs[0]
    edge = at = start
    cells, words = [], []
    for left, right, height, character in glyphs:
        gap = left - edge
        if gap > height * _WORD_GAP:
            if gap > height * _CELL_GAP:
                cells.append(_Cell(start, edge, "".join(words)))
                words, start = [], left
            else:
                words.append(" ")
        elif character == last and words and left - at < height * _TWICE:
            continue
        words.append(character)
        last, at = character, left
        edge = right if right > edge else edge  # noqa: FURB136 - for each character; a call of max takes longer
    cells.append(_Cell(start, edge, "".join(words)))
    return _Line(level, size, tuple(cells))


def _runs(lines: Iterable[_Line]) -> Iterator[tuple[list[_Line], list[_Interval]]]:
    """Yield lines that have columns in common, with the paper between them; the others alone."""
    every = [*lines]
    run: list[_Line] = []
    common: list[_Interval] = []
    farthest = 0.0
    for index, line in enumerate(every):
        gaps = line.gaps()
        if run:
            least = line.size * _CORRIDOR
            narrowed = _common(common, gaps, least)
            columns = len(_between(narrowed))
            distance = run[-1].bottom - line.bottom
            follows = len(_between(common)) <= columns and distance <= max(farthest * _FARTHER, line.size * _FAR)
            if follows and len(line.cells) > columns + 1 and index + 1 < len(every):
                follows = len(_between(_common(gaps, every[index + 1].gaps(), least))) <= columns
            if follows:
                run.append(line)
                common, farthest = narrowed, max(farthest, distance)
                continue
            yield run, common
        run, common, farthest = [], [], 0.0
        if len(line.cells) > 1:
            run, common = [line], gaps
        else:
            yield [line], gaps
    if run:
        yield run, common


def _common(some: Sequence[_Interval], others: Sequence[_Interval], least: float) -> list[_Interval]:
    """Return the paper that is left in both, where it is wide enough."""
    found = []
    place = other = 0
    while place < len(some) and other < len(others):
        left, right = max(some[place][0], others[other][0]), min(some[place][1], others[other][1])
        if right - left > least:
            found.append((left, right))
        if some[place][1] < others[other][1]:
            place += 1
        else:
            other += 1
    return found


def _between(corridors: Iterable[_Interval]) -> list[_Interval]:
    return [one for one in corridors if one[0] > -_ENDLESS and one[1] < _ENDLESS]


def _read(run: tuple[list[_Line], list[_Interval]]) -> Iterator[Block]:
    lines, corridors = run
    if len(lines) == 1:
        yield Block(lines=(_alone(lines[0]),))
        return
    edges = [left for left, _ in _between(corridors)]
    rows = [_cells(line, edges) for line in lines]
    columns = [[row[place] for row in rows if row[place]] for place in range(len(edges) + 1)]
    if all(map(_is_prose, columns)):
        yield from (Block(lines=tuple(column)) for column in columns)
        return
    table = _rows(lines, rows)
    narrowest = min(right - left for left, right in _between(corridors))
    yield Block(
        lines=tuple("\t".join(row) for row in table),
        is_table=True,
        is_sure=len(rows) >= _ROWS_ARE_SURE or narrowest > lines[0].size * _SURE_GAP,
        corridors=tuple(corridors),
    )


def _alone(line: _Line) -> str:
    """Return a line with a tab where a column may end."""
    words = [line.cells[0].text]
    for cell, following in pairwise(line.cells):
        words.append("\t" if following.left - cell.right > line.size * _SURE_GAP else " ")
        words.append(following.text)
    return "".join(words)


def _cells(line: _Line, edges: Sequence[float]) -> list[str]:
    """Return what a line has in each column."""
    cells = [""] * (len(edges) + 1)
    for cell in line.cells:
        place = bisect_right(edges, cell.left)
        cells[place] = f"{cells[place]} {cell.text}" if cells[place] else cell.text
    return cells


def _is_prose(column: Sequence[str]) -> bool:
    return len(column) >= _PROSE_LINES and median(map(len, column)) >= _PROSE_CHARACTERS


def _rows(lines: Sequence[_Line], cells: Sequence[list[str]]) -> list[list[str]]:
    """Return the rows, the lines of whose cells are put together."""
    distances = [upper.bottom - lower.bottom for upper, lower in pairwise(lines)]
    size = median(line.size for line in lines)
    apart = [distance for distance in distances if distance > size * _OVERLAP] or [0.0]
    is_spaced = min(apart) < size * _LEADING and max(apart) > min(apart) * _APART
    limit = (min(apart) + max(apart)) / 2 if is_spaced else 0.0
    rows = [[*cells[0]]]
    for distance, line in zip(distances, cells[1:], strict=True):
        row = rows[-1]
        is_head = len(rows) == 1 and not _DIGIT.search("".join((*row, *line)))
        if distance <= size * _OVERLAP:
            is_wrapped = True
        elif distance < limit:
            is_wrapped = is_head or not all(line)
        else:
            is_wrapped = not is_spaced and not line[0] and _is_rest(line, row, is_head=is_head)
        if is_wrapped:
            rows[-1] = [" ".join(filter(None, pair)) for pair in zip(row, line, strict=True)]
        else:
            rows.append([*line])
    return rows


def _is_rest(line: Sequence[str], row: Sequence[str], *, is_head: bool) -> bool:
    """Return whether a line without its first cell is the rest of the row above, and no row of its own."""
    few = sum(map(bool, line)) * 2 <= len(line) or is_head
    return few and not any(
        _DIGIT.search(upper) and _DIGIT.search(lower) for upper, lower in zip(row, line, strict=True)
    )
