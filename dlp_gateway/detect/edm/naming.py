"""The kinds of findings of tables; apart from the detector, so that a policy knows them without its engines."""

from collections.abc import Iterable
from typing import Final

#: Distinct records in a message, and of those the ones that are not the own record of every recipient outside.
RECORDS: Final = "edm.records"
OTHERS: Final = "edm.others"
FAMILIES: Final = (RECORDS, OTHERS)


def kinds(tables: Iterable[str]) -> frozenset[str]:
    """Return the kinds of tables with these names."""
    return frozenset(f"{family}.{table}" for table in tables for family in FAMILIES)
