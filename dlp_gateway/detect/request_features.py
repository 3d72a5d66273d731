"""What stands around the mention of an identity document, as features by which a linear model tells a request.

Words of some thirty meanings ("to send", "a copy", "not", "to bring along"), in twelve languages, by sentence, side
and order; words in pairs; and letters of words, for those that no list knows. Nothing here depends on rule packs: the
weights were learned from it.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from itertools import islice, pairwise
from typing import Final
from zlib import crc32

import re2

from dlp_gateway.detect.request_text import own_text
from dlp_gateway.detect.words import folded

#: Features are counted by what is left of their checksum: a table of so many weights.
BITS: Final = 17
_MASK: Final = (1 << BITS) - 1
#: Mentions that are counted, sentences with one that are looked at, and characters of a sentence.
_COUNTED: Final = 2_000
_MOST: Final = 32
_LONGEST: Final = 600
_TOLD_BY: Final = 5_000  # characters by which the language is told

#: Words for documents by class, in folded text; "=class" takes their place among the words of a sentence.
_MENTIONS: Final = {
    "number": (  # what identifies something else
        r"(?:order|user|customer|client|ticket|transaction|payment|meeting|session|tracking|product|article|item|apple|google"
        r"|tax|vat|job|case|device|message|list|account|kunden|artikel|auftrags|benutzer|klant|kund|usuario|pedido|cliente"
        r"|utente|ordine|booking|reservation|event|caller|sender|zoom|screen|parcel|shipment|reference|serial)[ -]ids?"
    ),
    "licence": (
        r"lic[ea]n[cs]es?|licen[cs]e's|lisences?|liscences?|lic|permits?|permis|permisos?|licencias?|patent[ei]|lappen|fleppen?"
        r"|\w*fuh?e?hrerschein\w*|\w*fuhrerausweis\w*|fahrerlaubnis\w*|rijbewij\w*|roze pasje|habilitac\w*|cnhs?"
        r"|conduzir|conducao|conducir|conduire|korkort\w*|ko?rekort\w*|forerkort\w*|praw\w*\s+jazdy|prawk\w*|ajokort\w*|carnets?|carnes?"
        r"|carteira\s+de\s+motorista|registro\s+de\s+conducir|dls?|dln|cdls?|brevete|driver\s+numbers?|driver\s+card|dvla|photocards?"
    ),
    "passport": (
        r"passports?|\w*reisepass\w*|pass|passe|passes|passen|pass(?:nummer|nr|kopi|scan|dat|seite|bild|uppgift|oplysn)\w*"
        r"|passnum\w+|pasnummer\w*|passeports?|pasaportes?|passaport[oei]s?|paspoort\w*|pasfoto\w*|paszport\w*|passi\w{0,5}"
        r"|data\s+page|bio\s+page|(?:dit|jeres|deres|hans|hendes)\s+pas"
    ),
    "identity": (
        r"(?-i:IDs?|ID's|DNIs?|NIE|INE|RG|BI|CC|CI|SSN|CURP|BSN|NRIC|PAN|NAS|FS)|ids?|eids?|idkaart\w*|i\.d\.|dnis?|cni|ssn|leg"
        r"|identification\w*|identity|identit(?:e|a|at)|identit(?:eits|ats)\w*|identidade?|identifica[cz]\w*|persos?|\w*ausweis\w*"
        r"|legit\w*|dowod\w*|sejour|residenc\w*|residente?|aufenthalts\w*|soggiorno|verblijfs\w*|uppehalls\w*|op+holds\w*|cedula"
        r"|social\s+security|assurance\s+sociale|aadhaa?r|nric|brps?|tozsamosc\w*|cidadao|ciudadania|riconoscimento|henkilo\w*"
        r"|green\s+cards?"
    ),
    "paper": r"documentos?|documenti|reisdocument\w*|documentnummer\w*|doc(?:ument)?\s+numbers?|plastic\s+card",
    "card": (
        r"cards?|plastic|karten?|cartes?|carta|tarjetas?|tesser[ae]|kaart\w*|pasjes?|cartao|cartoes|kort\w*|kart[aeyi]"
    ),
    "document": (
        r"documents?|docs?|papers|papiere?n?|\w*dokument\w*|document\w*|pieces?|titres?|titulo|titolo|papeles|schein"
    ),
}
#: Classes that are documents of identity by themselves; a text without any of them is not looked at.
_CLEAR: Final = frozenset({"licence", "passport", "identity", "paper"})
#: What must occur in a text that is looked at, as an expression for `Triggers`.
TRIGGER: Final = rf"\b(?:{'|'.join(_MENTIONS[name] for name in sorted(_CLEAR))})\b"
#: From the start of a run of signs only, so that a long one takes linear time.
_END: Final = re.compile(
    r"(?<![.!?;])[.!?;]++[\"')]*+\s++|\n\s*\n|\n(?=[ \t]*(?:[-*+~]|\(?[0-9]{1,2}[.)])[ \t])|:[ \t]*\n"
)
_ITEM: Final = re.compile(r"\s*(?:[-*+~]|\(?[0-9]{1,2}[.)])\s")
_TOKEN: Final = re.compile(r"=[a-z]+|[a-z]+(?:'[a-z]+)?|[0-9]+|[?!:@]")
#: The sentence with the mention, and those before and behind it.
_TAGS: Final = {-2: "pp", -1: "p", 0: "s", 1: "n", 2: "nn"}
_LETTERS: Final = (3, 4, 5)
_KNOWN: Final = 5  # letters of a word that may be of another language than the text
_LONGEST_WORD: Final = 24
_KEPT: Final = 8_000  # words whose features are kept


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words of meanings in one language: whole ones and beginnings; and small words by which the language is told."""

    whole: Mapping[str, frozenset[str]]
    beginnings: Mapping[str, frozenset[str]]
    common: frozenset[str]

    def meanings(self, word: str) -> frozenset[str]:
        """Return what a word means."""
        begun = (self.beginnings.get(word[:length]) for length in range(min(len(word), 14), 1, -1))
        return self.whole.get(word, frozenset()) | next(filter(None, begun), frozenset())


