"""Identifiers in one text: candidates by shape, decided by who owns them; pure, linear in the text."""

import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from heapq import merge
from itertools import chain, islice
from typing import Final

from dlp_gateway.detect import implied
from dlp_gateway.detect.birth_dates import birth_dates, date_span
from dlp_gateway.detect.card_context import is_printed
from dlp_gateway.detect.confidence import Context, Match, why
from dlp_gateway.detect.evident import DOUBTFUL, card, is_by_chance, spoken_of, tempered, weighed
from dlp_gateway.detect.gate import Gate
from dlp_gateway.detect.headings import Headings, heading_owner, table_over, tables_with_labels
from dlp_gateway.detect.identifier_rules import CARD, Rule, RuleBook, Shapes
from dlp_gateway.detect.labels import OTHER, Hit, Hits, Label, Strength, both, place_of
from dlp_gateway.detect.layout import Page, Table, lay_out
from dlp_gateway.detect.lists import listings
from dlp_gateway.detect.lost_zeros import without_zeros
from dlp_gateway.detect.meanings import without_unticked
from dlp_gateway.detect.ownership import Reader, read
from dlp_gateway.detect.particulars import TOLD, Particulars
from dlp_gateway.detect.proof import ASKED_EACH, Proof, Seen
from dlp_gateway.detect.reach import regions
from dlp_gateway.detect.shapes import Run, compact, dates, runs, without_expiry
from dlp_gateway.detect.span import Span, Spans
from dlp_gateway.detect.triggers import Triggers
from dlp_gateway.detect.validators import luhn, payment_card
from dlp_gateway.detect.walk import KEYED, NOBODY, Owner, Relation

__all__ = ["Recognition", "Span"]

_LONGEST: Final = 34  # an IBAN
# An Indian licence of Delhi begins with what is a label elsewhere.
_DELHI: Final = re.compile(r"DL[ -]?\d\d[ -]?(?:19|20)\d\d[ -]?\d{7}\b", re.IGNORECASE)
#: How many numbers of a text are asked for their owner; the others count as nobody's.
_ASKED: Final = 2_000
_FIGURES: Final = re.compile(r"[^A-Za-z*]*")
_PLAIN_CELL: Final = re.compile(r"[ \"']{0,3}([A-Z]{0,3}\d{5,14}[A-Z]{0,3})[ \"'\r]{0,3}")
_FAR: Final = 0.2  # how much of an owner is doubted by the words between
_ROWS: Final = 20_000  # of one table
_ASKED_IN_PROSE: Final = 1_000  # outside tables; whoever writes more has been found out before
_LONGEST_CARD: Final = 19
_GROUP: Final = 3  # digits of a number that goes on; fewer are the number of a field
_LIKE_IBAN: Final = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11}")
_LIKE_SSN: Final = re.compile(r"\d{3}-\d{2}-\d{4}")
_AFAR: Final = frozenset({Relation.ABOVE, Relation.BELOW, Relation.LIST, Relation.TITLE, Relation.AFTER})


