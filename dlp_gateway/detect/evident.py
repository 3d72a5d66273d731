"""Numbers that need no label: how sure it is that one is what its form and its check digit say."""

import re
from bisect import bisect_left
from dataclasses import replace
from typing import Final

from dlp_gateway.detect.card_context import Share, is_alone, is_evident, is_of_developers, is_printed, link_start
from dlp_gateway.detect.confidence import SPECIMENS, WORDS
from dlp_gateway.detect.identifier_rules import CARD, Rule
from dlp_gateway.detect.labels import OTHER, Strength, is_noun
from dlp_gateway.detect.ownership import Reader, numbers
from dlp_gateway.detect.shapes import compact
from dlp_gateway.detect.span import Span
from dlp_gateway.detect.surnames import is_made_of
from dlp_gateway.detect.walk import NOBODY, Owner, Relation

_GROUP: Final = re.compile(r"[A-Za-z0-9]+")
_LICENCE: Final = "DRIVER_LICENSE"
_NAMED: Final = 0.15  # more where a licence begins with the code of a surname
_SUREST: Final = 0.9
_LIKELY: Final = 0.65
DOUBTFUL: Final = 0.5  # a number with a valid check digit of which nothing says that it is a card's
_SPOKEN_BEFORE: Final = 120
_SPOKEN_AFTER: Final = 60


def card(rule: Rule, reader: Reader, owner: Owner, start: int, end: int, *, share: Share) -> Span:
    """Return the span of a card's number, which takes more than a check digit (see `card_context`)."""
    text = reader.page.text
    grouped = is_printed(text, start, end)
    link = None if grouped else link_start(text, start)
    if link is not None and not (owner.hit and owner.hit.start >= link):
        return weighed(rule, NOBODY, text, start, end, alone=DOUBTFUL)
    alone = _unlabelled(rule, reader, start, end, share)
    if _is_weak(owner) and alone > DOUBTFUL and _is_named(reader, CARD, start, end):
        owner = NOBODY  # "<method>cc</method><acct>…"
    return weighed(rule, owner, text, start, end, alone=alone, grouped=grouped)


def tempered(span: Span, text: str) -> Span:
    """Return the span, doubted if it is a published card's number where developers talk of trying it."""
    if span.type != CARD or compact(text[span.start : span.end]).replace("*", "") not in SPECIMENS:
        return span
    return replace(span, score=min(span.score, DOUBTFUL)) if is_of_developers(text, span.start, span.end) else span


def _unlabelled(rule: Rule, reader: Reader, start: int, end: int, share: Share) -> float:
    """Return how sure it is that a number is a card's when no label owns it."""
    text = reader.page.text
    if is_evident(text, start, end, share):
        return rule.alone
    if _is_broken(text[start:end]) and _is_named(reader, CARD, start, end):
        return _LIKELY
    passed_on = share.held == share.seen and is_alone(text, start, end)
    return _LIKELY if passed_on and not _is_named(reader, OTHER, start, end) else DOUBTFUL


def _is_broken(written: str) -> bool:
    """Return whether a number is written in pieces, as nobody writes another long number."""
    return len(_GROUP.findall(written)) >= 3


def _is_named(reader: Reader, owns: str, start: int, end: int) -> bool:
    """Return whether a label of what it `owns` stands near."""
    index = bisect_left(reader.starts, start - _SPOKEN_BEFORE)
    return any(hit.label.owns == owns for hit in reader.hits[index : bisect_left(reader.starts, end + _SPOKEN_AFTER)])


def weighed(rule: Rule, owner: Owner, text: str, start: int, end: int, *, alone: float, grouped: bool = False) -> Span:
    """Return the span; what another label owns is doubtful, unless it is grouped as only cards are."""
    score, relation = alone, Relation.NOBODY
    if rule.type == _LICENCE and is_made_of(compact(text[start:end]), text, start, end):
        score, owner = min(alone + _NAMED, _SUREST), NOBODY  # a surname nearby is in it, whoever seems to own it
    if not rule.certain:
        if owner.label is not None and owner.label.owns == rule.type:
            score, relation = max(score, 0.95 - owner.doubt), owner.relation
        elif _is_others(owner) and not grouped:
            score = 0.0  # an order's, a parcel's: nothing to report
        elif owner.foreign and (owner.label is not None or rule.alone < 0.75):
            score = 0.62 if grouped else min(score, 0.45)
        elif owner.label is not None and owner.relation is not Relation.ABOVE and not (grouped and _is_weak(owner)):
            score = min(score, 0.5)
    known = ", a published specimen" if compact(text[start:end]) in SPECIMENS else ""
    return Span(
        start=start, end=end, type=rule.type, country=rule.country, score=round(score, 2), rule=rule.id,
        why=f"a form that proves itself, {WORDS[relation]}{known}",
    )  # fmt: skip


def spoken_of(rule: Rule, start: int, end: int) -> Span:
    """Return the span of a number of a form of its own, where its kind is spoken of elsewhere."""
    return Span(
        start=start, end=end, type=rule.type, country=rule.country, score=rule.spoken_of, rule=rule.id,
        why="a form of its own, in a text that speaks of it",
    )  # fmt: skip


def is_by_chance(owner: Owner, text: str) -> bool:
    """Tell whether a mere thing stands before a number that proves itself ("employee 219-09-9999")."""
    return owner.hit is not None and is_noun(owner.hit) and not numbers(owner.hit, text)


def _is_others(owner: Owner) -> bool:
    """Tell whether a label that leaves no doubt says that the number is of something else."""
    label = owner.label
    if label is None or label.owns != OTHER or label.strength is not Strength.STRONG:
        return False
    return owner.relation in {Relation.BEFORE, Relation.COLUMN} and not owner.doubt


def _is_weak(owner: Owner) -> bool:
    return owner.label is not None and owner.label.strength is Strength.WEAK
