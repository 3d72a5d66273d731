"""Whose is a number? The nearest label that owns it: before it, after it, above it, or over its column."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from dlp_gateway.detect.documents import OFFICES, document_of, is_of_document, is_said
from dlp_gateway.detect.grammar import Grammar
from dlp_gateway.detect.labels import OTHER, Hit, Hits, both, is_noun
from dlp_gateway.detect.layout import Page
from dlp_gateway.detect.meanings import meant
from dlp_gateway.detect.orphans import elsewhere, is_orphan
from dlp_gateway.detect.shapes import dates
from dlp_gateway.detect.walk import KEYED, NOBODY, UNKNOWN, Owner, Relation, Walk, owns_nothing

_BEFORE: Final = 120
_AFTER: Final = 80
_TOKEN: Final = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?|\d[\w]*|\n|[^\w\s]|_")
_ABBREVIATED: Final = re.compile(
    r"(?:^|[\s(])(?:no|nos|nr|num|nbr|lic|n|dr|mr|mrs|ms|st|sr|sra|tel|ref|ext|geb|bzw|ca|z\.b|inkl|art|ul|driv|d\.l"
    r"|c\.f|ss|acct|a|cat|kat|cl|class|klasse|catg|bte|expte|exp|iss|st|state|prov|sig|sigra|hr|fr|ing|dott|prof|mme|mlle|messrs|jr|ltd|inc|co|abs|str|rd|ave|approx|max|min)$",
    re.IGNORECASE,
)
_SHORT: Final = re.compile(r"\b[A-Za-z]{1,3}\.\Z|(?<![^\n,;(>|])[ \t]*[A-Za-z]{4,6}\.\Z")
_NUMBERED: Final = re.compile(
    r"(?:(?:\b|_)(?:number|numbers|no|nos|nr|num|nummer|numero|numer|id|ref|reference|code|n)|nummer|#)\W*\Z",
    re.IGNORECASE,
)
_ROMANCE: Final = frozenset({"fr", "es", "it", "pt"})  # the adjective stands behind the noun: "badge visiteur 4410293"
# What cannot be written with letters: a "card" that has some is another kind of card.
_CARD: Final = "CREDIT_CARD"
_BIRTH: Final = "DATE_OF_BIRTH"
_FIGURES_ONLY: Final = frozenset({_CARD, "US_SSN"})
_SHORTEST_CARD: Final = 12
_BESIDE: Final = 4
_PREFIX: Final = 3
_HEAD: Final = re.compile(r"\b[A-Z]{1,4}[-/]?\Z")  # letters with which the number begins
_COPULAS: Final = frozenset(
    {"is", "was", "are", "ist", "war", "est", "es", "e", "jest", "to", "er", "ar", "being", "="}
)
_YOUR: Final = frozenset(
    {"dein", "deine", "deinen", "deiner", "din", "dit", "ditt", "eure", "ihre", "ihren", "ihrer"}
    | {"je", "jouw", "panskie", "seu", "su", "sua", "sus", "teu", "ton", "tu", "tua"}
    | {"tus", "twoj", "twoje", "ur", "uw", "vos", "vostra", "votre", "your", "yr"}
)
_TAG: Final = re.compile(r"<[A-Za-z][\w:.-]{0,40}(\s[^<>]{1,200})>")
_AND: Final = (
    r"(?:, ?| and | und | et | y | e | en | i | & | / "
    r"| to | through | bis | à | al | a | até | tot | t/m | do | till | - )"
)
_RANGE: Final = re.compile(r" (?:to|through|bis|à|al|a|até|tot|t/m|do|till|-) ")
_LIST: Final = re.compile(rf"(\d[\w./-]{{3,24}})(?:{_AND}\d[\w./-]{{3,24}}){{0,8}}{_AND}\Z")
_GENITIVE: Final = frozenset({"de", "du", "d", "of", "del", "di", "da", "do", "van", "der", "des"})
_ABOUT: Final = 25
#: "use the NHS number instead of our hospital number: …"
_INSTEAD: Final = re.compile(
    r"\b(?:instead of|rather than|not|statt|anstatt|anstelle|nicht|au lieu d[eu]|plutot que|et non|en lugar de"
    r"|en vez de|y no|invece di|anziche|e non|in plaats van|niet|zamiast|em vez d[aeo]|e nao|i stallet for|inte"
    r"|i stedet for|ikke)(?: (?:the|our|your|my|his|her|de[rsmn]|die|das|unserer?|ihrer?|le|la|les|notre|votre"
    r"|el|su|il|lo|het|de|ons|uw))?(?: [a-z]+)? ?\Z",
    re.IGNORECASE,
)
_NUMBER_OF: Final = re.compile(
    r"\A(?:number|numero|num|no|nr|numer|n)\b|(?:number|numbers|no|nr|num|nummer|numero|numer|reference|ref|#)\Z",
    re.IGNORECASE,
)
_SAID: Final = 0.15  # of the doubt that words between raise, where they are what a sentence says of the licence
_APART: Final = 4  # words between a label and a number of another clause that is its own
_ANNOUNCING: Final = frozenset(":#=(-\"[>/*_`~'")
#: "issued", "valid until": what follows is a day or a year, so a number as long as this is not theirs.
_DATED: Final = "dates"
_LONGEST_DATE: Final = 6
_FROM: Final = frozenset(
    {
        "from",
        "on",
        "off",
        "aus",
        "vom",
        "von",
        "auf",
        "sur",
        "de",
        "du",
        "van",
        "op",
        "del",
        "dal",
        "dalla",
        "sul",
        "sulla",
    }
    | {"della", "do", "da", "z", "na", "fra"}
)
#: "5047912 <- that's the licence": what stands behind is said of the number.
_ARROW: Final = re.compile(r"\s{0,2}(?:<[-<=~]{0,3}|\^+)\s{0,2}")
_SENTENCE_END: Final = re.compile(r"[.!?][\"')\]]*\s+(?=[A-Z0-9\"'(])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Tells owners on one page: its folded text, the labels found in it, and its layout."""

    page: Page
    hits: Hits
    starts: Sequence[int]
    grammar: Grammar
    topics: Hits  # what speaks of an identifier, and owns nothing
    offices: Hits  # those of them, and labels, that name an office for licences

    def owner(self, start: int, end: int) -> Owner:
        """Return who owns the number at `start` … `end`; the last of a range is whose the first is."""
        first = self._first_of_list(start, end)
        if first != (start, end) and _RANGE.search(self.page.text, first[1], start):
            return self.owner(*first)
        before = self._before(start, end)
        if before.label is not None:
            return before
        if before.relation is Relation.NOBODY or before is KEYED:
            after = self._after(start, end)
            if after.relation is not Relation.NOBODY and (before is not KEYED or self._is_called(after, end)):
                return after
        if is_orphan(self, *self._first_of_list(start, end), before):
            return elsewhere(self, start, end)
        return before

    def _first_of_list(self, start: int, end: int) -> tuple[int, int]:
        """Return the first number of the list that the number goes on with: "confirmations 6630182, 6630183 and …"."""
        low = max(0, start - _BEFORE)
        listed = _LIST.search(self.page.text[low:start])
        return (start, end) if listed is None else (low + listed.start(1), low + listed.end(1))

    def _goes_on(self, place: int, word: str, first: int, walk: Walk) -> bool:
        """Tell whether the word belongs to the number of a list that begins at `first`: "D4237 51862 09784"."""
        if not walk.listed or walk.met or place + len(word) < first - 1 or self.page.text[first] == "\n":
            return False
        group = word[0].isdigit() or (word.isalpha() and len(word) <= _PREFIX and word.isupper())
        return group and self.page.text[place + len(word) : first] in {"", " ", "-"}

    def _is_value(self, start: int) -> bool:
        """Tell whether a label alone stands in the first of two cells, and the number at `start` in the second."""
        low, high = self.page.key(start)
        return any(hit.end - hit.start >= high - low > 0 for hit in self.hits.within(low, high))

    def _is_called(self, owner: Owner, end: int) -> bool:
        """Tell whether it is said what the number is: "For payroll: 581220-3171 is my social security number"."""
        if owner.hit is None or owner.foreign:
            return False
        words = self.page.text[end : owner.hit.start].lower().split()
        return bool(words) and words[0] in _COPULAS

    # -- before the number, in the same sentence

    def _before(self, start: int, end: int) -> Owner:
        low = self.sentence_start(start)
        tokens = [(low + m.start(), m[0]) for m in _TOKEN.finditer(self.page.text[low:start])]
        if tokens and tokens[-1][1] == ">":
            tokens = self._without_attributes(tokens, low, start)
        written = self.page.text[start:end]
        walk = Walk(size=sum(map(str.isalnum, written)), lettered=any(map(str.isalpha, written)))
        index = len(tokens) - 1
        first = start  # of a list of numbers
        while index >= 0:
            place, word = tokens[index]
            if word == ")" and not walk.met:  # an aside owns nothing: "licence (Queensland) no. …"
                opening = next((i for i in range(index, -1, -1) if tokens[i][1] == "("), index)
                index = opening - 1 if opening or self._hit_over(tokens[index - 1][0]) is None else index - 1
                continue  # unless nothing stands before it: "(Passport number) …"
            hit = self._hit_over(place)
            if word == "|" and index == len(tokens) - 1 and self._is_value(start):
                index -= 1
                continue
            if hit is None and self._goes_on(place, word, first, walk):
                first = place  # a group of a number of the list, or the letters with which it begins
                index -= 1
                continue
            if hit is None:
                verdict = walk.step(self.grammar, word, tokens[index - 1][1] if index else "")
                if verdict is UNKNOWN and walk.colon and self._is_not_it(place):
                    verdict = None
                index -= 1
                if walk.listed and not walk.met and word[0].isdigit():
                    first = place
            else:
                while index >= 0 and tokens[index][0] >= hit.start:
                    index -= 1
                preceding = [token.lower() for _, token in tokens[max(0, index - 2) : index + 1]]
                verdict = self._owner_of(hit, first, preceding, walk)
            if verdict is not None:
                return verdict
        if walk.attached is not None:
            return Owner(label=walk.attached.label, relation=Relation.BEFORE, announced=True, hit=walk.attached)
        if walk.keyed:
            return KEYED
        clause = _TOKEN.findall(self.page.text[low:start].rpartition(",")[2].lower())
        told = self.grammar.licences.are_told(self.page.text, start, end)
        if walk.apart is not None and not told and all(map(self.owns_nothing, clause)):
            return Owner(label=walk.apart.label, relation=Relation.BEFORE, hit=walk.apart)
        return Owner(label=None, relation=Relation.NOBODY, announced=walk.announced)

    def _without_attributes(self, tokens: list[tuple[int, str]], low: int, start: int) -> list[tuple[int, str]]:
        """Return the words without those of a tag's attributes, but for labels: `<licence country="…"><no>`."""
        tags = [(tag.start(1), tag.end(1)) for tag in _TAG.finditer(self.page.text, low, start)]
        begins = [begin for begin, _ in tags]

        def counts(place: int) -> bool:
            index = bisect_right(begins, place) - 1
            return index < 0 or place >= tags[index][1] or self._hit_over(place) is not None

        return [(place, word) for place, word in tokens if counts(place)]

    def _owner_of(self, hit: Hit, start: int, preceding: Sequence[str], walk: Walk) -> Owner | None:
        """Return the owner that the label makes, or None if the label is about something else and the walk goes on."""
        if hit.label.id == _DATED and walk.size > _LONGEST_DATE:
            walk.met = True
            return None
        if hit.label.owns == OTHER and (walk.colon or walk.linked) and self._is_not_it(hit.start):
            return None
        if hit.label.owns == _BIRTH and dates(self.page.text, hit.end, start):
            walk.met = True  # it has had its date
            return None
        if document := document_of(self, hit, start, walk):
            return document
        if (hit.label.owns in _FIGURES_ONLY and walk.lettered) or (
            hit.label.owns == _CARD and walk.size < _SHORTEST_CARD
        ):
            of_thing = numbers(hit, self.page.text) and not all(map(self.owns_nothing, preceding[-1:]))
            return UNKNOWN if of_thing else None  # "incident card number", but not "the card number"
        if hit.end + 1 == start and self.page.text[hit.end] == "-" and hit.end - hit.start <= _PREFIX:
            walk.attached = hit
            return None
        if is_noun(hit) and not self._is_beside(hit, start):
            walk.unknown += walk.met
            return None
        if hit.label.owns == OTHER and self.page.text[hit.start : hit.end].lower() in self.grammar.number:
            walk.numbered = walk.numbered or not walk.met  # "valor=": what is numbered stands before it
            return None
        if hit.label.owns == OTHER:
            complement = (
                (walk.linked or walk.colon) and not walk.numbered and self.grammar.preposition.intersection(preceding)
            )
            numbered = any(  # "numero de suivi: …"
                one in self.grammar.number and other in _GENITIVE for one, other in pairwise(preceding)
            )
            if complement and not numbered and not _NUMBERED.search(self.page.text[hit.start : hit.end]):
                walk.doubt += 0.05
                return None
            if walk.commas and walk.met and not walk.keyed:
                walk.apart = walk.apart or (hit if walk.unknown <= _APART else None)
                walk.unknown += 1
                walk.doubt += 0.1
                return None
            return Owner(label=hit.label, relation=Relation.BEFORE, announced=walk.announced, hit=hit)
        if file := self._about(hit, preceding):
            return file
        far = max(0, start - hit.end - 40) / 500
        doubt = walk.doubt + 0.03 * min(walk.unknown, 5) + 0.01 * min(walk.names, 4) + far + 0.03 * walk.keyed
        if is_said(self, hit, start):
            doubt = min(doubt, _SAID)
        beside = walk.listed and not self.page.text[hit.end : start].strip(" \t|:#")  # of the first of a list
        announced = walk.announced or beside or numbers(hit, self.page.text)
        return Owner(label=hit.label, relation=Relation.BEFORE, doubt=doubt, announced=announced, hit=hit)

    def _about(self, hit: Hit, preceding: Sequence[str]) -> Owner | None:
        """Return the owner of "case number for the licence: …": what is numbered is the case."""
        if self.grammar.preposition.isdisjoint(preceding):
            return None
        index = bisect_left(self.starts, hit.start) - 1
        head = self.hits[index] if index >= 0 else None
        if head is None or head.label.owns != OTHER or hit.start - head.end > _ABOUT:
            return None
        text = self.page.text
        if is_of_document(text, head) or not _NUMBER_OF.search(text, head.start, head.end):
            return None
        if re.search(r"[\d:,;.\n]", text[head.end : hit.start]) is not None:
            return None
        return Owner(label=head.label, relation=Relation.BEFORE, announced=True, hit=head)

    def _is_not_it(self, place: int) -> bool:
        """Tell whether what stands at `place` is what the number is not: "use A instead of our B: …"."""
        return _INSTEAD.search(self.page.text, max(0, place - _ABOUT), place) is not None

    def _is_beside(self, hit: Hit, start: int) -> bool:
        """Tell whether nothing but words such as "no." and "is" stands between a thing and the number."""
        between = _HEAD.sub("", self.page.text[hit.end : start]).removeprefix(".")  # "Ticket nos. are …"
        words = [word.lower() for word in _TOKEN.findall(between)]
        if len(words) == 1 and hit.label.language in _ROMANCE and words[0].isalpha():
            return words[0] not in self.grammar.function
        return len(words) <= _BESIDE and all(
            word in self.grammar.number or word in self.grammar.linking or word in _ANNOUNCING for word in words
        )

    def sentence_start(self, start: int) -> int:
        """Return where the sentence begins in which `start` stands."""
        text = self.page.text
        low = max(0, start - _BEFORE)
        low = max(low, self.page.block_start(start), self.turn(start))
        for match in _SENTENCE_END.finditer(text, low, start + 1):
            if text[match.start() - 1 : match.start()] == ".":
                continue  # dots that lead to the number: "Account ...... 83104427"
            if match.end() == start and (
                self._hit_over(match.start() - 1) or _SHORT.search(text, low, match.start() + 1)
            ):
                continue  # "Order ref. 1234", "Rechn. 1234": the word is cut short, the number belongs to it
            if not _ABBREVIATED.search(text[max(low, match.start() - 8) : match.start()]):
                low = match.end()
        return low

    def turn(self, place: int) -> int:
        """Return where what a speaker says begins on the line at `place`: behind "Sam: " in a chat; or 0."""
        line = self.page.line(place)[0]
        said = self.page.turns.on(line)
        if not said or said > place:
            return 0
        name = self.page.text[line:said].strip("> :").lower()
        index = bisect_left(self.starts, line)
        keyed = index < len(self.hits) and self.hits[index].start < said
        return 0 if keyed or name in self.grammar.number else said

    def _hit_over(self, place: int) -> Hit | None:
        index = bisect_right(self.starts, place) - 1
        return self.hits[index] if index >= 0 and self.hits[index].end > place else None

    # -- after the number, in the same sentence

    def _after(self, start: int, end: int) -> Owner:
        text = self.page.text
        high = min(len(text), end + _AFTER, self.page.block_end(end))
        index = bisect_left(self.starts, end)
        if index == len(self.hits) or self.hits[index].start >= high:
            return NOBODY
        hit = self.hits[index]
        between = text[end : hit.start]
        if hit.label.id == _DATED and sum(map(str.isalnum, text[start:end])) > _LONGEST_DATE:
            return NOBODY
        if _SENTENCE_END.search(text, end, hit.start + 1):
            return NOBODY
        if self._announces_another(hit, high):
            return NOBODY
        words = [match[0] for match in _TOKEN.finditer(between)]
        lowered = [word.lower() for word in words]
        opened = bool(words) and words[-1] in {"(", "[", "-", "<", "/", "#"}
        opened = opened or (bool(words) and _ARROW.match(between) is not None)
        # Polish and Finnish for "is", and prepositions in English
        foreign = {"pl": {"on"}, "fi": {"to"}}.get(hit.label.language, {"to", "on"})
        linked = any(
            part in self.grammar.linking for word in lowered if word not in foreign for part in (word, *word.split("'"))
        )
        linked = linked or (hit.label.owns != OTHER and bool(words) and words[0] in _FROM)
        if any(word in ";|" for word in words) or ("," in words and (not linked or hit.label.owns == OTHER)):
            return NOBODY
        copula = not _COPULAS.isdisjoint(lowered)
        if (text[end : end + 1] in {")", "]"} or (lowered and lowered[-1] in _YOUR)) and not copula:
            return NOBODY  # "(LG-118) brauchen wir noch deine Führerscheinnummer"
        unknown = sum(1 for word in lowered if word[0].isalpha() and not self.owns_nothing(word))
        if not (opened or linked or not words) or unknown > 3 * (not is_noun(hit)):
            return NOBODY
        return Owner(label=hit.label, relation=Relation.AFTER, doubt=0.06 * unknown + 0.04, hit=hit)

    def _announces_another(self, hit: Hit, high: int) -> bool:
        rest = _SENTENCE_END.split(self.page.text[hit.end : min(high, hit.end + 25)])[0]
        return (
            re.match(
                r"(?i)[\s:#=.*]*(?:(?:number|no|nr|num|nummer|is|numero)\b[\s:#=.*]*)*\d?[A-Z]{0,3}[- ]?\d{3}", rest
            )
            is not None
        )

    def is_spent(self, hit: Hit, start: int) -> bool:
        """Tell whether a number follows the label on its own line, which is then what the label is about."""
        _, line_end = self.page.line(hit.start)
        rest = self.page.text[hit.end : min(line_end, hit.end + 40, start)]
        return re.search(r"[A-Z0-9]*\d[\w-]{3,}", rest) is not None

    def owns_nothing(self, word: str) -> bool:
        """Tell whether a word, in small letters, is one that any label and any number may have beside it."""
        return owns_nothing(self.grammar, word)


def numbers(hit: Hit, text: str) -> bool:
    """Tell whether the label itself says that a number follows ("badge no.")."""
    return _NUMBERED.search(text[hit.start : hit.end]) is not None


def read(page: Page, hits: Hits, grammar: Grammar) -> Reader:
    """Return the reader of a page with the labels that count."""
    kept, topics = meant(page.text, hits, grammar, page.data)
    offices = both(kept, topics, lambda label: label.id in OFFICES)
    return Reader(
        page=page,
        hits=kept,
        starts=kept.starts,
        grammar=grammar,
        topics=topics,
        offices=Hits(offices),
    )
