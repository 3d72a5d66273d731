"""Spreadsheets → rows of cells with tabs between them: our own reader for .xlsx, calamine for .xls and .xlsb."""

import io
import re
import struct
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import chain
from typing import Final

from python_calamine import CalamineError, CalamineWorkbook

from dlp_gateway.content import xml
from dlp_gateway.content.text import TOTAL_CHARACTERS, Piece, UnreadableReason

_CHARACTERS: Final = TOTAL_CHARACTERS // 2
#: Empty cells that are shown between two; more are a gap to people, too.
_GAP: Final = 50
_COLUMN: Final = re.compile(r"([A-Z]{1,3})\d")
_ROOT: Final = re.compile(rb"<(?:\w{1,20}:)?(worksheet|dialogsheet|macrosheet|chartsheet|sst|styleSheet)[\s>]")
_RELATIONSHIP: Final = re.compile(rb"<(?:\w{1,20}:)?(?:Relationships|Types)[\s>]")
_OUTSIDE: Final = re.compile(rb"TargetMode\s{0,8}=\s{0,8}[\"']External")
_HEAD: Final = 4_096
#: Number formats that are dates without further ado (18.8.30).
_DATES: Final = frozenset({*range(14, 18), 22, *range(27, 37), *range(50, 59)})
_DATE_FORMAT: Final = re.compile(r"[dy]", re.IGNORECASE)
_LITERAL: Final = re.compile(r'"[^"]*+"|\[[^\[\]]*+\]|\\.')
_LONG_SIGN: Final = 8  # with its quotes; shorter ones are units
_EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - a day without a zone
_LAST_DAY: Final = 2_958_466
_PROMPTS: Final = frozenset({"prompt", "promptTitle", "error", "errorTitle", "tooltip", "display", "location"})
#: Cells of the rectangle that calamine makes of a sheet, at some thirty octets each.
_RECTANGLE: Final = 4_000_000


def is_sheet(content: bytes) -> bool:
    """Return whether an XML part is a sheet of cells."""
    root = _ROOT.search(content[:_HEAD])
    return root is not None and root[1].endswith(b"sheet") and root[1] != b"chartsheet"


def is_inner(content: bytes) -> bool:
    """Return whether an XML part only says how the others belong together."""
    return _RELATIONSHIP.search(content[:_HEAD]) is not None and not _OUTSIDE.search(content)


class Workbook:
    """What the sheets of one .xlsx share: strings, and the formats that make a number a date (ECMA-376 18.4, 18.8)."""

    def __init__(self) -> None:
        self._strings: list[str] = []
        self._used: set[int] = set()
        self._dates: frozenset[int] = frozenset()
        self._signs: list[str] = []

    def learn(self, content: bytes) -> bool:
        """Take up a part that sheets refer to; return whether it was one."""
        root = _ROOT.search(content[:_HEAD])
        if root is None:
            return False
        if root[1] == b"sst":
            strings = _Strings()
            xml.tell(content, strings)
            self._strings += strings.found
            return True
        if root[1] == b"styleSheet":
            styles = _Styles()
            xml.tell(content, styles)
            self._dates = styles.dates()
            self._signs = styles.signs()
            return True
        return False

    def text(self, sheet: bytes) -> tuple[str, tuple[UnreadableReason, ...]]:
        """Return a sheet's rows, and why there is no more of it."""
        rows = _Rows(self._strings, self._dates)
        try:
            whole = xml.tell(sheet, rows)
        except _Full:
            return rows.text, (UnreadableReason.BOMB,)
        self._used |= rows.used
        return rows.text, () if whole else (UnreadableReason.BROKEN,)

    def unused(self) -> str:
        """Return the strings that no sheet shows, such as those of deleted cells."""
        strings = (string for index, string in enumerate(self._strings) if index not in self._used)
        return "\n".join((*strings, *self._signs))


class _Full(Exception):  # noqa: N818 - more text than is read
    """A sheet has more text than is read."""


