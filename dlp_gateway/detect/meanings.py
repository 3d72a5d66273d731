"""Which of the labels found in a text count there: by its language, by what they stand in, and by what "one" means."""

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

import re2

from dlp_gateway.detect.grammar import Grammar, spoken_in
from dlp_gateway.detect.labels import OTHER, Hit, Hits, Strength, is_noun

#: Addresses of pages and names of files, whose words are no labels.
_LINK: Final = re2.compile(
    rb"(?i)\b(?:https?|ftp)://[^\s?<>\"]*|\bwww\.[^\s?<>\"]*|(?:^|[\s\"'(=])/[\w.-]{1,40}(?:/[\w.-]{1,60}){1,8}"
    rb"|\b[a-z]:\\[^\s?<>\"]{1,200}"
)
#: What is asked of the page that a link leads to: a short word there is the name of a parameter ("&lic=1").
_QUERY: Final = re2.compile(rb"(?i)\b(?:https?://|www\.)[^\s<>\"?]*\?[^\s<>\"]+")
#: A key of a row in a program, not of a document.
_ROW_KEY: Final = re.compile(r"driver_?id", re.IGNORECASE)
#: "[ ] Passport": a choice that was not taken.
_BOX: Final = re.compile(r"~|\[ ?\]|\( ?\)")
_UNTICKED: Final = re.compile(rf"(?:{_BOX.pattern}) ?\Z")
_ONE: Final = re.compile(r"\bone\Z", re.IGNORECASE)
#: English words stand in texts of all languages.
_EVERYWHERE: Final = frozenset({"en", "any"})
_SHORTEST: Final = 3  # characters
_BRIEF: Final = 5
_SPOKEN_BEFORE: Final = 300  # characters


def meant(text: str, hits: Hits, grammar: Grammar, data: bytes = b"") -> tuple[Hits, Hits]:
    """Return the labels that may own numbers, and the topics that own none; `data` is the text as octets.

    Left out are labels in the path of a link, short labels of another language, and its particles ("van").
    """
    own_nothing = grammar.linking | grammar.function
    data = data or text.encode("ascii")
    begins, ends = _places(_LINK, data)
    asked, answered = _places(_QUERY, data)

    short = any(label.languages.isdisjoint(_EVERYWHERE) for label in hits.labels)
    languages = spoken_in(grammar, text) if short else frozenset()
    read = languages | _EVERYWHERE if languages else frozenset()  # English words stand in texts of all languages

    def counts(hit: Hit) -> bool:
        if read and hit.label.languages.isdisjoint(read) and _is_brief(hit):
            return False  # a short word of another language
        if (
            hit.label.strength is Strength.WEAK
            and hit.end - hit.start <= _SHORTEST
            and text[hit.start - 1 : hit.start] == "-"
        ):
            return False  # "GB-NIR"
        if "_" in text[hit.start : hit.end] and _ROW_KEY.fullmatch(text, hit.start, hit.end):
            return False
        index = bisect_right(asked, hit.start) - 1
        if index >= 0 and hit.start < answered[index] and hit.label.strength is not Strength.STRONG:
            return False
        index = bisect_right(begins, hit.start) - 1
        if index >= 0 and hit.start < ends[index]:
            return False
        written, behind = text[hit.start : hit.end].lower(), text[hit.end : hit.end + 1]
        return not is_noun(hit) or written not in own_nothing or behind in {":", ">", '"', "="}

    own = hits.where(lambda label: label.strength is not Strength.TOPIC)
    spoken = (_in_language(hit, languages, read) if read and hit.label.otherwise else hit for hit in own)
    owning = (_weakened(hit) if read and _is_abroad(hit, read) else hit for hit in spoken if counts(hit))
    return Hits(_resolved(owning, text)), Hits(hits.where(lambda label: label.strength is Strength.TOPIC))


def without_unticked(hits: Hits, text: str) -> Hits:
    """Return the labels but for choices that were not taken."""
    return hits if _BOX.search(text) is None else Hits(hit for hit in hits if not _is_unticked(text, hit))


def _is_unticked(text: str, hit: Hit) -> bool:
    """Tell whether a label is a choice that was not taken, and not one that is struck out in chats: "~~Passport~~"."""
    behind = text[hit.end : hit.end + 2].removeprefix(":")
    return not behind.startswith("~") and _UNTICKED.search(text[max(0, hit.start - 4) : hit.start]) is not None


def _places(expression: "re2._Regexp[bytes]", data: bytes) -> "tuple[array[int], array[int]]":
    """Return where the matches begin, and where they end."""
    begins, ends = array("I"), array("I")
    for match in expression.finditer(data):
        begins.append(match.start())
        ends.append(match.end())
    return begins, ends


def _resolved(hits: Iterable[Hit], text: str) -> Iterator[Hit]:
    """Yield the labels; "the English one" means what was spoken of before, if that is an identifier of another kind."""
    last: Hit | None = None
    for hit in hits:
        found = hit
        if last is not None and hit.start - last.end <= _SPOKEN_BEFORE and _ONE.search(text, hit.start, hit.end):
            found = replace(hit, label=last.label)
        if found.label.owns != OTHER:
            last = found
        yield found


def _in_language(hit: Hit, languages: frozenset[str], read: frozenset[str]) -> Hit:
    """Return a short label with its meaning in the text's language: "RG" is an identity card, or a court's register."""
    if not (hit.label.languages.isdisjoint(read) and _is_brief(hit)):
        return hit
    own = next((label for label in hit.label.otherwise if not label.languages.isdisjoint(languages)), hit.label)
    return replace(hit, label=own)


def _is_abroad(hit: Hit, read: frozenset[str]) -> bool:
    """Tell whether a label is the abbreviation of an identifier in another language than the text's ("RFC", "CIP")."""
    label = hit.label
    brief = hit.end - hit.start <= _SHORTEST and label.owns != OTHER and label.strength is Strength.STRONG
    return brief and label.languages.isdisjoint(read)


def _weakened(hit: Hit) -> Hit:
    """Return the label as one that means it only before a number that proves itself."""
    return replace(hit, label=replace(hit.label, strength=Strength.WEAK))


def _is_brief(hit: Hit) -> bool:
    return hit.label.strength is Strength.WEAK or (hit.label.owns == OTHER and hit.end - hit.start <= _BRIEF)
