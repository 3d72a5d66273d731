"""How many outsiders every receiver of a message can see, and of how many organisations they are."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dlp_gateway.detect.base import Finding, Material
from dlp_gateway.detect.organisations import organisation
from dlp_gateway.mail.address import DomainSet, canonical, domain_of
from dlp_gateway.mail.message import Message

OUTSIDERS: Final = "recipients.outsiders"
ORGANISATIONS: Final = "recipients.organisations"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientsDetector:
    """Counts distinct visible outsiders and their organisations over To, Cc, Resent-To and Resent-Cc.

    Addresses of `inside` and of `partners` are no outsiders. Addresses at a domain of `free_mail` belong to private
    people, so each is an organisation of its own.
    """

    inside: DomainSet
    partners: DomainSet
    free_mail: frozenset[str]

    @property
    def name(self) -> str:
        """Its name in findings: "recipients"."""
        return "recipients"

    @property
    def kinds(self) -> frozenset[str]:
        """Both counts."""
        return frozenset((OUTSIDERS, ORGANISATIONS))

    def detect(self, material: Material) -> Iterator[Finding]:
        """Report each count that is not zero."""
        outsiders = self.outsiders(material.message)
        for kind, count in ((OUTSIDERS, len(outsiders)), (ORGANISATIONS, len(set(map(self._organisation, outsiders))))):
            if count:
                yield Finding(kind=kind, detector=self.name, rule=kind, count=count, score=1.0, where="header")

    def outsiders(self, message: Message) -> frozenset[str]:
        """Return the distinct visible outsiders, canonical."""
        addresses = {canonical(visible.address) for visible in message.visible}
        return frozenset(
            address
            for address in addresses
            if not self.inside.contains(address) and not self.partners.contains(address)
        )

    def _organisation(self, address: str) -> str:
        domain = domain_of(address)
        if domain in self.free_mail:
            return address
        return organisation(domain)
