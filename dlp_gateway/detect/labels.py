"""The words that say what a number is: one lexicon of labels, those of identifiers and those of everything else.

A label is a phrase such as "driving licence" or "Bestellnummer". Phrases are data (`rules/labels/*.yaml`); in them a
space is any short gap, `?` makes the letter or group before it optional, `(a|b)` is a choice, `*` any rest of a word,
`~` before a word allows one slip of the pen in it, and `=` before one means it in capitals only (SIN, but not the
Spanish "sin"). Otherwise case does not matter, nor do accents and curly apostrophes.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final

import re2
from pydantic import BeforeValidator

from dlp_gateway.detect.folding import fold
from dlp_gateway.document import Model, load

#: What a label owns when it is no identifier: an order, a parcel, a phone …
OTHER: Final = "OTHER"
_EDGE: Final = r"\b"
_GAP: Final = r"[\s\-./>]{0,3}"
_GAP_IN_LINE: Final = r"[ \t\-./>]{0,3}"  # words of two rows of a form are no label of another matter
_UMLAUTS: Final = {"ä": "(?:a|ae)", "ö": "(?:o|oe)", "ü": "(?:u|ue)", "ß": "(?:s|ss)"}
_SYNTAX: Final = re.compile(r"~[\w']+|=[\w.]+|[\w']|[ ()|?*#/.&:-]")


class Strength(StrEnum):
    """How sure it is that the label means what it owns."""

    STRONG = "strong"
    FAIR = "fair"  # means it unless the text speaks of another matter ("Texas licence")
    WEAK = "weak"  # means it only where the text speaks of the matter elsewhere ("licence no.", "DL")
    TOPIC = "topic"  # speaks of the matter, and owns nothing ("who was driving")


class LabelFile(Model):
    """One file of `rules/labels`: phrases by language that give a number the same owner."""

    id: str
    owns: str
    strength: Annotated[Strength, BeforeValidator(Strength)] = Strength.STRONG
    country: str = ""
    phrases: dict[str, tuple[str, ...]]
    notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A meaning that phrases have: `owns` is an identifier type or `OTHER`."""

    id: str
    owns: str
    strength: Strength
    country: str = ""
    language: str = ""
    languages: frozenset[str] = frozenset()  # all that have the word in this sense


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A label found at `start` … `end` of the folded text."""

    start: int
    end: int
    label: Label


class Lexicon:
    """All labels, compiled once; `scan` takes time linear in the text.

    One RE2 automaton finds the words, leftmost and longest; a second says whose they are, and the answer is kept.
    """

    def __init__(self, phrases: Mapping[str, Label]) -> None:
        """Take regular expressions over folded text and what each means; of two that fit, the first says."""
        self.labels = tuple(dict.fromkeys(phrases.values()))
        self._of_phrase = tuple(phrases.values())
        self._finder = re2.compile("|".join(f"(?:{phrase})" for phrase in phrases) or "$^", _options(longest=True))
        self._owners = re2.Set.FullMatchSet(_options(longest=False))
        for phrase in phrases:
            self._owners.Add(phrase.removeprefix(_EDGE).removesuffix(_EDGE))  # what was found has no neighbours here
        self._owners.Compile()
        self._owner = lru_cache(maxsize=8192)(self._look_up)

    def scan(self, text: str, start: int = 0, end: int | None = None) -> tuple[Hit, ...]:
        """Return the labels in `text[start:end]` (folded text), left to right, none overlapping another."""
        data = text[start:end].replace("_", " ").encode("ascii")
        hits = []
        for match in self._finder.finditer(data):
            low, high = match.span()
            if high > low:
                hits.append(Hit(start=start + low, end=start + high, label=self._owner(data[low:high])))
        return tuple(hits)

    def _look_up(self, words: bytes) -> Label:
        fitting = [self._of_phrase[place] for place in sorted(self._owners.Match(words))]
        languages = frozenset(label.language for label in fitting if label.owns == fitting[0].owns)
        return replace(fitting[0], languages=languages)


def load_labels(paths: Iterable[Path]) -> tuple[LabelFile, ...]:
    """Return the label files at `paths`; raise `ConfigurationError`."""
    return tuple(load(path, LabelFile) for path in paths)


def compile_lexicon(files: Iterable[LabelFile]) -> Lexicon:
    """Return the lexicon of `files`; a phrase that stands in two files means what the first says."""
    phrases: dict[str, Label] = {}
    for file in files:
        for language, group in file.phrases.items():
            label = Label(id=file.id, owns=file.owns, strength=file.strength, country=file.country, language=language)
            for phrase in group:
                phrases.setdefault(pattern(phrase, in_line=file.owns == OTHER), label)
    return Lexicon(phrases)


def pattern(phrase: str, *, in_line: bool = False) -> str:
    r"""Return the regular expression of a phrase over folded text.

    >>> pattern("driv(er|ing) licence")
    '\\bdriv(?:er|ing)[\\s\\-./>]{0,3}licence\\b'
    """
    body = "".join(map(_element, _SYNTAX.findall(phrase)))
    if in_line:
        body = body.replace(_GAP, _GAP_IN_LINE)
    ending = r"\b" if phrase[-1].isalnum() or phrase[-1] in ")?" else ""
    return rf"\b{body}{ending}"


def _element(sign: str) -> str:
    if sign.startswith("~"):
        word, *rest = sign[1:].lower().split("'")
        return "['`]?".join([_slips(fold(word).text), *rest])
    if sign.startswith("="):
        return f"(?-i:{re.escape(sign[1:])})"
    if sign == " ":
        return _GAP
    if sign == "*":
        return "[a-z]{0,16}"
    if sign == "'":
        return "['`]?"
    if sign == "(":
        return "(?:"
    if sign in "|)?":
        return sign
    return _UMLAUTS.get(sign.lower()) or re.escape(fold(sign.lower()).text)


def _slips(word: str) -> str:
    """Return an expression for `word` with at most one letter left out, added, changed or swapped with the next."""
    forms = {word}
    for index in range(1, len(word)):
        head, letter, tail = word[:index], word[index], word[index + 1 :]
        forms |= {f"{head}[a-z]{tail}", f"{head}[a-z]{letter}{tail}"}
        if index > 1:  # "diving" is no slip of "driving"
            forms.add(head + tail)
        if tail:
            forms.add(head + tail[0] + letter + tail[1:])
    return f"(?:{'|'.join(sorted(forms))})"


def _options(*, longest: bool) -> re2.Options:
    options = re2.Options()
    options.case_sensitive = False
    options.longest_match = longest
    options.max_mem = 1 << 26
    options.log_errors = False
    return options
