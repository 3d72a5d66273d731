"""From a CSV file to a table: digests are collected in arrays, sorted, and written beside the old table's place.

Nothing but digests is kept while it runs; ten million values take half a gigabyte and about a minute.
"""

import hashlib
import os
import secrets
from array import array
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dlp_gateway.detect.edm import table, values
from dlp_gateway.detect.edm.keys import Key
from dlp_gateway.detect.edm.rows import Rows
from dlp_gateway.detect.edm.spec import Sort, Spec
from dlp_gateway.detect.edm.table import COLUMNS, DIGESTS, RECORDS, Header
from dlp_gateway.errors import ConfigurationError, Problem

#: Values and rows beyond which it would take more than a gigabyte and a half.
MOST_VALUES: Final = 20_000_000
#: How many shapes of codes are told apart; more come of codes without any form, for which their length must do.
_MOST_SHAPES: Final = 2_000
_MOST_ADDRESSES: Final = 20  # in one cell
_OWN_SEPARATORS: Final = str.maketrans(";,|", "   ")

#: Why a value is left out, in the words of `edm build`.
UNUSABLE: Final = "not usable"
SHORT: Final = "too short"
COMMON: Final = "too common"
PLACEHOLDER: Final = "a placeholder"

#: Days that systems write where nobody knows the day.
_NO_DAYS: Final = frozenset({"19000101", "19010101", "99991231"})
_COUNTING: Final = ("01234567890123456789", "98765432109876543210")

