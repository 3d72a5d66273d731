"""Identifiers in one text: candidates by shape, decided by who owns them; pure, linear in the text."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from dlp_gateway.detect.birth_dates import birth_dates, date_span
from dlp_gateway.detect.card_context import Share, is_alone, is_evident, is_printed, link_start
from dlp_gateway.detect.confidence import WORDS, Context, Match, why
from dlp_gateway.detect.folding import Folded, fold
from dlp_gateway.detect.gate import Gate
from dlp_gateway.detect.headings import heading_owner, table_over, tables_with_labels
from dlp_gateway.detect.identifier_rules import Rule, RuleBook
from dlp_gateway.detect.labels import OTHER, Hit, Label, Strength
from dlp_gateway.detect.layout import Table, lay_out
from dlp_gateway.detect.ownership import Reader, is_noun, numbers, read
from dlp_gateway.detect.shapes import Run, compact, dates, runs
from dlp_gateway.detect.span import Span
from dlp_gateway.detect.validators import luhn, payment_card
from dlp_gateway.detect.walk import KEYED, NOBODY, Owner, Relation

if TYPE_CHECKING:
    import re2

__all__ = ["Recognition", "Span"]

_REACH_BEFORE: Final = 100
_REACH_AFTER: Final = 340
_LONGEST: Final = 34  # an IBAN
_REACH_ANSWER: Final = 700  # an answer stands above the question that it quotes
_GROUP: Final = re.compile(r"[A-Za-z0-9]+")
# An Indian licence of Delhi begins with what is a label elsewhere.
_DELHI: Final = re.compile(r"DL[ -]?\d\d[ -]?(?:19|20)\d\d[ -]?\d{7}\b", re.IGNORECASE)
# "[ ] Passport": a choice that was not taken.
_UNTICKED: Final = re.compile(r"(?:~|\[ ?\]|\( ?\)) ?\Z")
#: How often one value, and how many numbers of a text, are asked for their owner; the others count as nobody's.
_ASKED_EACH: Final = 20
_ASKED: Final = 2_000
_LIKELY: Final = 0.65
_DOUBTFUL: Final = 0.5  # a number with a valid check digit of which nothing says that it is a card's
_CARD: Final = "CREDIT_CARD"
_LONGEST_CARD: Final = 19
_SPOKEN_BEFORE: Final = 120
_SPOKEN_AFTER: Final = 60
_IBAN_HEAD: Final = re.compile(r"[A-Z]{2}\d\d[ -]$")


class Recognition:
    """Finds the identifiers of a rule book; compiled once, keeps no state between texts."""

    def __init__(self, book: RuleBook) -> None:
        self._book = book
        self._gate = Gate(book)
        self._alone = tuple((rule, rule.find) for rule in book.rules if rule.find)
        self._owned = {
            kind: tuple(rule for rule in book.rules if kind in rule.under and rule.shape)
            for kind in {kind for rule in book.rules for kind in rule.under}
        }
        self._forms = tuple((rule, rule.form) for rule in book.rules if rule.form)

    @property
    def types(self) -> frozenset[str]:
        """The identifier types that can be found."""
        return frozenset(rule.type for rule in self._book.rules) | {"DATE_OF_BIRTH"}  # it has labels, but no rule

    def spans(self, text: str) -> tuple[Span, ...]:
        """Return what was found, in order, none overlapping another."""
        if not self._gate.opens(text):
            return ()
        folded = fold(text)
        page = lay_out(folded.text, self._book.grammar.closing)
        scanned = self._book.lexicon.scan(folded.text)
        hits = tuple(hit for hit in scanned if not _UNTICKED.search(folded.text[max(0, hit.start - 4) : hit.start]))
        reader = read(page, hits, self._book.grammar)
        named = frozenset(hit.label.owns for hit in hits if hit.label.strength is Strength.STRONG)
        context = Context(text=page.text, grammar=self._book.grammar, named=named)
        tables = tables_with_labels(reader)
        found = [
            *self._labelled(reader, tables, context),
            *self._self_evident(reader, tables),
            *self._spoken_of(reader),
        ]
        return _settled(found, folded)

    # -- numbers that labels may own

    def _labelled(self, reader: Reader, tables: Sequence[Table], context: Context) -> Iterator[Span]:
        page = reader.page
        for table in tables:
            yield from self._columns(reader, table, context)
        yield from birth_dates(reader)
        words = [(hit.start, hit.end) for hit in reader.hits if not _DELHI.match(page.text, hit.start)]
        strong = [
            (h.start, h.end) for h in reader.hits if h.label.owns != OTHER and h.label.strength is Strength.STRONG
        ]
        table_starts = [table.start for table in tables]
        lists = [
            table for table in tables_with_labels(reader, foreign=True) if len(table.header) > 2
        ]  # of parts, orders …
        list_starts = [table.start for table in lists]
        for low, high in _regions(reader):
            inside = slice(bisect_left(words, (low, 0)), bisect_left(words, (high, 0)))
            named = [end for place, end in strong if low <= place < high]
            for run in runs(page.text, low, high, words[inside], named):
                if table_over(tables, table_starts, run.start):
                    continue
                listing = table_over(lists, list_starts, run.start)
                heading = listing.heading(run.start) if listing else None
                if heading and heading_owner(reader, heading).foreign:
                    continue
                owner = reader.owner(run.start, run.end)
                if owner.label is not None and not owner.foreign:
                    yield from self._judged(run, owner, page.text, context)

    def _columns(self, reader: Reader, table: Table, context: Context) -> Iterator[Span]:
        text = reader.page.text
        for index, cell in enumerate(table.header):
            owner = heading_owner(reader, cell)
            hit = owner.hit
            if hit is None or owner.foreign:
                continue
            for row in table.rows:
                if index < len(row):
                    start, end = row[index]
                    if hit.label.owns == "DATE_OF_BIRTH":
                        yield from (
                            date_span(a, b, 0.85, "in a column of birth dates") for a, b in dates(text, start, end)
                        )
                    for run in runs(text, start, end):
                        yield from self._judged(run, owner, text, context)

    def _judged(self, run: Run, owner: Owner, text: str, context: Context) -> Iterator[Span]:
        label, hit = owner.label, owner.hit
        match = self._best(run, label, self._likely(hit, text), text) if label and hit else None
        if label is None or hit is None or match is None:
            return
        if label.owns == _CARD and (match.start, match.end) != (run.start, run.end) and _is_card_long(text, run):
            return  # three groups of a card whose check digit does not hold
        if label.strength is Strength.WEAK and luhn(match.value):
            as_card = is_printed(text, match.start, match.end)
            if as_card or (payment_card(match.value) and _CARD in context.named):
                return  # "la mia carta 4012 8888 8888 1881": in groups as on cards, it is one
        yield Span(
            start=match.start,
            end=match.end,
            type=match.rule.type,
            country=match.rule.country,
            score=context.score(match, owner, hit),
            rule=match.rule.id,
            why=why(match, owner.relation),
        )

    def _likely(self, hit: Hit, text: str) -> tuple[str, ...]:
        """Return the countries that a label speaks of, the likeliest first."""
        language = hit.label.language
        if language == "en" and "licence" in text[hit.start : hit.end].lower():
            language = "en-GB"
        return self._book.grammar.countries.get(language, ())

    def _best(self, run: Run, label: Label, likely: Sequence[str], text: str) -> Match | None:
        """Return the longest part of the run that fits a rule; of equal ones the best proved, then the likeliest."""
        rules = self._owned.get(label.owns, ())
        if label.country:
            rules = tuple(rule for rule in rules if rule.country == label.country) or rules
        count = len(run.groups)
        for length in range(count, 0, -1):
            best: tuple[tuple[bool, bool, int], Match] | None = None
            for first in range(count - length + 1):
                start, end = run.groups[first][0], run.groups[first + length - 1][1]
                value = compact(text[start:end])
                if not 5 <= len(value) <= _LONGEST:
                    continue
                torn = (first > 0 and text[start - 1] in "-/") or (first + length < count and text[end] in "-/")
                for rule in rules:
                    if rule.shape is None or not rule.shape.fullmatch(value):
                        continue
                    holds = rule.check(value) if rule.check else None
                    if holds is False and rule.veto:
                        continue
                    place = likely.index(rule.country) if rule.country in likely else len(likely)
                    rank = (not rule.any_country, holds is True, -place)
                    if best is None or rank > best[0]:
                        best = rank, Match(start=start, end=end, rule=rule, holds=holds, value=value, torn=torn)
            if best is not None:
                return best[1]
        return None

    # -- numbers that prove themselves

    def _self_evident(self, reader: Reader, tables: Sequence[Table]) -> Iterator[Span]:
        text = reader.page.text
        table_starts = [table.start for table in tables]
        data = text.encode("ascii")
        asked: Counter[str] = Counter()
        for rule, find in self._alone:
            places, share = _places(rule, find, data, text)
            for start, end in places:
                value = compact(text[start:end])
                asked[value] += 1
                if asked[value] > _ASKED_EACH:
                    continue
                owner = NOBODY
                if not rule.certain and len(asked) <= _ASKED:
                    table = table_over(tables, table_starts, start)
                    heading = table.heading(start) if table else None
                    owner = heading_owner(reader, heading) if heading else reader.owner(start, end)
                if not self._may_own(owner, rule, text[start:end]) or _is_by_chance(owner, text):
                    owner = NOBODY
                if rule.type == _CARD:
                    yield _card(rule, reader, owner, start, end, share=share)
                else:
                    yield _weighed(rule, owner, start, end, alone=rule.alone)

    # -- numbers of a form of their own, in a text that speaks of them

    def _spoken_of(self, reader: Reader) -> Iterator[Span]:
        """Yield numbers that nothing owns, of a form that hardly another has, if their kind is spoken of elsewhere."""
        named = {hit.label.owns for hit in reader.hits}
        text = reader.page.text
        data = text.encode("ascii")
        for rule, form in self._forms:
            if rule.type not in named:
                continue
            for match in islice(form.finditer(data), _ASKED_EACH):
                start, end = match.span()
                if rule.check is not None and not rule.check(compact(text[start:end])):
                    continue
                owner = reader.owner(start, end)
                if owner is KEYED or owner.relation in {Relation.NOBODY, Relation.ABOVE, Relation.BELOW}:
                    yield _spoken(rule, start, end)

    def _may_own(self, owner: Owner, rule: Rule, written: str) -> bool:
        """Tell whether the number can be what its label says (a PAN in India has letters, a card's has none)."""
        if owner.label is None or owner.label.owns in {OTHER, rule.type}:
            return True
        value, country = compact(written), owner.label.country
        return any(
            other.shape is not None and other.shape.fullmatch(value) and country in {"", other.country}
            for other in self._owned.get(owner.label.owns, ())
        )


def _places(
    rule: Rule, find: "re2._Regexp[bytes]", data: bytes, text: str
) -> tuple[tuple[tuple[int, int], ...], Share]:
    """Return the ranges that a rule proves, and how many of the numbers that looked like it."""
    seen: Counter[str] = Counter()
    held: set[str] = set()
    places = []
    for found in find.finditer(data):
        group = 1 if found.re.groups and found.start(1) >= 0 else 0
        start, end = found.start(group), found.end(group)
        written = text[start:end]
        seen[written] += 1
        proved = _proved(rule, text, start, end) if seen[written] <= _ASKED_EACH else None
        if proved is not None:
            places.append(proved)
            held.add(written)
    return tuple(places), Share(held=len(held), seen=len(seen))


def _card(rule: Rule, reader: Reader, owner: Owner, start: int, end: int, *, share: Share) -> Span:
    """Return the span of a card's number, which takes more than a check digit (see `card_context`)."""
    text = reader.page.text
    grouped = is_printed(text, start, end)
    link = None if grouped else link_start(text, start)
    if link is not None and not (owner.hit and owner.hit.start >= link):
        return _weighed(rule, NOBODY, start, end, alone=_DOUBTFUL)
    alone = _unlabelled(rule, reader, start, end, share)
    if _is_weak(owner) and alone > _DOUBTFUL and _is_named(reader, _CARD, start, end):
        owner = NOBODY  # "<method>cc</method><acct>…"
    return _weighed(rule, owner, start, end, alone=alone, grouped=grouped)


def _unlabelled(rule: Rule, reader: Reader, start: int, end: int, share: Share) -> float:
    """Return how sure it is that a number is a card's when no label owns it."""
    text = reader.page.text
    if is_evident(text, start, end, share):
        return rule.alone
    if _is_broken(text[start:end]) and _is_named(reader, _CARD, start, end):
        return _LIKELY
    passed_on = share.held == share.seen and is_alone(text, start, end)
    return _LIKELY if passed_on and not _is_named(reader, OTHER, start, end) else _DOUBTFUL


def _is_broken(written: str) -> bool:
    """Return whether a number is written in pieces, as nobody writes another long number."""
    return len(_GROUP.findall(written)) >= 3


def _is_named(reader: Reader, owns: str, start: int, end: int) -> bool:
    """Return whether a label of what it `owns` stands near."""
    index = bisect_left(reader.starts, start - _SPOKEN_BEFORE)
    return any(hit.label.owns == owns for hit in reader.hits[index : bisect_left(reader.starts, end + _SPOKEN_AFTER)])


def _weighed(rule: Rule, owner: Owner, start: int, end: int, *, alone: float, grouped: bool = False) -> Span:
    """Return the span; what another label owns is doubtful, unless it is grouped as only cards are."""
    score, relation = alone, Relation.NOBODY
    if not rule.certain:
        if owner.label is not None and owner.label.owns == rule.type:
            score, relation = max(score, 0.95 - owner.doubt), owner.relation
        elif owner.foreign and (owner.label is not None or rule.alone < 0.75):
            score = 0.62 if grouped else min(score, 0.45)
        elif owner.label is not None and owner.relation is not Relation.ABOVE and not (grouped and _is_weak(owner)):
            score = min(score, 0.5)
    return Span(
        start=start, end=end, type=rule.type, country=rule.country, score=round(score, 2), rule=rule.id,
        why=f"a form that proves itself, {WORDS[relation]}",
    )  # fmt: skip


def _is_card_long(text: str, run: Run) -> bool:
    written = text[run.start : run.end]
    return is_printed(text, run.start, run.end) and sum(map(str.isdigit, written)) <= _LONGEST_CARD


def _spoken(rule: Rule, start: int, end: int) -> Span:
    return Span(
        start=start, end=end, type=rule.type, country=rule.country, score=rule.spoken_of, rule=rule.id,
        why="a form of its own, in a text that speaks of it",
    )  # fmt: skip


def _is_by_chance(owner: Owner, text: str) -> bool:
    """Tell whether a mere thing stands before a number that proves itself ("employee 219-09-9999")."""
    return owner.hit is not None and is_noun(owner.hit) and not numbers(owner.hit, text)


def _is_weak(owner: Owner) -> bool:
    return owner.label is not None and owner.label.strength is Strength.WEAK


def _proved(rule: Rule, text: str, start: int, end: int) -> tuple[int, int] | None:
    """Return the range whose check holds: all of it, or less by groups at either end (a date behind a card)."""
    if rule.check is None or rule.shape is None:
        return (start, end) if rule.check is None or rule.check(compact(text[start:end])) is not False else None
    if rule.type != "IBAN" and _IBAN_HEAD.search(text[max(0, start - 6) : start]):
        return None
    value = compact(text[start:end])
    if rule.shape.fullmatch(value) and rule.check(value) is not False:
        return start, end
    groups = [(start + match.start(), start + match.end()) for match in _GROUP.finditer(text[start:end])]
    if len(groups) > 1 and groups[0][1] - groups[0][0] == 1 and rule.type == _CARD:  # single digits belong together
        return None
    for taken in range(len(groups) - 1, 0, -1):
        for first in range(min(3, len(groups) - taken + 1)):
            low, high = groups[first][0], groups[first + taken - 1][1]
            value = compact(text[low:high])
            if rule.shape.fullmatch(value) and rule.check(value) is not False:
                return low, high
    return None


def _regions(reader: Reader) -> list[tuple[int, int]]:
    """Return where numbers can be in the reach of an identifier's label; ranges in order, none touching another."""
    regions: list[tuple[int, int]] = []
    size = len(reader.page.text)
    for hit in reader.hits:
        if hit.label.owns == OTHER:
            continue
        before = _REACH_ANSWER if reader.page.quoted(hit.start) else _REACH_BEFORE
        low = reader.page.line(max(0, hit.start - before))[0]
        high = reader.page.line(min(size, hit.end + _REACH_AFTER))[1]
        if regions and low <= regions[-1][1]:
            regions[-1] = min(low, regions[-1][0]), max(high, regions[-1][1])
        else:
            regions.append((low, high))
    return regions


def _settled(found: list[Span], folded: Folded) -> tuple[Span, ...]:
    """Keep of overlapping spans the surer, then the longer; give offsets of the text as it came."""
    kept: list[Span] = []
    starts: list[int] = []
    for span in sorted(found, key=lambda s: (-s.score, s.start - s.end, s.start)):
        index = bisect_left(starts, span.start)
        free = (index == 0 or kept[index - 1].end <= span.start) and (index == len(kept) or starts[index] >= span.end)
        if free and span.score > 0.1:
            kept.insert(index, span)
            starts.insert(index, span.start)
    placed = []
    for span in kept:
        start, end = folded.span(span.start, span.end)
        placed.append(
            Span(
                start=start,
                end=end,
                type=span.type,
                country=span.country,
                score=span.score,
                rule=span.rule,
                why=span.why,
            )
        )
    return tuple(placed)
