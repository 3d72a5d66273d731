"""Text that programs write for programs and people read as well: tables, JSON, calendars and cards."""

import json
import quopri
import re
from base64 import b64decode
from collections.abc import Iterator
from io import StringIO
from typing import Final

from dlp_gateway.content import boxes
from dlp_gateway.content.text import File, Piece, replaced

_CHARACTERS: Final = 16_000_000
_JSON_CHARACTERS: Final = 4_000_000  # the values take fifteen times as much
_DEPTH: Final = 200
#: How much longer than its text what names say may become that stand before each value of a list.
_MOST: Final = 4
_DELIMITERS: Final = "\t;,|"
_SAMPLE: Final = 4_096
_FORMULA: Final = re.compile(r'="([^"]*+)"')
#: A cell as Python's `csv` reads it, and what ends it: a quotation mark counts at its beginning, and what follows the
#: closing one belongs to the cell.
_CELLS: Final = {
    sign: re.compile(
        rf'(?:"((?:[^"]++|"")*+)(?:"([^{sign}\r\n]*+)|\Z)|([^{sign}\r\n]*+))({re.escape(sign)}|\r\n?|\n|\Z)'
    )
    for sign in _DELIMITERS
}
_LONGEST_CELL: Final = 131_072  # characters; what has a longer one is no table
_BREAKS: Final = re.compile(r"[\t\r\n]+")
_WITH_PARAMETERS: Final = re.compile(r"^[^\n=]*+=[^\n]*+", re.MULTILINE)
_FOLD: Final = re.compile(r"\r?\n[ \t]")
_SOFT_BREAK: Final = re.compile(r"=\r?\n")
#: What tells a value in an encoding (vCard 2.1, RFC 5545 3.2.7): "name;ENCODING=B;other:value".
_MARKS: Final = re.compile(r"[;:]|ENCODING=(?:QUOTED-PRINTABLE|B)", re.IGNORECASE)
_ESCAPE: Final = re.compile(r"\\([nN,;:\\])")
_NAME: Final = re.compile(r"(?:FILENAME|X-FILENAME)=\"?([^\";:]{1,255})", re.IGNORECASE)


def table(text: str) -> str:
    """Return a table with tabs between its cells, whatever stands between them here; other text as it is."""
    if len(text) > _CHARACTERS:
        return text
    first = text[:_SAMPLE].split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first.count)
    if not first.count(delimiter):
        return text
    written = StringIO()  # no list of a row's cells, which takes sixty octets for each
    before = ""
    for match in _CELLS[delimiter].finditer(text):
        quoted, behind, plain, ending = match.groups()
        if not (ending or match[0] or before == "\t"):
            break  # the end of the last line
        cell = plain if quoted is None else quoted.replace('""', '"') + (behind or "")
        if len(cell) > _LONGEST_CELL:
            return text
        written.write(before)
        written.write(_in_line(cell))
        if not ending:
            break
        before = "\t" if ending == delimiter else "\n"
    return boxes.with_wholes(written.getvalue())


def _in_line(cell: str) -> str:
    """A cell on one line; `="0123"` is how Excel is told to keep a zero."""
    formula = _FORMULA.fullmatch(cell)
    return _BREAKS.sub(" ", formula[1] if formula else cell)


def json_text(text: str) -> str:
    """Return "name: value" for each value, escapes undone; the text itself if it is no JSON."""
    if len(text) > _JSON_CHARACTERS:
        return text
    try:
        value = json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return _by_lines(text)
    return "\n".join(_lines(value, _MOST * len(text)))


def _by_lines(text: str) -> str:
    """A value a line is JSON as well, to those who write logs."""
    found: list[str] = []
    for line in text.splitlines():
        try:
            found += _lines(json.loads(line, parse_int=str, parse_float=str), _MOST * len(line))
        except (ValueError, RecursionError):
            return text
    return "\n".join(found)


def _lines(value: object, left: int) -> Iterator[str]:
    """Yield the values in their order, without recursion.

    `left`: characters that names may have which stand in the text once and here before several values.
    """
    open_values: list[Iterator[tuple[str, object, bool]]] = [iter((("", value, False),))]
    while open_values:
        named = next(open_values[-1], None)
        if named is None:
            open_values.pop()
            continue
        name, inner, is_told = named
        if isinstance(inner, dict):
            open_values.append(iter([(spoken(str(key)), one, False) for key, one in inner.items()]))
        elif isinstance(inner, list):
            open_values.append(iter([(name, one, is_told or place > 0) for place, one in enumerate(inner)]))
        elif inner is not None:
            left -= len(name) if is_told else 0
            yield f"{name}: {inner}" if name and (left >= 0 or not is_told) else str(inner)


def spoken(name: str) -> str:
    """Return the name of a field as people would write it: "driverLicence_no" is "driver Licence no"."""
    words: list[str] = []
    for before, letter in zip(" " + name, name, strict=False):
        if letter.isupper() and before.islower():
            words.append(" ")
        words.append(" " if letter in "_-." else letter)
    return "".join(words)


def calendar(text: str) -> Iterator[Piece]:
    """Yield a calendar or a card (RFC 5545, RFC 6350, vCard 2.1) as it is shown, and what is attached to it.

    Lines may be folded in the middle of a word; values may be encoded, and some of their signs are escaped.
    """
    if "QUOTED-PRINTABLE" in text.upper():
        text = _SOFT_BREAK.sub("", text)
    text = _FOLD.sub("", text)  # and what it was is not kept: a large one would be in memory once more
    files: list[File] = []
    text = replaced(_WITH_PARAMETERS, lambda line: _decoded(line[0], files), text)
    yield replaced(_ESCAPE, lambda escape: "\n" if escape[1] in "nN" else escape[1], text)
    yield from files


def _decoded(line: str, files: list[File]) -> str:
    """Return a content line with its value decoded; what is base64 goes to `files`."""
    head = _head_of_encoded(line)
    if head is None:
        return line
    start, colon = head
    name, value = line[start:colon], line[colon + 1 :]
    if "QUOTED-PRINTABLE" in name.upper():
        return line[: colon + 1] + quopri.decodestring(value.encode("utf-8", "replace")).decode("utf-8", "replace")
    try:
        octets = b64decode(value + "===")
    except ValueError:  # no base64: the value is shown as it is
        return line
    called = _NAME.search(name)
    files.append(File(name=called[1] if called else "", content=octets))
    return line[:colon]


def _head_of_encoded(line: str) -> tuple[int, int] | None:
    """Return where name and parameters of an encoded value begin and end; a colon may stand in one before them."""
    start, has_parameters, is_encoded = 0, False, False
    for mark in _MARKS.finditer(line):
        if mark[0] == ";":
            has_parameters = True
        elif mark[0] != ":":
            is_encoded = is_encoded or has_parameters
        elif is_encoded:
            return start, mark.start()
        else:
            start, has_parameters = mark.end(), False
    return None
