"""Lists below a line that names what their numbers are: the heading owns the items until the list ends.

"Here are the passport numbers of our guests:", and below it "Ann Weir 533401372", line by line: of people's names and
numbers nothing else can be the owner.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from dlp_gateway.detect.introductions import CELL, COMPOUND, MARGIN, MARKER, NUMBER_OF, is_heading, names_number
from dlp_gateway.detect.labels import OTHER, Hit, is_noun
from dlp_gateway.detect.ownership import Reader
from dlp_gateway.detect.shapes import Run, dates, runs

_LONGEST_LINE: Final = 200
#: Lines of one text that are looked at as items, and lines without a number that stand between two of them.
ITEMS: Final = 20_000
_BETWEEN: Final = 3
_BLANK_LINES: Final = 2
_WORDS: Final = 8  # of an item
_WORD: Final = re.compile(r"[A-Za-z]+(?:['.-][A-Za-z]+)*")
_FIGURES: Final = re.compile(r"(?:[A-Za-z]{0,3}\d[ .\-/]?){4}|\d\D{0,2}\d")
_QUOTED: Final = re.compile(r"[> \t]{1,24}")
_GAP: Final = re.compile(r"[ .]+")
_BIRTH: Final = "DATE_OF_BIRTH"
_DAY: Final = 30  # characters in which a date stands beside the label of it
_YEAR: Final = 4  # figures beside a number that may be those of a year
_GROUPS: Final = re.compile(r"\d[\d -]*")
_SENTENCE: Final = re.compile(r"[a-z]{2}[.!?]\s")
_ADDRESS: Final = re.compile(r"\s*(?:[A-Za-z]+ )?[A-Z][a-z]+\s*[,:]")
#: Particles of names, and what stands between the names of two people.
_OF_NAMES: Final = frozenset(
    {
        "de",
        "da",
        "do",
        "dos",
        "di",
        "del",
        "della",
        "der",
        "den",
        "la",
        "le",
        "van",
        "von",
        "zu",
        "el",
        "al",
        "bin",
        "y",
    }
    | {"and", "und", "et", "e", "i", "mr", "mrs", "ms", "herr", "frau", "mme", "dhr", "mevr", "dr", "s"}
)
_NAMES: Final = 5
_FORENAME: Final = re.compile(r"\b[A-Z][a-z]+ \Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Numbers that a heading's label owns; `named` tells whether it says that they are numbers, not documents."""

    hit: Hit
    items: tuple[Run, ...]
    named: bool


def listings(reader: Reader) -> Iterator[Listing]:
    """Yield the lists of a page, in order."""
    done = left = 0
    for hit in reader.hits.where(lambda label: label.owns not in {OTHER, _BIRTH}):
        low, high = reader.page.line(hit.start)
        if low < done or high - low > _LONGEST_LINE or left > ITEMS:
            continue
        if not is_heading(reader, hit, low, high):
            continue
        below = _Below(reader, hit, low, high)
        left += below.read()
        done = below.end
        if below.items:
            yield Listing(hit=hit, items=tuple(below.items), named=names_number(reader, hit, low, high))


class _Below:
    """What stands below a heading, line by line, until it is no list any longer."""

    def __init__(self, reader: Reader, hit: Hit, low: int, high: int) -> None:
        self.reader, self.hit = reader, hit
        self.items: list[Run] = []
        self.lines = 0
        self.end = high
        self._low = low
        self._column: int | None = None
        self._cells = 0

    def read(self) -> int:
        """Read the items; return how many lines were looked at."""
        reader, text = self.reader, self.reader.page.text
        blank = bare = seen = 0
        depth = quoted(reader, self._low)
        for low, high in islice(reader.page.lines_from(self._low), ITEMS):
            seen += 1
            line = text[low:high].strip(MARGIN)
            if not line:
                blank += not text[low:high].strip()
                if blank > _BLANK_LINES:
                    break
                continue
            if reader.page.is_signature(low) or quoted(reader, low) != depth:
                break
            if not self.lines and not self._cells and self._is_head(low, high):
                blank = 0
                continue
            found = items(reader, self.hit, low, high, self._column, listed=True, known=self.lines > 0)
            if found:
                self.items += found
                self.lines += 1
                self.end = high
                bare = blank = 0
                continue
            marked = MARKER.match(text, low, high) is not None
            bare += 1
            if bare > (_BETWEEN if marked else 1) or not (marked or is_name(line)):
                break
            blank = 0
        return seen

    def _is_head(self, low: int, high: int) -> bool:
        head = head_of_table(self.reader, low, high)
        if head is None:
            return False
        self._column, self._cells = head
        return True


