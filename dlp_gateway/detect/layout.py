"""How a text is laid out: lines, wrapped sentences and fields, quotations, signatures, tables."""

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from dlp_gateway.detect.shapes import runs

_WRAPPED: Final = 52  # a line at least this long that ends without punctuation goes on in the next
_FIELD: Final = re.compile(r"(?:[-*]\s{0,4})?[A-Za-z][\w .'/()#-]{0,40}[:=]")
_BULLET: Final = re.compile(r"[>\s]*(?:[-*+]|\d{1,2}[.)])\s")
# "[14:06] Sam: …" and "14:06 Sam: …": what the speaker says begins behind the colon.
_SPEAKER: Final = re.compile(
    r"[>\s]*(?:<[\w .-]{1,25}>\s"
    r"|[^\W\d][\w .']{0,24} [(\[]\d{1,2}[:.]\d\d(?:[:.]\d\d)?(?: ?[ap]m)?[)\]]:\s"
    r"|(?:\[[^\]\n]{3,30}\]|[\d/.-]{6,10},? \d{1,2}[:.]\d\d(?:[:.]\d\d)?(?: ?[ap]m)?"
    r"|\(?\d{1,2}[:.]\d\d(?:[:.]\d\d)?(?: ?[ap]m)?\)?)[ -]*[^\W\d][\w .']{0,24}:\s)",
    re.IGNORECASE,
)
# "sam: …", where others speak as well: which lines are turns of a talk is told by names that come again.
_NAMED: Final = re.compile(r"[>\s]*([^\W\d][\w.@-]{0,20}(?: [\w.]{1,15})?): (?=\S)")
# A message in the export of a chat: {"ts": …, "user": …, "text": "…"}.
_MESSAGE: Final = re.compile(r"""[^"\n]{0,20}"[^\n]{0,200}?"(?:text|message|body|content|msg)"\s?:\s?\"""")
# What mail clients write above the mail that is answered.
_REPLY: Final = re.compile(
    r"^[ \t]*(?:-{3,} ?(?:original|forwarded|ursprungliche|weitergeleitete|message|mensaje|messaggio|mensagem"
    r"|oorspronkelijk)"
    r"|(?:from|von|de|da|van|od) ?:[^\n]{3,120}\n[ \t]*(?:sent|date|gesendet|datum|envoye|enviado|inviato|data"
    r"|verzonden|wyslano|to|a|an) ?:"
    r"|(?:on|am|le|el|il|op|em|w dniu) [^\n]{6,120}(?:wrote|schrieb|a ecrit|escribio|ha scritto|schreef|escreveu"
    r"|pisze|napisal)[^\n]{0,60}:)",
    re.IGNORECASE | re.MULTILINE,
)
_MARKS: Final = re.compile(r"[>|\s]{0,24}")
_RULE: Final = re.compile(r"^[\s|:+=-]+$")
# What a header does not hold: a number, or a key with its value ("by: KO", "18:05] Lea: nearly").
_NO_HEADER: Final = re.compile(r"\d{4}|\d\d[ -]\d\d|\w:[ ]?\w|\[[xX ]\]")
_PROSE: Final = re.compile(r"[?!{}]|: |\.\s|[^,\n]{40}")  # what no header with commas has
_SIGNS: Final = frozenset("\t;,")  # of which each is one delimiter, also at the ends of a line
_QUOTED: Final = {mark: re.compile(rf'"[^"]*"|{re.escape(mark)}') for mark in ("|", "\t", ";", ",")}
_MAX_CELLS: Final = 60
#: A row of two cells: a key and its value.
_PAIR: Final = re.compile(r"[>|* \t]{0,24}([^|\n]{1,80})\|[ *]{0,24}([^|\s*][^|\n]{0,80})(?:\|[ \r]*)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Turns:
    """Of a talk: where a line begins, and where what its speaker says does."""

    lines: Sequence[int]
    said: Sequence[int]

    def on(self, line: int) -> int:
        """Return where what is said begins on the line that begins at `line`; 0 if it is no turn."""
        index = bisect_left(self.lines, line)
        return self.said[index] if index < len(self.lines) and self.lines[index] == line else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Folded text with its lines (`starts`), where blocks of running text begin, and where signatures do.

    `data` is the text as octets, for what looks for expressions in all of it. Places are kept in four octets each: a
    large text has millions of lines.
    """

    text: str
    data: bytes
    starts: Sequence[int]
    blocks: Sequence[int]
    signatures: Sequence[int]
    replies: Sequence[int]  # where the mails that are answered begin whose lines have no quotation marks
    turns: Turns

    def line(self, place: int) -> tuple[int, int]:
        """Return start and end (without line break) of the line at `place`."""
        index = bisect_right(self.starts, place) - 1
        end = self.starts[index + 1] - 1 if index + 1 < len(self.starts) else len(self.text)
        return self.starts[index], end

    def lines_from(self, place: int) -> Iterator[tuple[int, int]]:
        """Yield start and end of the lines after the one at `place`."""
        for index in range(bisect_right(self.starts, place), len(self.starts)):
            yield self.line(self.starts[index])

    def block_start(self, place: int) -> int:
        """Return where the block begins: lines that a mail client wrapped are one block, fields are one each."""
        return self.blocks[bisect_right(self.blocks, place) - 1]

    def block_end(self, place: int) -> int:
        """Return where the block of `place` ends."""
        index = bisect_right(self.blocks, place)
        return self.blocks[index] if index < len(self.blocks) else len(self.text)

    def signature_before(self, place: int) -> int:
        """Return where the last signature before `place` begins, or 0."""
        index = bisect_right(self.signatures, place) - 1
        return self.signatures[index] if index >= 0 else 0

    def is_signature(self, start: int) -> bool:
        """Tell whether a signature begins with the line at `start`."""
        return self.signature_before(start) == start > 0

    def key(self, place: int) -> tuple[int, int]:
        """Return start and end of the words in the first cell, if `place` begins the second and a bar parts but two."""
        row = _PAIR.match(self.text, *self.line(place))
        if row is None or row.start(2) != place:
            return place, place
        return row.start(1), row.start(1) + len(row[1].rstrip(" :*"))

    def quoted(self, place: int) -> bool:
        """Tell whether the line at `place` is quoted from another mail."""
        return self.depth(place) > 0

    def depth(self, place: int) -> int:
        """Tell how many times the line at `place` is quoted: an answer is quoted less often than its question."""
        start = self.line(place)[0]
        marks = _MARKS.match(self.text, start)
        return bisect_right(self.replies, place) + (sum(mark in ">|" for mark in marks[0]) if marks else 0)


def lay_out(text: str, closing: frozenset[str], data: bytes = b"") -> Page:
    """Return the page of a folded text; `closing` are the words that begin a signature, `data` is it as octets."""
    starts = array("I", (0,))
    starts.extend(match.end() for match in re.finditer("\n", text))
    blocks, signatures = array("I", (0,)), array("I")
    speakers = _Speakers()
    previous = ""
    for index, start in enumerate(starts):
        end = starts[index + 1] - 1 if index + 1 < len(starts) else len(text)
        line = text[start:end].rstrip("\r ")
        message = _MESSAGE.match(line)
        speaker = message or _SPEAKER.match(line)
        if not index and speaker and speaker.end() < len(line):
            blocks.append(speaker.end())
        if index and (speaker or not _continues(previous, line)):
            blocks.extend((start, start + speaker.end()) if speaker and speaker.end() < len(line) else (start,))
        named = _NAMED.match(line)
        if named:
            speakers.add(index, start, start + named.end(), named[1].lower())
        words = line.lstrip("> ").partition(",")[0].lower().strip(" .!-")
        if line.rstrip() in {"--", "-- "} or words in closing:
            signatures.append(start)
        previous = line
    return Page(
        text=text,
        data=data or text.encode("ascii"),
        starts=starts,
        blocks=blocks,
        signatures=signatures,
        replies=array("I", _replies(text)),
        turns=speakers.turns(),
    )


def answered_at(text: str) -> int:
    """Return where the mail begins that this one answers without quotation marks, or a place behind the end."""
    return next(_replies(text), len(text) + 1)


def _replies(text: str) -> Iterator[int]:
    """Yield where answered mails begin; headers at the very top are of this mail itself."""
    top = len(text) - len(text.lstrip("> \t\r\n"))
    return (match.start() for match in _REPLY.finditer(text) if match.start() > top)


class _Speakers:
    """The lines that begin "name: "."""

    def __init__(self) -> None:
        self._numbers, self._starts, self._said = array("I"), array("I"), array("I")
        self._names = array("q")  # told apart by a hash of 64 bits: a large text may have a million

    def add(self, number: int, start: int, said: int, name: str) -> None:
        """Take a line: its number, where it begins, where its name ends, and the name."""
        self._numbers.append(number)
        self._starts.append(start)
        self._said.append(said)
        self._names.append(hash(name))

    def turns(self) -> Turns:
        """Return those that are turns: who speaks twice takes part, and who speaks directly before or after."""
        lines, said = array("I"), array("I")
        sure = self._sure()
        for index, (number, start, end) in enumerate(zip(self._numbers, self._starts, self._said, strict=True)):
            before = index > 0 and sure[index - 1] and self._numbers[index - 1] == number - 1
            after = index + 1 < len(sure) and sure[index + 1] and self._numbers[index + 1] == number + 1
            if sure[index] or before or after:
                lines.append(start)
                said.append(end)
        return Turns(lines, said)

    def _sure(self) -> bytearray:
        """Return for each line whether its name comes twice."""
        names = array("q", sorted(self._names))
        return bytearray(
            (place := bisect_left(names, name)) + 1 < len(names) and names[place + 1] == name for name in self._names
        )


def _continues(previous: str, line: str) -> bool:
    bare, last = line.lstrip("> "), previous.rstrip()
    if not bare or bare[0] in "#|" or len(last) < _WRAPPED or last[-1] in ":!?|;" or "   " in last.strip():
        return False
    if (previous[:1] == ">") != (line[:1] == ">"):
        return False
    return not (_FIELD.match(bare) and len(bare.partition(":")[0]) < 30) and not _BULLET.match(line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell below the header at `header` (start and end of the header's cell)."""

    start: int
    end: int
    header: tuple[int, int]


_Cells = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Header cells, and where the table ends; rows are divided into cells when they are asked for."""

    header: _Cells
    start: int
    end: int
    lines: Sequence[int]  # where those begin that are rows
    row_starts: Sequence[int]
    cells: Callable[[int], _Cells]  # of the line that begins at a place

    def rows(self, most: int) -> Iterator[_Cells]:
        """Yield the cells of so many rows, at most."""
        return map(self.cells, self.lines[:most])

    def heading(self, place: int) -> tuple[int, int] | None:
        """Return the header's cell over `place`, or None outside the rows."""
        row = bisect_right(self.row_starts, place) - 1
        if row < 0 or place >= self.end:
            return None
        column = bisect_right([start for start, _ in self.cells(self.lines[row])], place) - 1
        return self.header[column] if 0 <= column < len(self.header) else None


class Rows:
    """Divides rows of a page into cells, and remembers the last: the numbers of a long one are asked for in turn."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._last: tuple[int, str, int] | None = None
        self._cells: _Cells = ()

    def cells(self, header: _Cells, header_line: int, delimiter: str, line: int) -> _Cells:
        """Return the cells of the row at `line`, below a header at `header_line`."""
        asked = header_line, delimiter, line
        if asked != self._last:
            cells = _cells(self.page.text, *self.page.line(line), delimiter, len(header) + 1)
            self._cells = cells if delimiter != "  " else _aligned(cells, header, header_line, line)
            self._last = asked
        return self._cells


def table_at(rows: Rows, place: int) -> Table | None:
    """Return the table whose header is the line at `place`, if at least one row of as many cells follows."""
    page = rows.page
    start, end = page.line(place)
    for delimiter in _delimiters(page.text[start:end]):
        if delimiter == "," and _PROSE.search(page.text, start, end):
            continue
        header = _cells(page.text, start, end, delimiter, _MAX_CELLS)
        if not 2 <= len(header) <= _MAX_CELLS or _NO_HEADER.search(page.text, start, end):
            continue
        if any(runs(page.text, start, end)):
            return None  # "Reisepassnummer | C01X00T47": a key with its value
        lines, row_starts, last = array("I"), array("I"), end
        for low, high in page.lines_from(place):
            if _RULE.match(page.text[low:high]) and high > low:
                continue
            cells = _cells(page.text, low, high, delimiter, len(header) + 1)
            spare = 0 if delimiter == "  " else 1
            if len(cells) < 2 or not len(header) - 1 <= len(cells) <= len(header) + spare:
                break
            row = cells if delimiter != "  " else _aligned(cells, header, start, low)
            lines.append(low)
            row_starts.append(min(begin for begin, _ in row))
            last = high
        if lines:
            divided = partial(rows.cells, header, start, delimiter)
            return Table(header=header, start=start, end=last, lines=lines, row_starts=row_starts, cells=divided)
    return None


def _delimiters(line: str) -> list[str]:
    return [delimiter for delimiter in ("|", "\t", ";", ",", "  ") if delimiter in line.strip()]


def _cells(text: str, start: int, end: int, delimiter: str, most: int) -> tuple[tuple[int, int], ...]:
    """Return the cells of a line; of one that has more than `most`, some more than that."""
    line = text[start:end].rstrip("\r")
    cells, low = [], 0
    if '"' not in line and delimiter in _SIGNS:  # most lines by far
        for cell in line.split(delimiter, most):
            high = low + len(cell)
            cells.append((start + low, start + high))
            low = high + 1
        return tuple(cells)
    pieces = re.finditer(r" {2,}|\t", line) if delimiter == "  " else _QUOTED[delimiter].finditer(line)
    for piece in pieces:
        if piece[0][0] == '"':
            continue  # a delimiter within quotation marks is none (RFC 4180)
        if delimiter != "  " or line[low : piece.start()].strip():
            cells.append((start + low, start + piece.start()))
        low = piece.end()
        if len(cells) > most + 1:  # one of them may be the edge of the table
            break
    cells.append((start + low, start + len(line)))
    if delimiter == "|" and not text[slice(*cells[0])].strip("> "):
        cells = cells[1:]
    if delimiter == "|" and cells and not text[slice(*cells[-1])].strip():
        cells = cells[:-1]
    if delimiter == "  " and not text[slice(*cells[-1])].strip():
        cells = cells[:-1]
    return tuple(cells)


def _aligned(
    cells: tuple[tuple[int, int], ...], header: tuple[tuple[int, int], ...], header_line: int, line: int
) -> tuple[tuple[int, int], ...]:
    """Put each cell under the header that begins nearest to it; a missing cell is empty."""
    if len(cells) == len(header):
        return cells
    placed = [(line, line)] * len(header)
    for cell in cells:
        offset = cell[0] - line
        nearest = min(range(len(header)), key=lambda index: abs(header[index][0] - header_line - offset))
        placed[nearest] = cell
    return tuple(placed)
