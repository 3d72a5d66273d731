"""Numbers that prove themselves: places in a text that have a rule's form and pass its check, whatever is around."""

import re
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dlp_gateway.detect.card_context import Share
from dlp_gateway.detect.identifier_rules import CARD, Rule
from dlp_gateway.detect.shapes import compact

#: How often one value is looked at.
ASKED_EACH: Final = 20
#: How many distinct values are remembered as they are, which is faster; of further ones a hash is.
REMEMBERED: Final = 50_000
_OFTEN: Final = 255  # of further ones nobody asks whether they came more often
_FEWEST: Final = 1 << 12  # a power of two
_GROUP: Final = re.compile(r"[A-Za-z0-9]+")
_IBAN_HEAD: Final = re.compile(r"[A-Z]{2}\d\d[ -]$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The ranges of folded text that a rule proves, and how many of the numbers that looked like it."""

    rule: Rule
    places: "Places"
    share: Share


class Places:
    """Ranges in a text, eight octets each: a large one may be full of numbers."""

    def __init__(self) -> None:
        self._starts, self._ends = array("I"), array("I")

    def add(self, start: int, end: int) -> None:
        """Keep one more."""
        self._starts.append(start)
        self._ends.append(end)

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._starts, self._ends, strict=True)


class Seen:
    """How often each value came."""

    def __init__(self) -> None:
        self._times: Counter[str] = Counter()
        self._further = _Further()
        self.distinct = 0

    def add(self, value: str) -> int:
        """Count a value; return how often it came, or `_OFTEN`."""
        if value in self._times or len(self._times) < REMEMBERED:
            self._times[value] += 1
            times = self._times[value]
        else:
            times = self._further.add(value)
        self.distinct += times == 1
        return times


class _Further:
    """How often each of many values came, in some twenty octets each: a table of their hashes of 64 bits."""

    def __init__(self) -> None:
        self._marks, self._times = array("q", (0,)), bytearray(1)  # a mark of 0 is none
        self._distinct = 0

    def add(self, value: str) -> int:
        if 4 * self._distinct >= 3 * len(self._marks):
            self._grow()
        mark = hash(value) or 1
        place = self._place(mark)
        self._distinct += self._marks[place] == 0
        self._marks[place] = mark
        self._times[place] = min(_OFTEN, self._times[place] + 1)
        return self._times[place]

    def _place(self, mark: int) -> int:
        """Return where a mark stands, or may be put."""
        last = len(self._marks) - 1
        place = mark & last
        while (found := self._marks[place]) and found != mark:
            place = (place + 1) & last
        return place

    def _grow(self) -> None:
        marks, times = self._marks, self._times
        size = max(_FEWEST, 2 * len(marks))
        self._marks, self._times = array("q", bytes(8 * size)), bytearray(size)
        for mark, often in zip(marks, times, strict=True):
            if mark:
                place = self._place(mark)
                self._marks[place], self._times[place] = mark, often


def prove(rule: Rule, data: bytes, text: str) -> Proof:
    """Return what a rule proves in folded `text`; `data` is the same as octets."""
    seen, held, places = Seen(), Seen(), Places()
    for (start, end), written in _held(rule, data, text, seen):
        places.add(start, end)
        held.add(written)
    return Proof(rule=rule, places=places, share=Share(held=held.distinct, seen=seen.distinct))


def proves(rule: Rule, data: bytes, text: str) -> bool:
    """Tell whether a rule proves anything in folded `text`; `data` is the same as octets."""
    return next(_held(rule, data, text, Seen()), None) is not None


def _held(rule: Rule, data: bytes, text: str, seen: Seen) -> Iterator[tuple[tuple[int, int], str]]:
    """Yield each range that holds, and what looked like it; count in `seen` all that did."""
    if rule.find is None:
        return
    groups = rule.find.groups
    for found in rule.find.finditer(data):
        start, end = found.span(1) if groups else (-1, -1)
        if start < 0:
            start, end = found.span()
        written = text[start:end]
        # Counted first: how many looked like it says how much those that hold are worth.
        if seen.add(written) > ASKED_EACH or len(_value(rule, written)) < rule.digits:
            continue
        proved = _proved(rule, text, start, end)
        if proved is not None:
            yield proved, written


def _value(rule: Rule, written: str) -> str:
    """Return what counts of a number; stars are in some licences, and between the groups of a card."""
    value = compact(written)
    return value.replace("*", "") if rule.type == CARD else value


def _proved(rule: Rule, text: str, start: int, end: int) -> tuple[int, int] | None:
    """Return the range whose check holds: all of it, or less by groups at either end (a date behind a card)."""
    if rule.check is None or rule.shape is None:
        return (start, end) if rule.check is None or rule.check(_value(rule, text[start:end])) is not False else None
    if rule.type != "IBAN" and _IBAN_HEAD.search(text[max(0, start - 6) : start]):
        return None
    value = _value(rule, text[start:end])
    if rule.shape.fullmatch(value) and rule.check(value) is not False:
        return start, end
    groups = [(start + match.start(), start + match.end()) for match in _GROUP.finditer(text[start:end])]
    if len(groups) > 1 and groups[0][1] - groups[0][0] == 1 and rule.type == CARD:  # single digits belong together
        return None
    for taken in range(len(groups) - 1, 0, -1):
        for first in range(min(3, len(groups) - taken + 1)):
            low, high = groups[first][0], groups[first + taken - 1][1]
            value = _value(rule, text[low:high])
            if rule.shape.fullmatch(value) and rule.check(value) is not False:
                return low, high
    return None
