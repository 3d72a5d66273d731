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
_CELL_GAP: Final = 0.85  # Courier has more between two words than others
_SURE_GAP: Final = 1.5
_CORRIDOR: Final = 0.4
#: How exactly a word begins where a column does, and what is left between columns that are no wider than their words.
_EXACTLY: Final = 0.2
_TIGHT: Final = 0.05
#: What is lower than the first of a line by less than this is on it, too.
_DROP: Final = 0.3
#: A character that is drawn twice to look bold.
_TWICE: Final = 0.12
#: Lines of one row: those that overlap, and those nearer to each other than rows are.
_OVERLAP: Final = 0.85
_MOST_IN_A_ROW: Final = 8
_LEADING: Final = 1.25
_APART: Final = 1.25
#: What is further below than this is another table.
_FAR: Final = 3.5
_FARTHER: Final = 1.8
#: Columns of running text have at least so many lines of so many characters.
_PROSE_LINES: Final = 3
_PROSE_CHARACTERS: Final = 22
_ROWS_ARE_SURE: Final = 3
_SPACE: Final = re.compile(r"\s+")
_BULLET: Final = re.compile(r"\W{1,3}|\(?(?:\d{1,3}|[A-Za-z])[.)]")
_DIGIT: Final = re.compile(r"\d")
_ENDLESS: Final = float("inf")

_Interval = tuple[float, float]


class _Cell(NamedTuple):
    """Words without much paper between them."""

    left: float
    right: float
    text: str


class _Line(NamedTuple):
    first: float  # the bottom of its first line, where it is several
    bottom: float
    size: float
    words: tuple[_Cell, ...]
    cells: tuple[_Cell, ...]
    is_guessed: bool = False  # which words make a cell

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
    return [block for run in _runs(_levelled(_lines(glyphs))) for block in _read(run)]


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
    letters: list[str] = []
    words: list[_Cell] = []
    ends = []
    for left, right, height, character in glyphs:
        gap = left - edge
        if gap > height * _WORD_GAP:
            words.append(_Cell(start, edge, "".join(letters)))
            letters, start = [], left
            if gap > height * _CELL_GAP:
                ends.append(len(words))
        elif character == last and letters and left - at < height * _TWICE:
            continue
        letters.append(character)
        last, at = character, left
        edge = right if right > edge else edge  # noqa: FURB136 - for each character; a call of max takes longer
    words.append(_Cell(start, edge, "".join(letters)))
    return _Line(level, level, size, tuple(words), _cut(words, ends))


def _cut(words: Sequence[_Cell], ends: Iterable[int]) -> tuple[_Cell, ...]:
    """Return the cells that words make, cut before each of these."""
    edges = (0, *ends, len(words))
    parts = [words[low:high] for low, high in pairwise(edges)]
    return tuple(_Cell(part[0].left, part[-1].right, " ".join(word.text for word in part)) for part in parts)


def _levelled(lines: Iterable[_Line]) -> Iterator[_Line]:
    """Yield lines, those as one that cells in the middle of their row make: each stands half a line below another."""
    chain: list[_Line] = []
    for line in lines:
        if chain and chain[-1].bottom - line.bottom > line.size * _OVERLAP:
            yield from _together(chain)
            chain = []
        chain.append(line)
    yield from _together(chain)


def _together(chain: list[_Line]) -> list[_Line]:
    """Return what stands half below each other as one line, if each column has its own."""
    if not 1 < len(chain) <= _MOST_IN_A_ROW:
        return chain
    cells: list[_Cell] = []
    for cell in sorted((cell for line in chain for cell in line.cells), key=lambda one: one.left):
        if cells and cell.left < cells[-1].right:
            cells[-1] = _Cell(cells[-1].left, max(cells[-1].right, cell.right), "")
        else:
            cells.append(cell)
    if len(cells) <= max(len(line.cells) for line in chain):
        return chain
    texts: list[list[str]] = [[] for _ in cells]
    edges = [cell.left for cell in cells]
    for line in chain:
        for cell in line.cells:
            texts[bisect_right(edges, cell.left) - 1].append(cell.text)
    whole = tuple(cell._replace(text=" ".join(text)) for cell, text in zip(cells, texts, strict=True))
    return [_Line(chain[0].bottom, chain[-1].bottom, chain[0].size, whole, whole)]


_Run = tuple[list[_Line], list[_Interval]]


def _runs(lines: Iterable[_Line]) -> Iterator[_Run]:
    """Yield lines that have columns in common, with the paper between them; the others alone."""
    every = [*lines]
    before: list[_Line] = []  # lines of one cell, of which the last ones may be the head of a table
    run: list[_Line] = []
    common: list[_Interval] = []
    farthest = 0.0
    for index, line in enumerate(every):
        if run:
            distance = run[-1].bottom - line.first
            is_near = distance <= max(farthest * _FARTHER, line.size * _FAR)
            following = every[index + 1] if index + 1 < len(every) else None
            added = _added(run, common, line, following) if is_near else None
            if added is not None:
                common = added[1]
                run.append(added[0])
                farthest = max(farthest, distance)
                continue
            yield from _with_head(before, run, common)
        run, farthest = [], 0.0
        if len(line.cells) > 1:
            run, common = [line], line.gaps()
        else:
            before.append(line)
    yield from _with_head(before, run, common)


