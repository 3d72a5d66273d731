"""A walk from a number to the left, word by word: who may own it, and how much speaks against that."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dlp_gateway.detect.grammar import Grammar
from dlp_gateway.detect.labels import OTHER, Hit, Label

# German and Dutch put the noun and "number" into one word.
_COMPOUND: Final = re.compile(r"[a-z](?:nummern?|nr|kennung|code|zeichen|kenmerk)\Z", re.IGNORECASE)
# "Numer wniosku: …", "número de grupo: …": the noun behind such a word is what is numbered.
_NUMBERS_OF: Final = frozenset({"nr", "numer", "numero", "num", "no"})
_LISTING: Final = frozenset({"and", "und", "et", "y", "e", "en", "i", "or", "/", "&", "+", "plus"})
# Nouns of German begin with a capital: behind an article such a word is no name, and a number behind it is its own.
_ARTICLES: Final = frozenset(
    {"der", "die", "das", "den", "dem", "des", "ein", "eine", "einen", "einem", "einer"}
    | {"zum", "zur", "vom", "beim", "im", "ins", "am"}
)
# "licencia del estado de Jalisco número …"
_OF: Final = frozenset({"of", "de", "del", "du", "des", "da", "do", "di", "von", "van", "z"})
_NAMES: Final = 2  # "mine … and Ben's …": so many words of a name may stand before the next number of a list


class Relation(StrEnum):
    """Where the owner stands, seen from the number."""

    BEFORE = "before"
    AFTER = "after"
    COLUMN = "column"
    ABOVE = "above"
    BELOW = "below"
    LIST = "list"
    TITLE = "title"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who owns a number: `label` (None: an unknown word, or nobody), where it stands, and how much to take off."""

    label: Label | None
    relation: Relation
    doubt: float = 0.0
    announced: bool = False  # "number", "no.", "#", ":" or "=" stands between label and number
    hit: Hit | None = None

    @property
    def foreign(self) -> bool:
        """Tell whether the number belongs to something that is no identifier."""
        return self.relation is not Relation.NOBODY and (self.label is None or self.label.owns == OTHER)


NOBODY: Final = Owner(label=None, relation=Relation.NOBODY)
UNKNOWN: Final = Owner(label=None, relation=Relation.BEFORE)  # a word that no lexicon has
KEYED: Final = Owner(label=None, relation=Relation.BEFORE, doubt=0.1)  # words and a colon: a key, or half a sentence


@dataclass(slots=True, kw_only=True)
class Walk:
    """What a walk from the number to the left has met so far."""

    numbered: bool = False  # "number", "no.", "#" directly before
    keyed_number: bool = False  # "… number:", so the word before it is what is numbered
    colon: bool = False  # ":" or "=" directly before
    keyed: bool = False  # ":" with words before it that may be a key of their own
    linked: bool = False
    phrased: bool = False  # "… as the portal wants it: 123": a sentence runs up to the colon, not a key
    met: bool = False  # a word that could own the number by itself
    names: int = 0
    unknown: int = 0
    commas: int = 0
    listed: bool = False
    apart: Hit | None = None  # "the booking is for two nights, 7KQ2": it owns the number if nothing nearer does
    attached: Hit | None = None  # "LIC-28075": a part of the number, unless nothing else owns it
    doubt: float = 0.0
    size: int = 0  # letters and digits of the number itself
    lettered: bool = False  # some of them are letters

    @property
    def announced(self) -> bool:
        """Tell whether something between label and number says that a number follows."""
        return self.numbered or self.colon

    def step(self, grammar: Grammar, written: str, previous: str) -> Owner | None:
        """Take one word into account, and the one before it; return an owner if it ends the self."""
        word = written.lower()
        if written[0].isdigit():
            return self._number(written)
        if word in grammar.number:
            self.numbered = self.numbered or not self.met
            self.keyed_number = self.keyed_number or (self.colon and not self.met)
        elif written in ":=":
            self.colon = self.colon or not self.met
            self.linked = self.linked or self.met
        elif word in grammar.linking or ("'" in word and owns_nothing(grammar, word)):
            self.linked = True
        elif word in grammar.function or not written[0].isalpha():
            self.phrased = self.phrased or (written[0].isalpha() and not self.met)
            return self._punctuation(word)
        else:
            return self._word(written, previous)
        return None

    def _word(self, token: str, previous: str) -> Owner | None:
        """A word of no list: a name, or a noun that may own the number ("locker 27553", "audit number 86176712")."""
        if not self.met and not self.linked:
            if _COMPOUND.search(token):
                return UNKNOWN
            if token[0].isupper() and previous.lower() in _ARTICLES and not self.colon:
                return UNKNOWN
            if self.colon and previous.lower() in _NUMBERS_OF and token[0].islower():
                return UNKNOWN
            place = token[0].isupper() and previous.lower() in _OF
            if self.numbered and not self.phrased and not place and (self.keyed_number or not self.colon):
                return UNKNOWN
            if self.colon:
                self.keyed = not self.phrased
            elif not token[0].isupper():
                self.doubt += 0.18
        self.met = True
        if token[0].isupper():
            self.names += 1
        else:
            self.unknown += 1
        return None

    def _number(self, token: str) -> Owner | None:
        """Another number in between: a list goes on, otherwise the label has had its number."""
        if sum(map(str.isdigit, token)) >= 5 or (len(token) > 3 and not self.met):
            if self.met and not self.listed:
                return NOBODY
            self.doubt += 0.04
            self.listed = True
        return None

    def _punctuation(self, word: str) -> Owner | None:
        if word == "(" and self.numbered and not self.met:
            self.phrased = True  # "showed his licence today (no. …)": what is numbered stands outside the brackets
        if word in ";|":
            return KEYED if self.keyed else NOBODY
        if word == "," or word in _LISTING:
            if self.keyed and word != "/":  # "licence / permit: …" is one key
                return KEYED
            self.phrased = self.phrased or (word == "," and self.numbered and not self.met)
            self.commas += word == ","
            self.listed = self.listed or not self.met or (self.names <= _NAMES and not self.unknown)
        return None


def owns_nothing(grammar: Grammar, word: str) -> bool:
    """Tell whether a word, in small letters, is one that any label and any number may have beside it."""
    return all(
        part in grammar.linking or part in grammar.function or part in grammar.number for part in word.split("'")
    )
