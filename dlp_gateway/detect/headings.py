"""Tables with a heading of an identifier: which there are, and whose numbers stand below a heading."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from dlp_gateway.detect.labels import OTHER
from dlp_gateway.detect.layout import Table, table_at
from dlp_gateway.detect.ownership import Reader
from dlp_gateway.detect.walk import NOBODY, Owner, Relation


def tables_with_labels(reader: Reader, *, foreign: bool = False) -> list[Table]:
    """Return the tables with a heading of an identifier in them, or those with one of something else."""
    found: list[Table] = []
    tried = -1
    for hit in reader.hits:
        if (hit.label.owns == OTHER) is foreign and hit.start >= tried:
            table = table_at(reader.page, hit.start)
            tried = table.end if table else reader.page.line(hit.start)[1]
            if table is not None:
                found.append(table)
    return found


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
