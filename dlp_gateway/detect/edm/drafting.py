"""A first file of columns for a CSV file: what each column seems to hold, from its first rows; no value is shown."""

import codecs
import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final, Literal

from dlp_gateway.detect.edm.building import usable
from dlp_gateway.detect.edm.rows import Rows, headings
from dlp_gateway.detect.edm.spec import Sort, Spec
from dlp_gateway.errors import ConfigurationError, Problem

_ROWS: Final = 500
_LOOKED_AT: Final = 16_000_000
_MOST: Final = 0.9
_DISTINCT: Final = 0.98
_LONGEST_CODE: Final = 40
_MOST_LETTERS_A_NAME: Final = 40
_DATES: Final[tuple[Sort, ...]] = ("date", "date-dmy", "date-mdy")
_SENTENCE: Final = re.compile(r"[^\W\d_]+(?:\W+[^\W\d_]+){5,}")


def draft(path: Path) -> str:
    """Return a file of columns as YAML; raise `ConfigurationError` if the file cannot be read or nothing is known."""
    encoding = _encoding(path)
    names = headings(path, encoding)
    if not any(map(str.strip, names)):
        told = "This file is empty; a CSV file is needed that names its columns in the first line."
        raise ConfigurationError([Problem(source=str(path), line=0, column=0, message=told)])
    rows = Rows(path, Spec.model_construct(columns=dict.fromkeys(names, "code"), encoding=encoding, delimiter="guess"))
    sample = [cells for _, cells in islice(rows.cells(), _ROWS)]
    sorts: dict[str, Sort] = {}
    distinct: set[str] = set()
    for name, column in zip(names, zip(*sample, strict=True), strict=False):
        filled = [cell.strip() for cell in column if cell.strip()]
        if filled and (sort := _sort(filled)):
            sorts[name] = sort
            if len(set(filled)) >= _DISTINCT * len(filled):
                distinct.add(name)
    alone = [name for name, sort in sorts.items() if sort == "code" and name in distinct]
    together = [
        name for name, sort in sorts.items() if sort in {"name", *_DATES} or (sort == "code" and name not in alone)
    ]
    if not alone and len(together) < 2:
        told = "No column of this file seems to say whose record a row is; write the file of columns yourself."
        raise ConfigurationError([Problem(source=str(path), line=1, column=1, message=told)])
    further = [] if encoding == "utf-8" else [f"encoding: {encoding}"]
    return "\n".join([*_columns(sorts), *_enough(alone, together), *further, ""])


def _encoding(path: Path) -> Literal["utf-8", "cp1252"]:
    """Return what the first megabytes of a file seem to be in; what is no UTF-8 Excel wrote in the West."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            decoder.decode(file.read(_LOOKED_AT))
    except UnicodeDecodeError:
        return "cp1252"
    except OSError:  # `Rows` says why
        pass
    return "utf-8"


def _columns(sorts: dict[str, Sort]) -> list[str]:
    mailbox = next((name for name, sort in sorts.items() if sort == "address"), None)
    return [
        "# What each column holds: code, digits, name, date (year first), date-dmy, date-mdy, address, own-address.",
        "columns:",
        *(f"  {_quoted(name)}: {'own-address' if name == mailbox else sort}" for name, sort in sorts.items()),
    ]


def _enough(alone: list[str], together: list[str]) -> list[str]:
    return [
        "# What makes a record: one of these must be there.",
        "enough:",
        *([f"  - {{of: [{', '.join(map(_quoted, alone))}]}}"] if alone else []),
        *([f"  - {{of: [{', '.join(map(_quoted, together))}], count: 2}}"] if len(together) > 1 else []),
    ]


def _sort(cells: Sequence[str]) -> Sort | None:
    """Return what nearly all cells seem to hold, None if nobody could say."""

    def most(sort: Sort) -> bool:
        return sum(bool(usable(cell, sort)) for cell in cells) >= _MOST * len(cells)

    if most("address"):
        return "address"
    for sort in _DATES:
        if most(sort):
            return sort
    if most("code") and max(map(len, cells)) <= _LONGEST_CODE:
        return "code"
    is_name = not any(map(str.isdigit, "".join(cells))) and max(map(len, cells)) <= _MOST_LETTERS_A_NAME
    return "name" if is_name and most("name") and not any(map(_SENTENCE.search, cells)) else None


def _quoted(name: str) -> str:
    """Return a name as YAML may have it."""
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) and name.lower() not in {"true", "false", "null"}:
        return name
    return "'" + name.replace("'", "''") + "'"
