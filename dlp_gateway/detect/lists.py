"""Lists below a line that names what their numbers are: the heading owns the items until the list ends.

"Here are the passport numbers of our guests:", and below it "Ann Weir 533401372", line by line: of people's names and
numbers nothing else can be the owner. A line owns a list if its label is what the line is about, not a word beside
another ("passport renewal appointments", "questions about passport numbers"), and if it does not ask for the numbers.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from dlp_gateway.detect.labels import OTHER, Hit, is_noun
from dlp_gateway.detect.ownership import Reader, numbers
from dlp_gateway.detect.shapes import Run, dates, runs

_LONGEST_LINE: Final = 200
#: Lines of one text that are looked at as items, and lines without a number that stand between two of them.
ITEMS: Final = 20_000
_BETWEEN: Final = 3
_BLANK_LINES: Final = 2
_WORDS: Final = 8  # of an item
_WORD: Final = re.compile(r"[A-Za-z]+(?:['.-][A-Za-z]+)*")
_TOKENS: Final = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")
_TOKEN: Final = re.compile(r"[A-Za-z]+(?:[.-][A-Za-z]+)*|'[A-Za-z]+|\d+|[^\w\s]")
_MARGIN: Final = "> \t\r*#|=_-~+"
_SENTENCE_END: Final = re.compile(r"[.!?;]\s+(?=\S)")
_FIGURES: Final = re.compile(r"(?:[A-Za-z]{0,3}\d[ .\-/]?){4}|\d\D{0,2}\d")
_RULE: Final = re.compile(r"[\s|:+=*_~-]+")
_MARKER: Final = re.compile(r"[>\s]*(?:(?P<bullet>[-*+~])|\(?(?P<count>\d{1,3})[.):])\s+")
#: Cells of a row: of a table, of a file of values, or drawn with blanks.
_CELL: Final = re.compile(r"\s*[\t|;]\s*|,(?=\S)| {3,}")
_GAP: Final = re.compile(r"[ .]+")
_NUMERIC: Final = re.compile(r"\d{5}")
_EXPIRY: Final = re.compile(r"\b(?:19|20)\d\d\b")
_ABBREVIATION: Final = re.compile(r"[A-Z.]{3,6}(?:'?s)?")
_COMPOUND: Final = re.compile(
    r"(?:nummern?|nummers|nummer(?:et|ne)|num(?:re|rene|ren|ret)|numerot?|numero|tunnus|tunnukset|idnr|nr)\s*\Z",
    re.IGNORECASE,
)
_NUMBER_OF: Final = re.compile(r"\A(?:numer[oiy]s?|numerow|numbers?|nr|nos?|n|nummern?|nummers?)\b", re.IGNORECASE)
_NAMED_ALONE: Final = frozenset({"US_SSN", "UK_NINO", "IBAN", "TAX_ID"})
_DOCUMENTS: Final = frozenset({"PASSPORT", "DRIVER_LICENSE", "CREDIT_CARD"})
_AND: Final = frozenset({"and", "und", "et", "y", "e", "en", "i", "och", "og", "ja", "or", "&", "+", "/", ","})
#: In these languages "de" is an article.
_ARTICLES: Final = frozenset({"nl", "sv", "da", "no"})
#: In these languages the owner stands behind what is owned without a word between.
_GENITIVE_ALONE: Final = frozenset({"pl", "cs", "sk", "hr", "sl", "fi", "hu", "et", "lv", "lt"})
_TOWARDS: Final = frozenset({"to", "at", "an", "bei", "a", "aan", "bij", "till", "til"})
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
_OF_DOCUMENTS: Final = 2  # words before a document that is not said to have a number: "Ann's passport"
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
    for hit in reader.hits.where(lambda label: label.owns not in {OTHER, "DATE_OF_BIRTH"}):
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


def is_heading(reader: Reader, hit: Hit, low: int, high: int, *, answered: bool = False) -> bool:
    """Tell whether the line at `low` … `high` is about numbers of the label's kind, and tells them or has them told.

    `answered`: a line that asks for them counts as well, since what follows is the answer.
    """
    text, words = reader.page.text, reader.grammar.headings
    for end in _SENTENCE_END.finditer(text, low, hit.end):
        low = end.end()
    start = max(low, hit.start)
    if len([cell for cell in _CELL.split(text[low:high]) if cell.strip(_MARGIN)]) > 1:
        return False  # the headings of a table say themselves what is below them
    behind = text[hit.end : high].rstrip(f"{_MARGIN}:.?!),;")
    if ":" in behind or _SENTENCE_END.search(behind) or _NUMERIC.search(behind.replace(" ", "")[:_WORDS]):
        return False  # "Passport number: to follow"
    if text[hit.end : high].rstrip(" \t\r*_").endswith("?") and not answered:
        return False
    if not answered and says(text[low:high], words.asking):
        return False
    before = [token.lower() for token in _TOKEN.findall(text[low:start].lstrip(_MARGIN))]
    rest = _TOKEN.findall(behind)
    whole = frozenset(before)
    named = _names_number(reader, hit)
    if rest and (rest[0].lower() in words.numbers or rest[0].lower() in reader.grammar.number):
        named = True
        rest = rest[1:]
    if hit.label.language in _ARTICLES:
        before = [word for word in before if word != "de"]
    while before and before[-1] in reader.grammar.function - words.genitives - words.about:
        before.pop()
    if len(before) > 1 and before[-1] in words.genitives and _NUMBER_OF.match(before[-2]):
        named, before = True, before[:-2]  # "los numeros de pasaporte"
    elif before and _NUMBER_OF.match(before[-1]):
        named, before = True, before[:-1]
    if not named and not (reader.grammar.preposition - words.genitives).isdisjoint(whole):
        return False  # "an appointment for the passport"
    if answered and rest and rest[-1].lower() in words.asking:
        rest = rest[:-1]
    return (
        _is_head(reader, before, named=named)
        and _may_follow(reader, hit, rest, high, named=named)
        and not _is_one_of_several(reader, hit, low, high)
        and (rest == [] or rest[-1].lower() not in _TOWARDS)
    )


def names_number(reader: Reader, hit: Hit, low: int, high: int) -> bool:
    """Tell whether the line at `low` … `high` is about numbers: "passport numbers", "numeri di patente"."""
    grammar, text = reader.grammar, reader.page.text
    if _names_number(reader, hit):
        return True
    beside = (*_TOKEN.findall(text[low : hit.start])[-3:], *_TOKEN.findall(text[hit.end : high])[:1])
    return any(word.lower() in grammar.headings.numbers or _NUMBER_OF.match(word) for word in beside)


def _names_number(reader: Reader, hit: Hit) -> bool:
    """Tell whether a label says "number", or is what people call one: "SSN", "DNI"."""
    text = reader.page.text
    written = text[hit.start : hit.end].strip()
    if numbers(hit, text) or _COMPOUND.search(written) or _NUMBER_OF.match(written):
        return True
    if hit.label.owns in _NAMED_ALONE or written.lower().split()[-1].rstrip(".'s") in reader.grammar.headings.numbers:
        return True
    return hit.label.owns not in _DOCUMENTS and (
        _ABBREVIATION.fullmatch(written) is not None or hit.label.id.startswith("national-id-")
    )


def says(text: str, words: frozenset[str]) -> bool:
    """Tell whether one of some words stands in a text."""
    return not words.isdisjoint(map(str.lower, _TOKENS.findall(text)))


def _is_head(reader: Reader, before: Sequence[str], *, named: bool) -> bool:
    """Tell whether the words before a label leave it what the line is about."""
    words = reader.grammar.headings
    told = words.sought | words.attached
    for index in range(len(before) - 1, -1, -1):
        word = before[index]
        if word in words.genitives or word in words.about:
            previous = [one for one in before[:index] if one[0].isalpha()]
            if not previous:
                return named and word in words.genitives
            if word in words.genitives and (previous[-1] in words.collections or reader.owns_nothing(previous[-1])):
                return True
            return not told.isdisjoint(previous[-2:])
        if not word[0].isalpha() and word[0] != "'":
            if word in ",;:(-":
                return named or word in ":,"
        elif not (reader.owns_nothing(word) or word in words.collections):
            # An adjective, whose they are, or the verb: "US passport numbers", "we have the passport numbers".
            return named or len(before) <= _OF_DOCUMENTS
    return True


def _may_follow(reader: Reader, hit: Hit, rest: Sequence[str], high: int, *, named: bool) -> bool:
    """Tell whether the words behind a label say no more than whose numbers they are."""
    grammar, words = reader.grammar, reader.grammar.headings
    text = reader.page.text
    first = rest[0] if rest else ""
    if not words.numbers.isdisjoint(map(str.lower, rest)):
        return False  # "licence holders and their locker numbers"
    if first and first[0].isalpha():
        word = first.lower()
        owned = word in words.genitives or word in words.collections or word in words.attached
        belongs = word in grammar.preposition or reader.owns_nothing(word) or first[0].isupper()
        inflected = hit.label.language in _GENITIVE_ALONE
        if not (owned or (named and (belongs or inflected))):
            return False
    for other in reader.hits.within(hit.end, high):
        if other.label.owns == OTHER and not is_noun(other):
            lead = [token.lower() for token in _TOKEN.findall(text[hit.end : other.start])]
            if not lead or not _AND.isdisjoint(lead[-3:]):
                return False  # "passport numbers and booking references"
    return True


def _is_one_of_several(reader: Reader, hit: Hit, low: int, high: int) -> bool:
    """Tell whether the line is an item of a list itself, and the next one another."""
    text = reader.page.text
    own = _MARKER.match(text, low, high)
    if own is None or own.end() > hit.start:
        return False
    following = next(reader.page.lines_from(low), None)
    other = _MARKER.match(text, *following) if following else None
    return other is not None and (own["bullet"], own["count"] is None) == (other["bullet"], other["count"] is None)


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
        depth = reader.page.depth(self._low)
        for low, high in islice(reader.page.lines_from(self._low), ITEMS):
            seen += 1
            line = text[low:high].strip(_MARGIN)
            if not line:
                blank += not text[low:high].strip()
                if blank > _BLANK_LINES:
                    break
                continue
            if ends(reader, low, high) or reader.page.depth(low) != depth:
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
            marked = _MARKER.match(text, low, high) is not None
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
    cells = [cell.strip(_MARGIN + '"').lower() for cell in _CELL.split(text[low:high].strip(" >|\r"))]
    if len([cell for cell in cells if cell]) < 2:
        return None
    number = reader.grammar.number | reader.grammar.headings.numbers
    named = [place for place, cell in enumerate(cells) if cell and number.issuperset(filter(None, _GAP.split(cell)))]
    return (named[0] if len(named) == 1 else -1), len(cells)


def ends(reader: Reader, low: int, high: int) -> bool:
    """Tell whether a signature begins on a line."""
    words = reader.page.text[low:high].strip(_MARGIN).lower().split(",")[0].strip(" .!-")
    return words in reader.grammar.closing or reader.page.text[low:high].rstrip() in {"--", "-- "}


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
        gaps = [(0, begin), *(gap.span() for gap in _CELL.finditer(text, begin, high)), (high, high)]
        if column + 1 >= len(gaps):
            return ()
        low, high = gaps[column][1], gaps[column + 1][0]
    marker = _MARKER.match(text, low, high)
    low = marker.end() if marker else low
    found = tuple(runs(text, low, high, _labels(reader, hit, low, high), (), reader.page.data))
    told = tuple(run for run in found if not _is_date(text, run))
    if not told or _is_others(reader, hit, low, high, known=known):
        return ()
    ends = zip((low, *(run.end for run in told)), (*(run.start for run in told), high), strict=True)
    rest = " ".join(text[begin:end] for begin, end in ends)
    dated = [(one.start, one.end) for one in reader.hits.within(low, high) if one.label.id == "dates"]
    for begin, end in (*dates(text, low, high), *dated):
        rest = rest.replace(text[begin:end], " ", 1)
    return told if column is not None or is_lead(reader, rest, listed=listed) else ()


def is_lead(reader: Reader, rest: str, *, listed: bool) -> bool:
    """Tell whether what stands beside a number are names, or words that say no more than "here it is"."""
    written = _WORD.findall(_EXPIRY.sub(" ", rest))
    if any(sum(map(str.isdigit, group)) > 4 for group in re.findall(r"[\d -]+", rest)) or len(written) > _WORDS:
        return False
    words = [word for word in written if word.lower() not in _OF_NAMES]
    if any(_COMPOUND.search(word) or _NUMBER_OF.match(word) for word in words):
        return False  # "Afspraaknummer 533401372": whatever it is, it is its own
    if all(word[0].isupper() for word in words) and len(words) <= _NAMES:
        return True
    known, headings = reader.owns_nothing, reader.grammar.headings
    content = [word for word in words if not known(word.lower()) and word.lower() not in headings.sought]
    if not content or all(word.lower() in headings.parting for word in content):
        return not any(word in reader.grammar.headings.about for word in map(str.lower, words[-1:]))
    address = re.match(r"\s*(?:[A-Za-z]+ )?[A-Z][a-z]+\s*[,:]", rest)  # "Hi Ben, it's …"
    if address and all(word in address[0] or word.lower() in headings.parting for word in content):
        return True
    return listed and len(words) == 1 and words[0].islower()


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
