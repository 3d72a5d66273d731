"""Whose record stands in a text: the columns of one record, near each other, and how likely that is by chance.

How likely: a number of a shape that half of all such numbers have in the table says little, two values that a hundred
records share say less the more records there are. So confidence is measured, not guessed.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlp_gateway.detect.edm import candidates, values
from dlp_gateway.detect.edm.candidates import Candidate, Shapes
from dlp_gateway.detect.edm.table import Table
from dlp_gateway.detect.folding import Folded, fold

#: Records found in one message, after which it has enough for any rule.
MOST_RECORDS: Final = 100_000
#: Entries of the table weighed for one message; who needs more has thousands of values in it that hundreds share.
_MOST_ENTRIES: Final = 20_000_000
_AT_ONCE: Final = 500_000
_BATCH: Final = 50_000
#: Characters of a text that are looked at together, and by how many more than `within` two such pieces overlap.
_PIECE: Final = 400_000
_OVERLAP: Final = 400
#: Of how many plausible ones a name or a birth date is one, where a table is small.
_NAMES: Final = 200
_DAYS: Final = 20_000
_ADDRESS: Final = 1e-6
_FULL_NAME: Final = 5e-3
_MOST_WINDOWS: Final = 8


class TooMuch(MemoryError):  # noqa: N818 - what a text is
    """A text has more values that many records share than can be weighed."""


class _Hit(NamedTuple):
    """A value of the table in the text: where, the entries that have it, and how likely it is for one of them."""

    start: int
    end: int
    low: int
    high: int
    chance: float
    alone: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A record that stands in a text: `values` tell apart what it was found by, `columns` name that."""

    record: int
    values: frozenset[int]
    columns: tuple[int, ...]
    chance: float
    start: int
    end: int

    def __or__(self, other: "Match") -> "Match":
        """Return what two texts of a message tell of one record."""
        surer = min((self, other), key=lambda one: one.chance)
        return Match(
            record=self.record,
            values=self.values | other.values,
            columns=surer.columns,
            chance=surer.chance,
            start=surer.start,
            end=surer.end,
        )