_UNUSABLE_SENTENCES: Final = {
    values.CODE: "no digit in it, or too long",
    values.NAME: "no letters in it, or too many words",
    values.ADDRESS: "no address",
    values.DATE: "no date of that order",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What became of a file: its table's header, its rows, and where the first unusable cell of each column stands."""

    header: Header
    rows: int
    first: dict[str, tuple[int, int]]


@dataclass(slots=True)
class _Collected:
    """All digests of a file, by row and column; and what was left out."""

    digests: "array[int]" = field(default_factory=lambda: array("Q"))
    rows: "array[int]" = field(default_factory=lambda: array("I"))
    columns: "array[int]" = field(default_factory=lambda: array("B"))
    row_digests: "array[int]" = field(default_factory=lambda: array("q"))
    shapes: Counter[str] = field(default_factory=Counter)
    words: set[int] = field(default_factory=set)
    left_out: dict[str, Counter[str]] = field(default_factory=dict)
    filled: Counter[str] = field(default_factory=Counter)
    first: dict[str, tuple[int, int]] = field(default_factory=dict)


def build(
    source: Path, spec: Spec, key: Key, target: Path, progress: Callable[[int], object] = lambda _: None
) -> Built:
    """Write the table of `source` to `target`, which is replaced whole or not at all; raise `ConfigurationError`."""
    rows = Rows(source, spec, progress)
    collected = _collect(rows, spec, key)
    _require_sense(rows, spec, collected)
    digests, records, columns, count = _sorted(collected, spec)
    if not len(digests):
        raise ConfigurationError([_problem(source, "No value is left of this file; a table of nothing finds nothing.")])
    body = hashlib.blake2b(digest_size=32)
    for one in (digests, records, columns):
        body.update(one.data)
    header = Header(
        key=key.id,
        built=datetime.now(UTC).replace(microsecond=0),
        source=str(source.absolute()),
        spec=spec,
        records=count,
        values=len(digests),
        words=tuple(sorted(collected.words)),
        shapes=_merged(collected.shapes),
        left_out={name: dict(counts) for name, counts in collected.left_out.items()},
        body=body.hexdigest(),
    )
    _write(target, table.lead(header, key), digests, records, columns)
    return Built(header=header, rows=len(collected.row_digests), first=collected.first)


def _collect(rows: Rows, spec: Spec, key: Key) -> _Collected:
    """Return the digests of every usable cell."""
    found = _Collected()
    plan = [(place, name, sort, values.DOMAINS[sort]) for place, (name, sort) in enumerate(spec.columns.items())]
    for line, cells in rows.cells():
        row = len(found.row_digests)
        begun = len(found.digests)
        for (place, name, sort, domain), cell in zip(plan, cells, strict=True):
            written = cell.strip()
            if not written:
                continue
            found.filled[name] += 1
            found_values = usable(written, sort)
            if not found_values:
                found.left_out.setdefault(name, Counter())[UNUSABLE] += 1
                found.first.setdefault(name, (line, rows.column(name)))
            for value in found_values:
                if why := _says_nothing(domain, value, spec):
                    found.left_out.setdefault(name, Counter())[why] += 1
                    continue
                if domain == values.CODE:
                    found.shapes[values.shape(value)] += 1
                elif domain == values.NAME:
                    found.words.add(value.count(" ") + 1)
                found.digests.append(int.from_bytes(key.digest(domain, value), "little"))
                found.rows.append(row)
                found.columns.append(place)
        found.row_digests.append(hash((*found.digests[begun:], *found.columns[begun:])))
        if len(found.digests) > MOST_VALUES or row > MOST_VALUES:
            raise ConfigurationError(
                [_problem(rows.path, f"More than {MOST_VALUES} values: split the file, and name several tables.")]
            )
    return found


def usable(written: str, sort: Sort) -> list[str]:
    """Return the values of a cell in the form in which they are compared; several only of addresses."""
    match sort:
        case "code":
            value = values.code(written)
        case "digits":
            value = values.digits(written)
        case "name":
            value = values.name(written)
        case "date" | "date-dmy" | "date-mdy":
            value = values.cell_date(written, sort.partition("-")[2] or "ymd")
        case _:
            several = written.translate(_OWN_SEPARATORS).split()[:_MOST_ADDRESSES]
            return list(dict.fromkeys(filter(None, map(values.address, several))))
    return [value] if value else []


def _says_nothing(domain: str, value: str, spec: Spec) -> str:
    """Return why a value tells nobody apart, "" if it may."""
    if len(value) < (spec.shortest if domain == values.CODE else 2):
        return SHORT
    if domain == values.CODE:
        return PLACEHOLDER if len(set(value)) == 1 or any(value in counting for counting in _COUNTING) else ""
    return PLACEHOLDER if domain == values.DATE and value in _NO_DAYS else ""


def _require_sense(rows: Rows, spec: Spec, found: _Collected) -> None:
    """Raise `ConfigurationError` for columns that are not what they are said to be."""
    problems = []
    for name, sort in spec.columns.items():
        filled, bad = found.filled[name], found.left_out.get(name, Counter())[UNUSABLE]
        if not filled:
            problems.append(
                _problem(rows.path, f"The column {name} is empty.", 1, rows.column(name) if found.row_digests else 1)
            )
        elif bad * 2 > filled:
            why = _UNUSABLE_SENTENCES[values.DOMAINS[sort]]
            told = (
                f"The column {name} is no `{sort}`: {bad} of {filled} cells cannot be used ({why}); here is the first."
            )
            problems.append(_problem(rows.path, told, *found.first[name]))
    if problems:
        raise ConfigurationError(problems)


def _sorted(found: _Collected, spec: Spec) -> tuple[NDArray[np.uint64], NDArray[np.uint32], NDArray[np.uint8], int]:
    """Return what is stored, sorted by digest, column and record, and the number of records.

    Rows that say the same are one record. Values that too many records have are left out, but for own addresses.
    """
    row_digests = np.frombuffer(found.row_digests, np.int64)
    _, same_as, count = _numbered(row_digests)
    digests, columns = np.frombuffer(found.digests, DIGESTS), np.frombuffer(found.columns, COLUMNS)
    records = same_as[np.frombuffer(found.rows, np.uint32)].astype(RECORDS)
    order = np.lexsort((records, columns, digests))
    digests, columns, records = digests[order], columns[order], records[order]
    del order
    fresh = np.ones(len(digests), np.bool_)
    fresh[1:] = (digests[1:] != digests[:-1]) | (columns[1:] != columns[:-1]) | (records[1:] != records[:-1])
    digests, columns, records = digests[fresh], columns[fresh], records[fresh]
    begins = np.flatnonzero(np.concatenate(([True], digests[1:] != digests[:-1])))
    lengths = np.diff(np.append(begins, len(digests)))
    common = np.repeat(lengths > spec.common, lengths)
    common &= ~np.isin(columns, np.fromiter(spec.owners, COLUMNS))
    for column, left in enumerate(np.bincount(columns[common], minlength=len(spec.named))):
        if left:
            found.left_out.setdefault(spec.named[column], Counter())[COMMON] += int(left)
    kept = ~common
    return digests[kept], records[kept], columns[kept], count


def _numbered(row_digests: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.intp], int]:
    distinct, numbers = np.unique(row_digests, return_inverse=True)
    return distinct, numbers, len(distinct)


def _merged(shapes: Counter[str]) -> dict[str, int]:
    """Return how many values have each shape; of very many shapes the rare ones are told by their length."""
    kept = dict(shapes.most_common(_MOST_SHAPES))
    for form, count in shapes.items():
        if form not in kept:
            by_length = f"X{len(form)}" if form[0] != "X" else form
            kept[by_length] = kept.get(by_length, 0) + count
    return kept


def _write(target: Path, lead: bytes, *parts: "NDArray[np.generic]") -> None:
    """Write beside the target, bring that to the disk, and put it in its place, for the owner of the former one."""
    beside = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(lead)
            for part in parts:
                file.write(part.data)
            file.flush()
            os.fsync(descriptor)
            with suppress(FileNotFoundError, PermissionError):  # root builds for the service's user
                former = target.stat()
                os.fchown(descriptor, former.st_uid, former.st_gid)
        beside.replace(target)
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise ConfigurationError([_problem(target, f"The table cannot be written: {error.strerror}.")]) from None
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def _problem(path: Path, message: str, line: int = 0, column: int = 0) -> Problem:
    return Problem(source=str(path), line=line, column=column, message=message)
