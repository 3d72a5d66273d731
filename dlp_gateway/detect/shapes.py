"""Numbers as they stand in text: runs of digit-bearing groups, with dates, amounts, phones and links left out."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Final

import re2

_MONTHS: Final = (
    "jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez|janv|févr|mars|avr|juin|juil|août|déc|ene|abr|ago|dic|gen|"
    "mag|giu|lug|set|ott|fev|out|sty|lut|kwi|maj|cze|lip|sie|wrz|paź|lis|gru|mrt|mei"
).replace("ä", "a").replace("é", "e").replace("û", "u").replace("ź", "z")  # fmt: skip

#: A calendar date in figures, or with the month as a word.
DATE: Final = (
    r"\b(?:19|20)\d\d[-/. ](?:0?[1-9]|1[0-2])[-/. ](?:0?[1-9]|[12]\d|3[01])\b"
    r"|\b(?:0?[1-9]|[12]\d|3[01])(?:[-/. ] ?| / )(?:0?[1-9]|1\d|2\d|3[01])(?:[-/. ] ?| / )(?:(?:19|20)\d\d|\d\d)\b"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th|er|\.)?,?[ /-]?(?:de |of )?"
    rf"(?:{_MONTHS})[a-z]{{0,8}}\.?,?[ /-](?:de |del )?(?:19|20)?\d\d\b"
    rf"|\b(?:{_MONTHS})[a-z]{{0,8}}\.?[ -]\d{{1,2}}(?:st|nd|rd|th)?,?[ -](?:19|20)\d\d\b"
    r"|\b(?:0?[1-9]|[12]\d|3[01])\.? ?[/.]? ?(?:I{1,3}|IV|VI{0,3}|IX|XI{0,2}) ?[/.]? ?(?:19|20)\d\d\b"
)
_NO_IDENTIFIER: Final = (
    r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9.\-]+",
    r"\b(?:https?|ftp)://[^\s?<>\"]*",
    r"\bwww\.[^\s?<>\"]*",
    r"(?:^|[\s\"'(=])/(?:[A-Za-z][\w.-]{0,40}/){1,8}[\w.-]{1,60}",  # the name of a file
    r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b",
    r"\b\d{1,2}:\d\d(?::\d\d)?\b",
    r"\b(?:19|20)\d\d-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:?\d\d)?\b",
    r"(?:^|[\s(,;:])(?:0?[1-9]|1[0-2])/(?:19|20)\d\d\b",  # a month
    r"\b(?:19|20)\d\d ?[-/] ?(?:19|20)?\d\d\b",  # years, from and to
    DATE,
    r"\b[A-Za-z0-9+/=]{35,}",  # base64, hashes
)
#: What a label directly before it makes an identifier all the same ("NHS no. 943-476-5919").
_SELDOM: Final = (
    r", ?[A-Z]{2} \d{5}(?:-\d{4})?\b",  # a ZIP code behind its state
    r"\b(?-i:[A-Z]{1,3}-[A-Z]{1,2} ?\d{1,4}[EH]?)\b",  # a number plate of Germany
    r"\b0\d{2,4} ?/ ?\d{3,5}[ -]?\d{2,4}\b|\b555[ .-]01\d\d\b|\b[tfpmdcow](?:[.:] ?| )\d{3}-\d{4}\b",
    r"\b\d{1,3}(?:[.,']\d{3})*[.,]\d\d(?:[^\w.,-]|$)",  # an amount
    r"[$] ?\d[\d.,]*\d\b",  # folding makes every sign of a currency a dollar
    r"\b\d[\d.,]* ?[$]",
    r"\b(?:USD|EUR|GBP|CHF|CAD|AUD|PLN|BRL) ?\d[\d.,]*\b",
    r"\b\d+(?:\.\d+){3,}\b",  # an address or a version
    r"\+\d[\d ()./\-]{6,18}\d\b",
    r"\(\+?\d{1,5}\) ?\d[\d ./\-]{4,12}\d\b",
    r"\b[2-9]\d\d[-. ][2-9]\d\d[-.]\d{4}\b|\b[2-9]\d\d[-. ]555[-. ]\d{4}\b",  # North American
    r"(?m:^[>|\s]*(?:[TMPOF]|Tel|Mob|Fax|Ph)[.:]? ?\(?0\d{1,4}\)?[ ./-]\d[\d ./-]{4,12}\d\b)",  # in a signature
    r"\b0\d{3,4}[ /-]\d{3} ?\d{3,4}\b|\b0\d{2,4}[ /]\d{5} ?\d{3}\b",
    r"\b0\d(?:[ .]\d\d){4}\b",  # French
    r"\b0\d{2,4} \d{3} ?\d{4}\b|\b0\d{3,4} \d{5,6}\b|\b0\d{2} \d{4} \d{4}\b",  # British
)
# Behind a licence number its state is often written, and is no part of it.
_REGIONS: Final = frozenset(
    {"AK", "AL", "AR", "AZ", "CA", "CO", "CT", "DC", "DE", "FL", "GA", "HI", "IA", "ID", "IL", "IN", "KS", "KY", "LA"}
    | {"MA", "MD", "ME", "MI", "MN", "MO", "MS", "MT", "NC", "ND", "NE", "NH", "NJ", "NM", "NV", "NY", "OH", "OK", "OR"}
    | {"PA", "RI", "SC", "SD", "TN", "TX", "UT", "VA", "VT", "WA", "WI", "WV", "WY", "AB", "BC", "MB", "NB", "NS", "ON"}
    | {"PE", "QC", "SK", "YT", "ACT", "NSW", "NT", "QLD", "SA", "TAS", "VIC", "UK", "GB", "USA", "EXP", "AND", "OR"}
)
_TOKEN: Final = re.compile(r"[A-Za-z0-9*]+")
_SEPARATING: Final = {code: None for code in range(128) if not (chr(code).isalnum() or chr(code) == "*")}
# "class B 1234567": the letter is of the class, not of the number.
_CLASS: Final = re.compile(
    r"(?:class|klasse|kl|klas|clase|classe|cat|kat|tipo|type|categor[a-z]{1,3}|kategori[a-z]|klass)\.? \Z",
    re.IGNORECASE,
)
_EXPIRY: Final = re.compile(r" {1,2}(?:0[1-9]|1[0-2]) ?[/.-] ?[2-4]\d\b")
_OF_MONTH: Final = 2  # groups, or one where blanks stand around the stroke
_LONGEST_LINK: Final = 24
_LINKING: Final = re.compile(
    r"[\s:#=.(\[\"'>*`~-]*"
    r"(?:(?:number|no|nr|num|nummer|numero|n|is|ist|lautet|est|es|e|er|on file)\b[\s:#=.(\"'*`~-]*){0,3}",
    re.IGNORECASE,
)
_LARGE: Final = 100_000  # characters
_SPACED: Final = re.compile(r"\d\d \d\d \d\d")
_REST: Final = re.compile(r" \d{2,8}\b")
_SEPARATORS: Final = frozenset(" -./")
_MAX_GROUPS: Final = 10
_MARKER: Final = 2  # digits that number an item of a list
_WHOLE: Final = 7  # letters and digits of a number in one piece
_EMPHASIS: Final = 3  # stars; more of them stand for digits that are not told
_BOLD: Final = 200  # characters between the marks of what is in bold


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Neighbouring groups of letters and digits, each (start, end) in the text, that together may be a number."""

    groups: tuple[tuple[int, int], ...]

    @property
    def start(self) -> int:
        """Where the first group begins."""
        return self.groups[0][0]

    @property
    def end(self) -> int:
        """Where the last group ends."""
        return self.groups[-1][1]


