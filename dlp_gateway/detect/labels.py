"""The words that say what a number is: one lexicon of labels, those of identifiers and those of everything else.

A label is a phrase such as "driving licence" or "Bestellnummer". Phrases are data (`rules/labels/*.yaml`); in them a
space is any short gap or none, `_` a gap that is not nothing, `?` makes the letter or group before it optional, `(a|b)`
is a choice, `*` any rest of a word, `~` before a word allows one slip of the pen in it, and `=` before one means it in
capitals only (SIN, but not the Spanish "sin"). Otherwise case does not matter, nor do accents and curly apostrophes.
"""

import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from heapq import merge
from itertools import chain, compress, islice
from pathlib import Path
from typing import Annotated, Final, overload

import re2
from pydantic import Field

from dlp_gateway.detect.folding import fold
from dlp_gateway.document import Model, load

#: What a label owns when it is no identifier: an order, a parcel, a phone …
OTHER: Final = "OTHER"
_EDGE: Final = r"\b"
_GAP: Final = r"[ \r\n\-./>]{0,3}"  # a tab stands between the cells of a row
_GAP_OF_SOME: Final = _GAP.replace("{0,3}", "{1,3}")
_GAP_IN_LINE: Final = r"[ \-./>]{0,3}"  # words of two rows of a form are no label of another matter
#: So many labels are kept as they are, which is faster.
_FEW: Final = 1_000
#: The end of a sentence within what looks like one label ("my licence. No. of passport").
_SENTENCE_END: Final = re.compile(rb"(?<=[a-z]{5})\. (?=[A-Z])")
_UMLAUTS: Final = {"ä": "(?:a|ae)", "ö": "(?:o|oe)", "ü": "(?:u|ue)", "ß": "(?:s|ss)"}
_SYNTAX: Final = re.compile(r"~[\w']+|=[\w.]+|[\w']|[ ()|?*#/.&:-]")


#: Several words that begin with capitals, written as one.
_KEY: Final = re.compile(r"\b[A-Za-z]{1,40}?[a-z][A-Z][A-Za-z]{0,40}\b")
_JOINED: Final = re.compile(r"[a-z][A-Z]")
_LONGEST_KEY: Final = 42
_JOINT: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
#: Whose number a key may tell without its meaning another one.
_OF_PEOPLE: Final = frozenset(
    b"driver renter applicant customer client owner insured primary second dmv state person holder user num no nr id"
    b" doc document my new hirer member passenger main additional employee buyer candidate registro numero".split()
)
#: What keys of identifiers have in them: for a gate that looks for any at all.
KEYED: Final = (
    r"(?-i:[a-z](?:Licen[cs]e|Lic[A-Z]|DL|Dl[A-Z]|Dln|DriverI|CNH|Cnh|Passport|SSN|Ssn|NINO|Nino|IBAN|Iban|Pesel|PESEL|BSN|Bsn"
    r"|CPF|Cpf|DNI|Dni|Fuehrerschein|Rijbewijs|PermisC|Patente|Korkort|AccountN|Routing|SortCode))"
)


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
    strength: Annotated[Strength, Field(strict=False)] = Strength.STRONG
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
    otherwise: tuple["Label", ...] = ()  # what it means in other languages

    def __hash__(self) -> int:
        return hash((self.id, self.language, self.languages))  # half the time of all of it


@dataclass(frozen=True, slots=True)
class Hit:
    """A label found at `start` … `end` of the folded text."""

    start: int
    end: int
    label: Label


class Hits(Sequence[Hit]):
    """Labels found in a text, in its order; of many, each is made when it is asked for: a large text has a million."""

    def __init__(self, hits: Iterable[Hit] = ()) -> None:
        """Take them in the order of the text."""
        coming = iter(hits)
        few = tuple(islice(coming, _FEW))
        self._few = few if len(few) < _FEW else None
        self.starts: Sequence[int] = [hit.start for hit in few]
        if self._few is None:
            self._pack(chain(few, coming))

    def _pack(self, hits: Iterable[Hit]) -> None:
        starts = array("I")
        self._ends, self._meant = array("I"), array("I")
        places: dict[Label, int] = {}
        known: dict[int, int] = {}  # of those in `places`, by what they are: most hits have the very same label
        for hit in hits:
            label = hit.label
            meant = known.get(id(label))
            if meant is None:
                meant = places.get(label)
            if meant is None:
                meant = places[label] = known[id(label)] = len(places)
            starts.append(hit.start)
            self._ends.append(hit.end)
            self._meant.append(meant)
        self.starts = starts
        self._labels = tuple(places)

    @property
    def labels(self) -> Iterable[Label]:
        """What they mean, each at least once."""
        return self._labels if self._few is None else (hit.label for hit in self._few)

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, index: int) -> Hit: ...
    @overload
    def __getitem__(self, index: slice) -> "tuple[Hit, ...]": ...
    def __getitem__(self, index: int | slice) -> "Hit | tuple[Hit, ...]":
        if self._few is not None:
            return self._few[index]
        if isinstance(index, slice):
            return tuple(map(self.__getitem__, range(*index.indices(len(self)))))
        return Hit(self.starts[index], self._ends[index], self._labels[self._meant[index]])

    def __iter__(self) -> Iterator[Hit]:
        if self._few is not None:
            return iter(self._few)
        return map(Hit, self.starts, self._ends, map(self._labels.__getitem__, self._meant))

    def where(self, counts: Callable[[Label], bool]) -> Iterator[Hit]:
        """Return those of the labels that count."""
        if self._few is not None:
            return (hit for hit in self._few if counts(hit.label))
        counting = tuple(map(counts, self._labels))
        return compress(self, map(counting.__getitem__, self._meant)) if any(counting) else iter(())

    def within(self, start: int, end: int) -> Iterator[Hit]:
        """Return those that begin in `start` … `end`."""
        first, last = bisect_left(self.starts, start), bisect_left(self.starts, end)
        return iter(self._few[first:last]) if self._few is not None else map(self.__getitem__, range(first, last))


