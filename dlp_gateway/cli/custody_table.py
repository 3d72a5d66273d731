"""Items in custody as a table: a line each, shortened to fit a terminal, whole where it is piped; no id is cut."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from dlp_gateway.mail.reply import printable
from quarantine.model import Item

_HEADINGS: Final = ("id", "state", "since", "from", "to", "why", "subject")
_FIXED: Final = 3  # columns that are never shortened: what a reviewer copies, and what is short
_GAP: Final = "  "
_NARROWEST: Final = 12  # columns of a terminal for a cell that is shortened; with less, blocks are easier to read
_MARGIN: Final = "    "


def lines(items: Sequence[Item], width: int | None) -> Iterator[str]:
    """Yield a table for a terminal of `width` columns; None: for a pipe, which has room for everything."""
    from rich.cells import cell_len

    rows = [_row(item) for item in items]
    wide = [max(map(cell_len, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    if width is not None:
        room = width - sum(wide[:_FIXED]) - len(_GAP) * (len(wide) - 1)
        if room < _NARROWEST * (len(wide) - _FIXED):
            yield from _blocks(rows, width)
            return
        wide[_FIXED:] = _shared(wide[_FIXED:], room)
    for row in (_HEADINGS, *rows):
        yield _GAP.join(map(_fitted, row, wide)).rstrip()


def minute(moment: datetime) -> str:
    """Return a time for reading, to the minute."""
    return f"{moment:%Y-%m-%d %H:%M}Z"


def _row(item: Item) -> tuple[str, ...]:
    first = item.recipients[0].address if item.recipients else ""
    more = f" +{len(item.recipients) - 1}" if len(item.recipients) > 1 else ""
    cells = (
        item.id,
        item.state.value,
        minute(item.created_at),
        item.reverse_path or "<>",
        first + more,
        ", ".join(item.reasons),
        item.subject,
    )
    return tuple(printable(cell) for cell in cells)


def _shared(wanted: list[int], room: int) -> list[int]:
    """Share `room` between columns: none gets more than it wants, and those who want more get the same."""
    given = [0] * len(wanted)
    for number, column in enumerate(sorted(range(len(wanted)), key=wanted.__getitem__)):
        given[column] = min(wanted[column], room // (len(wanted) - number))
        room -= given[column]
    return given


def _blocks(rows: list[tuple[str, ...]], width: int) -> Iterator[str]:
    """Yield some lines for each item, for a narrow terminal."""
    from rich.cells import cell_len

    for name, state, since, sender, to, why, subject in rows:
        head = _GAP.join((name, state, since))
        below = (f"{sender} → {to}", f"{why}: {subject}")
        is_broad = cell_len(head) <= width
        yield head if is_broad else name
        for line in below if is_broad else (state, since, *below):
            yield _fitted(f"{_MARGIN}{line}", max(width, _NARROWEST)).rstrip()


def _fitted(cell: str, width: int) -> str:
    """Return a cell of exactly `width` columns of a terminal; signs of some scripts take two, accents none."""
    from rich.cells import cell_len, set_cell_size

    return set_cell_size(cell, width) if cell_len(cell) <= width else f"{set_cell_size(cell, width - 1)}…"
