"""How sure a number is one: where its owner stands, what its form and its check say, and what a short label means."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import re2

from dlp_gateway.detect import implied
from dlp_gateway.detect.grammar import Grammar
from dlp_gateway.detect.identifier_rules import Rule
from dlp_gateway.detect.labels import Hit, Strength
from dlp_gateway.detect.surnames import is_made_of
from dlp_gateway.detect.walk import Owner, Relation

_BESIDE: Final = 45  # an alien word so near before the label says what licence it is
# "… for PhotoEdit 12": a product and its version, or a name that only products have.
_PRODUCT: Final = re.compile(
    r"(?: \(|\W{1,3}(?:valid |gultig |valable )?(?:for|of|to|fur|pour|para|per|voor|til|dla) )(?:your |the )?"
    r"(?!(?:Mc|Mac|De|Di|La|Le|Van|Fitz)[A-Z])(?!(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* )"
    r"(?:[A-Z][\w-]* ){0,3}?"
    r"(?:[A-Z][a-z]+[A-Z]\w*|[A-Z][a-z][\w-]{2,} (?:(?:[vV]|[vV]ersion )?\d{1,2}(?:\.\d+)*|Pro|Premium|Enterprise|Suite"
    r"|Cloud|Studio|Server|Edition|Professional|Office|Desktop))\b(?![/.-]\d)"
)
_DIRECT: Final = 3  # characters between a label and a number that stands directly behind it
_NEAR: Final = 250  # how far the words may be that tell what a short label means
# "my licence", but not "your licence", which may be one of software.
_PERSONAL: Final = re.compile(
    r"\b(?:my|his|her|wife's|husband's|son's|daughter's|mon|son|mi|mijn|zijn|mein|seine?|ihre?|mia|sua|minha) \Z",
    re.IGNORECASE,
)
_YOURS: Final = re.compile(r"\b(?:your|ur|yr|u r|ihre?|whose|which|votre|tu|uw|je|seu|twoj[ea]?) \Z", re.IGNORECASE)
#: A question about it: "do you have dad's licence to hand?"
_QUESTION: Final = re.compile(r"[^\n?.!,;:]{0,25}\?")
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
_COMPLEMENT: Final = re.compile(
    r" (?:de |d'|du |des |del |di |da |do |para |pour |for |to )(?:la |el |l'|las |los )?([a-z]{4,}|[A-Z]{2,5})\b"
)
_AFAR: Final = frozenset({Relation.ABOVE, Relation.BELOW, Relation.LIST, Relation.TITLE})
_ACCOUNT: Final = "BANK_ACCOUNT"
_MEANT: Final = {_ACCOUNT: frozenset({_ACCOUNT, "BANK_ROUTING", "IBAN"})}
_MADE_OF: Final = 0.08  # more for a licence that is made of a name nearby
_HOLDS: Final = 0.05  # more for a check that holds; nothing else speaks for figures alone
BASE: Final = {
    Relation.BEFORE: 0.95,
    Relation.AFTER: 0.86,
    Relation.COLUMN: 0.95,
    Relation.ABOVE: 0.8,
    Relation.BELOW: 0.8,
    Relation.LIST: 0.82,
    Relation.TITLE: 0.78,
}
WORDS: Final = {
    Relation.BEFORE: "behind a label of it",
    Relation.AFTER: "before a label of it",
    Relation.COLUMN: "in a column with a heading of it",
    Relation.ABOVE: "below a line that announces it",
    Relation.BELOW: "above a quoted question for it",
    Relation.LIST: "in a list below a heading of it",
    Relation.TITLE: "in a part whose subject, name or announcement is a label of it",
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
    abroad: bool  # of a country in which the label's language is not spoken
    torn: bool  # a dash joins it to a group that does not fit


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the text around speaks of, for labels that alone say too little ("licence no.", "account")."""

    text: str
    grammar: Grammar
    named: frozenset[str]  # identifier types that a full label names somewhere in the text
    _headings: dict[tuple[str, int], float] = field(default_factory=dict, repr=False, compare=False)  # met before

    def score(self, match: Match, owner: Owner, hit: Hit) -> float:
        """Return how sure the match is, in 0…0.99: medium where a label owns it and nothing speaks against it."""
        direct = owner.relation is Relation.ABOVE and not self.text[hit.end : match.start].strip(" \t\r\n:#")
        score = BASE[Relation.BEFORE if direct else owner.relation] - owner.doubt + _evidence(match)
        if match.rule.type == implied.KIND and is_made_of(match.value, self.text, match.start, match.end):
            score += _MADE_OF
        if match.abroad and match.value.isdigit():
            score -= 0.1 if owner.relation in _AFAR else 0.06
        if hit.label.strength is Strength.FAIR:
            score -= 0.05 + 0.35 * self._speaks_otherwise(match.rule.type, hit, match.start, match.end)
        elif hit.label.strength is Strength.WEAK:
            score -= (
                self._weakness(match, owner, hit)
                if owner.relation is not Relation.COLUMN
                else self._heading(match.rule.type, hit)
            )
        return round(max(0.0, min(score, 0.99)), 2)

    def most(self, hit: Hit, rules: Iterable[Rule]) -> float:
        """Return the score that no number of figures alone exceeds in a column under `hit`, if it fits these rules."""
        if hit.label.strength is not Strength.WEAK:
            return 1.0
        return max(
            (
                BASE[Relation.COLUMN]
                - self._heading(rule.type, hit)
                + _HOLDS * (rule.check is not None)
                + _MADE_OF * (rule.type == implied.KIND)
                for rule in rules
            ),
            default=0.0,
        )

    def _weakness(self, match: Match, owner: Owner, hit: Hit) -> float:
        """Return what a short label takes off the score."""
        kind = match.rule.type
        low, high = max(0, hit.start - _NEAR), min(len(self.text), match.end + _NEAR)
        speaking, alien = self.grammar.speaking.get(kind), self.grammar.alien.get(kind)
        around = _words(f"{self.text[low : hit.start]} {self.text[hit.end : high]}")
        others = _found(alien, around)
        own = _found(speaking, around) - set(_words(self.text[hit.start : hit.end].lower()).split())
        meant = bool(own) or not self.named.isdisjoint(_MEANT.get(kind, {kind}))
        before = self.text[max(0, hit.start - 30) : hit.start]
        if owner.relation is Relation.ABOVE and _KIND_OF_DOCUMENT.search(before):
            return 0.05
        questioned = _YOURS.search(before) or _QUESTION.match(self.text, hit.end)
        asked = owner.relation in _AFAR and questioned
        abbreviated = hit.end - hit.start <= 3  # "DL # …": seldom anything else
        weakness = (
            0.12 if meant or asked or (kind != _ACCOUNT and _PERSONAL.search(before)) else 0.26 if abbreviated else 0.34
        )
        line = self.text[max(self.text.rfind("\n", 0, hit.start) + 1, hit.start - _BESIDE) : hit.start]
        if kind == _ACCOUNT and not meant:
            weakness += 0.1  # of a customer, mostly
        if kind == implied.KIND and implied.is_told_of(self.grammar, self.text, match.start, match.end):
            weakness -= 0.12
        if alien and alien.search(_words(line)):
            weakness += 0.2
        if others:
            weakness += (
                0.1 if not self.named.isdisjoint(_MEANT.get(kind, {kind})) or len(own) > len(others) + 1 else 0.25
            )
        if self._is_of_other_matter(hit) or _PRODUCT.match(self.text, match.end):
            weakness += 0.25
        if not match.rule.any_country and not match.value.isdigit():
            weakness -= 0.06 if meant or others else 0.14
        sentence_begins = before.rstrip().endswith(".") and self.text[hit.start].isupper()
        behind = owner.relation is Relation.AFTER and hit.start - match.end <= _DIRECT  # the number is no word
        if not (abbreviated or sentence_begins or behind) and _MODIFIED.search(before) and not self._common(hit.start):
            weakness += 0.25
        if owner.announced or not self.text[hit.end : match.start].strip(" \t") or match.start - hit.end <= _DIRECT:
            return weakness
        return weakness + (0.03 if owner.relation is Relation.ABOVE else 0.08)

    def is_alien(self, kind: str, hit: Hit, start: int, end: int) -> bool:
        """Tell whether the lines around a short label speak of another matter only: "Product key: …, seats: 3"."""
        if hit.label.strength is not Strength.WEAK:
            return False
        speaking, alien = self.grammar.speaking.get(kind), self.grammar.alien.get(kind)
        low, high = max(0, hit.start - _NEAR), max(end, hit.end) + _NEAR
        around = _words(f"{self.text[low : hit.start]} {self.text[hit.end : start]} {self.text[end:high]}")
        return bool(_found(alien, around)) and not _found(speaking, around)

    def _is_of_other_matter(self, hit: Hit) -> bool:
        """Tell whether what the licence is for stands behind the word: "permis d'alcool", "licencia de apertura"."""
        found = _COMPLEMENT.match(self.text, hit.end)
        if found is None or found[1] in self.grammar.function:
            return False
        if found[1] in self.grammar.licences.states:
            return False
        word, speaking = found[1].encode("ascii"), self.grammar.speaking.get(implied.KIND)
        if speaking is not None and speaking.fullmatch(word):
            return False
        return self.grammar.licences.place.fullmatch(word) is None

    def _heading(self, kind: str, hit: Hit) -> float:
        """Return what a short heading takes off: more where header or row speak of another matter ("Plumber")."""
        met = self._headings.get((kind, hit.start))
        if met is None:
            met = self._headings[kind, hit.start] = self._doubt_of_heading(kind, hit)
        return met

    def _doubt_of_heading(self, kind: str, hit: Hit) -> float:
        if kind == _ACCOUNT:
            speaking = self.grammar.speaking[kind]
            around = _words(self.text[max(0, hit.start - _NEAR) : hit.end + _NEAR])
            return 0.1 if not self.named.isdisjoint(_MEANT[kind]) or speaking.search(around) else 0.7
        other = kind not in self.named and self._speaks_otherwise(kind, hit, hit.end + _NEAR, hit.end)
        start = self.text.rfind("\n", 0, hit.start) + 1
        if _OF_PEOPLE.search(self.text[start : hit.end + _NEAR].partition("\n")[0]):
            return 0.1
        return 0.4 if other else 0.1

    def _speaks_otherwise(self, kind: str, hit: Hit, start: int, end: int) -> bool:
        """Tell whether the words around the label speak of another matter, and none of the label's own."""
        speaking, alien = self.grammar.speaking.get(kind), self.grammar.alien.get(kind)
        low, high = max(0, hit.start - _NEAR), end + _NEAR
        last = max(end, hit.end)
        if -_BESIDE <= hit.end - start <= _BESIDE and "\n" not in self.text[min(hit.start, start) : last]:
            # "ME lic: 7104826": other lines are of other things
            low, end = max(low, self.text.rfind("\n", 0, hit.start) + 1), last
            high = min(high, _line_end(self.text, end))
        around = _words(f"{self.text[low : hit.start]} {self.text[hit.end : high]}")
        return len(_found(alien, around)) > len(_found(speaking, around))

    def _common(self, place: int) -> bool:
        """Tell whether the word before `place` is one that any label may have before it ("my", "the", "is")."""
        words = re.findall(r"[A-Za-z']+", self.text[max(0, place - 30) : place])
        word = words[-1].lower() if words else ""
        grammar = self.grammar
        speaking = grammar.speaking.get(implied.KIND)
        return (
            word.endswith("'s")
            or bool(speaking and speaking.fullmatch(word.encode("ascii")))
            or any(
                part in grammar.function or part in grammar.linking or part in grammar.number
                for part in (word, word.rpartition("'")[2])
            )
        )