def place_of(hit: Hit) -> int:
    """Return where a label begins, to put labels in order."""
    return hit.start


def both(first: Hits, second: Hits, counts: Callable[[Label], bool]) -> Iterator[Hit]:
    """Return the labels of both that count, in the order of the text."""
    if not second:
        return first.where(counts)
    return merge(first.where(counts), second.where(counts), key=place_of)


def is_noun(hit: Hit) -> bool:
    """Tell whether the label is but a thing that may have a number: it owns only what is next to it."""
    return hit.label.owns == OTHER and hit.label.strength is Strength.WEAK


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
        self._owner: Callable[[bytes], Label] = lru_cache(maxsize=8192)(self._look_up)
        self._of_key: Callable[[str], Label | None] = lru_cache(maxsize=8192)(self._look_up_key)

    def scan(self, text: str, data: bytes = b"") -> Hits:
        """Return the labels in folded text, left to right, none overlapping another; `data` is the same as octets."""
        data = data or text.encode("ascii")
        hits = Hits(self._words(data.replace(b"_", b" ") if b"_" in data else data))
        keys = (key for key in self._keys(text) if not _overlaps(hits, key))
        first = next(keys, None)
        return hits if first is None else Hits(merge(hits, Hits(chain((first,), keys)), key=place_of))

    def _words(self, data: bytes) -> Iterator[Hit]:
        done = 0
        for match in self._finder.finditer(data):
            low, high = match.span()
            if high <= low or low < done:
                continue
            for first, done in self._apart(data, low, high):
                yield Hit(first, done, self._owner(data[first:done]))

    def _apart(self, data: bytes, low: int, high: int) -> tuple[tuple[int, int], ...]:
        """Return where the labels of a match are: two, if it goes over a sentence's end and the next one's is longer.

        "… of his licence. No. of passport: …": the longest match from the left would be "licence. No".
        """
        end = _SENTENCE_END.search(data, low, high)
        if end is None:
            return ((low, high),)
        first, second = self._finder.match(data, low, end.start()), self._finder.match(data, end.end())
        if not first or not second or first.end() <= low or second.end() <= high:
            return ((low, high),)
        return first.span(), second.span()

    def _keys(self, text: str) -> Iterator[Hit]:
        """Yield the labels that keys of programs are: words joined by capitals, as in `renterLicenseNumber`."""
        last = 0
        for joint in _JOINED.finditer(text):
            key = _KEY.search(text, max(last, joint.start() - _LONGEST_KEY), joint.end() + _LONGEST_KEY)
            if joint.start() < last or key is None or key.start() > joint.start():
                continue
            last = key.end()
            label = self._of_key(key[0])
            if label is not None:
                yield Hit(start=key.start(), end=key.end(), label=label)

    def _look_up_key(self, key: str) -> Label | None:
        """Return what the words of a key mean together; "DealerLicense" is of another matter than "license"."""
        words = _JOINT.sub(" ", key).encode("ascii")
        found = [match.span() for match in self._finder.finditer(words)]
        if not found:
            return None
        low, high = found[-1]
        label = self._owner(words[low:high])
        unknown = set(words[:low].lower().split()) - _OF_PEOPLE
        if unknown and label.owns != OTHER and label.strength is Strength.WEAK:
            return Label(id="other-licences", owns=OTHER, strength=Strength.STRONG, languages=label.languages)
        return label

    def _look_up(self, words: bytes) -> Label:
        fitting: list[Label] = [self._of_phrase[place] for place in sorted(self._owners.Match(words))]
        meanings = [
            replace(label, languages=frozenset(other.language for other in fitting if other.owns == label.owns))
            for label in {label.owns: label for label in reversed(fitting)}.values()
        ]
        first = next(label for label in meanings if label.owns == fitting[0].owns)
        return replace(first, otherwise=tuple(label for label in meanings if label is not first))


def _overlaps(hits: Hits, key: Hit) -> bool:
    index = bisect_left(hits.starts, key.end) - 1
    return index >= 0 and hits[index].end > key.start


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
    '\\bdriv(?:er|ing)[ \\r\\n\\-./>]{0,3}licence\\b'
    """
    alternatives = _alternatives(phrase)
    if len(alternatives) > 1:  # each is a phrase, with words that begin and end
        return f"(?:{'|'.join(pattern(one, in_line=in_line) for one in alternatives)})"
    body = "".join(map(_element, _SYNTAX.findall(phrase)))
    if in_line:
        body = body.replace(_GAP, _GAP_IN_LINE)
    ending = r"\b" if phrase[-1].isalnum() or phrase[-1] in ")?" else ""
    return rf"\b{body}{ending}"


def _alternatives(phrase: str) -> list[str]:
    """Return what stands between the bars of a phrase that are in no brackets."""
    found, depth = [""], 0
    for sign in phrase:
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and not depth:
            found.append("")
        else:
            found[-1] += sign
    return found


@lru_cache(maxsize=4_096)  # all lexicons together have 300,000 of some thousand
def _element(sign: str) -> str:
    if sign.startswith("~"):
        word, *rest = sign[1:].lower().split("'")
        return "['`]?".join([_slips(fold(word).text), *rest])
    if sign.startswith("="):
        return f"(?-i:{re.escape(sign[1:])})"
    if sign == " ":
        return _GAP
    if sign == "_":
        return _GAP_OF_SOME
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
    options.max_mem = 1 << 27  # the program alone takes half of that; what is left is for the states of its automaton
    options.log_errors = False
    return options
