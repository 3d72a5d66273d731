"""What a page with marks is taken apart into: boxes, and pieces of text with their places."""

import re
from dataclasses import dataclass, field
from typing import Final

from dlp_gateway.content.page.box import Box

#: Control characters stand for breaks, and mark boxes and seams; the text's own are dropped first, they show nothing.
LINE, CELL, ROW = "\x01\x02\x03"
OPEN, CLOSE = "\x05\x06"
#: Where texts meet that are no neighbours as written; glue is read as nothing and as a blank.
GLUE, SEAM = "\x0e\x0f"
MARKS: Final = OPEN + CLOSE + GLUE + SEAM

BLANKS: Final = " \t\n\f\r"
BREAKS: Final = LINE + CELL + ROW
BREAK: Final = re.compile(f"([{BREAKS}][{BREAKS}{BLANKS}]*+)")
#: Letters of scripts that run from the right to the left.
FROM_RIGHT: Final = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
RIGHT_TO_LEFT: Final = re.compile(f"[{FROM_RIGHT}]")
#: How wide a page is, in pixels.
WIDTH: Final = 600.0


@dataclass(slots=True)
class Piece:
    """A text at its place: `source` counts pieces as they are written, `is_apart` where a break stands before it."""

    y: float
    x: float
    source: int
    text: str
    is_apart: bool = False
    is_atomic: bool = False
    is_cut: bool = False  # something that is not seen stands before it, within a word
    is_free: bool = False  # it stands in no line: floats, and what has a place of its own


@dataclass(slots=True)
class Node:
    """A box whose children are gathered."""

    box: Box
    is_rtl: bool
    children: "list[str | Item]" = field(default_factory=list)


@dataclass(slots=True)
class Item:
    """A box whose text is put together, the breaks around it, and pieces in it that belong to a box further out."""

    box: Box
    before: str
    text: str
    after: str
    placed: list[Piece]

    @property
    def whole(self) -> str:
        """The text with the breaks around it."""
        return f"{self.before}{self.text}{self.after}"

    @property
    def is_block(self) -> bool:
        """Return whether it stands on lines of its own."""
        return (LINE in self.before or ROW in self.before) and not (self.box.display or self.box.floats)