class Recognition:
    """Finds the identifiers of a rule book; compiled once, keeps no state between texts."""

    def __init__(self, book: RuleBook, triggers: Triggers | None = None) -> None:
        """Take rules, and triggers if others share them (see `Gate`)."""
        self._book = book
        self.gate = Gate(book, triggers)
        self._owned = {
            kind: tuple(rule for rule in book.rules if kind in rule.under and rule.shape)
            for kind in {kind for rule in book.rules for kind in rule.under}
        }
        self._forms = tuple((rule, rule.form) for rule in book.rules if rule.form)
        self.attached: Final = re.compile(rf"\b(?:{'|'.join(sorted(book.grammar.headings.attached))})\b", re.IGNORECASE)
        self._any_country = frozenset(rule.id for rule in book.rules if rule.any_country)
        self._shapes_of = cache(self._shapes)
        self._particulars = Particulars(book.grammar)

    @property
    def types(self) -> frozenset[str]:
        """The identifier types that can be found."""
        return frozenset(rule.type for rule in self._book.rules) | {"DATE_OF_BIRTH"}  # it has labels, but no rule

    def spans(self, text: str, seen: frozenset[str] | None = None) -> tuple[Span, ...]:
        """Return what was found, in order, none overlapping another; `seen` is what the triggers told of the text."""
        return tuple(self.each(text, seen))

    def each(self, text: str, seen: frozenset[str] | None = None, *, least: float = 0.0) -> Iterator[Span]:
        """Yield it: a large text may have a million. What cannot reach the score `least` may be left out."""
        glance = self.gate.glance(text, seen)
        if glance is None:
            return
        folded = glance.folded
        reader, context = self.opened(folded.text, glance.data, is_labelled=glance.labelled)
        page = reader.page
        tables = tables_with_labels(reader)
        labelled = self._labelled(reader, tables, context, least) if glance.labelled else ()
        evident = self._self_evident(reader, tables, glance.proofs, context)
        spoken_of = self._spoken_of(reader) if glance.labelled else ()
        listed = self._listed(reader, context) if glance.labelled else ()
        found = (tempered(span, page.text) for span in chain(labelled, evident, spoken_of, listed))
        for span in Spans(found).settled():
            yield span if folded.offsets is None else _placed(span, *folded.span(span.start, span.end))

    def opened(self, text: str, data: bytes = b"", *, is_labelled: bool = True) -> tuple[Reader, Context]:
        """Return the reader of a folded text, and what it speaks of; `data` is the text as octets."""
        page = lay_out(text, self._book.grammar.closing, data)
        reader = read(page, self._hits(page, is_labelled=is_labelled), self._book.grammar)
        named = frozenset(label.owns for label in reader.hits.labels if label.strength is Strength.STRONG)
        return reader, Context(text=page.text, grammar=self._book.grammar, named=named)

    def is_of_any_country(self, rule: str) -> bool:
        """Tell whether the form of a rule says nothing but "a number"."""
        return rule in self._any_country

    def _hits(self, page: Page, *, is_labelled: bool) -> Hits:
        """Return the labels of a page, and what is told of licences without one."""
        scanned = self._book.lexicon.scan(page.text, page.data)
        told = tuple(self._particulars.topics(page.data)) if is_labelled else ()
        chosen = without_unticked(scanned, page.text)
        return Hits(merge(chosen, told, key=place_of)) if told else chosen

    # -- numbers that labels may own

    def _labelled(self, reader: Reader, tables: Sequence[Table], context: Context, least: float) -> Iterator[Span]:
        page = reader.page
        for table in tables:
            yield from self._columns(reader, table, context, least)
        yield from birth_dates(reader)
        spoken = implied.talk(both(reader.hits, reader.topics, implied.speaks))
        asked = 0
        table_starts = [table.start for table in tables]
        lists = Headings(reader, foreign=True, columns=3)  # of parts, orders …
        for low, high in regions(reader):
            words = ((h.start, h.end) for h in reader.hits.within(low, high) if not _DELHI.match(page.text, h.start))
            named = array("I", (h.end for h in reader.hits.within(low, high) if _is_sure(h)))
            for run in runs(page.text, low, high, words, named, page.data):
                if table_over(tables, table_starts, run.start):
                    continue
                listing = lists.over(run.start)
                heading = listing.heading(run.start) if listing else None
                if heading and heading_owner(reader, heading).foreign:
                    continue
                asked += 1
                if asked > _ASKED_IN_PROSE:
                    return
                owner = reader.owner(run.start, run.end)
                if owner.label is not None and not owner.foreign:
                    yield from self.judged(run, owner, page.text, context)
                unowned = owner is KEYED or owner.relation is Relation.NOBODY or _is_far(owner)
                if unowned and (spoken.hits or spoken.told):
                    yield from self._implied(run, reader, spoken)

    def _columns(self, reader: Reader, table: Table, context: Context, least: float) -> Iterator[Span]:
        text = reader.page.text
        owners = [heading_owner(reader, cell) for cell in table.header]
        owned = [
            (index, owner, owner.hit, self._is_vain(owner.hit, context, least))
            for index, owner in enumerate(owners)
            if owner.hit and not owner.foreign
        ]
        for row in table.rows(_ROWS) if owned else ():
            for index, owner, hit, is_vain in owned:
                if index >= len(row):
                    continue
                start, end = row[index]
                if hit.label.owns == "DATE_OF_BIRTH":
                    yield from (date_span(a, b, 0.85, "in a column of birth dates") for a, b in dates(text, start, end))
                if is_vain and _FIGURES.fullmatch(text, start, end):
                    continue
                yield from without_zeros(hit, table.header[index], text, start, end)
                for run in _in_cell(text, start, end):
                    yield from self.judged(run, owner, text, context)

    def _listed(self, reader: Reader, context: Context) -> Iterator[Span]:
        """Yield the numbers of lists below a heading (see `lists`)."""
        for listing in listings(reader):
            owner = Owner(label=listing.hit.label, relation=Relation.LIST, announced=True, hit=listing.hit)
            for run in listing.items:
                if listing.named or not reader.page.text[run.start : run.end].isdigit():
                    yield from self.judged(run, owner, reader.page.text, context)

    def _is_vain(self, hit: Hit, context: Context, least: float) -> bool:
        """Tell whether no number of figures under a heading can reach `least`: an "account" is mostly a customer's."""
        return round(context.most(hit, self._shapes_of(hit.label.owns, hit.label.country).rules), 2) < least

    def judged(self, run: Run, owner: Owner, text: str, context: Context) -> Iterator[Span]:
        """Yield the number of a run if it is one of its owner's kind."""
        label, hit = owner.label, owner.hit
        if label and label.owns == CARD:
            run = without_expiry(text, run)
        match = self._best(run, label, self._likely(hit, text), text) if label and hit else None
        if label is None or hit is None or match is None:
            return
        if label.owns == CARD and (match.start, match.end) != (run.start, run.end) and _is_card_long(text, run):
            return  # three groups of a card whose check digit does not hold
        is_short = label.strength is Strength.WEAK and label.owns == implied.KIND
        if is_short and implied.is_of_other(text, hit, match.value, match.end):
            return
        if label.owns == "BANK_ACCOUNT" and _LIKE_IBAN.match(compact(text[run.start : run.end])):
            return  # its check digits do not hold, or it would have proved itself
        if label.owns != "US_SSN" and owner.relation in _AFAR and _LIKE_SSN.fullmatch(match.written):
            called = owner.relation is Relation.AFTER and label.strength is not Strength.WEAK
            if label.owns != implied.KIND or not called:  # "123-45-6789 is my Mississippi driver license"
                return
        if label.strength is Strength.WEAK and luhn(match.value):
            as_card = is_printed(text, match.start, match.end)
            if as_card or (payment_card(match.value) and CARD in context.named):
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

    def _implied(self, run: Run, reader: Reader, spoken: implied.Talk) -> Iterator[Span]:
        """Yield the number if it is likely that of a licence although no label owns it."""
        text = reader.page.text
        match = self._best(implied.without_field(text, run), TOLD, (), text, of_country=True)
        if match is None or match.holds is False or payment_card(match.value):
            return
        if not implied.is_apart(text, match.start, match.end) or _is_piece(text, run, match):
            return
        if "/" in match.written and match.rule.form is None:
            return
        score = implied.likelihood(
            reader.page,
            reader.grammar,
            spoken,
            (match.start, match.end),
            proved=match.holds is True and match.rule.form is not None,
            is_spent=lambda hit: reader.is_spent(hit, match.start),
        )
        yield Span(
            start=match.start,
            end=match.end,
            type=match.rule.type,
            country=match.rule.country,
            score=round(min(score, implied.SUREST), 2),
            rule=match.rule.id,
            why=why(match, Relation.NOBODY),
        )

    def _likely(self, hit: Hit, text: str) -> tuple[str, ...]:
        """Return the countries that a label speaks of, the likeliest first."""
        language = hit.label.language
        if language == "en" and "licence" in text[hit.start : hit.end].lower():
            language = "en-GB"
        return self._book.grammar.countries.get(language, ())

    def _shapes(self, owns: str, country: str) -> Shapes:
        """Return the shapes of a type: those of the country, if there are any."""
        rules = self._owned.get(owns, ())
        return Shapes([rule for rule in rules if country and rule.country == country] or rules)

    def _best(
        self, run: Run, label: Label, likely: Sequence[str], text: str, *, of_country: bool = False
    ) -> Match | None:
        """Return the longest part of the run that fits a rule; of equal ones the best proved, then the likeliest.

        `of_country` leaves out the rules whose form says nothing but "a number".
        """
        shapes = self._shapes_of(label.owns, label.country)
        count = len(run.groups)
        vetoed: set[str] = set()  # rules that a longer part fits, but for its check digit
        for length in range(count, 0, -1):
            best: tuple[tuple[bool, bool, bool, int], Match] | None = None
            disproved = False  # a number of the likeliest country, but for its check digit
            for first in range(count - length + 1):
                start, end = run.groups[first][0], run.groups[first + length - 1][1]
                value = compact(text[start:end])
                if not 5 <= len(value) <= _LONGEST or len(set(value)) == 1:
                    continue  # "00000000" stands for a number that is not there
                torn = (first > 0 and text[start - 1] in "-/") or (first + length < count and text[end] in "-/")
                for rule in shapes.fitting(value):
                    holds = rule.check(value) if rule.check else None
                    disproved = disproved or (holds is False and rule.country in likely[:1])
                    if holds is False and rule.veto:
                        vetoed.add(rule.id)
                    if rule.id in vetoed or (of_country and rule.any_country):
                        continue
                    place = likely.index(rule.country) if rule.country in likely else len(likely)
                    rank = (not rule.any_country, holds is True, holds is not False, -place)
                    if best is None or rank > best[0]:
                        best = (
                            rank,
                            Match(
                                start=start,
                                end=end,
                                rule=rule,
                                holds=holds,
                                value=value,
                                written=text[start:end],
                                torn=torn,
                                abroad=likely != () and rule.type == implied.KIND and rule.country not in likely,
                            ),
                        )
            if best is not None:
                doubtful = disproved and best[1].holds is None
                return replace(best[1], holds=False, abroad=True) if doubtful else best[1]
        return None

    # -- numbers that prove themselves

    def _self_evident(
        self, reader: Reader, tables: Sequence[Table], proofs: Iterable[Proof], context: Context
    ) -> Iterator[Span]:
        text = reader.page.text
        table_starts = [table.start for table in tables]
        asked = Seen()
        for proof in proofs:
            rule = proof.rule
            for start, end in proof.places:
                value = compact(text[start:end])
                if asked.add(value) > ASKED_EACH:
                    continue
                owner = NOBODY
                if not rule.certain and asked.distinct <= _ASKED:
                    table = table_over(tables, table_starts, start)
                    heading = table.heading(start) if table else None
                    owner = heading_owner(reader, heading) if heading else reader.owner(start, end)
                alone = rule.alone
                if owner.hit is not None and context.is_alien(rule.type, owner.hit, start, end):
                    owner, alone = NOBODY, min(alone, DOUBTFUL)
                if not self._may_own(owner, rule, text[start:end]) or is_by_chance(owner, text):
                    owner = NOBODY
                if rule.type == CARD:
                    yield card(rule, reader, owner, start, end, share=proof.share)
                else:
                    yield weighed(rule, owner, text, start, end, alone=alone)

    # -- numbers of a form of their own, in a text that speaks of them

    def _spoken_of(self, reader: Reader) -> Iterator[Span]:
        """Yield numbers that nothing owns, of a form that hardly another has, if their kind is spoken of elsewhere."""
        named = {label.owns for label in reader.hits.labels}
        text = reader.page.text
        data = reader.page.data
        for rule, form in self._forms:
            if rule.type not in named:
                continue
            for match in islice(form.finditer(data), ASKED_EACH):
                start, end = match.span()
                if rule.check is not None and not rule.check(compact(text[start:end])):
                    continue
                owner = reader.owner(start, end)
                if owner is KEYED or owner.relation in {Relation.NOBODY, Relation.ABOVE, Relation.BELOW}:
                    yield spoken_of(rule, start, end)

    def _may_own(self, owner: Owner, rule: Rule, written: str) -> bool:
        """Tell whether the number can be what its label says (a PAN in India has letters, a card's has none)."""
        if owner.label is None or owner.label.owns in {OTHER, rule.type}:
            return True
        value, country = compact(written), owner.label.country
        return any(
            other.shape is not None and other.shape.fullmatch(value) and country in {"", other.country}
            for other in self._owned.get(owner.label.owns, ())
        )


