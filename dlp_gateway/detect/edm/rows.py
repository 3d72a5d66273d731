"""The rows of a CSV file with its named columns: bounded lines, a known encoding, and problems with their places."""

import codecs
import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from dlp_gateway import document
from dlp_gateway.detect.edm.spec import Spec
from dlp_gateway.errors import ConfigurationError, Problem

LONGEST_LINE: Final = 1_000_000
_TOLD_EVERY: Final = 1_000_000
_MOST_PROBLEMS: Final = 20
_DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}


@dataclass(slots=True)
class Rows:
    """One pass over a file; `progress` is told octets that were read, a megabyte at a time."""

    path: Path
    spec: Spec
    progress: Callable[[int], object] = lambda _: None
    line: int = 0
    problems: list[Problem] = field(default_factory=list)
    head: list[str] = field(default_factory=list)
    _unsaid: int = 0

    def cells(self) -> Iterator[tuple[int, Sequence[str]]]:
        """Yield the line and the cells of the columns that count, in the order of the file of columns.

        Raises `ConfigurationError` with the first problems of the file.
        """
        try:
            with self.path.open("rb") as file:
                yield from self._rows(file)
            self._say()
        except OSError as error:
            self._note(0, 0, f"This file cannot be read: {error.strerror}.")
        except csv.Error as error:
            self._note(self.line, 1, f"This is no line of a CSV file: {_sentence(error)}.")
        if self.problems:
            raise ConfigurationError(self.problems)

    def column(self, name: str) -> int:
        """Return where a column stands in the file, from 1; known once the first row was read."""
        return self.head.index(name) + 1

    def _rows(self, file: IO[bytes]) -> Iterator[tuple[int, Sequence[str]]]:
        lines = self._lines(file)
        first = next(lines, "")
        delimiter = _delimiter(first, self.spec)
        reader = csv.reader(_again(first, lines), delimiter=delimiter, strict=True)
        csv.field_size_limit(LONGEST_LINE)
        self.head = [cell.strip() for cell in next(reader, [])]
        places = self._places()
        width = len(self.head)
        while True:
            begun = self.line + 1
            row = next(reader, None)
            if row is None:
                return
            if len(row) != width:
                if not row or not any(map(str.strip, row)):
                    continue
                self._note(begun, min(len(row), width) + 1, f"This row has {len(row)} cells, the first line {width}.")
                continue
            yield begun, [row[place] for place in places]

    def _places(self) -> list[int]:
        places = []
        for name in self.spec.columns:
            if self.head.count(name) == 1:
                places.append(self.head.index(name))
            elif name in self.head:
                self._note(1, self.head.index(name) + 1, f"Two columns are called {name}; rename one.")
            else:
                self._note(1, 1, f"There is no column {name}{document.suggestion(name, filter(None, self.head))}")
        if self.problems:
            raise ConfigurationError(self.problems)
        return places

    def _lines(self, file: IO[bytes]) -> Iterator[str]:
        while raw := file.readline(LONGEST_LINE + 1):
            if not self.line:
                if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                    raise self._stopped(1, "This is UTF-16; save the file as UTF-8.")
                raw = raw.removeprefix(codecs.BOM_UTF8)
            self._unsaid += len(raw)
            if self._unsaid >= _TOLD_EVERY:
                self._say()
            if len(raw) > LONGEST_LINE:
                told = "This line is longer than 1 MB; lines end in LF or CR LF, and a quote may not have been closed."
                raise self._stopped(self.line + 1, told)
            if b"\0" in raw:
                raise self._stopped(self.line + 1, "A NUL stands here; this is no text, so no CSV file.")
            try:
                text = raw.decode(self.spec.encoding)
            except UnicodeDecodeError as error:
                other = "such as cp1252" if self.spec.encoding != "cp1252" else "or save the table as CSV in UTF-8"
                told = f"This is not {self.spec.encoding}; name another `encoding` in the file of columns, {other}."
                raise self._stopped(self.line + 1, told, raw.count(b",", 0, error.start) + 1) from None
            self.line += 1
            yield text

    def _say(self) -> None:
        self.progress(self._unsaid)
        self._unsaid = 0

    def _note(self, line: int, column: int, message: str) -> None:
        self.problems.append(Problem(source=str(self.path), line=line, column=column, message=message))
        if len(self.problems) >= _MOST_PROBLEMS:
            raise ConfigurationError(self.problems)

    def _stopped(self, line: int, message: str, column: int = 1) -> ConfigurationError:
        self.problems.append(Problem(source=str(self.path), line=line, column=column, message=message))
        return ConfigurationError(self.problems)


def headings(path: Path, encoding: str) -> tuple[str, ...]:
    """Return the names in the first line of a file; raise `ConfigurationError`."""
    rows = Rows(path, Spec.model_construct(columns={}, encoding=encoding, delimiter="guess"))
    next(rows.cells(), None)
    return tuple(rows.head)


def _again(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines


def _delimiter(first: str, spec: Spec) -> str:
    if spec.delimiter != "guess":
        return _DELIMITERS[spec.delimiter]
    return max(_DELIMITERS.values(), key=first.count)


def _sentence(error: csv.Error) -> str:
    """Return what is wrong in words of ours: what csv says may quote the line."""
    told = str(error)
    if "unexpected end" in told:
        return "a quote was opened and never closed"
    if "expected after" in told:
        return "something stands behind a closing quote; double the quotes within a cell"
    if "field limit" in told:
        return "a cell is longer than 1 MB; a quote may not have been closed"
    return "quotes and line ends must be as in RFC 4180"
