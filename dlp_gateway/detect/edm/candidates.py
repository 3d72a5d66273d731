"""What in a text could be a value of a table: numbers in any usual spacing, dates, names, addresses; in linear time."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from dlp_gateway.detect.edm import values
from dlp_gateway.detect.edm.values import FIGURE, LONGEST_CODE, LONGEST_MONTH, MONTH_BEFORE, WRITTEN_DATE
from dlp_gateway.detect.folding import Folded


class Candidate(NamedTuple):
    """A value in its compared form, where it stands in folded text, the domain of its digest, and a code's shape.

    The shape of a name has a letter for each of its words.
    """

    start: int
    end: int
    domain: str
    value: str
    shape: str


#: What may stand between two groups of one number.
_SIGN: Final = r"(?: ?[-./_] ?|[ \t]{1,3}|\n)"
_BEARING: Final = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]*+[0-9][A-Za-z0-9]*+")
FIGURES: Final = re.compile(r"[0-9]+")
_BRIDGE: Final = re.compile(rf"{_SIGN}(?:([A-Za-z]{{1,9}}){_SIGN}(?:([A-Za-z]{{1,9}}){_SIGN})?)?")
_PLAIN_BRIDGE: Final = re.compile(_SIGN)
_BEFORE: Final = re.compile(rf"(?<![A-Za-z0-9])(?:([A-Za-z]{{1,9}}){_SIGN})?([A-Za-z]{{1,9}}){_SIGN}\Z")
_BEHIND: Final = re.compile(rf"{_SIGN}([A-Za-z]{{1,9}})(?:{_SIGN}([A-Za-z]{{1,9}}))?(?![A-Za-z0-9])")
_LONGEST_BRIDGE: Final = 27
#: Neighbouring groups that are looked at together; a table of numbers is all neighbours.
_LONGEST_RUN: Final = 4 * LONGEST_CODE
_GLUED: Final = re.compile(r"[A-Za-z]+([0-9]+)")
_WORDS: Final = re.compile(r"[A-Za-z?]+")
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_BLANK: Final = re.compile(r"\s")
_LONGEST_WORD: Final = 200
_APART: Final = re.compile(r"[ \t,.'-]{1,3}|[ ,]{0,2}\n[ \t]{0,3}")
#: Characters before and behind an "@" that an address may have (RFC 5321 4.5.3.1).
_LOCAL: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}\Z")
_DOMAIN: Final = re.compile(r"@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")

Group = tuple[int, int]


class Shapes:
    """Where letters and digits stand in the codes of a table, each with the share of all such codes that it has."""

    def __init__(self, shares: Mapping[str, float]) -> None:
        """Take the shapes of a header."""
        self.shares = shares
        self.lengths = frozenset(len(one) if one[0] != "X" else int(one[1:]) for one in shares)
        self.sizes = tuple(sorted(self.lengths))
        self.longest = min(max(self.lengths, default=0), LONGEST_CODE)
        self.lettered = any("A" in one or "X" in one for one in shares)
        self._by_length = {int(one[1:]): one for one in shares if one[0] == "X"}  # of codes without any form

    def of(self, kinds: str) -> str:
        """Return the shape of a value whose letters and digits stand so, "" if no code of the table has it."""
        if kinds in self.shares:
            return kinds
        return self._by_length.get(len(kinds), "") if "9" in kinds else ""


def codes(text: str, shapes: Shapes) -> Iterator[Candidate]:
    """Yield what has one of `shapes` among neighbouring groups of letters and digits of folded `text`."""
    for run, beginnings in _runs(text, lettered=shapes.lettered):
        if len(run) == 1:
            yield from _single(text, run[0], shapes)
        else:
            yield from _stretches(text, run, shapes, beginnings)
        for place, (start, end) in enumerate(run[:beginnings]):
            part = text[start:end]
            if part.isdigit() or part.isalpha():
                continue
            if glued := _GLUED.fullmatch(part):  # "No4711 0815"
                rest = [(start + glued.start(1), end), *run[place + 1 : place + shapes.longest]]
                yield from _stretches(text, rest, shapes, 1)
            else:
                yield from _digits_within(part, start, shapes)


def _runs(text: str, *, lettered: bool) -> Iterator[tuple[list[Group], int]]:
    """Yield neighbouring groups, words of letters before, between and behind them where values have letters.

    And of how many of them on values may begin: the rest come again at the beginning of the next run.
    """
    token, bridge = (_BEARING, _BRIDGE) if lettered else (FIGURES, _PLAIN_BRIDGE)
    run: list[Group] = []
    for found in token.finditer(text):
        start, end = found.span()
        if run:
            last = run[-1][1]
            between = bridge.fullmatch(text, last, start) if start - last <= _LONGEST_BRIDGE else None
            if between is None:
                if lettered:
                    run += _words_at(_BEHIND.match(text, last))
                yield run, len(run)
                run = []
            elif lettered:
                run += _words_at(between)
            if len(run) >= _LONGEST_RUN:
                yield run, len(run) - LONGEST_CODE
                run = run[-LONGEST_CODE:]
        if not run and lettered:
            run = _words_at(_BEFORE.search(text, max(0, start - _LONGEST_BRIDGE), start))
        run.append((start, end))
    if run:
        run += _words_at(_BEHIND.match(text, run[-1][1]) if lettered else None)
        yield run, len(run)


def _words_at(found: re.Match[str] | None) -> list[Group]:
    return [] if found is None else [found.span(group) for group in (1, 2) if found[group]]


def _single(text: str, group: Group, shapes: Shapes) -> Iterator[Candidate]:
    start, end = group
    if end - start in shapes.lengths:
        value = text[start:end].upper()
        if form := shapes.of(values.kinds(value)):
            yield Candidate(start, end, values.CODE, value, form)


def _stretches(text: str, run: list[Group], shapes: Shapes, beginnings: int) -> Iterator[Candidate]:
    """Yield each stretch of groups that together have a shape, from one of the first `beginnings` of them on."""
    whole = "".join([text[start:end] for start, end in run]).upper()
    kinds = values.kinds(whole)
    ends: dict[int, int] = {}  # by how many characters stand before them in `whole`
    total = 0
    for place, (start, end) in enumerate(run):
        total += end - start
        ends[total] = place
    total = 0
    for start, end in run[:beginnings]:
        for size in shapes.sizes:
            last = ends.get(total + size)
            if last is not None and (form := shapes.of(kinds[total : total + size])):
                yield Candidate(start, run[last][1], values.CODE, whole[total : total + size], form)
        total += end - start


def _digits_within(part: str, start: int, shapes: Shapes) -> Iterator[Candidate]:
    """Yield numbers that letters stand around without a blank: "No4711x"."""
    for found in FIGURES.finditer(part):
        if found.end() - found.start() in shapes.lengths and (form := shapes.of(values.kinds(found[0]))):
            yield Candidate(start + found.start(), start + found.end(), values.CODE, found[0], form)


def dates(text: str) -> Iterator[Candidate]:
    """Yield every day that a date in folded `text` may mean."""
    end = 0
    for figure in FIGURE.finditer(text):
        start = figure.start()
        if start < end:
            continue
        month = found = None
        if start > 2 and text[start - 1] in " -" and not text[start - 2].isdigit():
            month = MONTH_BEFORE.search(text, max(0, start - LONGEST_MONTH), start)
        if month is not None:
            found = WRITTEN_DATE.match(text, month.start())
        if found := found or WRITTEN_DATE.match(text, start):  # "Mr Martin 2.1.1980" has no month in it
            end = found.end()
            for day in values.readings(found):
                yield Candidate(found.start(), end, values.DATE, day, "")


def addresses(text: str, folded: Folded) -> Iterator[Candidate]:
    """Yield the addresses of a text as it stands, at their places in its folded form."""
    at = text.find("@")
    while at >= 0:
        local = _LOCAL.search(text, max(0, at - 64), at)
        domain = _DOMAIN.match(text, at)
        if local and domain and (value := values.address(text[local.start() : domain.end()])):
            yield Candidate(_place(folded, local.start()), _place(folded, domain.end()), values.ADDRESS, value, "")
        at = text.find("@", at + 1)


def _place(folded: Folded, place: int) -> int:
    return place if folded.offsets is None else bisect_left(folded.offsets, place)


def names(text: str, folded: Folded, windows: Iterable[Group], counts: Sequence[int]) -> Iterator[Candidate]:
    """Yield as many neighbouring words as names have (`counts`), within `windows` of the folded text."""
    most = max(counts, default=0)
    for low, high in windows:
        starts: list[int] = []
        before: list[str] = []
        last = low
        for start, end, word in _words(text, folded, low, high):
            if start - last != 1 and _APART.fullmatch(folded.text, last, start) is None:
                starts, before = [], []
            last = end
            starts.append(start)
            before.append(word)
            if len(before) > most:
                del starts[0], before[0]
            for count in counts:
                if count <= len(before):
                    several = values.together(before[-count:])
                    yield Candidate(starts[-count], end, values.NAME, several, "A" * count)


def _words(text: str, folded: Folded, low: int, high: int) -> Iterator[tuple[int, int, str]]:
    for found in _WORDS.finditer(folded.text, low, high):
        start, end = found.span()
        if "?" not in found[0]:
            yield start, end, found[0].lower()
            continue
        # Of another script, or before a question mark: the words of the text as it stands.
        began, ended = folded.span(start, end)
        for part in _LETTERS.finditer(text, began, ended):
            if word := values.word(part[0]):
                yield _place(folded, part.start()), _place(folded, part.end()), word


def pieces(text: str, size: int, overlap: int) -> Iterator[tuple[int, str]]:
    """Yield a long text in pieces that overlap, with their places; between two blanks, so that no number is cut."""
    low = 0
    while True:
        high = low + size
        if high >= len(text):
            yield low, text[low:]
            return
        cut = _BLANK.search(text, high, high + _LONGEST_WORD)
        high = cut.start() if cut else high
        yield low, text[low:high]
        begins = _BLANK.search(text, high - overlap - _LONGEST_WORD, high - overlap)
        low = begins.end() if begins else high - overlap


def windows(places: Iterable[Group], within: int, length: int) -> Iterator[Group]:
    """Yield the stretches of a text around places, each once; `places` are in order."""
    low = high = -1
    for start, end in places:
        if high >= 0 and start - within <= high:
            high = max(high, min(length, end + within))
            continue
        if high >= 0:
            yield low, high
        low, high = max(0, start - within), min(length, end + within)
    if high >= 0:
        yield low, high