@cache
def vocabularies() -> Mapping[str, Vocabulary]:
    """Return the words of all languages."""
    stored = (files("dlp_gateway.detect") / "request_meanings.txt").read_text(encoding="utf-8")
    languages = (part.split("\n") for part in stored.strip().split("\n\n"))
    return {
        name.removesuffix(":"): _vocabulary(line.strip().partition(": ") for line in lines)
        for name, *lines in languages
    }


def _vocabulary(groups: Iterable[tuple[str, str, str]]) -> Vocabulary:
    whole: dict[str, frozenset[str]] = {}
    beginnings: dict[str, frozenset[str]] = {}
    common: frozenset[str] = frozenset()
    for meaning, _, phrase in groups:
        words = folded(phrase).lower().split()
        if meaning == "common":
            common = frozenset(words)
            continue
        for word in words:
            table, key = (beginnings, word[:-1]) if word.endswith("*") else (whole, word)
            table[key] = table.get(key, frozenset()) | {meaning}
    return Vocabulary(whole, beginnings, common)


@lru_cache(maxsize=_KEPT)
def _meanings(word: str, language: str) -> tuple[str, ...]:
    """Return what a word of a text in `language` means, in order; longer words may be of any language."""
    if word.startswith("="):
        return ("doc", word)
    if not word[0].isalpha():
        return (f"digits{min(6, len(word))}" if word.isdigit() else word,)
    found = vocabularies()[language].meanings(word)
    if not found and len(word) >= _KNOWN:
        found = frozenset[str]().union(*(one.meanings(word) for one in vocabularies().values()))
    return tuple(sorted(found))


@lru_cache(maxsize=_KEPT)
def _letters(word: str) -> tuple[int, ...]:
    framed = f"^{word[:_LONGEST_WORD]}$"
    return tuple(
        _number(f"#{framed[at : at + length]}") for length in _LETTERS for at in range(len(framed) - length + 1)
    )


def _number(feature: str) -> int:
    return crc32(feature.encode("ascii")) & _MASK