def _line_end(text: str, place: int) -> int:
    end = text.find("\n", place)
    return end if end >= 0 else len(text)


def _found(words: "re2._Regexp[bytes] | None", text: bytes) -> frozenset[bytes]:
    """Return which words of a matter stand in a text."""
    return frozenset(match[0].lower() for match in words.finditer(text)) if words else frozenset()


def _words(text: str) -> bytes:
    """Return text in which keys such as "licence_type" are words."""
    return text.replace("_", " ").encode("ascii")


def _evidence(match: Match) -> float:
    """Return what form and check add to the score, or take off."""
    if match.holds is True:
        return _HOLDS
    evidence = -0.08 if match.holds is False else 0.0
    if match.rule.form is not None and not match.value.isdigit():
        evidence += 0.05
    if match.rule.any_country:
        evidence -= 0.1 + 0.1 * (match.abroad and match.value.isdigit())
    if match.value.isdigit() and len(match.value) < 7:
        evidence -= 0.15
    if not match.rule.any_country and not match.value.isdigit():
        evidence += 0.04
    if _AUTHORITY.match(match.written):
        evidence -= 0.3
    return evidence - 0.2 * match.torn


#: What issuers and makers of software have published as examples. They are found like others, since administrators try
#: them first; the reason tells a reviewer what they are.
SPECIMENS: Final = frozenset(
    {
        "4111111111111111",
        "4012888888881881",
        "4222222222222",
        "4242424242424242",
        "5555555555554444",
        "5105105105105100",
    }
    | {"2223003122003222", "378282246310005", "371449635398431", "6011111111111117", "3530111333300000"}
    | {"30569309025904", "38520000023237", "078051120", "219099999", "457555462", "123456789"}
    | {"DE89370400440532013000", "GB29NWBK60161331926819", "GB82WEST12345698765432", "FR1420041010050500013M02606"}
    | {"MORGA657054SM9IJ", "MORGA753116SM9IJ", "B072RRE2I55", "QQ123456C", "L01X00T471", "C01X00T478"}
)


def why(match: Match, relation: Relation) -> str:
    """Return in words why the match counts, without showing it."""
    letters = sum(map(str.isalpha, match.value))
    digits = sum(map(str.isdigit, match.value))
    form = f"{digits} digits" if not letters else f"{letters} letters and {digits} digits"
    check = {True: ", valid check digit", False: ", check digit does not fit", None: ""}[match.holds]
    known = ", a published specimen" if match.value in SPECIMENS else ""
    return f"{form} {WORDS[relation]}{check}{known}"
