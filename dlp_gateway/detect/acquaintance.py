"""Recipients to whom a sender never wrote, and those among them who resemble somebody that is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dlp_gateway.detect.base import Finding, Material
from dlp_gateway.mail.address import domain_of

FIRST_TIME: Final = "recipients.first_time"
LOOK_ALIKE: Final = "recipients.look_alike"
TWIN: Final = "recipients.twin"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcquaintanceDetector:
    """Counts what the look-up told of the envelope's recipients.

    The domains of `free_mail` are everybody's, so they resemble no other domain.
    """

    free_mail: frozenset[str]

    @property
    def name(self) -> str:
        """Its name in findings: "acquaintance"."""
        return "acquaintance"

    @property
    def kinds(self) -> frozenset[str]:
        """Strangers, look-alikes and twins."""
        return frozenset((FIRST_TIME, LOOK_ALIKE, TWIN))

    def detect(self, material: Material) -> Iterator[Finding]:
        """Report each count that is not zero."""
        facts, recipients = material.facts, material.envelope.recipients
        alike = [place for place in facts.look_alikes if domain_of(recipients[place]) not in self.free_mail]
        for kind, places in ((FIRST_TIME, facts.strangers), (LOOK_ALIKE, alike), (TWIN, facts.twins)):
            if places:
                yield Finding(kind=kind, detector=self.name, rule=kind, count=len(places), score=1.0, where="envelope")