def _compile(expression: str) -> "re2._Regexp[bytes]":
    options = re2.Options()
    options.case_sensitive = False
    options.longest_match = True
    options.log_errors = False
    return re2.compile(expression, options)


_MASK: Final = _compile("|".join(f"(?:{part})" for part in _NO_IDENTIFIER))
_SELDOM_MASK: Final = _compile("|".join(f"(?:{part})" for part in _SELDOM))
_DATE: Final = _compile(DATE)


def dates(text: str, start: int, end: int) -> tuple[tuple[int, int], ...]:
    """Return the calendar dates that begin in `text[start:end]`."""
    return tuple(_found(_DATE, text[start:end].encode("ascii"), start))


def runs(
    text: str,
    start: int,
    end: int,
    words: Iterable[tuple[int, int]] = (),
    named: Sequence[int] = (),
    data: bytes = b"",
) -> Iterator[Run]:
    """Yield what may be a number in `text[start:end]`; `data` is the text as octets.

    `words` are ranges (of labels), in order, that no number reaches into; `named` is where labels end that surely name
    a number.
    """
    part = memoryview(data)[start:end] if data else text[start:end].encode("ascii")
    never = (found for found in _found(_MASK, part, start) if not _goes_on(text, *found))
    seldom = (found for found in _found(_SELDOM_MASK, part, start) if not _is_named(text, found[0], named))
    # Of a large part, a list of them all would take several times as much as the part.
    closed = _Closed(merge(never, seldom, words) if end - start > _LARGE else iter(sorted((*never, *seldom, *words))))
    groups: list[tuple[int, int]] = []
    digits = 0
    for match in _TOKEN.finditer(text, start, end):
        low, high = match.span() if "*" not in match[0] else _bare(text, *match.span())
        word = text[low:high]
        bearing = 0 if word.isalpha() else sum(map(str.isdigit, word))
        member = high - low < 35 and (bearing or _may_join(word, text[low - 1 : low], text[high : high + 1]))
        if member and not bearing and not groups and _CLASS.search(text, max(0, low - 12), low):
            member = False
        if member and groups and high - low <= _MARKER and text[high : high + 1] == ")" and text[low - 1] == " ":
            member = False  # "2) number: 048117223 3) state: …": the next item of a list
        if member:
            member = closed.leaves(low, high)
        if groups and not (member and len(groups) < _MAX_GROUPS and _joins(text[groups[-1][1] : low])):
            if _enough(text, groups, digits):
                yield _run(text, groups)
            groups, digits = [], 0
        if member:
            groups.append((low, high))
            digits += bearing
    if _enough(text, groups, digits):
        yield _run(text, groups)


