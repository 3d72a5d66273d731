"""Mail that asks its readers for a copy of an identity document, and where their answers would go."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from dlp_gateway.content.text import Text
from dlp_gateway.detect.base import Finding, Material
from dlp_gateway.detect.triggers import Triggers
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
_AT_ONCE: Final = 6
_ENDS: Final = frozenset(".;!?")
_QUOTED: Final = re.compile(r"^[ \t]*(?:>|\|).*$", re.MULTILINE)
_PARAGRAPH: Final = re.compile(r"\n[ \t]*\n")
_DIVIDERS: Final = re.compile(r"[._+=-]+")


_WATCHED: Final = {Role.REQUEST: "solicitation.request", Role.DOCUMENT: "solicitation.document"}
_BOTH: Final = frozenset(_WATCHED.values())


def watched(words: Mapping[Role, Words]) -> Mapping[str, tuple[str, ...]]:
    """Return as triggers what must occur in a text that asks for a document."""
    return {name: (words[role].expression,) for role, name in _WATCHED.items()}


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
            (text.where for text, seen in looked_at if self._may_ask(text, seen) and self._asks(text.text)), ""
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
        return seen >= _BOTH or len(text.text) > LONGEST

    def _asks(self, text: str) -> bool:
        """Whether a request and a document stand near each other, in one paragraph that is not quoted."""
        for paragraph in _PARAGRAPH.split(folded(_QUOTED.sub("", text[:LONGEST]))):
            documents = list(self.words[Role.DOCUMENT].spans(paragraph))
            if not documents:
                continue
            refusals = list(self.words[Role.REFUSAL].spans(paragraph))
            for request in self.words[Role.REQUEST].spans(paragraph):
                if not any(_turns(refusal, request) for refusal in refusals) and any(
                    _near(request, document, paragraph) for document in documents
                ):
                    return True
        return False

    def _is_group(self, address: str) -> bool:
        return self.words[Role.GROUP_ADDRESS].stand_in(_DIVIDERS.sub(" ", address.rpartition("@")[0]))

    def _finding(self, kind: str, count: int, where: str) -> Finding:
        return Finding(kind=kind, detector=self.name, rule=kind, count=count, score=1.0, where=where)


def _turns(refusal: Span, request: Span) -> bool:
    """Whether a word makes the request its opposite: before it, or right behind it as in "senden Sie keine Kopie"."""
    if refusal.start <= request.start:
        return request.start - refusal.start <= _TURNED
    return 0 <= refusal.start - request.end <= _AT_ONCE and refusal.end - refusal.start > _AT_ONCE // 2


def _near(request: Span, document: Span, paragraph: str) -> bool:
    """Whether the document stands behind the request, or a little before it in the same sentence."""
    if document.start >= request.start:
        return document.start - request.end <= _BEHIND
    between = paragraph[document.end : request.start]
    return len(between) <= _BEFORE and _ENDS.isdisjoint(between)


def _answered(message: Message) -> tuple[str, ...]:
    """Return to whom answers go: Reply-To, or else From (RFC 5322 3.6.2)."""
    for name in ("Reply-To", "From"):
        found = {canonical(box.address) for field in message.named(name) for box in scan(field.body).mailboxes}
        if found:
            return tuple(sorted(found))
    return ()
