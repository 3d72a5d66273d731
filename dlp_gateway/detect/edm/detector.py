"""The detector of a site's own records: how many stand in a message, and how many of them are not its readers' own."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlp_gateway.content.text import Text
from dlp_gateway.detect.base import Finding, Material
from dlp_gateway.detect.edm.matching import Match, Matcher, new_budget
from dlp_gateway.detect.edm.naming import OTHERS, RECORDS, kinds
from dlp_gateway.detect.edm.table import Table, open_table
from dlp_gateway.errors import ConfigurationError, InspectionError
from dlp_gateway.mail.address import DomainSet, canonical

#: The most chance at which a record has a score; what is likelier is of low confidence.
_SCORES: Final = ((1e-3, 0.95), (2e-2, 0.7))
_LOW: Final = 0.4


class NamedTable(NamedTuple):
    """A table as a policy names it."""

    name: str
    table: str
    key_file: str


class EdmDetector:
    """Reports `edm.records.<table>` and `edm.others.<table>`: distinct records, and those not the recipients' own.

    A table that cannot be opened, or is written over while it is in use, is a failure of every message, never "clean".
    """

    name: Final = "edm"

    def __init__(self, tables: Iterable[Sequence[str]], inside: DomainSet) -> None:
        """Open the tables; what cannot be opened is told by `detect`."""
        self._inside = inside
        self._opened = [(named.name, _opened(named)) for named in map(_named, tables)]

    @property
    def kinds(self) -> frozenset[str]:
        """Both counts of each table."""
        return kinds(name for name, _ in self._opened)

    def detect(self, material: Material) -> Iterator[Finding]:
        """Yield the counts of each table, by the columns that told and how sure they are."""
        outside = [a for a in map(canonical, material.envelope.recipients) if not self._inside.contains(a)]
        for name, opened in self._opened:
            if opened is None:
                raise InspectionError(f"the table {name} cannot be used")
            table, matcher = opened
            table.require_same()
            found = found_in(matcher, material.texts)
            if found:
                yield from self._counted(name, table, told_apart(found, matcher, outside), bool(outside))

    def _counted(self, name: str, table: Table, records: "Sequence[Told]", goes_out: bool) -> Iterator[Finding]:  # noqa: FBT001  a private function of one caller
        groups: dict[tuple[str, str, float], list[Told]] = {}
        for told in records:
            rule = f"{name}:{'/'.join(map(table.header.spec.shown, told.match.columns))}"[:128]
            groups.setdefault((RECORDS, rule, score(told.match)), []).append(told)
            if goes_out and not told.own:
                groups.setdefault((OTHERS, rule, score(told.match)), []).append(told)
        for (family, rule, sure), members in groups.items():
            yield Finding(
                kind=f"{family}.{name}",
                detector=self.name,
                rule=rule,
                count=len(members),
                score=sure,
                where=f"{members[0].where}:{members[0].match.start}-{members[0].match.end}",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A record of a message: in which text it was found, and whether it is the own one of every outside recipient."""

    match: Match
    where: str
    own: bool


def _named(value: Sequence[str]) -> NamedTable:
    return NamedTable(*value)  # of a recipe that was JSON meanwhile


def _opened(named: NamedTable) -> tuple[Table, Matcher] | None:
    try:
        table = open_table(Path(named.table), Path(named.key_file))
    except ConfigurationError:
        return None
    return table, Matcher(table)


def found_in(matcher: Matcher, texts: Iterable[Text]) -> dict[int, tuple[str, Match]]:
    """Return the records of all texts of a message, each with the text where it is surest."""
    found: dict[int, tuple[str, Match]] = {}
    budget = new_budget()
    for text in texts:
        for match in matcher.matches(text.text, budget):
            where, known = found.get(match.record, ("", None))
            if known is None:
                found[match.record] = text.where, match
            else:
                found[match.record] = (text.where if match.chance < known.chance else where), known | match
    return found


def told_apart(found: dict[int, tuple[str, Match]], matcher: Matcher, outside: Iterable[str]) -> list[Told]:
    """Return as few records as explain all values that were found, the recipients' own first.

    A number that two records share is one record's; a name of one row and a date of the next make no third.
    """
    owned = [matcher.owned_by(address) for address in dict.fromkeys(outside)]
    own = set(reduce(_both, owned).tolist()) if owned else set()
    explained: set[int] = set()
    told: list[Told] = []
    ordered = sorted(
        found.values(), key=lambda one: (one[1].record not in own, -len(one[1].values), one[1].chance, one[1].start)
    )
    for where, match in ordered:
        if not match.values <= explained:
            explained |= match.values
            told.append(Told(match=match, where=where, own=match.record in own))
    return told


def _both(one: "NDArray[np.uint32]", other: "NDArray[np.uint32]") -> "NDArray[np.uint32]":
    return np.intersect1d(one, other, assume_unique=True)


def score(match: Match) -> float:
    """Return how sure a match is, by how likely it is by chance."""
    return next((sure for most, sure in _SCORES if match.chance <= most), _LOW)