def head_of_table(reader: Reader, low: int, high: int) -> tuple[int | None, int] | None:
    """Return which column of a row of headings is headed "number", and how many there are; None if it is no such row.

    A column that is not there is returned as -1: what stands in the rows is of other headings.
    """
    text = reader.page.text
    if any(map(str.isdigit, text[low:high])) or high - low > _LONGEST_LINE:
        return None
    cells = [cell.strip(MARGIN + '"').lower() for cell in CELL.split(text[low:high].strip(" >|\r"))]
    if len([cell for cell in cells if cell]) < 2:
        return None
    number = reader.grammar.number | reader.grammar.headings.numbers
    named = [place for place, cell in enumerate(cells) if cell and number.issuperset(filter(None, _GAP.split(cell)))]
    if len(named) > 1 and named[0] == 0:
        named = named[1:]  # the first counts the rows
    return (named[0] if len(named) == 1 else -1), len(cells)


def quoted(reader: Reader, place: int) -> int:
    """Tell how often a line is quoted; in a list, a bar at its beginning is that of a table."""
    start, end = reader.page.line(place)
    marks = _QUOTED.match(reader.page.text, start, end)
    return bisect_right(reader.page.replies, place) + (marks[0].count(">") if marks else 0)


def items(
    reader: Reader, hit: Hit, low: int, high: int, column: int | None, *, listed: bool, known: bool = False
) -> tuple[Run, ...]:
    """Return the numbers on a line that is an item of a list: people's names and numbers, and nothing else.

    `column` is where they stand in the rows of a table, if that is known; in what is `listed` names may be in small
    letters, and below an item that is `known` they may be words that have numbers as well ("Ann Hall").
    """
    text = reader.page.text
    if high - low > _LONGEST_LINE or column == -1 or _FIGURES.search(text, low, high) is None:
        return ()
    if column is not None:
        begin = low + len(text[low:high]) - len(text[low:high].lstrip(" >|"))
        gaps = [(0, begin), *(gap.span() for gap in CELL.finditer(text, begin, high)), (high, high)]
        if column + 1 >= len(gaps):
            return ()
        low, high = gaps[column][1], gaps[column + 1][0]
    marker = MARKER.match(text, low, high)
    low = marker.end() if marker else low
    found = tuple(runs(text, low, high, _labels(reader, hit, low, high), (), reader.page.data))
    told = tuple(run for run in found if not _is_date(text, run))
    if not told or _is_others(reader, hit, low, high, known=known):
        return ()
    beside = zip((low, *(run.end for run in told)), (*(run.start for run in told), high), strict=True)
    rest = _undated(reader, " ".join(text[begin:end] for begin, end in beside), low, high)
    return told if column is not None or is_lead(reader, rest, listed=listed) else ()


def is_dated(reader: Reader, low: int, high: int) -> bool:
    """Tell whether a line tells a day of what a list is of, and no more: "exp 12/08/2031", "born 12/04/1984 Leeds"."""
    text = reader.page.text
    if high - low > _LONGEST_LINE or not dates(text, low, high):
        return False
    if any(one.label.id != "dates" and one.label.owns != _BIRTH for one in reader.hits.within(low, high)):
        return False
    return is_lead(reader, _undated(reader, text[low:high], low, high), listed=True)


