"""Lines of a page → its tables, and its running text.

Where paper runs down through several lines there are columns: of a table, whose rows are written with tabs between
their cells, or of running text, which is read one after the other.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Final

from dlp_gateway.content.glyphs import (
    CELL_GAP,
    ENDLESS,
    OVERLAP,
    SURE_GAP,
    Glyph,
    Interval,
    Line,
    alone,
    cut,
    lines,
)

#: Paper that runs down between two columns, in sizes of the font.
_CORRIDOR: Final = 0.4
#: How exactly a word begins where a column does, and what is left between columns that are no wider than their words.
_EXACTLY: Final = 0.2
_TIGHT: Final = 0.05
#: Lines of one row: those that overlap, and those nearer to each other than rows are.
_LEADING: Final = 1.25
_APART: Final = 1.25
#: What is further below than this is another table.
_FAR: Final = 3.5
_FARTHER: Final = 1.8
#: Columns of running text have at least so many lines of so many characters.
_PROSE_LINES: Final = 3
_PROSE_CHARACTERS: Final = 22
_ROWS_ARE_SURE: Final = 3
_LINES_OF_HEAD: Final = 8
#: Lines by which it is told where a column begins and ends.
_LATEST: Final = 50
_SPACE: Final = re.compile(r"\s+")
_BULLET: Final = re.compile(r"\W{1,3}|\(?(?:\d{1,3}|[A-Za-z])[.)]")
_DIGIT: Final = re.compile(r"\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Lines of text that belong together; of a table, its rows with tabs, and the paper between its columns."""

    lines: tuple[str, ...]
    is_table: bool = False
    is_sure: bool = False
    corridors: tuple[Interval, ...] = ()
    head: str = ""  # of the table on the page before, which this one continues

    def under(self, table: "Block | None") -> "Block":
        """Return the rows with the head of the `table` on the page before, which they continue."""
        if table is None or not (self.is_table and table.is_table) or not _DIGIT.search(self.lines[0]):
            return self
        common = _between(_common(self.corridors, table.corridors, 0))
        if not len(common) == len(_between(self.corridors)) == len(_between(table.corridors)):
            return self
        return replace(self, head=table.head or table.lines[0])


def blocks(glyphs: Iterable[Glyph]) -> list[Block]:
    """Return what is seen from top to bottom, whatever order it was drawn in."""
    return [block for run in _runs(lines(glyphs)) for block in _read(run)]


def merged(drawn: str, seen: Sequence[Block], *, is_whole: bool) -> str:
    """Return the text as it is drawn, rows written as such, and behind it what is seen and not drawn in this order.

    Behind it is all that is seen if `is_whole`: what is not drawn at all, such as the values of fields, belongs to the
    words around it.
    """
    if is_whole:
        return "\n".join(
            (drawn, "", *(line for block in seen for line in (*filter(None, (block.head,)), *block.lines)))
        )
    compact = _SPACE.sub("", drawn)
    rows = {_SPACE.sub("", row): row for block in seen if block.is_sure for row in block.lines}
    placed: dict[str, int] = {}
    lines = drawn.split("\n")
    if rows:
        for index, line in enumerate(lines):
            key = _SPACE.sub("", line)
            if key in rows:
                lines[index] = rows[key]
                placed[key] = index
    for block in seen:
        if not block.is_table:
            lines += (line for line in block.lines if _SPACE.sub("", line) not in compact)
        elif block.is_sure and all(_SPACE.sub("", row) in placed for row in block.lines):
            if block.head:
                first = placed[_SPACE.sub("", block.lines[0])]
                lines[first] = f"{block.head}\n{lines[first]}"
        else:
            lines += ("", *filter(None, (block.head,)), *block.lines, "")
    return "\n".join(lines)


_Run = tuple[list[Line], list[Interval]]


def _runs(lines: Iterable[Line]) -> Iterator[_Run]:
    """Yield lines that have columns in common, with the paper between them; the others alone."""
    every = [*lines]
    before: list[Line] = []  # lines of one cell, of which the last ones may be the head of a table
    run: list[Line] = []
    common: list[Interval] = []
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
    run: Sequence[Line], common: list[Interval], line: Line, following: Line | None
) -> tuple[Line, list[Interval]] | None:
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


def _with_head(before: list[Line], run: list[Line], common: list[Interval]) -> Iterator[_Run]:
    """Yield lines of one cell, and a run of others with those that are its head; nothing is left of `before`."""
    for _ in range(_LINES_OF_HEAD):
        if not (run and before):
            break
        line = before[-1]
        distance = line.bottom - run[0].first
        narrowed = _narrowed(common, line.gaps(), line.size * _CORRIDOR)
        if distance <= line.size * _LEADING and len(narrowed) == len(common):
            run, common = [line, *run], narrowed
            before.pop()
            continue
        put = _aligned(line, run, common) if distance <= line.size * _FAR else None
        if put is not None:
            run, common = [put[0], *run], put[1]
            before.pop()
        break
    yield from (([line], line.gaps()) for line in before)
    before.clear()
    if run:
        yield _finer(run, common) or (run, common)


