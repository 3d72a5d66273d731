"""Recipients outside who are probably not those who were meant: look-alikes of ours, and an author's own mailbox."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from dlp_gateway.detect.base import Finding, Material
from dlp_gateway.detect.folding import fold
from dlp_gateway.detect.likeness import domain_forms, skeleton
from dlp_gateway.detect.organisations import organisation
from dlp_gateway.mail.address import DomainSet, canonical, domain_of
from dlp_gateway.mail.address_list import scan
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message

LOOKALIKE_INSIDE: Final = "recipients.lookalike_inside"
OWN_FREEMAIL: Final = "recipients.own_freemail"

_WORD: Final = re.compile(r"[a-z]{2,}")
#: Names shorter than this are everybody's: "jo", "info".
_LOCAL_PART: Final = 4
_LABEL: Final = 5
#: Mailboxes of functions, which exist everywhere.
_ROLES: Final = frozenset(
    {"info", "office", "mail", "contact", "kontakt", "hello", "sales", "support", "admin", "service", "team", "post"}
    | {"newsletter", "noreply", "no-reply", "buero", "desk", "hr", "jobs", "billing", "invoice", "accounts"}
)


@dataclass(frozen=True)
class MisaddressedDetector:
    """Counts recipients whose domain looks like one of ours, and those at free-mail domains who may be the author."""

    inside: DomainSet
    partners: DomainSet
    free_mail: frozenset[str]

    name: Final = "misaddressed"

    @property
    def kinds(self) -> frozenset[str]:
        """The two counts."""
        return frozenset((LOOKALIKE_INSIDE, OWN_FREEMAIL))

    def detect(self, material: Material) -> Iterator[Finding]:
        """Report each count that is not zero."""
        envelope, message = material.envelope, material.message
        outside = [one for one in dict.fromkeys(map(canonical, envelope.recipients)) if not self._is_known(one)]
        alike = [one for one in outside if self._resembles_us(domain_of(one))]
        own = self._own(envelope, message, outside)
        for kind, found in ((LOOKALIKE_INSIDE, alike), (OWN_FREEMAIL, own)):
            if found:
                yield Finding(kind=kind, detector=self.name, rule=kind, count=len(found), score=1.0, where="envelope")

    def _is_known(self, address: str) -> bool:
        return self.inside.contains(address) or self.partners.contains(address)

    @cached_property
    def _forms(self) -> frozenset[str]:
        ours = (pattern.removeprefix("*.") for pattern in self.inside.patterns)
        return frozenset(form for domain in ours for form in domain_forms(domain))

    @cached_property
    def _owners(self) -> frozenset[str]:
        return frozenset(organisation(pattern.removeprefix("*.")) for pattern in self.inside.patterns)

    @cached_property
    def _labels(self) -> frozenset[str]:
        """Our names without their suffix: a firm's name below another suffix may well be another firm."""
        labels = (owner.partition(".")[0] for owner in self._owners)
        return frozenset(skeleton(label) for label in labels if len(label) >= _LABEL)

    @cached_property
    def _resembles_us(self) -> Callable[[str], bool]:
        """Whether a canonical domain looks like one of ours; the answers for those often written to are kept."""
        return lru_cache(maxsize=4096)(self._compared)

    def _compared(self, domain: str) -> bool:
        if not domain or domain in self.free_mail:
            return False
        joined = domain.replace(".", "")
        if any(joined == pattern.removeprefix("*.").replace(".", "") for pattern in self.inside.patterns):
            return True  # a dot was left out or set elsewhere
        owner = organisation(domain)
        if owner in self._owners:
            return False  # a subdomain of ours that the policy does not call inside
        return bool(self._forms & domain_forms(domain)) or skeleton(owner.partition(".")[0]) in self._labels

    def _own(self, envelope: Envelope, message: Message, outside: list[str]) -> list[str]:
        """Return the recipients at free-mail domains who have the author's mailbox name, or whose name is his."""
        free = [one for one in outside if domain_of(one) in self.free_mail]
        if not free:
            return []
        authors = [box for field in message.named("From") for box in scan(field.body).mailboxes]
        addresses = {canonical(box.address) for box in authors} | {canonical(envelope.reverse_path)}
        locals_ = {_plain(address) for address in addresses if self.inside.contains(address)}
        names = {words for box in authors if len(words := _words(box.name)) > 1}
        pairs = {first + last for name in names for first in name for last in name - {first}}
        return [one for one in free if _is_his(one, locals_, names, pairs)]


def _is_his(address: str, locals_: set[str], names: set[frozenset[str]], pairs: set[str]) -> bool:
    local = _plain(address)
    if len(local) >= _LOCAL_PART and local not in _ROLES and local in locals_:
        return True
    written = _words(address.rpartition("@")[0])
    joined = re.sub(r"[^a-z]", "", fold(address.rpartition("@")[0].lower()).text)
    return joined in pairs or any(name <= written for name in names)


def _plain(address: str) -> str:
    """Return a mailbox name without dots and what sets one apart from others of the name: "ann.berg2" → "annberg"."""
    return re.sub(r"[._-]|(?<!\d)\d++$", "", address.rpartition("@")[0].lower())


def _words(name: str) -> frozenset[str]:
    return frozenset(_WORD.findall(fold(name[:200].lower()).text))
