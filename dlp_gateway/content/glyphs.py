"""Characters and their places on a page → its lines, each with its words and its cells, as they are seen.

The file says nothing of lines, words and cells; people see them by the paper that is left between.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

#: Bottom, left, right, size of the font, character; a plain tuple, since a page has thousands.
Glyph = tuple[float, float, float, float, str]
Interval = tuple[float, float]

#: Paper, in sizes of the font: between two words, between what may be two cells, and what surely is.
_WORD_GAP: Final = 0.22
CELL_GAP: Final = 0.85  # Courier has more between two words than others
SURE_GAP: Final = 1.5
#: What is lower than the first of a line by less than this is on it, too.
_DROP: Final = 0.3
#: Lines of one row that overlap, and how many may do so.
OVERLAP: Final = 0.85
_MOST_IN_A_ROW: Final = 8
#: A character that is drawn twice to look bold.
_TWICE: Final = 0.12
ENDLESS: Final = float("inf")


class Cell(NamedTuple):
    """Words without much paper between them."""

    left: float
    right: float
    text: str


class Line(NamedTuple):
    """Words from left to right, and what of them stands together."""

    first: float  # the bottom of its first line, where it is several
    bottom: float
    size: float
    words: tuple[Cell, ...]
    cells: tuple[Cell, ...]
    is_guessed: bool = False  # which words make a cell

    def gaps(self) -> list[Interval]:
        """Return the paper left and right of each cell."""
        edges = (-ENDLESS, *(edge for cell in self.cells for edge in cell[:2]), ENDLESS)
        return [*zip(edges[::2], edges[1::2], strict=True)]


def lines(glyphs: Iterable[Glyph]) -> Iterator[Line]:
    """Yield the lines of a page from top to bottom, whatever order they are drawn in."""
    return _levelled(_drawn(glyphs))


def _drawn(glyphs: Iterable[Glyph]) -> Iterator[Line]:
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


def _line(level: float, glyphs: list[tuple[float, float, float, str]]) -> Line:
    glyphs.sort()
    start, _, size, last = glyphs[0]
    edge = at = start
    letters: list[str] = []
    words: list[Cell] = []
    ends = []
    for left, right, height, character in glyphs:
        gap = left - edge
        if gap > height * _WORD_GAP:
            words.append(Cell(start, edge, "".join(letters)))
            letters, start = [], left
            if gap > height * CELL_GAP:
                ends.append(len(words))
        elif character == last and letters and left - at < height * _TWICE:
            continue
        letters.append(character)
        last, at = character, left
        edge = right if right > edge else edge  # noqa: FURB136 - for each character; a call of max takes longer
    words.append(Cell(start, edge, "".join(letters)))
    return Line(level, level, size, tuple(words), cut(words, ends))


def cut(words: Sequence[Cell], ends: Iterable[int]) -> tuple[Cell, ...]:
    """Return the cells that words make, cut before each of these."""
    edges = (0, *ends, len(words))
    parts = [words[low:high] for low, high in pairwise(edges)]
    return tuple(Cell(part[0].left, part[-1].right, " ".join(word.text for word in part)) for part in parts)


def alone(line: Line) -> str:
    """Return a line with a tab where a column may end."""
    words = [line.cells[0].text]
    for cell, following in pairwise(line.cells):
        words.append("\t" if following.left - cell.right > line.size * SURE_GAP else " ")
        words.append(following.text)
    return "".join(words)


def _levelled(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield lines, those as one that cells in the middle of their row make: each stands half a line below another."""
    chain: list[Line] = []
    for line in lines:
        if chain and chain[-1].bottom - line.bottom > line.size * OVERLAP:
            yield from _together(chain)
            chain = []
        chain.append(line)
    yield from _together(chain)


def _together(chain: list[Line]) -> list[Line]:
    """Return what stands half below each other as one line, if each column has its own."""
    if not 1 < len(chain) <= _MOST_IN_A_ROW:
        return chain
    cells: list[Cell] = []
    for cell in sorted((cell for line in chain for cell in line.cells), key=lambda one: one.left):
        if cells and cell.left < cells[-1].right:
            cells[-1] = Cell(cells[-1].left, max(cells[-1].right, cell.right), "")
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
    return [Line(chain[0].bottom, chain[-1].bottom, chain[0].size, whole, whole)]