def _undated(reader: Reader, rest: str, low: int, high: int) -> str:
    """Return what stands beside the numbers of a line, without days and what says of what they are."""
    text = reader.page.text
    dated = [
        (one.start, one.end)
        for one in reader.hits.within(low, high)
        if one.label.id == "dates" or _is_of_birth(text, one, high)
    ]
    for begin, end in (*dates(text, low, high), *dated):
        rest = rest.replace(text[begin:end], " ", 1)
    return rest


def _is_of_birth(text: str, hit: Hit, high: int) -> bool:
    """Tell whether a label of a birth date has its date beside it, on a line that ends at `high`."""
    if hit.label.owns != _BIRTH:
        return False
    low = max(0, hit.start - _DAY)
    low = max(low, text.rfind("\n", low, hit.start) + 1)
    return bool(dates(text, hit.end, min(high, hit.end + _DAY)) or dates(text, low, hit.start))


def is_lead(reader: Reader, rest: str, *, listed: bool) -> bool:
    """Tell whether what stands beside a number are names, or words that say no more than "here it is"."""
    headings = reader.grammar.headings
    if any(sum(map(str.isdigit, group)) > _YEAR for group in _GROUPS.findall(rest)):
        return False
    written = _WORD.findall(rest)
    parting = (place for place, word in enumerate(written) if place and word.lower() in headings.parting)
    written = written[: next(parting, _WORDS + 1)]
    words = [word for word in written if word.lower() not in _OF_NAMES]
    if len(written) > _WORDS or any(COMPOUND.search(word) or NUMBER_OF.match(word) for word in words):
        return False  # "Afspraaknummer 533401372": whatever it is, it is its own
    if all(word[0].isupper() for word in words) and len(words) <= _NAMES and not _SENTENCE.search(rest):
        return True
    lowered = [word.lower() for word in words]
    content = [
        word
        for word, low in zip(words, lowered, strict=True)
        if not reader.owns_nothing(low) and low not in headings.sought and not word.endswith("'s")
    ]
    if not content:
        return lowered[-1:] == [] or lowered[-1] not in headings.about
    address = _ADDRESS.match(rest)  # "Hi Ben, it's …"
    if address and all(word in address[0] or word.lower() in headings.parting for word in content):
        return True
    return listed and len(words) == 1 and words[0].islower()


def announces_nothing(reader: Reader, line: str) -> bool:
    """Tell whether a line says "here it is" or "as discussed" and no more, maybe to somebody."""
    address = _ADDRESS.match(line)
    told = _WORD.findall(line[address.end() :] if address else line) or _WORD.findall(line)
    words = [word.lower() for word in told]
    headings = reader.grammar.headings
    return bool(words) and all(
        reader.owns_nothing(word) or word in headings.sought or word in headings.parting for word in words
    )


def is_name(line: str) -> bool:
    """Tell whether a line is a name and no more."""
    words = line.split()
    return len(words) <= _NAMES and all(word[:1].isupper() for word in words) and line[-1:] not in ".:!?"


def _labels(reader: Reader, hit: Hit, low: int, high: int) -> list[tuple[int, int]]:
    return [(one.start, one.end) for one in reader.hits.within(low, high) if one.label.owns == hit.label.owns]


def _is_others(reader: Reader, hit: Hit, low: int, high: int, *, known: bool) -> bool:
    """Tell whether a label of another matter stands on the line; a surname such as "Page" is none."""
    text = reader.page.text
    for other in reader.hits.within(low, high):
        label, word = other.label, text[other.start : other.end].strip()
        if label.owns == hit.label.owns or word.lower() in reader.grammar.number or label.id == "dates":
            continue
        if _is_of_birth(text, other, high):
            continue
        if is_noun(other) and (word.lower() in _OF_NAMES or reader.owns_nothing(word.lower())):
            continue
        if (is_noun(other) or known) and word.isalpha() and _FORENAME.search(text, low, other.start) and word.istitle():
            continue
        return True
    return False


def _is_date(text: str, run: Run) -> bool:
    """Tell whether eight digits are a day: 20261129."""
    written = text[run.start : run.end]
    return re.fullmatch(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])", written) is not None
