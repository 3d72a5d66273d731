"""Tables with a heading of an identifier: which there are, and whose numbers stand below a heading."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

from dlp_gateway.detect.labels import OTHER, place_of
from dlp_gateway.detect.layout import Rows, Table, table_at
from dlp_gateway.detect.ownership import Reader
from dlp_gateway.detect.walk import NOBODY, Owner, Relation

_KEYED: Final = 2  # columns of a table of keys and their values
_ROWS: Final = 20  # of it


def tables_with_labels(reader: Reader) -> list[Table]:
    """Return the tables with a heading of an identifier in them."""
    headings = Headings(reader, foreign=False)
    headings.read_to(len(reader.page.text))
    return headings.tables


class Headings:
    """Tables with a heading of an identifier in them, or of something else, looked for only as far as is asked."""

    def __init__(self, reader: Reader, *, foreign: bool, columns: int = 2) -> None:
        """Take a page, whose headings count, and how many columns a table has at least."""
        self.tables: list[Table] = []
        self._starts: list[int] = []
        self._columns = columns
        self._reader = reader
        self._page = reader.page
        self._rows = Rows(reader.page)
        self._hits = map(place_of, reader.hits.where(lambda label: (label.owns == OTHER) is foreign))
        self._next = next(self._hits, None)
        self._tried = -1

    def read_to(self, place: int) -> None:
        """Find the tables that begin at or before `place`."""
        end = self._page.line(place)[1]  # their headings may stand behind it in its line
        while self._next is not None and self._next <= end:
            start, self._next = self._next, next(self._hits, None)
            if start >= self._tried:
                table = table_at(self._rows, start)
                self._tried = table.end if table else self._page.line(start)[1]
                if table is not None and len(table.header) >= self._columns and not self._is_of_keys(table):
                    self.tables.append(table)
                    self._starts.append(table.start)

    def _is_of_keys(self, table: Table) -> bool:
        """Tell whether labels stand in the first of two columns, below the header: each is its row's, and owns there.

        "Passport holder | Ann Weir", and below it "Driving licence | …": what looks like a header is a row as well.
        """
        if len(table.header) != _KEYED:
            return False
        key, value = table.header
        if not self._has_label(*key) or any(True for _ in self._reader.hits.within(*value)):
            return False
        return any(self._has_label(*row[0]) for row in table.rows(_ROWS))

    def _has_label(self, low: int, high: int) -> bool:
        return any(hit.label.owns != OTHER for hit in self._reader.hits.within(low, high))

    def over(self, place: int) -> Table | None:
        """Return the table that `place` is in."""
        self.read_to(place)
        return table_over(self.tables, self._starts, place)


def table_over(tables: Sequence[Table], starts: Sequence[int], place: int) -> Table | None:
    """Return the table in which `place` lies; `starts` are where the tables begin."""
    index = bisect_right(starts, place) - 1
    return tables[index] if index >= 0 and place < tables[index].end else None


def heading_owner(reader: Reader, cell: tuple[int, int]) -> Owner:
    """Return whose numbers stand below a header's cell."""
    index = bisect_left(reader.starts, cell[0])
    if index == len(reader.hits) or reader.starts[index] >= cell[1]:
        return NOBODY
    hit = reader.hits[index]
    return Owner(label=hit.label, relation=Relation.COLUMN, announced=True, hit=hit)
