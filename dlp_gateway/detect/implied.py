"""Numbers that no label owns, in a text that speaks of driving licences: what else speaks for their being one.

People answer "need your licence" with the number alone, name the office instead of the document, or give class and
day of expiry. Each of these is weak; a number counts when several come together and nothing else owns it.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import re2

from dlp_gateway.detect.grammar import Grammar
from dlp_gateway.detect.labels import Hit, Hits, Label, Strength
from dlp_gateway.detect.layout import Page
from dlp_gateway.detect.particulars import TOLD, is_called_a_card
from dlp_gateway.detect.shapes import Run, compact
from dlp_gateway.detect.surnames import is_made_of
from dlp_gateway.detect.walk import owns_nothing

#: What numbers may be implied.
KIND: Final = "DRIVER_LICENSE"
#: No number is surer without a label.
SUREST: Final = 0.85
_REACH: Final = 900  # how far from the number the talk of licences may be, in characters
_NEAR: Final = 300
_AROUND: Final = 40
_BEHIND: Final = 150
_APART: Final = 4  # signs between a number and its state
_SAID: Final = 250  # how far before a number it may be said how many digits it has
_SHORTEST: Final = 7
#: A letter of the surname and what is coded of name and birth date (Florida, Illinois, New Jersey, Ontario …).
_CODED: Final = re.compile(r"[A-Z](?:[ -]?\d){11,14}")
_WORD: Final = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")
_CLAUSE: Final = re.compile(r"[.!?]\s|[!?;,()\n>|]")
# "my own commission is …", "Locker: …", "pol. …": what the number is of stands before it.
_SUBJECT: Final = re.compile(
    r"[a-z] (?:is|was|no|number|ist|lautet|est|es|e|to)[ .:]*\Z|\A[ \t>*-]*[A-Za-z]+(?: [A-Za-z]+)? ?[:=#] ?\Z"
)
_BRACKETED: Final = re.compile(r"\b[a-z]{3,}\s*\(\Z")  # "Tuesday's patching (KB5048813)"
_CUT_SHORT: Final = re.compile(r"\b[a-z]{2,5}\. ?\Z")
_LEADER: Final = re.compile(r"\.{3,}")  # dots that lead from a key to its value
#: The number of the field in which cards of the European model show their number; 4a to 4c and 9 stand beside it.
_FIELD: Final = re.compile(r"(?:^|[\s|;,(])5a?[.):]{0,2}(?:\s[A-Za-z]{1,8}){0,4}\s{1,3}\Z", re.MULTILINE)
_FIELDS: Final = re.compile(r"\b(?:4 ?[abcd]|5b)\b", re.IGNORECASE)
_FIELD_REACH: Final = 36

_CARD_LIKE: Final = 15  # digits; a short label names no licence of so many
#: Nor do three capitals, such as those of a state's licence, name one of so many: "PDL" is a "point de livraison" too.
_LONGEST_OF_STATE: Final = 13
_STATES: Final = re.compile(r"[A-Z]{3}")
#: What was downloaded ("DL 44182739 bytes"); GB and MB are Great Britain and Manitoba as well, and B is a class.
_MEASURED: Final = re.compile(
    r"[ -]?(?:(?:[kmgt]i?)?(?:bytes?|octets?|bits?|bajt\w{0,3})|[kmgt]ib|kb|[kmgt]?b/s|[kmgt]?bps|[kmg]?hz|px)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Talk:
    """The places of a text that speak of licences, in order."""

    hits: Hits
    starts: Sequence[int]
    told: "Talk | None" = None  # places that are found by what stands together there (see `particulars`)

    def stands_by(self, start: int, end: int) -> bool:
        """Tell whether one of the places is right beside the number at `start` … `end`."""
        index = bisect_left(self.starts, start - _AROUND)
        return index < len(self.starts) and self.starts[index] <= end + _APART


def speaks(label: Label) -> bool:
    """Tell whether a label speaks of licences; topics are of nothing else."""
    return label.owns == KIND or label.strength is Strength.TOPIC


def talk(hits: Iterable[Hit]) -> Talk:
    """Return what speaks of licences; `hits` are in the order of the text."""
    ordered = Hits(hits)
    if all(label.id != TOLD.id for label in ordered.labels):
        return Talk(ordered, ordered.starts)
    named = Hits(ordered.where(lambda label: label.id != TOLD.id))
    told = Hits(ordered.where(lambda label: label.id == TOLD.id))
    return Talk(named, named.starts, Talk(told, told.starts))


def likelihood(
    page: Page,
    grammar: Grammar,
    spoken: Talk,
    place: tuple[int, int],
    *,
    proved: bool,
    is_spent: Callable[[Hit], bool],
) -> float:
    """Return how sure it is that the number at `place`, owned by nothing, is that of a licence.

    `proved` is whether its check digit holds; `is_spent` tells whether a label has a number of its own.
    """
    start, end = place
    near = _nearest(page, spoken, start, end)
    unnamed = near is None and spoken.told is not None
    if near is None and spoken.told is not None:
        near = _nearest(page, spoken.told, start, end)
    text = page.text
    written = text[start:end]
    size = sum(map(str.isalnum, written))
    if near is None or size < _SHORTEST:
        return 0.0
    lettered = any(map(str.isalpha, written))
    score = 0.3 + 0.15 * (lettered or proved) + 0.1 * (lettered and proved)
    score += 0.1 * (_CODED.fullmatch(written) is not None)
    score += 0.1 * (near.label.strength is not Strength.TOPIC and abs(start - near.end) <= _NEAR and not is_spent(near))
    words = grammar.licences
    told = spoken.told is not None and spoken.told.stands_by(start, end)
    score += 0.25 * (told or words.have_attributes(text, start, end)) - 0.15 * unnamed
    score += 0.2 * words.have_place(text, start, end)
    score += 0.15 * (not "".join(_line_without(page, start, end)).strip(" \t>*-\r"))
    score += 0.25 * (size in words.said_lengths(text[max(0, start - _SAID) : start]))
    score += 0.3 * (_FIELD.search(text, max(0, start - _FIELD_REACH), start) is not None and _has_fields(text, start))
    score += 0.15 * is_made_of(compact(written), text, start, end)
    around = text[max(0, start - _NEAR) : end + _AROUND].encode("ascii")
    speaking = _count(grammar.speaking[KIND], around)
    if unnamed and not speaking and not is_called_a_card(near, text):
        score -= 0.3
    elif not told and _count(grammar.alien[KIND], around) > speaking:
        score -= 0.2
    return score + _lead(page, grammar, start)


def is_of_other(text: str, hit: Hit, value: str, end: int) -> bool:
    """Tell whether figures that a short label owns and that end at `end` are no licence: too many, or an amount."""
    if not value.isdigit():
        return False
    longest = _LONGEST_OF_STATE if _STATES.fullmatch(text, hit.start, hit.end) else _CARD_LIKE - 1
    return len(value) > longest or _MEASURED.match(text, end) is not None


def is_told_of(grammar: Grammar, text: str, start: int, end: int) -> bool:
    """Tell whether beside the number stands what is told of a licence to drive: its class, its state, its length."""
    words = grammar.licences
    if words.have_class(text, start, end) or words.have_place(text, start, end):
        return True
    return sum(map(str.isalnum, text[start:end])) in words.said_lengths(text[max(0, start - _SAID) : start])


def _line_without(page: Page, start: int, end: int) -> tuple[str, str]:
    low, high = page.line(start)
    return page.text[max(low, start - _AROUND) : start], page.text[end : min(high, end + _AROUND)]


def is_apart(text: str, start: int, end: int) -> bool:
    """Tell whether the number stands by itself, and is not a piece of something longer or two things."""
    return text[start - 1 : start] not in {"-", "/", "_"} and text[end : end + 1] not in {"-", "/", "_"}


def without_field(text: str, run: Run) -> Run:
    """Return the run without the number of the card's field that it seems to begin with: "5 402881967"."""
    first = text[slice(*run.groups[0])].lower()
    if len(run.groups) < 2 or first not in {"5", "5a"} or not _has_fields(text, run.start):
        return run
    return Run(groups=run.groups[1:])


