"""How many outsiders every receiver of a message can see, and of how many organisations they are."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dlp_gateway.detect.base import Finding, Material
from dlp_gateway.detect.organisations import party
from dlp_gateway.mail.address import DomainSet, canonical
from dlp_gateway.mail.message import Message

OUTSIDERS: Final = "recipients.outsiders"
ORGANISATIONS: Final = "recipients.organisations"
UNFAMILIAR: Final = "recipients.unfamiliar_outsiders"

_KINDS: Final = frozenset((OUTSIDERS, ORGANISATIONS, UNFAMILIAR))
_INVITATION: Final = frozenset({"Attendee", "Organizer"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientsDetector:
    """Counts distinct visible outsiders and their organisations over To, Cc, Resent-To, Resent-Cc and Apparently-To.

    The attendees of an invitation count as well: every receiver's calendar lists them.

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
        """The counts."""
        return _KINDS

    def detect(self, material: Material) -> Iterator[Finding]:
        """Report the counts that are not zero, at the first field that shows an outsider.

        Unfamiliar are all but those of a group that works together, if the look-up told that they are one; nobody
        shows one person alone to anybody.
        """
        outsiders = self._outsiders(material.message)
        if not outsiders:
            return
        field = next(iter(outsiders.values()))
        where = "message" if field in _INVITATION else f"header:{field}"
        organisations = {party(outsider, self.free_mail) for outsider in outsiders}
        unfamiliar = len(outsiders) - material.facts.familiar if len(outsiders) > 1 else 0
        for kind, count in (
            (OUTSIDERS, len(outsiders)),
            (ORGANISATIONS, len(organisations)),
            (UNFAMILIAR, unfamiliar),
        ):
            if count > 0:
                yield Finding(kind=kind, detector=self.name, rule=kind, count=count, score=1.0, where=where)

    def _outsiders(self, message: Message) -> dict[str, str]:
        """Return the distinct visible outsiders, canonical and in order, each with a field that shows it."""
        shown: dict[str, str] = {}
        for visible in message.visible:
            shown.setdefault(canonical(visible.address), visible.field)
        return {
            address: field
            for address, field in shown.items()
            if not self.inside.contains(address) and not self.partners.contains(address)
        }
