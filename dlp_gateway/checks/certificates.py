"""What a listener's certificate says to clients: for which names it is, and whether its chain hangs together.

Whether it can be used, and for how long, `smtp.identity` tells.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from dlp_gateway.checks.remark import Remark, ok, warning, wrong
from dlp_gateway.errors import ConfigurationError
from dlp_gateway.mail.reply import printable
from dlp_gateway.smtp import identity
from dlp_gateway.smtp.identity import Files

_MOST: Final = 10  # names told, and certificates looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The first certificate of a file: `names` are DNS names and IP addresses in lower case.

    `unchained` is why what follows it does not lead on from it, or "".
    """

    names: tuple[str, ...]
    self_signed: bool
    unchained: str

    def covers(self, host: str) -> bool:
        """Whether a client that connects as `host` accepts it (RFC 9525 6.3: a wildcard is one whole label)."""
        name = host.lower().rstrip(".")
        return name in self.names or f"*.{name.partition('.')[2]}" in self.names


def parsed(pem: bytes) -> Certificate:
    """Return what certificates in PEM say, which were found usable before."""
    chain = x509.load_pem_x509_certificates(pem)
    first = chain[0]
    return Certificate(
        names=tuple(_names(first)),
        self_signed=first.issuer == first.subject,
        unchained=_unchained(chain[:_MOST]),
    )


def remarks(files: Files, host: str, now: datetime) -> Iterator[Remark]:
    """Yield what is to be said of a listener's identity for a gateway that is called `host`; no secret is shown."""
    about = f"certificate {files.certificate}"
    try:
        found = identity.read(files)
    except ConfigurationError as error:
        yield from (wrong(f"certificate {one.source}", one.message) for one in error.problems)
        return
    certificate = parsed(found.certificate)
    sentence = identity.advice(found, now)
    yield warning(about, sentence) if sentence else ok(about, f"It is valid until {found.not_after:%Y-%m-%d}.")
    if not certificate.covers(host):
        names = printable(", ".join(certificate.names[:_MOST]) or "no name at all", 300)
        yield warning(
            about,
            f"It is for {names}, and the gateway is called {host}; clients must connect by a name that is in it.",
        )
    if certificate.unchained:
        yield warning(about, certificate.unchained)
    if certificate.self_signed:
        yield warning(about, "It is signed by itself: clients refuse it unless each is told to trust it.")


def _names(certificate: x509.Certificate) -> Iterator[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return
    yield from (name.lower() for name in names.get_values_for_type(x509.DNSName))
    yield from (str(address) for address in names.get_values_for_type(x509.IPAddress))


def _unchained(chain: list[x509.Certificate]) -> str:
    """Return why a certificate of the file is not signed by the next one, "" if each is."""
    for number, (lower, upper) in enumerate(pairwise(chain), 2):
        try:
            lower.verify_directly_issued_by(upper)
        except (ValueError, TypeError, InvalidSignature):
            return (
                f"Certificate {number} in the file did not sign the one before it, so clients may not find the way to "
                "an authority that they trust. Put the gateway's own first, then each one's issuer."
            )
    return ""
