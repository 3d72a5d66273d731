"""Whom a copy betrays beside its recipient fields: blind recipients, and outsiders in what the body quotes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from dlp_gateway.content import quoted
from dlp_gateway.detect.base import Finding, Material
from dlp_gateway.mail.address import DomainSet, canonical
from dlp_gateway.mail.blind import betrayed, blind

BLIND_NAMED: Final = "recipients.blind_named"
BLIND_QUOTED: Final = "recipients.blind_quoted"
OUTSIDERS_QUOTED: Final = "recipients.outsiders_quoted"

_INVITATION: Final = frozenset({"Attendee", "Organizer"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureDetector:
    """Counts blind recipients whom the header names, and outsiders, blind or visible, whom the body quotes."""

    inside: DomainSet
    partners: DomainSet

    @property
    def name(self) -> str:
        """Its name in findings: "disclosure"."""
        return "disclosure"

    @property
    def kinds(self) -> frozenset[str]:
        """The three counts."""
        return frozenset((BLIND_NAMED, BLIND_QUOTED, OUTSIDERS_QUOTED))

    def detect(self, material: Material) -> Iterator[Finding]:
        """Report each count unless it is zero."""
        envelope, message = material.envelope, material.message
        seen_by_all = (*self.inside.patterns, *self.partners.patterns)
        if named := betrayed(envelope, message, seen_by_all):
            yield self._finding(BLIND_NAMED, len(named), f"header:{next(iter(named.values()))}")
        hidden = self._outside(blind(envelope, message, seen_by_all))
        if not hidden and len(message.visible) < 2:
            return
        outsiders = self._outside(canonical(recipient.address) for recipient in message.visible)
        if not hidden and len(outsiders) < 2:
            return
        shown = quoted.shown(material.texts, message.parts, hidden | outsiders)
        if guests := self._outside(canonical(one.address) for one in message.visible if one.field in _INVITATION):
            # Beside an invitation, which can be pruned, stands a list of its guests, which cannot.
            shown |= quoted.mentioned(material.texts, message.parts, guests)
        for kind, whom in ((BLIND_QUOTED, hidden), (OUTSIDERS_QUOTED, outsiders)):
            if count := len(shown & whom):
                yield self._finding(kind, count, "message")

    def _outside(self, addresses: Iterable[str]) -> frozenset[str]:
        return frozenset(a for a in addresses if not self.inside.contains(a) and not self.partners.contains(a))

    def _finding(self, kind: str, count: int, where: str) -> Finding:
        return Finding(kind=kind, detector=self.name, rule=kind, count=count, score=1.0, where=where)
