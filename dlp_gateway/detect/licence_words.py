"""What is said of licences to drive beside their numbers: data of `rules/labels/grammar.yaml`, compiled."""

from collections.abc import Iterable
from dataclasses import dataclass

import re2

from dlp_gateway.detect.folding import fold
from dlp_gateway.detect.labels import pattern
from dlp_gateway.document import Model

_AROUND = 40  # characters before a number and behind it


class LicenceWordsFile(Model):
    """`licences` in `rules/labels/grammar.yaml`: phrases in the notation of labels."""

    classes: tuple[str, ...]
    dates: tuple[str, ...]
    documents: tuple[str, ...]
    places: tuple[str, ...]
    abbreviations: tuple[str, ...]
    informal: tuple[str, ...]
    numerals: dict[str, tuple[str, ...]]
    digits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Beside:
    """Words that stand right behind a number, or right before it."""

    behind: "re2._Regexp[bytes]"
    before: "re2._Regexp[bytes]"

    def stands(self, text: str, start: int, end: int) -> bool:
        """Tell whether one does beside the number at `start` … `end`."""
        return self.behind.match(_behind(text, end)) is not None or self.before.search(_before(text, start)) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceWords:
    """The expressions of `LicenceWordsFile` over folded text."""

    class_beside: "Beside"
    attribute_beside: "Beside"
    place_behind: "re2._Regexp[bytes]"
    place_before: "re2._Regexp[bytes]"
    place: "re2._Regexp[bytes]"
    document: "re2._Regexp[bytes]"
    length: "re2._Regexp[bytes]"
    lengths: dict[str, int]
    states: frozenset[str]
    state: str  # expressions: a state or country by its name or in capitals
    attributes: str  # class, day of issue or of expiry

    def have_class(self, text: str, start: int, end: int) -> bool:
        """Tell whether a class of vehicles stands right beside the number at `start` … `end`."""
        return self.class_beside.stands(text, start, end)

    def have_attributes(self, text: str, start: int, end: int) -> bool:
        """Tell whether class, day of issue or of expiry stand right beside the number."""
        return self.attribute_beside.stands(text, start, end)

    def have_place(self, text: str, start: int, end: int) -> bool:
        """Tell whether a state or a country stands right beside the number."""
        behind, before = _behind(text, end), _before(text, start)
        return self.place_behind.match(behind) is not None or self.place_before.search(before) is not None

    def are_told(self, text: str, start: int, end: int) -> bool:
        """Tell whether a state and a class or day of expiry stand right beside the number."""
        return self.have_place(text, start, end) and self.have_attributes(text, start, end)

    def said_lengths(self, text: str) -> frozenset[int]:
        """Return how many digits a number is said to have: "the eight digits", "12-stellig"."""
        said = (match[1].decode("ascii").lower() for match in self.length.finditer(text.encode("ascii")))
        return frozenset(self.lengths[word] if word in self.lengths else int(word) for word in said)


def compile_words(file: LicenceWordsFile) -> LicenceWords:
    """Return the expressions of a file."""
    places = _any_of(file.places)
    states = rf"{_capitals(file.abbreviations)}|{_any_of(file.informal)}"
    lengths = {fold(word).text: int(count) for count, words in file.numerals.items() for word in words}
    numerals = "|".join(sorted(map(re2.escape, lengths), key=len, reverse=True))
    return LicenceWords(
        class_beside=_beside(file.classes),
        attribute_beside=_beside((*file.classes, *file.dates)),
        states=frozenset(file.abbreviations),
        state=rf"{places}|{_capitals(file.abbreviations)}|{_any_of(file.informal)}",
        attributes=_any_of((*file.classes, *file.dates)),
        place_behind=_compile(
            r"[ ,;/(-]{1,4}(?:\d[.)] )?(?:(?:state|province|issued (?:in|by)) ?[:=]? ?)?"
            rf"(?:{states}|(?:{places})\b|(?-i:\([A-Z][a-z]{{2,12}}\)))(?:\s*\n|\W?\z|\W(?:\D|\d[.)]))"
        ),
        place_before=_compile(
            rf"(?:{places}|\b{_capitals(file.abbreviations)},?)(?:[ -]issued)?[ ,:;=)(/-]{{1,8}}"
            r"(?:(?:no|number|nr|num|#|is|is now|license|licence|lic|dl|id|card)\b[ .:#=]{0,3}){0,2}\z"
        ),
        place=_compile(places),
        document=_compile(_any_of(file.documents)),
        length=_compile(rf"\b(\d{{1,2}}|{numerals})[ -]?(?:{_any_of(file.digits)})"),
        lengths=lengths,
    )


def _beside(phrases: Iterable[str]) -> Beside:
    words = _any_of(phrases)
    return Beside(
        _compile(rf"[ ,;.)(/-]{{0,8}}\n?(?:and |und |et |y |it |its )?(?:{words})\b"),
        _compile(rf"(?:{words})[:.]? ?(?:[A-Z]\d?|[A-Z]{{2}})?[ ,;:.)(/-]{{1,3}}\z"),
    )


def _capitals(words: Iterable[str]) -> str:
    return rf"(?-i:{'|'.join(map(re2.escape, words))})"


def _any_of(phrases: Iterable[str]) -> str:
    return "|".join(f"(?:{pattern(phrase)})" for phrase in phrases)


def _compile(expression: str) -> "re2._Regexp[bytes]":
    options = re2.Options()
    options.case_sensitive = False
    return re2.compile(expression, options)


def _before(text: str, start: int) -> bytes:
    return text[max(0, start - _AROUND) : start].encode("ascii")


def _behind(text: str, end: int) -> bytes:
    return text[end : end + _AROUND].encode("ascii")