def _is_piece(text: str, run: Run, match: Match) -> bool:
    """Tell whether a group of figures goes on where the match ends: "470 651" of "470 651 079"."""
    following = next((text[low:high] for low, high in run.groups if low >= match.end), "")
    return len(following) >= _GROUP and following.isdigit()


def _is_far(owner: Owner) -> bool:
    """Tell whether a label of a licence stands far from the number, so that what is beside it says more."""
    label = owner.label
    if label is None or label.owns != implied.KIND:
        return False
    afar = owner.relation in {Relation.ABOVE, Relation.BELOW} and label.strength is Strength.WEAK
    return afar or owner.doubt >= _FAR


def _in_cell(text: str, start: int, end: int) -> Iterable[Run]:
    """Return the numbers of a cell; most cells hold one in one piece, which needs no closer look."""
    plain = _PLAIN_CELL.fullmatch(text, start, end)
    return runs(text, start, end) if plain is None else (Run(groups=(plain.span(1),)),)


def _is_card_long(text: str, run: Run) -> bool:
    written = text[run.start : run.end]
    return is_printed(text, run.start, run.end) and sum(map(str.isdigit, written)) <= _LONGEST_CARD


def _is_sure(hit: Hit) -> bool:
    return hit.label.owns != OTHER and hit.label.strength is Strength.STRONG


def _placed(span: Span, start: int, end: int) -> Span:
    return Span(
        start=start, end=end, type=span.type, country=span.country, score=span.score, rule=span.rule, why=span.why
    )
