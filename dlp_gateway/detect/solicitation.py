"""Mail that asks its readers for a copy of an identity document, and where their answers would go."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from dlp_gateway.content.text import Text
from dlp_gateway.detect.base import Finding, Material
from dlp_gateway.detect.east_asian import in_english, may_ask
from dlp_gateway.detect.layout import answered_at
from dlp_gateway.detect.triggers import Triggers
from dlp_gateway.detect.weighing import is_likely, refusals_in
from dlp_gateway.detect.words import LONGEST, Role, Span, Words, folded
from dlp_gateway.mail.address import DomainSet, canonical
from dlp_gateway.mail.address_list import scan
from dlp_gateway.mail.message import Message

DOCUMENT: Final = "solicitation.identity_document"
ADDRESSED: Final = "recipients.addressed"
SEVERAL: Final = "reply_to.several"
GROUP: Final = "reply_to.group"
KINDS: Final = frozenset((DOCUMENT, ADDRESSED, SEVERAL, GROUP))

#: How far a document may stand behind the request for it, or before it, in characters; a sentence or two.
_BEHIND: Final = 200
_BEFORE: Final = 60
#: How far before a request a word may stand that turns it round: "never", "do not".
_TURNED: Final = 40
_AT_ONCE: Final = 45
_SHORTEST: Final = 3  # letters; "ne" and "no" behind a request turn nothing round
#: How far behind a request the copy may stand that is asked for.
_COPIED: Final = 60
_COPY: Final = 4  # letters of "scan"; words such as "no" are shorter
_YOURS: Final = frozenset({"your", "yours", "votre", "ihre", "ihren"})
_NUMBERS: Final = re.compile(r"(?:num|nr|no|det|you|ihre|votre|vos|deine)\w*", re.IGNORECASE)
#: What a request is for, where no document is: "… please send your registration".
_OBJECT: Final = re.compile(
    r"\s{1,2}(?:me |us |uns |mir |ons )?(?:the|your|ur|an?|ihren?|deinen?|den|die|das|einen?|votre|vos|les?|la|une?|su|el"
    r"|los|las|tu|il|uw|je|het|een|os?|as?|uma?|sua|seu|with (?:the|your|an?))\s+[a-z]{3,}",
    re.IGNORECASE,
)
#: What stands before a document that is but the matter of what is asked for.
_ABOUT: Final = re.compile(
    r"\b(?:for|about|regarding|concerning|on|to|pour|concernant|sur|uber|fur|zum|zur|para|sobre|per|voor|over|dla)\s+"
    r"(?:the |a |an |your |la |le |el |l'|den |die |das |il |de |het |o )?\Z",
    re.IGNORECASE,
)
_SAID: Final = re.compile(r'"[^"\n]{20,300}"')
_BLANK: Final = re.compile(r"_{4,}|\.{8,}|(?:_ ){4,}")
_FIELD: Final = 25  # how far behind its name the blank of a form begins
_SENTENCE: Final = re.compile(r"(?<!\bno)(?<!\b[DM]r)(?<!\bMrs)(?<!\bMs)(?<!\bSt)(?<!\bFr)(?<!\bHr)[.!?]\s+[A-Z]|;\s")
_ENDS: Final = frozenset(".;!?")
_QUOTED: Final = re.compile(r"^[ \t]*(?:>|\|).*$", re.MULTILINE)
#: An empty line, but for one before the items of a list, which belong to what stands above them.
_PARAGRAPH: Final = re.compile(r"\n[ \t]*\n(?![ \t]*(?:[-*+~]|\[.?\]|\(?[0-9a-z][.)])[ \t])")
_ITEM: Final = re.compile(r"\n[ \t]*(?:[-*+~]|\[.?\]|\(?[0-9a-z][.)])[ \t]")
_ORDER: Final = re.compile(
    r"(?:send|e[ -]?mail|mail|forward|upload|attach|submit|fax|text|scan|share|provide|return|drop|include|enclose)"
    r"(?: (?:me|us|over|back|in|along|through))?",
    re.IGNORECASE,
)
_BEGINS: Final = re.compile(r"(?:\A|[.!?:]\s+|\n[ \t]*(?:[-*+]|\(?[0-9a-z][.)])?[ \t]*)\Z")
#: How far a word by which the reader is asked may stand from what he is to do.
_ASKED_NEAR: Final = 90
_IF: Final = re.compile(
    r"\b(?:if|whether|when|once|until|as soon as|wenn|falls|ob|sobald|si|quand|lorsque|cuando|se|quando|als|zodra"
    r"|jesli|gdy|om|hvis)\b",
    re.IGNORECASE,
)
#: The number right behind a document: it is told, not asked for.
_GIVEN: Final = re.compile(
    r"\W{0,4}(?:(?!ref|for|job|case|res|claim|by|to)\w{1,5}\W{1,3}){0,3}(?:(?:no|nr|nummer|number|numero|num|numer|is|ist|est|es|e|c'est|jest|ar|er|cat|klasse?|class|fs|of|de|id)\b"
    r"\W{0,3}){0,4}(?:[A-Z]{1,2}\b\W{0,2})?(?=[A-Z0-9][A-Z0-9 -]{5})(?:[A-Z]{0,5}[ -]?\d){4}",
)
_DIVIDERS: Final = re.compile(r"[._+=-]+")


_ASKED: Final = "solicitation.request"
_NAMED: Final = "solicitation.document"
_BOTH: Final = frozenset((_ASKED, _NAMED))


def watched(words: Mapping[Role, Words]) -> Mapping[str, tuple[str, ...]]:
    """Return as triggers what must occur in a text that asks for a document: a request or a need, and a document."""
    asked = "|".join(f"(?:{words[role].expression})" for role in (Role.REQUEST, Role.NEED, Role.SENDING))
    return {_ASKED: (asked,), _NAMED: (words[Role.DOCUMENT].expression,)}


@dataclass(frozen=True, slots=True, kw_only=True)
class SolicitationDetector:
    """Reports whether the text asks for a document, to how many outsiders it goes, and whether answers go to many."""

    inside: DomainSet
    partners: DomainSet
    words: Mapping[Role, Words]
    #: Those to which `watched` of the words was given, if other detectors share them.
    triggers: Triggers = field(default=None, repr=False, compare=False)  # type: ignore[assignment]  # filled in below

    def __post_init__(self) -> None:
        if self.triggers is None:
            object.__setattr__(self, "triggers", Triggers(words=watched(self.words), forms={}))

    @property
    def name(self) -> str:
        """Its name in findings: "solicitation"."""
        return "solicitation"

    @property
    def kinds(self) -> frozenset[str]:
        """The request, the addressed outsiders, and the two ways in which an answer goes to many."""
        return KINDS

    def detect(self, material: Material) -> Iterator[Finding]:
        """Report what a rule needs; where nothing is asked for, the rest is not looked at."""
        looked_at = zip(material.texts, material.once(self.triggers), strict=True)
        where = next(
            (text.where for text, seen in looked_at if self._may_ask(text, seen) and asks(self.words, text.text)), ""
        )
        if not where:
            return
        yield self._finding(DOCUMENT, 1, where if where.startswith("part:") else "header:Subject")
        addressed = {canonical(recipient) for recipient in material.envelope.recipients}
        outside = [a for a in addressed if not self.inside.contains(a) and not self.partners.contains(a)]
        if outside:
            yield self._finding(ADDRESSED, len(outside), "envelope")
        answered = _answered(material.message)
        if len(answered) > 1:
            yield self._finding(SEVERAL, len(answered), "header:Reply-To")
        if any(self._is_group(address) for address in answered):
            yield self._finding(GROUP, 1, "header:Reply-To")

    def _may_ask(self, text: Text, seen: frozenset[str]) -> bool:
        """Whether a request and a document stand anywhere in a text; where it is cut, words may be of other lengths."""
        return seen >= _BOTH or len(text.text) > LONGEST or may_ask(text.text)

    def _is_group(self, address: str) -> bool:
        return self.words[Role.GROUP_ADDRESS].stand_in(_DIVIDERS.sub(" ", address.rpartition("@")[0]))

    def _finding(self, kind: str, count: int, where: str) -> Finding:
        return Finding(kind=kind, detector=self.name, rule=kind, count=count, score=1.0, where=where)


def asks(words: Mapping[Role, Words], text: str) -> bool:
    """Tell whether a request and a document stand near each other, in one paragraph that is not quoted."""
    own = own_text(text)
    return is_said(words, own) or is_likely(words, own, documents_in(words, own))


def is_said(words: Mapping[Role, Words], own: str) -> bool:
    """Tell whether phrases of a request stand in what the writer says himself."""
    paragraphs = filter(str.strip, _PARAGRAPH.split(own))
    return any(_paragraph_asks(words, paragraph) for paragraph in paragraphs) or _is_blank_form(words, own)


def own_text(text: str) -> str:
    """Return what the writer says himself, folded, with East Asian words in English."""
    own = folded(in_english(_QUOTED.sub("", text[:LONGEST])))
    return _SAID.sub("", own[: answered_at(own)])


def documents_in(words: Mapping[Role, Words], text: str) -> list[Span]:
    """Return where documents of identity stand in folded text that are neither the writer's own nor something else."""
    others = _Places(words[Role.OTHER_DOCUMENT].spans(text))
    return [
        document
        for document in words[Role.DOCUMENT].spans(text)
        if not any(other.end > document.start for other in others.between(document.start - _TURNED, document.end - 1))
        and not _GIVEN.match(text, document.end)
    ]


