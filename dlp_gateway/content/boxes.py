"""Numbers in boxes → the numbers: forms and tables with a cell, or a line, for each character or a few of them."""

import re
from typing import Final

from dlp_gateway.content import heads
from dlp_gateway.content.text import replaced

#: Cells in a row that hold one character each are a number in boxes, whatever stands before and behind them.
_BOXES_IN_ROW: Final = re.compile(r"(?<![^\t\n])[^\t\n](?:\t[^\t\n](?![^\t\n])){4,}+")
_ROW: Final = re.compile(r"^[^\t\n]*+\t[^\n]*+", re.MULTILINE)
#: A row of cells, or a column of lines, with one character each is a number in boxes; a column is tried once, from its
#: first line on.
_BOXES: Final = re.compile(r"^(?:(?:\S\t){5,}+\S?|(?<!\n\S\n)(?:\S\n){7,}+\S)$", re.MULTILINE)
_COLUMN: Final = re.compile(r"\n\S(?:\n\S){6}")
#: The same of pieces: capitals and digits in cells of a row, or below each other.
_CHUNKS: Final = re.compile(
    r"^(?:(?:[A-Z0-9]{2,6}\t){2,7}+[A-Z0-9]{1,6}|(?:[A-Z0-9]{2,6}\n){2,7}+[A-Z0-9]{1,6})$", re.MULTILINE
)
#: Two cells behind a label, in its row or the one below.
_HALVES: Final = re.compile(r"(?<=:)[\t\n]([A-Z0-9]{2,6}\t[A-Z0-9]{2,6})$", re.MULTILINE)
_PIECES: Final = re.compile(r"\n[A-Z0-9]{2,6}\n[A-Z0-9]{2,6}\n")
_BOX_ENDS: Final = str.maketrans("", "", "\t\n")


def with_wholes(found: str) -> str:
    """Return a text with tabs between cells, heads in one row, and numbers in boxes whole, each below its row."""
    if "\t" in found or _PIECES.search(found):
        found = replaced(_CHUNKS, _with_whole, found)
    if "\t" in found:
        found = heads.joined(found)
        found = replaced(_HALVES, _with_whole, found)
        found = replaced(_ROW, _unboxed, found) if _BOXES_IN_ROW.search(found) else found
    if "\t" not in found and not _COLUMN.search(found):
        return found
    return replaced(_BOXES, lambda boxes: f"{boxes[0]}\n{boxes[0].translate(_BOX_ENDS)}", found)


def _unboxed(row: re.Match[str]) -> str:
    """Return a row, and below it the row with the numbers whole that stand in boxes, if it has other cells as well."""
    line = row[0]
    whole = replaced(_BOXES_IN_ROW, lambda boxes: boxes[0].translate(_BOX_ENDS), line)
    return f"{line}\n{whole}" if "\t" in whole and whole != line else line


def _with_whole(pieces: re.Match[str]) -> str:
    """Return pieces, and behind them what they are together; a row of numbers alone is no number."""
    whole = pieces[0].translate(_BOX_ENDS)
    is_mixed = any(sign.isdigit() for sign in whole) and any(sign.isalpha() for sign in whole)
    return f"{pieces[0]}\n{whole}" if is_mixed else pieces[0]