def _added(
    run: Sequence[_Line], common: list[_Interval], line: _Line, following: _Line | None
) -> tuple[_Line, list[_Interval]] | None:
    """Return a line that goes on with the columns of a run, and the paper that all of them have in common."""
    narrowed = _narrowed(common, line.gaps(), line.size * _CORRIDOR)
    grown = len(narrowed) - len(common)
    if not grown or (grown > 0 and len(run) == 1 and len(line.cells) > len(run[0].cells)):
        if following is None or len(line.cells) < len(narrowed):
            return line, narrowed
        # A line above a table, with some paper in it, is none of its rows.
        further = _common(line.gaps(), following.gaps(), line.size * _CORRIDOR)
        return (line, narrowed) if len(further) <= len(narrowed) else None
    return _aligned(line, run, common)


def _with_head(before: list[_Line], run: list[_Line], common: list[_Interval]) -> Iterator[_Run]:
    """Yield lines of one cell, and a run of others with those that are its head; nothing is left of `before`."""
    while run and before:
        line = before[-1]
        distance = line.bottom - run[0].first
        narrowed = _narrowed(common, line.gaps(), line.size * _CORRIDOR)
        if distance <= line.size * _LEADING and len(narrowed) == len(common):
            run, common = [line, *run], narrowed
            before.pop()
            continue
        cut = _aligned(line, run, common) if distance <= line.size * _FAR else None
        if cut is not None:
            run, common = [cut[0], *run], cut[1]
            before.pop()
        break
    yield from (([line], line.gaps()) for line in before)
    before.clear()
    if run:
        yield run, common


def _aligned(line: _Line, run: Sequence[_Line], common: Sequence[_Interval]) -> tuple[_Line, list[_Interval]] | None:
    """Return a line that is as wide as its table, its words under those that begin or end in the same place."""
    corridors = _between(common)
    edges = [left for left, _ in corridors]
    if len(edges) < 2 and line.words[-1].right > max(one.cells[-1].right for one in run) + line.size:
        return None  # running text, most likely
    cells = [(bisect_right(edges, cell.left), cell) for one in run for cell in one.cells]
    ends: list[int] = []
    for place, corridor in enumerate(corridors, 1):
        column = [cell for at, cell in cells if at == place]
        begin, end = min(cell.left for cell in column), max(cell.right for cell in column)
        first = ends[-1] + 1 if ends else 1
        fitting = (
            index
            for index in range(first, len(line.words))
            if _parts(line, index, corridor)
            or abs(line.words[index].left - begin) < line.size * _EXACTLY
            or abs(line.words[index].right - end) < line.size * _EXACTLY
        )
        index = next(fitting, None)
        if index is None:
            return None
        ends.append(index)
    cut = line._replace(cells=_cut(line.words, ends), is_guessed=True)
    paired = _paired(common, cut.gaps(), 0.0)
    return (cut, paired) if ends and paired else None


def _parts(line: _Line, index: int, corridor: _Interval) -> bool:
    """Return whether a line has much paper before a word, where others have some."""
    left, right = line.words[index - 1].right, line.words[index].left
    is_wide = right - left > line.size * _CELL_GAP
    return is_wide and min(right, corridor[1]) - max(left, corridor[0]) > line.size * _TIGHT


def _narrowed(common: Sequence[_Interval], gaps: Sequence[_Interval], least: float) -> list[_Interval]:
    """Return what is left of the paper between columns, with one more line; a line with as many cells has all."""
    return _paired(common, gaps, least) or _common(common, gaps, least)


def _paired(some: Sequence[_Interval], others: Sequence[_Interval], least: float) -> list[_Interval]:
    if len(some) != len(others):
        return []
    found = [(max(one[0], other[0]), min(one[1], other[1])) for one, other in zip(some, others, strict=True)]
    return found if all(right - left > least for left, right in found) else []


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


def _read(run: _Run) -> Iterator[Block]:
    lines, corridors = run
    if len(lines) == 1:
        yield Block(lines=(_alone(lines[0]),))
        return
    between = _between(corridors)
    edges = [left for left, _ in between]
    rows = [_cells(line, edges) for line in lines]
    columns = [[row[place] for row in rows if row[place]] for place in range(len(edges) + 1)]
    if all(map(_is_prose, columns)):
        yield from (Block(lines=tuple(column)) for column in columns)
        return
    if len(columns) == 2 and all(map(_BULLET.fullmatch, columns[0])):
        yield Block(lines=tuple(map(_alone, lines)))
        return
    narrowest = min((right - left for left, right in between), default=0.0)
    wide = lines[0].size * (1.0 if len(rows) >= _ROWS_ARE_SURE else _SURE_GAP)
    yield Block(
        lines=tuple("\t".join(row) for row in _rows(lines, rows)),
        is_table=True,
        is_sure=narrowest > wide and not any(line.is_guessed for line in lines),
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
    distances = [upper.bottom - lower.first for upper, lower in pairwise(lines)]
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
            is_wrapped = is_head or _filled(line) < _filled(row) or _filled(row) < _filled(line)
        else:
            is_wrapped = not is_spaced and not line[0] and _is_rest(line, row, is_head=is_head)
        if is_wrapped:
            rows[-1] = [" ".join(filter(None, pair)) for pair in zip(row, line, strict=True)]
        else:
            rows.append([*line])
    return rows


def _filled(row: Sequence[str]) -> set[int]:
    return {place for place, cell in enumerate(row) if cell}


def _is_rest(line: Sequence[str], row: Sequence[str], *, is_head: bool) -> bool:
    """Return whether a line without its first cell is the rest of the row above, and no row of its own."""
    few = sum(map(bool, line)) * 2 <= len(line) or is_head
    return few and not any(
        _DIGIT.search(upper) and _DIGIT.search(lower) for upper, lower in zip(row, line, strict=True)
    )