@dataclass(frozen=True, slots=True)
class _Mention:
    """Where a document is mentioned, and by what class of words."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class _Sentence:
    words: Sequence[str]
    meanings: Sequence[tuple[str, ...]]
    is_item: bool

    @cached_property
    def named(self) -> frozenset[str]:
        """All meanings."""
        return frozenset(one for some in self.meanings for one in some)

    @cached_property
    def order(self) -> Sequence[tuple[int, tuple[str, ...]]]:
        """The words that mean something, with their places."""
        return [(place, some) for place, some in enumerate(self.meanings) if some]

    @cached_property
    def letters(self) -> frozenset[int]:
        """Parts of words, and words in pairs."""
        found = {number for word in self.words if not word.startswith("=") for number in _letters(word)}
        return frozenset(found)


@cache
def _finder() -> "re2._Regexp[bytes]":
    options = re2.Options()
    options.case_sensitive = False
    classes = "|".join(f"(?P<{name}>{words})" for name, words in _MENTIONS.items())
    return re2.compile(rf"\b(?:{classes})\b", options)


def features(text: str) -> Iterator[tuple[frozenset[int], frozenset[int]]]:
    """Yield, of each sentence of a text that mentions a document, what is said of it, and the letters of its words.

    What is quoted is left out. A text yields nothing that mentions documents only by words such as "card".
    """
    own = own_text(text)
    mentions = list(islice(_mentions(own), _COUNTED))
    if not any(one.kind in _CLEAR for one in mentions):
        return
    bounds = list(_bounds(own))
    places = _places(bounds, mentions)
    language = _language(_TOKEN.findall(own[:_TOLD_BY].lower()))
    read: dict[int, _Sentence] = {}
    for index in islice(places, _MOST):
        near = {}
        for step, tag in _TAGS.items():
            at = index + step
            if 0 <= at < len(bounds):
                if at not in read:
                    read[at] = _read(own, bounds[at], places.get(at, ()), language)
                near[tag] = read[at]
        said = frozenset(map(_number, _said(near, language)))
        yield said, frozenset[int]().union(*(near[tag].letters for tag in ("p", "s", "n") if tag in near))


def _language(words: Sequence[str]) -> str:
    known = vocabularies()
    return max(known, key=lambda language: sum(map(known[language].common.__contains__, words)))


def _mentions(text: str) -> Iterator[_Mention]:
    for match in _finder().finditer(text.encode("ascii", "replace")):
        if text[match.end() : match.end() + 1] != "=":  # a parameter of a link
            yield _Mention(match.start(), match.end(), str(match.lastgroup))


def _places(bounds: Sequence[tuple[int, int]], mentions: Sequence[_Mention]) -> dict[int, list[_Mention]]:
    """Return the mentions by the index of the sentence that they begin in, in order."""
    places: dict[int, list[_Mention]] = {}
    ends = [end for _, end in bounds]
    for mention in mentions:
        if (index := bisect_right(ends, mention.start)) < len(bounds):
            places.setdefault(index, []).append(mention)
    return places


def _read(text: str, bound: tuple[int, int], mentions: Iterable[_Mention], language: str) -> _Sentence:
    """Return a sentence with "=class" for each document that is mentioned."""
    at, end = bound
    pieces = []
    for mention in mentions:
        pieces += [text[at : mention.start], f" ={mention.kind} "]
        at = mention.end
    words = _TOKEN.findall("".join((*pieces, text[at:end])).lower())
    return _Sentence(words, [_meanings(word, language) for word in words], _ITEM.match(text, *bound) is not None)


def _bounds(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for end in (*(match.end() for match in _END.finditer(text)), len(text)):
        if text[start:end].strip():
            for low in range(start, end, _LONGEST):
                yield low, min(end, low + _LONGEST)
        start = end


def _said(near: Mapping[str, _Sentence], language: str) -> Iterator[str]:
    """Yield the features of meanings: which, in which sentence, in what order, and together with which others."""
    yield f"in {language}"
    for tag in _TAGS.values():
        if tag not in near:
            yield f"no {tag}"
            continue
        sentence = near[tag]
        if sentence.is_item:
            yield f"item {tag}"
        for one in sentence.named:
            yield f"{tag} {one}"
        if len(tag) == 1:
            yield from _together(tag, sentence)
    here = near["s"]
    yield from _placed(here)
    yield f"long {min(5, len(here.words) // 8)}"
    for tag in ("p", "n"):
        if tag in near:
            for one in here.named:
                for other in near[tag].named:
                    yield f"{tag} {one}/{other}"


def _together(tag: str, sentence: _Sentence) -> Iterator[str]:
    named = sorted(sentence.named)
    for index, one in enumerate(named):
        for other in named[index + 1 :]:
            yield f"{tag} {one}+{other}"
    for (_, before), (_, behind) in pairwise(sentence.order):
        for one in before:
            for other in behind:
                yield f"{one}>{other}"
    for _, first in sentence.order[:2]:
        for one in first:
            yield f"{tag} begins {one}"
    for one, other in pairwise(sentence.words):
        yield f"{one}_{other}"


def _placed(sentence: _Sentence) -> Iterator[str]:
    """Yield on which side of a mention, and how far from it, words stand that mean something."""
    places = [place for place, some in sentence.order if some[0] == "doc"]
    for place, some in sentence.order:
        away = min((one - place for one in places), key=abs)
        if away:
            side, steps = ("<" if away > 0 else ">"), min(3, 1 + (abs(away) > 2) + (abs(away) > 5))
            for one in some:
                yield f"{side} {one}"
                yield f"{side}{steps} {one}"