def _has_fields(text: str, start: int) -> bool:
    return _FIELDS.search(text, max(0, start - _REACH), start + _REACH) is not None


def _count(words: "re2._Regexp[bytes]", text: bytes) -> int:
    """Return how many different words of a matter stand in a text."""
    return len({match[0].lower() for match in words.finditer(text)})


def _nearest(page: Page, spoken: Talk, start: int, end: int) -> Hit | None:
    """Return the talk of licences that is nearest before the number, or else behind it: a question that it answers."""
    index = bisect_left(spoken.starts, start)
    if index and start - spoken.hits[index - 1].end <= _REACH:
        return spoken.hits[index - 1]
    if index < len(spoken.hits) and spoken.starts[index] - end <= _REACH:
        behind = spoken.hits[index]
        near = behind.start - end <= _BEHIND or page.depth(behind.start) > page.depth(start)
        return behind if near else None
    return None


def _lead(page: Page, grammar: Grammar, start: int) -> float:
    """Return what the words right before the number add: most if there are none that may own it ("it's …")."""
    low = max(page.line(start)[0], page.block_start(start), start - 2 * _AROUND)
    if _CUT_SHORT.search(page.text, low, start) or _BRACKETED.search(page.text, low, start):
        return -0.25
    clause = _CLAUSE.split(_LEADER.sub(":", page.text[low:start]))[-1]
    speaking, documents, places = grammar.speaking[KIND], grammar.licences.document, grammar.licences.place
    content = [
        word
        for word in _WORD.findall(clause)
        if not _is_own(speaking, documents, places, word) and not owns_nothing(grammar, word.lower())
    ]
    if content and _SUBJECT.search(clause) and content[-1].islower():
        return -0.25  # "my own commission is …"
    if content and all(map(str.istitle, content)) and grammar.licences.have_place(page.text, start, start):
        return 0.0  # "Yasmin Oduya - Georgia - …"
    return 0.1 if not content else 0.0 if len(content) == 1 else -0.1


@lru_cache(maxsize=8192)
def _is_own(
    speaking: "re2._Regexp[bytes]", documents: "re2._Regexp[bytes]", places: "re2._Regexp[bytes]", word: str
) -> bool:
    """Tell whether a word speaks of licences itself, or of a state that gives them out."""
    data = word.encode("ascii")
    return any(words.fullmatch(data) is not None for words in (documents, speaking, places))
