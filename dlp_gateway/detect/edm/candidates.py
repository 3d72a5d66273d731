"""What in a text could be a value of a table: numbers in any usual spacing, dates, names, addresses; in linear time."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from dlp_gateway.detect.edm import values
from dlp_gateway.detect.edm.values import LONGEST_CODE, WRITTEN_DATE
from dlp_gateway.detect.folding import Folded


class Candidate(NamedTuple):
    """A value in its compared form, where it stands in folded text, its digest's domain, and the shape of a code."""

    start: int
    end: int
    domain: str
    value: str
    shape: str


#: What may stand between two groups of one number.
_SIGN: Final = r"(?: ?[-./_] ?|[ \t]{1,3}|\n)"
_BEARING: Final = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]*+[0-9][A-Za-z0-9]*+")
_DIGITS: Final = re.compile(r"[0-9]+")
_BRIDGE: Final = re.compile(rf"{_SIGN}(?:([A-Za-z]{{1,9}}){_SIGN}(?:([A-Za-z]{{1,9}}){_SIGN})?)?")
_PLAIN_BRIDGE: Final = re.compile(_SIGN)
_BEFORE: Final = re.compile(rf"(?<![A-Za-z0-9])(?:([A-Za-z]{{1,9}}){_SIGN})?([A-Za-z]{{1,9}}){_SIGN}\Z")
_BEHIND: Final = re.compile(rf"{_SIGN}([A-Za-z]{{1,9}})(?:{_SIGN}([A-Za-z]{{1,9}}))?(?![A-Za-z0-9])")
_LONGEST_BRIDGE: Final = 27
_GLUED: Final = re.compile(r"[A-Za-z]+([0-9]+)")
_WORDS: Final = re.compile(r"[A-Za-z?]+")
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_APART: Final = re.compile(r"[ \t,.'-]{1,3}|[ ,]{0,2}\n[ \t]{0,3}")
#: Characters before and behind an "@" that an address may have (RFC 5321 4.5.3.1).
_LOCAL: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}\Z")
_DOMAIN: Final = re.compile(r"@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")

Group = tuple[int, int]


def codes(text: str, shapes: Mapping[str, float]) -> Iterator[Candidate]:
    """Yield what has one of `shapes` among neighbouring groups of letters and digits of folded `text`."""
    lengths = frozenset(len(one) if one[0] != "X" else int(one[1:]) for one in shapes)
    longest = min(max(lengths, default=0), LONGEST_CODE)
    lettered = any("A" in one or "X" in one for one in shapes)
    for run in _runs(text, _BEARING if lettered else _DIGITS, lettered=lettered, longest=longest):
        yield from _joined(text, run, shapes, lengths, longest)


def _runs(text: str, token: re.Pattern[str], *, lettered: bool, longest: int) -> Iterator[list[Group]]:
    """Yield neighbouring groups, words of letters before, between and behind them where values have letters."""
    bridge = _BRIDGE if lettered else _PLAIN_BRIDGE
    run: list[Group] = []
    for found in token.finditer(text):
        start, end = found.span()
        if run:
            last = run[-1][1]
            between = bridge.fullmatch(text, last, start) if start - last <= _LONGEST_BRIDGE else None
            if between is None or len(run) > longest:
                if lettered:
                    run += _words_at(_BEHIND.match(text, last))
                yield run
                run = []
            elif lettered:
                run += _words_at(between)
        if not run and lettered:
            run = _words_at(_BEFORE.search(text, max(0, start - _LONGEST_BRIDGE), start))
        run.append((start, end))
    if run:
        yield run + _words_at(_BEHIND.match(text, run[-1][1]) if lettered else None)


def _words_at(found: re.Match[str] | None) -> list[Group]:
    return [] if found is None else [found.span(group) for group in (1, 2) if found[group]]


def _joined(
    text: str, run: list[Group], shapes: Mapping[str, float], lengths: frozenset[int], longest: int
) -> Iterator[Candidate]:
    """Yield each stretch of groups that together have a shape."""
    parts = [text[start:end].upper() for start, end in run]
    for first, (start, _) in enumerate(run):
        glued = _GLUED.fullmatch(parts[first])
        beginnings = (parts[first], glued[1]) if glued else (parts[first],)
        for beginning in beginnings:
            value = beginning
            at = start + len(parts[first]) - len(beginning)
            for place in range(first, len(run)):
                if place > first:
                    value += parts[place]
                if len(value) > longest:
                    break
                if len(value) in lengths and (form := _shaped(value, shapes)):
                    yield Candidate(at, run[place][1], values.CODE, value, form)
        if glued is None and len(parts[first]) > 2 and not parts[first].isdigit():
            yield from _digits_within(parts[first], start, shapes, lengths)


def _digits_within(part: str, start: int, shapes: Mapping[str, float], lengths: frozenset[int]) -> Iterator[Candidate]:
    """Yield numbers that letters stand around without a blank: "No4711x"."""
    for found in _DIGITS.finditer(part):
        if found.end() - found.start() in lengths and (form := _shaped(found[0], shapes)):
            yield Candidate(start + found.start(), start + found.end(), values.CODE, found[0], form)


def _shaped(value: str, shapes: Mapping[str, float]) -> str:
    form = values.shape(value)
    if form in shapes:
        return form
    by_length = f"X{len(value)}"  # of codes without any form
    return by_length if by_length in shapes and not value.isalpha() else ""


def dates(text: str) -> Iterator[Candidate]:
    """Yield every day that a date in folded `text` may mean."""
    for found in WRITTEN_DATE.finditer(text):
        for day in values.readings(found):
            yield Candidate(found.start(), found.end(), values.DATE, day, "")


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


def names(text: str, folded: Folded, windows: Iterable[Group], most_words: int) -> Iterator[Candidate]:
    """Yield each one to `most_words` neighbouring words within `windows` of the folded text."""
    for low, high in windows:
        before: list[tuple[int, int, str]] = []
        for start, end, word in _words(text, folded, low, high):
            if before and _APART.fullmatch(folded.text, before[-1][1], start) is None:
                before.clear()
            before.append((start, end, word))
            del before[:-most_words]
            for first in range(len(before)):
                several = [one for _, _, one in before[first:]]
                yield Candidate(before[first][0], end, values.NAME, values.together(several), "A" * len(several))


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
