"""Mail that asks its readers for a copy of an identity document, and where their answers would go."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from dlp_gateway.content.text import Text
from dlp_gateway.detect.base import CONFIDENCE, Finding, Material
from dlp_gateway.detect.east_asian import may_ask
from dlp_gateway.detect.request_features import TRIGGER
from dlp_gateway.detect.request_model import RequestModel, shipped
from dlp_gateway.detect.requests import asks
from dlp_gateway.detect.triggers import Triggers
from dlp_gateway.detect.words import LONGEST, Role, Words
from dlp_gateway.mail.address import DomainSet, canonical
from dlp_gateway.mail.address_list import scan
from dlp_gateway.mail.message import Message

DOCUMENT: Final = "solicitation.identity_document"
ADDRESSED: Final = "recipients.addressed"
SEVERAL: Final = "reply_to.several"
GROUP: Final = "reply_to.group"
KINDS: Final = frozenset((DOCUMENT, ADDRESSED, SEVERAL, GROUP))

_DIVIDERS: Final = re.compile(r"[._+=-]+")


_ASKED: Final = "solicitation.request"
_NAMED: Final = "solicitation.document"
_MENTIONED: Final = "solicitation.mention"
_LEAST: Final = CONFIDENCE["medium"]
_BOTH: Final = frozenset((_ASKED, _NAMED))


def watched(words: Mapping[Role, Words]) -> Mapping[str, tuple[str, ...]]:
    """Return as triggers what must occur in a text that asks for a document.

    That is a request or a need, and a document, for the rules; and any mention of a document for what was learned.
    """
    asked = "|".join(f"(?:{words[role].expression})" for role in (Role.REQUEST, Role.NEED, Role.SENDING))
    return {_ASKED: (asked,), _NAMED: (words[Role.DOCUMENT].expression,), _MENTIONED: (TRIGGER,)}


def likelihood(words: Mapping[Role, Words], text: str) -> float:
    """Return how likely it is that a text asks for a document: what the rules see, weighed with what was learned."""
    return shipped().likelihood(text, seen_by_rules=asks(words, text))


@dataclass(frozen=True, slots=True, kw_only=True)
class SolicitationDetector:
    """Reports whether the text asks for a document, to how many outsiders it goes, and whether answers go to many."""

    inside: DomainSet
    partners: DomainSet
    words: Mapping[Role, Words]
    #: Those to which `watched` of the words was given, if other detectors share them.
    triggers: Triggers = field(default=None, repr=False, compare=False)  # type: ignore[assignment]  # filled in below

    model: RequestModel = field(default_factory=shipped, repr=False, compare=False)

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
        likely, where = self._asking(material)
        if not where:
            return
        place = where if where.startswith("part:") else "header:Subject"
        yield self._finding(DOCUMENT, 1, place, score=round(likely, 2))
        addressed = {canonical(recipient) for recipient in material.envelope.recipients}
        outside = [a for a in addressed if not self.inside.contains(a) and not self.partners.contains(a)]
        if outside:
            yield self._finding(ADDRESSED, len(outside), "envelope")
        answered = _answered(material.message)
        if len(answered) > 1:
            yield self._finding(SEVERAL, len(answered), "header:Reply-To")
        if any(self._is_group(address) for address in answered):
            yield self._finding(GROUP, 1, "header:Reply-To")

    def _asking(self, material: Material) -> tuple[float, str]:
        """Return how likely the first text asks that may, and where it stands."""
        for text, seen in zip(material.texts, material.once(self.triggers), strict=True):
            likely = self._likelihood(text, seen)
            if likely >= _LEAST:
                return likely, text.where
        return 0.0, ""

    def _likelihood(self, text: Text, seen: frozenset[str]) -> float:
        """Return how likely a text asks; of those where nothing stands by which one could, that it does not.

        Where it is cut, words may be of other lengths than the triggers saw.
        """
        unsure = len(text.text) > LONGEST or may_ask(text.text)
        if not seen and not unsure:  # nearly always
            return 0.0
        by_rules = (unsure or seen >= _BOTH) and asks(self.words, text.text)
        if by_rules or unsure or _MENTIONED in seen:
            return self.model.likelihood(text.text, seen_by_rules=by_rules)
        return 0.0

    def _is_group(self, address: str) -> bool:
        return self.words[Role.GROUP_ADDRESS].stand_in(_DIVIDERS.sub(" ", address.rpartition("@")[0]))

    def _finding(self, kind: str, count: int, where: str, *, score: float = 1.0) -> Finding:
        return Finding(kind=kind, detector=self.name, rule=kind, count=count, score=score, where=where)


def _answered(message: Message) -> tuple[str, ...]:
    """Return to whom answers go: Reply-To, or else From (RFC 5322 3.6.2)."""
    for name in ("Reply-To", "From"):
        found = {canonical(box.address) for field in message.named(name) for box in scan(field.body).mailboxes}
        if found:
            return tuple(sorted(found))
    return ()
