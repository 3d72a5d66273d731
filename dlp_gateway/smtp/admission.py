"""What a listener asks of senders beyond their network, pure: a certificate, a tenant's header, an inside sender.

The hosts of Microsoft 365 and Google Workspace send for all customers of theirs, so where they come from says little.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dlp_gateway.mail import header
from dlp_gateway.mail.address import DomainSet
from dlp_gateway.mail.address_list import scan
from dlp_gateway.mail.edit import occurrences, without
from dlp_gateway.smtp.replies import (
    AUTHOR_OUTSIDE,
    NO_CLIENT_CERTIFICATE,
    OTHER_CLIENT_CERTIFICATE,
    SENDER_OUTSIDE,
    TENANT_MISSING,
    TENANT_TWICE,
    TENANT_UNKNOWN,
    Refusal,
)

_FROM: Final = frozenset({"from"})
_LONGEST_FIELD: Final = 10_000  # octets; an author and his name take a hundred


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """The header field that says for whom a mail service sends; `values` may be secrets and are never shown.

    `exact`: case matters. `removed`: the field is taken out of the message before anybody else sees it.
    """

    name: str
    values: tuple[bytes, ...] = field(repr=False)
    exact: bool
    removed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The conditions of one listener: all that are set must hold; by default none is.

    `certificate_names`: a verified client certificate must hold one of them. `inside`: the domains to which the sender
    of the envelope must belong, and where there is none, the author.
    """

    certificate_names: tuple[str, ...] = ()
    tenant: Tenant | None = None
    inside: DomainSet | None = None

    def refuses_client(self, certificate: Mapping[str, Any] | None) -> Refusal | None:
        """Return why a client may not send; `certificate` is what it showed and OpenSSL verified, as `ssl` tells it."""
        if not self.certificate_names:
            return None
        if not certificate:
            return NO_CLIENT_CERTIFICATE
        return None if names(certificate, self.certificate_names) else OTHER_CLIENT_CERTIFICATE

    def refuses_sender(self, reverse_path: str) -> Refusal | None:
        """Return why nobody may send so; the null reverse-path is judged by the author, when the message is here."""
        if self.inside is None or not reverse_path or self.inside.contains(reverse_path):
            return None
        return SENDER_OUTSIDE

    @property
    def reads_content(self) -> bool:
        """Whether there is a condition on messages."""
        return self.tenant is not None or self.inside is not None

    def admitted(self, reverse_path: str, content: bytes) -> bytes | Refusal:
        """Return the message, without the tenant's field if that is to go, or why it is refused; linear in its size."""
        tenant = self.tenant
        if tenant is not None:
            refusal = _refuses_tenant(tenant, content)
            if refusal is not None:
                return refusal
            if tenant.removed:
                content = without(content, frozenset({tenant.name.lower()}))
        if self.inside is not None and not reverse_path and not _author_inside(content, self.inside):
            return AUTHOR_OUTSIDE
        return content


#: No conditions: whoever is in the listener's networks may send.
UNCONDITIONAL: Final = Admission()


def names(certificate: Mapping[str, Any], wanted: tuple[str, ...]) -> bool:
    """Whether a certificate holds one of the names, all of them DNS names (RFC 9525 6.3; never its common name)."""
    presented = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"]
    return any(_is_named(one, name) for one in presented for name in wanted)


def _is_named(presented: str, name: str) -> bool:
    shown, wanted = presented.lower().removesuffix("."), name.lower().removesuffix(".")
    if shown == wanted:
        return "*" not in shown
    first, _, rest = shown.partition(".")
    # RFC 9525 6.3: a wildcard is the whole left-most label and stands for one label; never for those of a registry.
    return first == "*" and "*" not in rest and "." in rest and wanted.partition(".")[2] == rest


def _refuses_tenant(tenant: Tenant, content: bytes) -> Refusal | None:
    section = content[: header.body_start(content)]
    found = occurrences(section, frozenset({tenant.name.lower()}))
    if not found:
        return TENANT_MISSING
    if len(found) > 1:  # whoever may write one can be somebody else than who wrote the other
        return TENANT_TWICE
    body = found[0].body if tenant.exact else found[0].body.lower()
    # Each value is compared in full, in constant time: how long it takes tells nothing of a secret.
    matches = [hmac.compare_digest(body, value if tenant.exact else value.lower()) for value in tenant.values]
    return None if any(matches) else TENANT_UNKNOWN


def _author_inside(content: bytes, inside: DomainSet) -> bool:
    """Whether there is one From field, with authors who all are inside (RFC 5322 3.6.2)."""
    section = content[: header.body_start(content)]
    found = occurrences(section, _FROM)
    if len(found) != 1 or len(found[0].body) > _LONGEST_FIELD:
        return False
    authors = scan(found[0].body, len(found[0].body))
    return (
        bool(authors.mailboxes)
        and not authors.defects
        and all(inside.contains(one.address) for one in authors.mailboxes)
    )
