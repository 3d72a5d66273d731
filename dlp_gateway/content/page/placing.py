"""Boxes and texts → where each of them stands, in lines and in pixels of an ordinary mail.

Each letter is as wide as any other: that is enough to tell which of two neighbours is seen first.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from dlp_gateway.content import views
from dlp_gateway.content.page.box import Box, Layout
from dlp_gateway.content.page.piece import (
    BLANKS,
    BREAK,
    BREAKS,
    CELL,
    LINE,
    RIGHT_TO_LEFT,
    ROW,
    SEAM,
    WIDTH,
    Item,
    Node,
    Piece,
)
from dlp_gateway.content.page.seams import counted, lines, rows

_WORDS: Final = re.compile(r"\s*+\S++\s*+")
_SPACE: Final = re.compile(r"[ \t\n\f\r]++")
#: Pixels of a letter: in ordinary text, and in smaller and larger one.
LETTERS: Final = (8.0, 5.5, 12.0, 18.0)
#: Characters before and behind a box that is moved, to which it may be.
_NEAR: Final = 500
_LINE_HEIGHT: Final = 20.0
_EDGE: Final = 1e6  # where floats stand


def pieces_of(node: Node, letter: float) -> tuple[list[Piece], list[Piece]]:
    """Return the pieces of a box at their places, and those whose place belongs to a box further out."""
    layout = node.box.layout
    boxes = [child.box for child in node.children if isinstance(child, Item)]
    if layout in {Layout.FLOW, Layout.ROW} and any(map(_is_in_grid, boxes)):
        layout = Layout.GRID
    elif layout is Layout.FLOW and any(box.order for box in boxes):
        layout = Layout.ROW
    if layout in {Layout.FLOW, Layout.COLUMNS}:
        flow = _Flow(node, letter)
        flow.write()
        written = (piece for piece in flow.pieces if piece.text)
        return counted(written), flow.outer
    outer = [piece for child in node.children if isinstance(child, Item) for piece in child.placed]
    return (_in_grid(node) if layout is Layout.GRID else _in_row(node, layout)), outer


def _is_in_grid(box: Box) -> bool:
    return box.row is not None or box.column is not None or bool(box.area)


@dataclass(slots=True)
class _Flow:
    """Writes texts and boxes one behind the other, in lines, with floats at their edges (CSS 2, 9.4, 9.5)."""

    node: Node
    letter: float  # how wide it is
    pieces: list[Piece] = field(default_factory=list)
    outer: list[Piece] = field(default_factory=list)
    line: float = 0.0
    x: float = 0.0
    left: float = 0.0  # as wide are the floats on this line
    right: float = 0.0
    is_apart: bool = False
    removed: str = ""  # what is not seen, and was not yet passed
    is_by_words: bool = False  # something may be moved to between two words

    def write(self) -> None:
        """Give each child its place."""
        children = self.node.children
        is_alone = not any(
            child.strip(BLANKS + BREAKS)
            if isinstance(child, str)
            else child.box.position != "absolute" and child.text.strip() and not child.box.is_hidden
            for child in children
        )
        self.is_by_words = any(isinstance(child, Item) and is_drawn_elsewhere(child.box) for child in children)
        place: int | None = None
        for child in children:
            if isinstance(child, str):
                self.text(child)
                continue
            before = len(self.outer)
            self.outer += child.placed
            if child.box.is_hidden:
                self.removed += child.whole
            elif child.box.position == "absolute":
                self.absolute(child, is_alone=is_alone)
            elif child.text.strip():
                self.item(child)
            elif child.box.clears:
                self.clear()
            if place is None and len(self.outer) > before:
                place = len(self.pieces)
                self.put("", self.line, self.x)
        self.pass_removed()
        if place is not None and self.node.box.position:
            self.pieces[place].text = "".join(lines(rows(counted(self.outer))))
            self.pieces[place].is_apart = True
            self.outer = []

    def put(self, text: str, y: float, x: float, *, is_atomic: bool = False, is_free: bool = False) -> None:
        """Note a piece."""
        is_cut = False
        if self.removed:
            before = self.pieces[-1].text if self.pieces else ""
            is_cut = views.is_torn(before, self.removed[0], self.removed[-1], text)
            text = text if self.pieces or not is_cut else f"{SEAM}{text}"
        self.pieces.append(Piece(y, x, len(self.pieces), text, self.is_apart, is_atomic, is_cut, is_free))
        self.is_apart = False
        self.removed = ""

    def pass_removed(self) -> None:
        """Note where a line ends with something that is not seen, and is part of a word."""
        if self.removed and self.pieces:
            text = self.pieces[-1].text
            if views.is_torn(text, self.removed[0], self.removed[-1], ""):
                self.pieces[-1].text = f"{text}{SEAM}"
        self.removed = ""

    def width(self, text: str) -> float:
        """Return how wide a text is."""
        return self.letter * _length(text)

    def text(self, written: str) -> None:
        """Write text: lines of it, where breaks stand."""
        if (self.left or self.right) and written.count(LINE) == 1 and not written.strip(BLANKS + LINE):
            self.clear()  # a line break between floats
        for at, part in enumerate(BREAK.split(written)):
            if at % 2 and CELL in part and ROW not in part:
                self.put(part, self.line, self.x)
            elif at % 2:
                self.end_line()
            elif part.strip(BLANKS):
                self.pass_floats()
                for words in _by_words(part) if self.is_by_words else (part,):
                    self.put(words, self.line, self.x)
                    self.x += self.width(words)
            elif part and self.pieces and not self.is_apart:
                self.pieces[-1].text += " "

    def end_line(self) -> None:
        """Go on at the beginning of the next line, if there is anything on this one."""
        self.pass_removed()
        if self.x:
            self.line += 1
            self.x = self.left = self.right = 0.0
        self.is_apart = True

    def pass_floats(self) -> None:
        """Begin a line below floats that stand on both sides, between which there is hardly any room."""
        if self.left and self.right and not self.x:
            self.clear()

    def clear(self) -> None:
        """Go on below the floats."""
        self.line += 1
        self.x = self.left = self.right = 0.0
        self.is_apart = True

    def item(self, item: Item) -> None:
        """Write a box."""
        box, width = item.box, self.width(item.text)
        if box.clears and (self.left or self.right):
            self.clear()
        across, down = _shift(box)
        self.is_apart = self.is_apart or bool(item.before or box.floats)
        if box.floats == "left":
            self.left += width
            self.put(item.text, self.line + down, self.left - width - _EDGE + across, is_free=True)
        elif box.floats:
            self.right += width
            self.put(item.text, self.line + down, _EDGE - self.right + across, is_free=True)
        elif item.is_block:
            self.end_line()
            self.pass_floats()
            self.put(item.text, self.line + down + box.above / _LINE_HEIGHT, box.before + across)
            self.line += 1 + item.text.count(LINE) + box.above / _LINE_HEIGHT
            self.left = self.right = 0.0
        else:
            self.pass_floats()
            self.x += box.before
            self.put(item.text, self.line + down, self.x + across, is_atomic=box.display == "atomic")
            self.x += width + box.after
        self.is_apart = self.is_apart or bool(item.after or box.floats or item.is_block)

    def absolute(self, item: Item, *, is_alone: bool) -> None:
        """Put a box at its place here, or leave that to the box that it is placed by."""
        box = item.box
        x = 0.0 if is_alone else self.x
        if box.left is not None:
            x = box.left
        elif box.right is not None:
            x = WIDTH - box.right - self.width(item.text)
        y = self.line
        if box.top is not None:
            y = box.top / _LINE_HEIGHT
        elif box.bottom is not None:
            y = _EDGE - box.bottom / _LINE_HEIGHT
        elif is_alone:
            y = 0.0
        has_height = box.top is not None or box.bottom is not None
        piece = Piece(y + box.down / _LINE_HEIGHT, x + box.across, 0, item.text, is_apart=True)
        if box.is_placed and (is_alone or (has_height and not self.node.box.position)):
            self.outer.append(piece)
        else:
            self.is_apart = True
            self.put(piece.text, piece.y, piece.x, is_free=True)
            self.is_apart = True


def _by_words(text: str) -> list[str]:
    """Return the words at both ends of a text; what is moved stands near them."""
    if len(text) <= 2 * _NEAR:
        return _WORDS.findall(text)
    return [*_WORDS.findall(text[:_NEAR]), text[_NEAR:-_NEAR], *_WORDS.findall(text[-_NEAR:])]


def is_drawn_elsewhere(box: Box) -> bool:
    """Return whether a box may cover its neighbours, or stand in their places."""
    return bool(box.across or box.position or min(box.before, box.after) < 0)


def _shift(box: Box) -> tuple[float, float]:
    """Return by how many pixels to the right, and by how many lines down, a box is moved from where it would stand."""
    across, down = box.across, box.down
    if box.position == "relative":
        across += box.left if box.left is not None else -(box.right or 0.0)
        down += box.top if box.top is not None else -(box.bottom or 0.0)
    return across, down / _LINE_HEIGHT


def _length(text: str) -> int:
    """Return how many letters the first line of a text has."""
    return len(_SPACE.sub(" ", BREAK.split(text, maxsplit=1)[0]))


#: A child: how many stand before it as written, what styles say of it, its text.
_Entry = tuple[int, Box, str]


def _entries(node: Node) -> list[_Entry]:
    """Return the children that have any text, as they are counted, in the order that styles tell."""
    shown = (child for child in node.children if isinstance(child, str) or not child.box.is_hidden)
    found = (
        (Box(), child.strip(BLANKS + BREAKS)) if isinstance(child, str) else (child.box, child.text.strip(BLANKS))
        for child in shown
    )
    counted = [(number, box, text) for number, (box, text) in enumerate(one for one in found if one[1])]
    return sorted(counted, key=lambda entry: entry[1].order)


def _in_row(node: Node, layout: Layout) -> list[Piece]:
    """Return the pieces of boxes beside or below each other (CSS Flexbox 1, 5)."""
    entries = _entries(node)
    if node.box.is_reversed:
        entries.reverse()
    if layout is Layout.COLUMN:
        return [
            Piece(line + _shift(box)[1], _shift(box)[0], number, text, is_apart=True)
            for line, (number, box, text) in enumerate(entries)
        ]
    if node.is_rtl:
        entries = _turned(entries)
    x = 0.0
    pieces = []
    for number, box, text in entries:
        across, down = _shift(box)
        x += box.before
        pieces.append(Piece(down, x + across, number, text, is_apart=True))
        x += LETTERS[0] * _length(text) + box.after
    return pieces


def _turned(entries: list[_Entry]) -> list[_Entry]:
    """Return what stands from the right to the left in the order of who reads from the left; not so Hebrew, Arabic."""
    found: list[_Entry] = []
    run: list[_Entry] = []
    for entry in entries:
        if RIGHT_TO_LEFT.search(entry[2]):
            found += [*reversed(run), entry]
            run = []
        else:
            run.append(entry)
    return found + run[::-1]


def _in_grid(node: Node) -> list[Piece]:
    """Return the pieces of boxes in a grid; those without a place take the next that is free (CSS Grid 1, 8.5)."""
    entries = _entries(node)
    areas = {
        name: (row, column)
        for row, names in reversed([*enumerate(node.box.areas, 1)])
        for column, name in reversed([*enumerate(names, 1)])
    }
    places: dict[int, tuple[float, float]] = {}
    for number, box, _ in entries:
        if box.area in areas:
            places[number] = areas[box.area]
        elif box.row is not None or box.column is not None:
            places[number] = (box.row or 1.0, box.column or 1.0)
    taken = {*places.values()}
    if not places:
        return _in_row(node, Layout.ROW if node.box.has_columns else Layout.COLUMN)
    columns = max(min(column, 100.0) for _, column in taken)
    row, column = 1.0, 0.0
    pieces = []
    for number, box, text in entries:
        if number not in places:
            row, column = (row, column + 1) if column < columns else (row + 1, 1.0)
            while (row, column) in taken:
                row, column = (row, column + 1) if column < columns else (row + 1, 1.0)
        y, x = places.get(number, (row, column))
        across, down = _shift(box)
        pieces.append(Piece(y + down, (-x if node.is_rtl else x) * WIDTH + across, number, text, is_apart=True))
    return pieces