def _bare(text: str, low: int, high: int) -> tuple[int, int]:
    """Return the range of a word without the stars that put it in bold; those that hide digits stay in it."""
    word = text[low:high]
    before, behind = len(word) - len(word.lstrip("*")), len(word) - len(word.rstrip("*"))
    size = len(word) - before - behind

    def is_bold(stars: int, others: int, start: int, end: int) -> bool:
        if stars in {0, 1} or stars > _EMPHASIS:
            return stars == 1
        return stars == others or size >= _WHOLE or "*" * stars in text[max(0, start) : end]

    if size <= 0:
        return low, high
    return (
        low + before * is_bold(before, behind, high, high + _BOLD),
        high - behind * is_bold(behind, before, low - _BOLD, low),
    )


def _is_named(text: str, low: int, named: Sequence[int]) -> bool:
    """Tell whether nothing but "no.", "is" or a colon stands between a label and the number."""
    index = bisect_right(named, low) - 1
    if index < 0 or low - named[index] > _LONGEST_LINK:
        return False
    return _LINKING.fullmatch(text, named[index], low) is not None


def without_expiry(text: str, run: Run) -> Run:
    """Return the run without the month behind the number of a card: "4111-1111 11111111 08/29"."""
    for count in range(1, min(_OF_MONTH + 1, len(run.groups))):
        expiry = _EXPIRY.match(text, run.groups[-count - 1][1])
        if expiry is not None and expiry.end() >= run.end:
            return Run(groups=run.groups[:-count])
    return run


def _goes_on(text: str, low: int, high: int) -> bool:
    """Tell whether what looks like a date is the beginning of a longer number ("08 09 69 300417")."""
    return _SPACED.fullmatch(text, low, high) is not None and _REST.match(text, high) is not None


def _found(expression: "re2._Regexp[bytes]", part: bytes | memoryview, start: int) -> Iterator[tuple[int, int]]:
    """Yield where an expression matches in a part of a text that begins at `start`."""
    for match in expression.finditer(part):
        low, high = match.span()
        yield start + low, start + high


def _run(text: str, groups: list[tuple[int, int]]) -> Run:
    low, high = groups[-1]
    region = len(groups) > 1 and text[low - 1] in " /" and text[low:high] in _REGIONS
    kept = groups[:-1] if region else groups
    if len(kept) > 1 and text[slice(*kept[0])] in _REGIONS and kept[1][1] - kept[1][0] >= _WHOLE:
        kept = kept[1:]  # "OH RT482913": the state, and a number that is complete without it
    return Run(groups=tuple(kept))


def _joins(between: str) -> bool:
    return between in _SEPARATORS or between == " - "


class _Closed:
    """Ranges into which no number reaches, given in order, and asked for in order."""

    def __init__(self, ranges: Iterator[tuple[int, int]]) -> None:
        self._ranges = ranges
        self._end = -1  # of the last ranges that begin before what is asked for
        self._next = next(ranges, None)

    def leaves(self, low: int, high: int) -> bool:
        """Tell whether `low` … `high` lies in none of them."""
        while self._next is not None and self._next[0] <= low:
            self._end = max(self._end, self._next[1])
            self._next = next(self._ranges, None)
        return self._end <= low and (self._next is None or self._next[0] >= high)


def _enough(text: str, groups: list[tuple[int, int]], digits: int) -> bool:
    """Four digits, or two in a group of capitals as long as a document's number ("U1CTKS6MFJ")."""
    if digits == 3 and sum(high - low for low, high in groups) >= 12:  # Manitoba: seven letters, three digits, two
        return True
    return digits >= 4 or (
        digits >= 2 and any(8 <= high - low <= 12 and text[low:high].isupper() for low, high in groups)
    )


def _may_join(word: str, before: str, after: str) -> bool:
    """Tell whether letters alone may be a group of a number ("B 4274001", "22 BL 76443", "MILLE-151291234")."""
    if word in {"ID", "NO", "NR"}:
        return False
    return (word.isupper() and len(word) <= 3) or (len(word) <= 5 and "-" in {before, after} and word.isupper())


def compact(text: str) -> str:
    """Return what counts of a number: letters in upper case and digits.

    >>> compact("morga 657054-sm9ij")
    'MORGA657054SM9IJ'
    """
    return text.upper().translate(_SEPARATING)