def _is_blank_form(words: Mapping[Role, Words], text: str) -> bool:
    """Tell whether a line for a document's number is to be filled in, and the page to be sent back."""
    blanks = [blank.start() for blank in _BLANK.finditer(text)]
    if not blanks or next(words[Role.REQUEST].spans(text), None) is None:
        return False
    return any(0 <= blank - document.end <= _FIELD for document in words[Role.DOCUMENT].spans(text) for blank in blanks)


def _paragraph_asks(words: Mapping[Role, Words], text: str) -> bool:
    documents = documents_in(words, text)
    if not documents:
        return False
    paragraph = _Paragraph(
        text=text,
        words=words,
        documents=_Places(documents),
        copies=_Places(words[Role.COPY].spans(text)),
        refusals=_Places(refusals_in(words, text)),
        presented=_Places(words[Role.PRESENTED].spans(text)),
    )
    return paragraph.asks_outright() or paragraph.asks_politely() or paragraph.needs()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Paragraph:
    """A paragraph that names documents, and what stands in it."""

    text: str
    words: Mapping[Role, Words]
    documents: "_Places"
    copies: "_Places"
    refusals: "_Places"
    presented: "_Places"

    def asks_outright(self) -> bool:
        """Tell whether a phrase that asks by itself stands near a document."""
        for request in self.words[Role.REQUEST].spans(self.text):
            near = self.documents.between(request.start - _BEHIND, request.end + _BEHIND)
            if not near or self._is_turned(request):
                continue
            if any(
                _near(request, document, self.text)
                and not self._is_shown(document, request)
                and not self._is_another(request, document)
                for document in near
            ):
                return True
            behind = self.copies.between(request.start, request.start + _COPIED)
            if any(self._is_picture(copy) for copy in behind) and any(
                document.end <= request.start and not self.refusals.between(document.start - _TURNED, request.start)
                for document in near
            ):
                return True  # "The insurer must see your licence. Would you scan front and back and mail it?"
        return False

    def asks_politely(self) -> bool:
        """Tell whether a word of asking and one of sending stand in a sentence with a copy of a document."""
        polite = _Places(self.words[Role.POLITE].spans(self.text))
        for sending in self.words[Role.SENDING].spans(self.text):
            near = self.documents.between(sending.start - _BEFORE, sending.end + _BEHIND)
            if not near or self._is_turned(sending):
                continue
            asking = polite.between(sending.start - _ASKED_NEAR, sending.end + _ASKED_NEAR)
            if not self._is_imperative(sending) and not any(
                _in_one_sentence(word, sending, self.text) and not self._is_turned(word) for word in asking
            ):
                continue
            for document in near:
                if (
                    self._is_copied(sending, document)
                    and not self._is_another(sending, document)
                    and _in_one_sentence(sending, document, self.text)
                    and not _IF.search(self.text, sending.end, document.start)
                ):
                    return True
        return False

    def needs(self) -> bool:
        """Tell whether a copy of a document is needed or missing."""
        for need in self.words[Role.NEED].spans(self.text):
            near = self.documents.between(need.start - _BEHIND, need.end + _BEHIND)
            if not near or self._is_turned(need):
                continue
            if any(self._is_copied(need, document) for document in near):
                return True
            behind = self.copies.between(need.start, need.end + _AT_ONCE)
            copied = (copy for copy in behind if self.text[copy.start : copy.end].lower() not in _YOURS)
            if any(copy.end - copy.start >= _COPY for copy in copied) and any(d.end <= need.start for d in near):
                return True  # "Your licence photo is old. Could we trouble you for a new scan?"
        return False

    def _is_copied(self, asked: Span, document: Span) -> bool:
        """Tell whether a copy, a number or "your" stands with the document, which is not only to be shown."""
        low, high = min(asked.start, document.start), max(asked.end, document.end)
        return (
            _near(asked, document, self.text)
            and bool(self.copies.between(low - _COPIED // 3, high + _COPIED))
            and not self.presented.between(low - _TURNED, high + _TURNED)
        )

    def _is_picture(self, copy: Span) -> bool:
        """Tell whether what is sent is the document itself, not "your number"."""
        return copy.end - copy.start >= _COPY and _NUMBERS.fullmatch(self.text, copy.start, copy.end) is None

    def _is_another(self, request: Span, document: Span) -> bool:
        """Tell whether something else is asked for: "send me the opening hours for the passport"."""
        if document.start >= request.end:
            return _ABOUT.search(self.text, request.end, document.start) is not None and not self._pictures(
                request.end, document.start
            )
        return (
            document.end <= request.start
            and _OBJECT.match(self.text, request.end) is not None
            and not self._pictures(request.end, request.end + _COPIED // 2)
        )

    def _pictures(self, low: int, high: int) -> bool:
        return any(map(self._is_picture, self.copies.between(low, high)))

    def _is_imperative(self, sending: Span) -> bool:
        """Tell whether a sentence or an item begins with an order in English: "Fax or mail a copy of …"."""
        begins = _BEGINS.search(self.text, max(0, sending.start - _BEFORE), sending.start) is not None
        return begins and _ORDER.fullmatch(self.text, sending.start, sending.end) is not None

    def _is_shown(self, document: Span, request: Span) -> bool:
        """Tell whether a document before the request is one that is shown: "IDs are checked at the door, please …"."""
        return document.end <= request.start and bool(self.presented.between(document.start - _TURNED, request.start))

    def _is_turned(self, asked: Span) -> bool:
        near = self.refusals.between(asked.start - _TURNED, asked.end + _AT_ONCE)
        return any(_turns(refusal, asked, self.text) for refusal in near)


class _Places:
    """Spans in the order of their beginnings, looked up by place."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._spans = sorted(spans, key=lambda span: span.start)
        self._starts = [span.start for span in self._spans]

    def between(self, low: int, high: int) -> Sequence[Span]:
        """Return those that begin in `low` … `high`."""
        return self._spans[bisect_left(self._starts, low) : bisect_right(self._starts, high)]


def _turns(refusal: Span, request: Span, paragraph: str) -> bool:
    """Whether a word makes the request its opposite: before it, or right behind it as in "senden Sie keine Kopie"."""
    if refusal.start < request.end:
        between = paragraph[refusal.end : request.start]
        return request.start - refusal.start <= _TURNED and _ENDS.isdisjoint(between)
    between = paragraph[request.end : refusal.start]
    return len(between) <= _AT_ONCE and _ENDS.isdisjoint(between) and refusal.end - refusal.start > _SHORTEST


def _in_one_sentence(one: Span, other: Span, paragraph: str) -> bool:
    first, second = sorted((one, other), key=lambda span: span.start)
    between = paragraph[first.end : max(first.end, second.start) + 1]
    return _SENTENCE.search(between) is None and (":" in between or _ITEM.search(between) is None)


def _near(request: Span, document: Span, paragraph: str) -> bool:
    """Whether the document stands behind the request, or a little before it in the same sentence."""
    if document.start >= request.start:
        between = paragraph[request.end : document.start + 1]  # with the letter that begins another sentence
        return len(between) <= _BEHIND and _SENTENCE.search(between) is None
    between = paragraph[document.end : request.start]
    supposed = _IF.search(
        paragraph, max(0, document.start - _TURNED), document.start
    )  # "if you have lost your passport, …"
    return len(between) <= _BEFORE and _ENDS.isdisjoint(between) and supposed is None


def _answered(message: Message) -> tuple[str, ...]:
    """Return to whom answers go: Reply-To, or else From (RFC 5322 3.6.2)."""
    for name in ("Reply-To", "From"):
        found = {canonical(box.address) for field in message.named(name) for box in scan(field.body).mailboxes}
        if found:
            return tuple(sorted(found))
    return ()
