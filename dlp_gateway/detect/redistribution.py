"""A mail of an outsider that one of our groups, aliases or ticket addresses passes on to many outsiders."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from dlp_gateway.detect.base import Finding, Material
from dlp_gateway.mail.address import DomainSet, canonical
from dlp_gateway.mail.redistribution import passed_on_authors

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
        """Report the count, with those of earlier parts; the author, who gets his own mail back, is none of them."""
        envelope, message = material.envelope, material.message
        ours = self._ours
        addressed = {canonical(recipient) for recipient in envelope.recipients}
        outside = {one for one in addressed if not ours.contains(one)}
        authors = passed_on_authors(envelope, message, ours, self.lists) if outside else ()
        if authors and (count := len(outside.difference(authors)) + material.facts.elsewhere):
            yield Finding(
                kind=OUTSIDERS, detector=self.name, rule=OUTSIDERS, count=count, score=1.0, where="header:From"
            )
