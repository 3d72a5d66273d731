"""Heads of tables that stand in two rows → one row: "Driver's" above "license number" is one heading."""

import re
from typing import Final

from dlp_gateway.content.text import replaced

#: Two rows without a digit, and one with some below them; tabs stand between their cells.
_TWO_ROWS: Final = re.compile(r"^([^\n\d\t]*+\t[^\n\d]*+)\n([^\n\d\t]*+\t[^\n\d]*+)\n(?=[^\n\d]*+\d)", re.MULTILINE)
_MOST_CELLS: Final = 60
_LONGEST: Final = 60  # characters of a heading


def joined(text: str) -> str:
    """Return a text with tabs between cells, and heads in two rows as one; a first row of data may be taken for one.

    Where each cell of both rows has words, the first row stays: it may be all of the head.
    """
    return replaced(_TWO_ROWS, _joined, text)


def _joined(rows: re.Match[str]) -> str:
    before = rows.string.rfind("\n", max(0, rows.start() - 1_000), max(0, rows.start() - 1)) + 1
    if "\t" in rows.string[before : rows.start()]:
        return rows[0]  # not the first rows of their table
    if rows[1].count("\t") >= _MOST_CELLS or rows[1].count("\t") != rows[2].count("\t"):
        return rows[0]
    upper, lower = (tuple(map(str.strip, row.split("\t"))) for row in rows.groups())
    if sum(map(bool, upper)) < 2:
        return rows[0]
    if not any(map(bool, lower)) or max(map(len, (*upper, *lower))) > _LONGEST:
        return rows[0]
    head = "\t".join(" ".join(filter(None, pair)) for pair in zip(upper, lower, strict=True))
    return f"{head}\n" if not all((*upper, *lower)) else f"{rows[1]}\n{head}\n"