class _Strings:
    """The shared strings; the runs of one belong together."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._pieces: list[str] = []
        self._in_text = False

    def start(self, tag: str, _: dict[str, str]) -> None:
        self._in_text = xml.local(tag) == "t"

    def end(self, tag: str) -> None:
        self._in_text = False
        if xml.local(tag) == "si":
            self.found.append("".join(self._pieces))
            self._pieces.clear()

    def data(self, text: str) -> None:
        if self._in_text:
            self._pieces.append(text)

    def close(self) -> None:
        """Nothing is left to do."""


class _Styles:
    """Which cell formats are dates."""

    def __init__(self) -> None:
        self._written: dict[str, str] = {}
        self._formats: list[str] = []
        self._in_cells = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = xml.local(tag)
        if name == "numFmt":
            self._written[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            self._in_cells = True
        elif name == "xf" and self._in_cells:
            self._formats.append(attributes.get("numFmtId", ""))

    def end(self, tag: str) -> None:
        if xml.local(tag) == "cellXfs":
            self._in_cells = False

    def data(self, _: str) -> None:
        """Formats are attributes."""

    def close(self) -> None:
        """Nothing is left to do."""

    def dates(self) -> frozenset[int]:
        """Return the numbers of the cell formats that show a date."""
        dates = {one for one in set(self._formats) if self._is_date(one)}
        return frozenset(index for index, one in enumerate(self._formats) if one in dates)

    def signs(self) -> list[str]:
        """Return the words that formats put around numbers."""
        found = (word for one in self._written.values() for word in _LITERAL.findall(one))
        return [word.strip('"') for word in found if word.startswith('"') and len(word) > _LONG_SIGN]

    def _is_date(self, number: str) -> bool:
        if number in self._written:
            return _DATE_FORMAT.search(_LITERAL.sub("", self._written[number])) is not None
        return number.isdecimal() and len(number) < 5 and int(number) in _DATES


class _Rows:
    """Writes a sheet, a row a line; what is not in cells (prompts, headers and footers) follows behind."""

    def __init__(self, strings: list[str], dates: frozenset[int]) -> None:
        self.used: set[int] = set()
        self._strings, self._dates = strings, dates
        self._written = io.StringIO()  # a list of lines takes twice what they say
        self._behind: dict[str, None] = {}
        self._row: list[str] = []
        self._size = 0
        self._place = 0
        self._kind = self._style = ""
        self._pieces: list[str] = []
        self._element = ""
        self._in_cell = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._element = name = xml.local(tag)
        if name == "c":
            self._in_cell = True
            self._pieces.clear()
            self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "0")
            place = _COLUMN.match(attributes.get("r", ""))
            column = _number(place[1]) if place else self._place
            self._row += [""] * min(max(0, column - self._place), _GAP)
            self._place = column + 1
        elif name == "row":
            self._row, self._place = [], 0
        else:
            for key, value in attributes.items():
                if xml.local(key) in _PROMPTS:
                    self._behind[value] = None

    def end(self, tag: str) -> None:
        name = xml.local(tag)
        self._element = ""
        if name == "c":
            self._in_cell = False
            self._row.append(self._value())
            self._size += len(self._row[-1]) + 1
            if self._size > _CHARACTERS:
                raise _Full
        elif name == "row" and any(self._row):
            self._written.write("\t".join(self._row) + "\n")

    def data(self, text: str) -> None:
        if self._in_cell and self._element in {"v", "t"}:
            self._pieces.append(text)
        elif self._element and not text.isspace() and (self._element != "f" or '"' in text):
            self._behind[text] = None  # of formulas those that hold text

    def close(self) -> None:
        """Nothing is left to do."""

    @property
    def text(self) -> str:
        """All rows, and what follows behind; the parser closes a sheet before it is asked for."""
        rows = self._written.getvalue()
        return rows + "\n".join(self._behind) if self._behind else rows.removesuffix("\n")

    def _value(self) -> str:
        written = "".join(self._pieces)
        if self._kind == "s":
            index = int(written) if written.isdecimal() and len(written) < 9 else -1
            if not 0 <= index < len(self._strings):
                return written
            self.used.add(index)
            return _one_line(self._strings[index])
        if self._kind in {"n", ""}:
            is_date = self._style.isdecimal() and len(self._style) < 6 and int(self._style) in self._dates
            return _day(written) if is_date else plain_number(written)
        return _one_line(written)


def _number(column: str) -> int:
    """Return the place of a column, "A" is 0."""
    place = 0
    for letter in column:
        place = place * 26 + ord(letter) - 64
    return place - 1


def _one_line(text: str) -> str:
    """A cell is one field of one line, whatever breaks its text has."""
    return re.sub(r"[\t\r\n]+", " ", text)


def plain_number(written: str) -> str:
    """Return a number as it is shown: 4.111111111111111E15 is an account, not a measurement."""
    if "E" not in written.upper() and not written.endswith(".0"):
        return written
    try:
        number = Decimal(written)
    except InvalidOperation:
        return written
    if number.is_finite() and number == number.to_integral_value() and abs(number.adjusted()) < 40:
        return str(int(number))
    return written


def _day(written: str) -> str:
    try:
        days = float(written)
    except ValueError:
        return written
    return str((_EPOCH + timedelta(days=days)).date()) if 1 <= days < _LAST_DAY else written


def binary(content: bytes, largest: int) -> Iterator[Piece]:
    """Yield the sheets of an .xls or .xlsb; `largest` is how many cells the widest of its sheets may span."""
    if largest > _RECTANGLE:
        yield UnreadableReason.BOMB
        return
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = [
            "\n".join(
                filter(str.strip, ("\t".join(map(_shown, row)) for row in workbook.get_sheet_by_name(name).to_python()))
            )
            for name in workbook.sheet_names
        ]
    except (CalamineError, OSError, ValueError):
        yield UnreadableReason.BROKEN
        return
    text = "\n\n".join(chain.from_iterable(zip(workbook.sheet_names, sheets, strict=True)))
    yield text


def _shown(value: object) -> str:
    if isinstance(value, float):
        return plain_number(repr(value))
    if isinstance(value, datetime):
        return str(value).removesuffix(" 00:00:00")
    if isinstance(value, (date, timedelta)):
        return str(value)
    return _one_line(str(value))


def span_of_binary_part(part: bytes) -> int:
    """Return how many cells the rows and columns of one sheet of an .xlsb span (MS-XLSB 2.1.4, 2.5.14)."""
    place, rows, columns = 0, 0, 0
    while place < len(part):
        kind, place = _variable(part, place, 2)
        size, place = _variable(part, place, 4)
        if kind == 0 and size >= 4 and place + 4 <= len(part):  # BrtRowHdr
            rows = max(rows, struct.unpack_from("<I", part, place)[0] + 1)
        elif 1 <= kind <= 11 and size >= 4 and place + 4 <= len(part):  # BrtCellBlank … BrtFmlaError
            columns = max(columns, struct.unpack_from("<I", part, place)[0] + 1)
        place += size
    return rows * columns


def _variable(part: bytes, place: int, most: int) -> tuple[int, int]:
    value = 0
    for index in range(most):
        if place >= len(part):
            break
        octet = part[place]
        place += 1
        value |= (octet & 0x7F) << 7 * index
        if not octet & 0x80:
            break
    return value, place
