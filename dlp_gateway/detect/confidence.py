"""How sure a number is one: where its owner stands, what its form and its check say, and what a short label means."""

import re
from dataclasses import dataclass
from typing import Final

from dlp_gateway.detect.grammar import Grammar
from dlp_gateway.detect.identifier_rules import Rule
from dlp_gateway.detect.labels import Hit, Strength
from dlp_gateway.detect.walk import Owner, Relation

_BESIDE: Final = 45  # an alien word so near before the label says what licence it is
_NEAR: Final = 250  # how far the words may be that tell what a short label means
# "my licence", but not "your licence", which may be one of software.
_PERSONAL: Final = re.compile(
    r"\b(?:my|his|her|wife's|husband's|son's|daughter's|mon|son|mi|mijn|zijn|mein|seine?|ihre?|mia|sua|minha) \Z",
    re.IGNORECASE,
)
_YOURS: Final = re.compile(r"\b(?:your|ur|yr|u r|ihre?|whose|which|votre|tu|uw|je|seu|twoj[ea]?) \Z", re.IGNORECASE)
_KIND_OF_DOCUMENT: Final = re.compile(
    r"(?:type|kind|\b(?:document|doc|id|identification|art|tipo|soort|rodzaj|dokument))\b[^\n]{0,12}\Z", re.IGNORECASE
)
# A word directly before a short label that may give it another sense ("guard lic.", "commercial licence").
_MODIFIED: Final = re.compile(r"[A-Za-z][.)]?(?: |-|_)?\Z")
# Columns beside one of licences that only those of drivers have.
_OF_PEOPLE: Final = re.compile(
    r"\b(?:province|prov|state|st|class|klasse|kl|clase|classe|categorie|kat|cat|dob|birth|geb\w*|driver|fahrer|"
    r"conduc\w+|bestuurder|autista|kierowca|vehicle|plate|van|truck)\b",
    re.IGNORECASE,
)
# "AMF 118 207": who gave the number out, not its first letters.
_AUTHORITY: Final = re.compile(r"[A-Z]{3} \d")
BASE: Final = {
    Relation.BEFORE: 0.95,
    Relation.AFTER: 0.86,
    Relation.COLUMN: 0.95,
    Relation.ABOVE: 0.8,
    Relation.BELOW: 0.8,
}
WORDS: Final = {
    Relation.BEFORE: "behind a label of it",
    Relation.AFTER: "before a label of it",
    Relation.COLUMN: "in a column with a heading of it",
    Relation.ABOVE: "below a line that announces it",
    Relation.BELOW: "above a quoted question for it",
    Relation.NOBODY: "owned by nothing else",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The groups of a run that fit a rule, and whether its check holds (None: it says nothing)."""

    start: int
    end: int
    rule: Rule
    holds: bool | None
    value: str
    written: str
    torn: bool  # a dash joins it to a group that does not fit


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the text around speaks of, for labels that alone say too little ("licence no.", "account")."""

    text: str
    grammar: Grammar
    named: frozenset[str]  # identifier types that a full label names somewhere in the text

    def score(self, match: Match, owner: Owner, hit: Hit) -> float:
        """Return how sure the match is, in 0…0.99: medium where a label owns it and nothing speaks against it."""
        direct = owner.relation is Relation.ABOVE and not self.text[hit.end : match.start].strip(" \t\r\n:#")
        score = BASE[Relation.BEFORE if direct else owner.relation] - owner.doubt + _evidence(match)
        if hit.label.strength is Strength.FAIR:
            score -= 0.05 + 0.35 * self._speaks_otherwise(match.rule.type, hit, match.end)
        elif hit.label.strength is Strength.WEAK:
            score -= (
                self._weakness(match, owner, hit)
                if owner.relation is not Relation.COLUMN
                else self._heading(match, hit)
            )
        return round(max(0.0, min(score, 0.99)), 2)

    def _weakness(self, match: Match, owner: Owner, hit: Hit) -> float:
        """Return what a short label takes off the score."""
        kind = match.rule.type
        low, high = max(0, hit.start - _NEAR), min(len(self.text), match.end + _NEAR)
        speaking, alien = self.grammar.speaking.get(kind), self.grammar.alien.get(kind)
        around = _words(f"{self.text[low : hit.start]} {self.text[hit.end : high]}")
        meant = kind in self.named or bool(speaking and speaking.search(around))
        before = self.text[max(0, hit.start - 30) : hit.start]
        if owner.relation is Relation.ABOVE and _KIND_OF_DOCUMENT.search(before):
            return 0.05
        asked = owner.relation in {Relation.ABOVE, Relation.BELOW} and _YOURS.search(before)
        abbreviated = hit.end - hit.start <= 3  # "DL # …": seldom anything else
        weakness = 0.12 if meant or asked or _PERSONAL.search(before) else 0.26 if abbreviated else 0.34
        line = self.text[max(self.text.rfind("\n", 0, hit.start) + 1, hit.start - _BESIDE) : hit.start]
        if alien and alien.search(_words(line)):
            weakness += 0.2
        if alien and alien.search(around):
            weakness += 0.1 if kind in self.named else 0.25
        if not match.rule.any_country and not match.value.isdigit():
            weakness -= 0.06
        sentence_begins = before.rstrip().endswith(".") and self.text[hit.start].isupper()
        if not (abbreviated or sentence_begins) and _MODIFIED.search(before) and not self._common(hit.start):
            weakness += 0.25
        if owner.announced or match.start - hit.end <= 3:
            return weakness
        return weakness + (0.03 if owner.relation is Relation.ABOVE else 0.08)

    def _heading(self, match: Match, hit: Hit) -> float:
        """Return what a short heading takes off: more where header or row speak of another matter ("Plumber")."""
        other = match.rule.type not in self.named and self._speaks_otherwise(match.rule.type, hit, hit.end)
        start = self.text.rfind("\n", 0, hit.start) + 1
        if _OF_PEOPLE.search(self.text[start : hit.end + _NEAR].partition("\n")[0]):
            return 0.1
        return 0.4 if other else 0.1

    def _speaks_otherwise(self, kind: str, hit: Hit, end: int) -> bool:
        """Tell whether the words around the label speak of another matter, and none of the label's own."""
        speaking, alien = self.grammar.speaking.get(kind), self.grammar.alien.get(kind)
        low = max(0, hit.start - _NEAR)
        around = _words(f"{self.text[low : hit.start]} {self.text[hit.end : end + _NEAR]}")
        others = {match[0].lower() for match in alien.finditer(around)} if alien else set()
        own = {match[0].lower() for match in speaking.finditer(around)} if speaking else set()
        return len(others) > len(own)

    def _common(self, place: int) -> bool:
        """Tell whether the word before `place` is one that any label may have before it ("my", "the", "is")."""
        words = re.findall(r"[A-Za-z']+", self.text[max(0, place - 30) : place])
        word = words[-1].lower() if words else ""
        grammar = self.grammar
        return word.endswith("'s") or any(
            part in grammar.function or part in grammar.linking or part in grammar.number
            for part in (word, word.rpartition("'")[2])
        )


def _words(text: str) -> bytes:
    """Return text in which keys such as "licence_type" are words."""
    return text.replace("_", " ").encode("ascii")


def _evidence(match: Match) -> float:
    """Return what form and check add to the score, or take off."""
    if match.holds is True:
        return 0.05
    evidence = -0.08 if match.holds is False else 0.0
    if match.rule.form is not None and not match.value.isdigit():
        evidence += 0.05
    if match.rule.any_country:
        evidence -= 0.1
    if match.value.isdigit() and len(match.value) < 7:
        evidence -= 0.15
    if not match.rule.any_country and not match.value.isdigit():
        evidence += 0.04
    if _AUTHORITY.match(match.written):
        evidence -= 0.3
    return evidence - 0.2 * match.torn


def why(match: Match, relation: Relation) -> str:
    """Return in words why the match counts, without showing it."""
    letters = sum(map(str.isalpha, match.value))
    digits = sum(map(str.isdigit, match.value))
    form = f"{digits} digits" if not letters else f"{letters} letters and {digits} digits"
    check = {True: ", valid check digit", False: ", check digit does not fit", None: ""}[match.holds]
    return f"{form} {WORDS[relation]}{check}"