def _finer(run: Sequence[Line], common: Sequence[Interval]) -> _Run | None:
    """Return the same lines with more columns, if one shows them and all others have a word that begins or ends there.

    A column that is hardly wider than its words stands out in lines only where these are short.
    """
    clearest = max(run, key=lambda line: len(line.cells))
    if len(clearest.cells) < len(common):
        return None
    corridors = clearest.gaps()
    lines: list[Line] = []
    for line in run:
        narrowed = _paired(corridors, line.gaps(), line.size * _CORRIDOR)
        added = (line, narrowed) if narrowed else _aligned(line, [clearest, *lines[-_LATEST:]], corridors)
        if added is None:
            return None
        lines.append(added[0])
        corridors = added[1]
    return lines, corridors


def _aligned(line: Line, run: Sequence[Line], common: Sequence[Interval]) -> tuple[Line, list[Interval]] | None:
    """Return a line that is as wide as its table, its words under those that begin or end in the same place."""
    corridors = _between(common)
    edges = [left for left, _ in corridors]
    latest = run[-_LATEST:]
    if len(edges) < 2 and line.words[-1].right > max(one.cells[-1].right for one in latest) + line.size:
        return None  # running text, most likely
    cells = [(bisect_right(edges, cell.left), cell) for one in latest for cell in one.cells]
    ends: list[int] = []
    for place, corridor in enumerate(corridors, 1):
        column = [cell for at, cell in cells if at == place]
        begin = min((cell.left for cell in column), default=ENDLESS)
        end = max((cell.right for cell in column), default=ENDLESS)
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
    put = line._replace(cells=cut(line.words, ends), is_guessed=True)
    paired = _paired(common, put.gaps(), 0.0)
    return (put, paired) if ends and paired else None


def _parts(line: Line, index: int, corridor: Interval) -> bool:
    """Return whether a line has much paper before a word, where others have some."""
    left, right = line.words[index - 1].right, line.words[index].left
    is_wide = right - left > line.size * CELL_GAP
    return is_wide and min(right, corridor[1]) - max(left, corridor[0]) > line.size * _TIGHT


def _narrowed(common: Sequence[Interval], gaps: Sequence[Interval], least: float) -> list[Interval]:
    """Return what is left of the paper between columns, with one more line; a line with as many cells has all."""
    return _paired(common, gaps, least) or _common(common, gaps, least)


def _paired(some: Sequence[Interval], others: Sequence[Interval], least: float) -> list[Interval]:
    if len(some) != len(others):
        return []
    found = [(max(one[0], other[0]), min(one[1], other[1])) for one, other in zip(some, others, strict=True)]
    return found if all(right - left > least for left, right in found) else []


def _common(some: Sequence[Interval], others: Sequence[Interval], least: float) -> list[Interval]:
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


def _between(corridors: Iterable[Interval]) -> list[Interval]:
    return [one for one in corridors if one[0] > -ENDLESS and one[1] < ENDLESS]


def _read(run: _Run) -> Iterator[Block]:
    lines, corridors = run
    if len(lines) == 1:
        yield Block(lines=(alone(lines[0]),))
        return
    between = _between(corridors)
    edges = [left for left, _ in between]
    rows = [_cells(line, edges) for line in lines]
    columns = [[row[place] for row in rows if row[place]] for place in range(len(edges) + 1)]
    if all(map(_is_prose, columns)):
        yield from (Block(lines=tuple(column)) for column in columns)
        return
    if len(columns) == 2 and all(map(_BULLET.fullmatch, columns[0])):
        yield Block(lines=tuple(map(alone, lines)))
        return
    narrowest = min((right - left for left, right in between), default=0.0)
    wide = lines[0].size * (1.0 if len(rows) >= _ROWS_ARE_SURE else SURE_GAP)
    yield Block(
        lines=tuple("\t".join(row) for row in _rows(lines, rows)),
        is_table=True,
        is_sure=narrowest > wide and not any(line.is_guessed for line in lines),
        corridors=tuple(corridors),
    )


def _cells(line: Line, edges: Sequence[float]) -> list[str]:
    """Return what a line has in each column."""
    cells = [""] * (len(edges) + 1)
    for cell in line.cells:
        place = bisect_right(edges, cell.left)
        cells[place] = f"{cells[place]} {cell.text}" if cells[place] else cell.text
    return cells


def _is_prose(column: Sequence[str]) -> bool:
    return len(column) >= _PROSE_LINES and median(map(len, column)) >= _PROSE_CHARACTERS


def _rows(lines: Sequence[Line], cells: Sequence[list[str]]) -> list[list[str]]:
    """Return the rows, the lines of whose cells are put together."""
    distances = [upper.bottom - lower.first for upper, lower in pairwise(lines)]
    size = median(line.size for line in lines)
    apart = [distance for distance in distances if distance > size * OVERLAP] or [0.0]
    is_spaced = min(apart) < size * _LEADING and max(apart) > min(apart) * _APART
    limit = (min(apart) + max(apart)) / 2 if is_spaced else 0.0
    rows = [[*cells[0]]]
    for distance, line in zip(distances, cells[1:], strict=True):
        row = rows[-1]
        is_head = len(rows) == 1 and not _DIGIT.search("".join((*row, *line)))
        if distance <= size * OVERLAP:
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
