"""What numbers a licence without naming it again: its card or folio, its model, or the client of the office."""

import re
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from dlp_gateway.detect.labels import OTHER, Hit, Strength
from dlp_gateway.detect.walk import Owner, Relation, Walk

if TYPE_CHECKING:
    from dlp_gateway.detect.ownership import Reader

_LICENCE: Final = "DRIVER_LICENSE"
_CARD: Final = "CREDIT_CARD"
_SHORTEST_CARD: Final = 12
#: What numbers a document as well: "licence …, folio …", "licence bearing client identification number …".
_OF_CARD: Final = re.compile(
    r"(?:crn|client|customer|card|driver|folio|serie?s?|id|identification|identity|reference|ref|control|document|record|"
    r"register|registro|registration|(?:numero|num|nr|n) (?:de |di |do |della |da |de la )?(?:serie|control|registro|"
    r"tessera|tarjeta|carte|carta|cartao|documento|document|titre|support|soporte|supporto)|"
    r"matricola|carte|tarjeta|karte|kaart|karta|"
    r"carta|cartao|kort|kartennummer|kartennr|kaartnummer|kaartnr|kortnummer|dokumentnummer|documentnummer|"
    r"referensnummer|referencenummer|referansenummer|referentienummer|referenznummer|referenz|"
    r"dossier|numero|n|no|number)"
    r"(?: ?(?:number|no|nr|num|id|#|n))?",
    re.IGNORECASE,
)
#: What a licence may be said to be: "is the Belgian model with card number …".
_MODEL: Final = re.compile(
    r"(?:model(?:l|e|lo|o)?|modell|modele|document(?:o)?|version|version|exemplar|ejemplar|kort(?:et)?|kaart|card|carte|"
    r"tarjeta|tessera|carta|cartao|karte|wzor|dokument|permis|permit)",
    re.IGNORECASE,
)
_NEAR: Final = 50
_FAR: Final = 150
#: What a sentence says of its subject, up to the word that numbers it.
_SAYS: Final = re.compile(
    r"(?:\b(?:is|was|ist|war|est|etait|es|era|jest|ar|er|var)|, ?(?:e|to)) [^,]{1,60}\Z",
    re.IGNORECASE,
)
_APART: Final = re.compile(r"[;|]|\n[ \t>|]*\n|[a-z]{3,}[.!?]\s|: ")
#: By these an office calls whoever holds a licence.
_OF_HOLDER: Final = re.compile(
    r"(?:client|customer|driver|operator|licensee|record|person|motorist|member|applicant)s?"
    r"(?: ?(?:number|no|nr|num|id|identifier|identification|file|reference|ref|#))*",
    re.IGNORECASE,
)
#: The labels of offices that give licences out.
OFFICES: Final = frozenset({"driver-licence-office", "driver-licence-office-says"})
_OFFICE_REACH: Final = 120
_LONG: Final = re.compile(r"\d{4}")


def document_of(reader: "Reader", hit: Hit, start: int, walk: Walk) -> Owner | None:
    """Return the licence that a number behind `hit` is of: "licence of …, folio 123", "client 123 of the DMV"."""
    if hit.label.owns not in {OTHER, _CARD} or (hit.label.owns == _CARD and walk.size >= _SHORTEST_CARD):
        return None
    if walk.met:
        return _said_of(reader, hit, start) if _MODEL.fullmatch(reader.page.text, hit.start, hit.end) else None
    return _said_of(reader, hit, start) or _beside(reader, hit, start) or _of_office(reader, hit)


def is_of_document(text: str, hit: Hit) -> bool:
    """Tell whether a label is what numbers a document itself: its folio, its card."""
    return _OF_CARD.fullmatch(text, hit.start, hit.end) is not None


def _beside(reader: "Reader", hit: Hit, start: int) -> Owner | None:
    """Return the licence right before a card's or folio's number."""
    text = reader.page.text
    if not is_of_document(text, hit):
        return None
    index = bisect_left(reader.starts, hit.start) - 1
    previous = reader.hits[index] if index >= 0 else None
    if previous is None or previous.label.owns != _LICENCE or hit.start - previous.end > _NEAR:
        return None
    between = text[previous.end : hit.start]
    second = hit.label.owns == _CARD  # of a licence that has two: its own, and that of the card
    if re.search(r"[;:|\n]|[.!?]\s" if second else r"\d{4}|[;:|\n]|[.!?]\s", between) or (
        reader.page.block_start(start) > previous.start
    ):
        return None
    return Owner(label=previous.label, relation=Relation.BEFORE, doubt=0.1, announced=True, hit=previous)


def _said_of(reader: "Reader", hit: Hit, start: int) -> Owner | None:
    """Return the licence of which a sentence says what it is: "the licence, seized in May, is an old model, no. 1"."""
    text = reader.page.text
    if not (is_of_document(text, hit) or _MODEL.fullmatch(text, hit.start, hit.end)):
        return None
    subject = licence_before(reader, hit.start, start)
    if subject is None or _SAYS.search(text, subject.end, hit.start) is None:
        return None
    return Owner(label=subject.label, relation=Relation.BEFORE, doubt=0.1, announced=True, hit=subject)


def licence_before(reader: "Reader", place: int, start: int) -> Hit | None:
    """Return the licence that the sentence before `place` speaks of and that has no number yet, for that at `start`."""
    text = reader.page.text
    last = None
    index = bisect_left(reader.starts, place) - 1
    while index >= 0 and place - reader.hits[index].end <= _FAR:
        found = reader.hits[index]
        if found.label.owns == _LICENCE:
            between = text[found.end : place]
            if reader.page.block_start(start) > found.start or _APART.search(between) or _LONG.search(between):
                return last
            if found.label.strength is not Strength.WEAK:
                return found
            last = last or found
        elif found.label.owns not in {OTHER, _CARD}:
            return last
        index -= 1
    return last


def is_said(reader: "Reader", hit: Hit, start: int) -> bool:
    """Tell whether a sentence about a licence says what it is before it tells the number at `start`."""
    if hit.label.owns != _LICENCE or hit.label.strength is not Strength.STRONG:
        return False
    between = reader.page.text[hit.end : start]
    return "," in between and _SAYS.search(between) is not None


def _of_office(reader: "Reader", hit: Hit) -> Owner | None:
    """Return the office for licences that has somebody as its client: "client ID …", "customer number …"."""
    text = reader.page.text
    if not _OF_HOLDER.fullmatch(text, hit.start, hit.end):
        return None
    index = bisect_left(reader.offices.starts, hit.start) - 1
    office = reader.offices[index] if index >= 0 else None
    if office is None or not 0 <= hit.start - office.end <= _OFFICE_REACH:
        return None
    between = text[office.end : hit.start]
    if _LONG.search(between) or "\n\n" in between:
        return None
    return Owner(label=office.label, relation=Relation.BEFORE, doubt=0.12, announced=True, hit=office)
