"""A mail of an outsider that one of our groups, aliases or ticket addresses passes on to many outsiders."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from dlp_gateway.detect.base import Finding, Material
from dlp_gateway.mail.address import DomainSet, canonical
from dlp_gateway.mail.address_list import scan
from dlp_gateway.mail.redistribution import is_of_list, is_passed_on

OUTSIDERS: Final = "redistribution.outsiders"


@dataclass(frozen=True, slots=True, kw_only=True)
class RedistributionDetector:
    """Counts the outsiders to whom a mail goes that an outsider wrote, but for the mails of `lists` that we run."""

    inside: DomainSet
    partners: DomainSet
    lists: tuple[str, ...]
    _ours: DomainSet = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ours", DomainSet((*self.inside.patterns, *self.partners.patterns)))

    @property
    def name(self) -> str:
        """Its name in findings: "redistribution"."""
        return "redistribution"

    @property
    def kinds(self) -> frozenset[str]:
        """The one count."""
        return frozenset((OUTSIDERS,))

    def detect(self, material: Material) -> Iterator[Finding]:
        """Report the count; the author himself, who gets his own mail back, is none of them."""
        envelope, message = material.envelope, material.message
        ours = self._ours
        outside = {one for one in map(canonical, envelope.recipients) if not ours.contains(one)}
        if not outside or not is_passed_on(envelope, message, ours) or is_of_list(envelope, message, self.lists):
            return
        authors = {canonical(box.address) for one in message.named("From") for box in scan(one.body).mailboxes}
        if count := len(outside - authors):
            yield Finding(
                kind=OUTSIDERS, detector=self.name, rule=OUTSIDERS, count=count, score=1.0, where="header:From"
            )