class Matcher:
    """Finds records of one table in texts."""

    def __init__(self, table: Table) -> None:
        self._table = table
        header, spec = table.header, table.header.spec
        self._wanted = [(spec.numbers(one), one.count) for one in spec.enough]
        self._columns = np.zeros(256, np.bool_)
        self._columns[list(spec.identifying)] = True
        self._owners = np.zeros(256, np.bool_)
        self._owners[list(spec.owners)] = True
        sorts = {values.DOMAINS[spec.columns[spec.named[column]]] for column in spec.identifying}
        self._has = {domain: domain in sorts for domain in (values.CODE, values.DATE, values.NAME, values.ADDRESS)}
        named = {column for column in spec.identifying if spec.columns[spec.named[column]] == "name"}
        # Where names alone make a record every word is looked up, else only those near something surer.
        self._names_alone = any(len(columns & named) >= count for columns, count in self._wanted)
        space = max(header.records, 1)
        shares = {form: min(1.0, count / values.room(form)) for form, count in header.shapes.items()}
        self._shapes = Shapes(shares)
        self._of_domain = {values.NAME: 1 / max(space, _NAMES), values.DATE: 1 / max(space, _DAYS)}
        self._records = space

    def matches(self, text: str, budget: list[int]) -> Iterator[Match]:
        """Yield the records in a text, at places of the text; `budget` holds the entries that may still be weighed."""
        best: dict[int, Match] = {}
        for place, piece in candidates.pieces(text, _PIECE, self._table.header.spec.within + _OVERLAP):
            folded = fold(piece)
            for match in self._weighed(self._hits(piece, folded), budget):
                start, end = folded.span(match.start, match.end)
                placed = replace(match, start=place + start, end=place + end)
                known = best.get(match.record)
                best[match.record] = placed if known is None else known | placed
            if len(best) >= MOST_RECORDS:
                break
        yield from best.values()

    def owned_by(self, address: str) -> NDArray[np.uint32]:
        """Return the records whose own address this is, sorted."""
        low, high = self._table.places(self._table.key.digest(values.ADDRESS, values.address(address)))
        entries = slice(int(low[0]), int(high[0]))
        records = self._table.records[entries][self._owners[self._table.columns[entries]]]
        return np.unique(records)

    # --- from text to hits --------------------------------------------------------------------------------------------

    def _hits(self, text: str, folded: Folded) -> list[_Hit]:
        hits = self._looked_up(self._sure(text, folded))
        if self._has[values.NAME] and (hits or self._names_alone):
            length = len(folded.text)
            if self._names_alone:
                around: Iterable[tuple[int, int]] = [(0, length)]
            else:
                within = self._table.header.spec.within
                around = candidates.windows([(hit.start, hit.end) for hit in hits], within, length)
            hits += self._looked_up(candidates.names(text, folded, around, self._table.header.words))
            hits.sort()
        return hits

    def _sure(self, text: str, folded: Folded) -> Iterator[Candidate]:
        """Yield candidates that are no names."""
        has_figures = candidates.FIGURES.search(folded.text) is not None
        if has_figures and self._has[values.CODE]:
            yield from candidates.codes(folded.text, self._shapes)
        if has_figures and self._has[values.DATE]:
            yield from candidates.dates(folded.text)
        if self._has[values.ADDRESS]:
            yield from candidates.addresses(text, folded)

    def _looked_up(self, found: Iterable[Candidate]) -> list[_Hit]:
        """Return those candidates that the table has, by place."""
        hits: list[_Hit] = []
        batch: dict[tuple[str, str], list[Candidate]] = {}
        for number, one in enumerate(found, 1):
            batch.setdefault((one.domain, one.value), []).append(one)
            if number % _BATCH == 0:
                hits += self._there(batch)
                batch = {}
        hits += self._there(batch)
        hits.sort()
        return hits

    def _there(self, batch: dict[tuple[str, str], list[Candidate]]) -> list[_Hit]:
        """Return the hits of a batch, by value; each distinct value is looked up once."""
        if not batch:
            return []
        digest = self._table.key.digest
        lows, highs = self._table.places(b"".join([digest(domain, value) for domain, value in batch]))
        there = np.flatnonzero(highs > lows)
        by_value = list(batch.values())
        hits = []
        for index in there.tolist():
            low, high = int(lows[index]), int(highs[index])
            if high - low > self._table.header.spec.common:
                continue  # the mailbox of a house, kept to know whose records it owns
            hits += [_Hit(one.start, one.end, low, high, *self._chances(one, high - low)) for one in by_value[index]]
        return hits

    def _chances(self, one: Candidate, count: int) -> tuple[float, float]:
        """Return how likely a value of this form is that of one record, and of any record at all."""
        if one.domain == values.CODE:
            share = self._shapes.shares[one.shape]
            return share * count / self._records, share
        if one.domain == values.ADDRESS:
            return _ADDRESS * count / self._records, _ADDRESS
        return count * self._of_domain[one.domain], _FULL_NAME if len(one.shape) > 1 else 1.0

    # --- from hits to records -----------------------------------------------------------------------------------------

    def _weighed(self, hits: list[_Hit], budget: list[int]) -> Iterable[Match]:
        """Return the records among hits, looked at in stretches that overlap by as much as belongs together."""
        budget[0] -= sum(hit.high - hit.low for hit in hits)
        if budget[0] < 0:
            raise TooMuch("edm: too many values that many records share")
        within = self._table.header.spec.within
        starts = [hit.start for hit in hits]
        best: dict[int, Match] = {}
        first = last = 0
        while last < len(hits) and len(best) < MOST_RECORDS:
            last, entries, edge = first, 0, starts[first] + 2 * within
            while last < len(hits) and (entries < _AT_ONCE or starts[last] <= edge):
                entries += hits[last].high - hits[last].low
                last += 1
            for match in self._weigh(hits[first:last]):
                known = best.get(match.record)
                best[match.record] = match if known is None else known | match
            if last < len(hits):
                first = max(first + 1, bisect_left(starts, starts[last] - within))
        return best.values()

    def _weigh(self, hits: list[_Hit]) -> Iterator[Match]:
        """Yield the records that have enough columns in a stretch of hits."""
        lows = np.array([hit.low for hit in hits], np.int64)
        lengths = np.array([hit.high for hit in hits], np.int64) - lows
        which = np.repeat(np.arange(len(hits)), lengths)
        entries = np.arange(len(which)) + np.repeat(lows - np.cumsum(lengths) + lengths, lengths)
        columns = self._table.columns[entries]
        counted = self._columns[columns]
        which, columns, records = which[counted], columns[counted], self._table.records[entries[counted]]
        order = np.argsort(records, kind="stable")  # by record, and by place in each
        which, columns, records = which[order], columns[order], records[order]
        for record in self._suspects(hits, which, columns, records):
            low, high = np.searchsorted(records, record, "left"), np.searchsorted(records, record, "right")
            found = [
                (hits[at], column)
                for at, column in zip(which[low:high].tolist(), columns[low:high].tolist(), strict=True)
            ]
            if match := self._judged(int(record), found):
                yield match

    def _suspects(
        self, hits: list[_Hit], which: NDArray[np.intp], columns: NDArray[np.uint8], records: NDArray[np.uint32]
    ) -> NDArray[np.uint32]:
        """Return the records of which a column that is enough alone is there, or two columns near each other."""
        alone = np.zeros(256, np.bool_)
        alone[[column for wanted, count in self._wanted if count == 1 for column in wanted]] = True
        suspects = records[alone[columns]]
        if any(count > 1 for _, count in self._wanted) and len(records) > 1:
            places = np.array([hit.start for hit in hits], np.int64)[which]
            near = (records[1:] == records[:-1]) & (columns[1:] != columns[:-1])
            near &= places[1:] - places[:-1] <= self._table.header.spec.within
            suspects = np.concatenate((suspects, records[1:][near]))
        return np.unique(suspects)[:MOST_RECORDS]

    def _judged(self, record: int, found: list[tuple[_Hit, int]]) -> Match | None:
        """Return the match of one record, None if it has nowhere enough columns together."""
        best: Match | None = None
        for wanted, count in self._wanted:
            own = [(hit, column) for hit, column in found if column in wanted]
            for window in _singly(own) if count == 1 else self._windows(own, count):
                match = self._match(record, window)
                best = match if best is None else best | match
        return best

    def _windows(self, own: list[tuple[_Hit, int]], count: int) -> Iterator[list[tuple[_Hit, int]]]:
        """Yield stretches in which enough columns stand, each with a value of its own."""
        if len({column for _, column in own}) < count:
            return
        within = self._table.header.spec.within
        columns, distinct = [0] * 256, Counter[int]()
        there = first = yielded = 0
        for last, (hit, column) in enumerate(own):
            there += not columns[column]
            columns[column] += 1
            distinct[hit.low] += 1
            while hit.start - own[first][0].start > within:
                gone, former = own[first]
                columns[former] -= 1
                there -= not columns[former]
                distinct[gone.low] -= 1
                if not distinct[gone.low]:
                    del distinct[gone.low]
                first += 1
            if there >= count and len(distinct) >= count:
                yield own[first : last + 1]
                yielded += 1
                if yielded == _MOST_WINDOWS:
                    return

    def _match(self, record: int, window: list[tuple[_Hit, int]]) -> Match:
        surest: dict[int, tuple[_Hit, int]] = {}  # by value: one value is evidence once, whatever columns have it
        for hit, column in window:
            surest.setdefault(hit.low, (hit, column))
        chance = 1.0 if len(surest) > 1 else window[0][0].alone
        if len(surest) > 1:
            chance = self._records
            for hit, _ in surest.values():
                chance *= hit.chance
        return Match(
            record=record,
            values=frozenset(surest),
            columns=tuple(sorted({column for _, column in surest.values()})),
            chance=chance,
            start=min(hit.start for hit, _ in window),
            end=max(hit.end for hit, _ in window),
        )


def _singly(own: list[tuple[_Hit, int]]) -> Iterator[list[tuple[_Hit, int]]]:
    """Yield each value that is there, by itself."""
    first = {hit.low: (hit, column) for hit, column in reversed(own)}
    yield from ([one] for one in first.values())


def new_budget() -> list[int]:
    """Return how many entries may be weighed for one message."""
    return [_MOST_ENTRIES]
