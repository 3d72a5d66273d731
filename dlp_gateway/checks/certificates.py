"""What a listener's certificate says: for which names, until when, and whether its chain hangs together."""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from dlp_gateway.checks.remark import Remark, ok, warning, wrong
from dlp_gateway.mail.reply import printable

_SOON: Final = timedelta(days=21)  # ACME renews a month before the end; what is younger was not renewed
_LARGEST: Final = 1_000_000  # bytes of a PEM file
_MOST: Final = 10  # names told, and certificates looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The first certificate of a file: `names` are DNS names and IP addresses in lower case; `chained` as it should be.

    `unchained` is why what follows it does not lead on from it, or "".
    """

    names: tuple[str, ...]
    begins: datetime
    ends: datetime
    self_signed: bool
    unchained: str

    def covers(self, host: str) -> bool:
        """Whether a client that connects as `host` accepts it (RFC 6125 6.4: a wildcard is one whole label)."""
        name = host.lower().rstrip(".")
        return name in self.names or f"*.{name.partition('.')[2]}" in self.names


def read(path: Path) -> Certificate:
    """Return what a PEM file says; raises OSError, or ValueError with a sentence."""
    with path.open("rb") as file:
        pem = file.read(_LARGEST + 1)
    if len(pem) > _LARGEST:
        raise ValueError("This file is too large for certificates.")
    try:
        chain = x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise ValueError("This is no PEM file of certificates.") from None
    first = chain[0]
    return Certificate(
        names=tuple(_names(first)),
        begins=first.not_valid_before_utc,
        ends=first.not_valid_after_utc,
        self_signed=first.issuer == first.subject,
        unchained=_unchained(chain[:_MOST]),
    )


def remarks(certificate: Path, key: Path, host: str, now: datetime) -> Iterator[Remark]:
    """Yield what is to be said of the two files for a gateway that is called `host`; no secret is shown."""
    about = f"certificate {certificate}"
    try:
        found = read(certificate)
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        yield wrong(about, _why(error, certificate, key))
        return
    ends = f"{found.ends.astimezone(UTC):%Y-%m-%d}"
    if now > found.ends:
        yield warning(about, f"It expired on {ends}; clients refuse it. Renew it.")
    elif now < found.begins:
        yield warning(about, f"It is valid from {found.begins:%Y-%m-%d} only; look at this machine's clock.")
    elif found.ends - now < _SOON:
        yield warning(about, f"It expires on {ends}, in {max(1, (found.ends - now).days)} days. Renew it.")
    else:
        yield ok(about, f"It is valid until {ends}.")
    if not found.covers(host):
        names = printable(", ".join(found.names[:_MOST]) or "no name at all", 300)
        yield warning(
            about,
            f"It is for {names}, and the gateway is called {host}; clients must connect by a name that is in it.",
        )
    if found.unchained:
        yield warning(about, found.unchained)
    if found.self_signed:
        yield warning(about, "It is signed by itself: clients refuse it unless each is told to trust it.")


def _no_password() -> str:
    raise ValueError("The key is protected by a password; take it off (openssl pkey -in KEY -out NEW).")


def _why(error: OSError | ValueError, certificate: Path, key: Path) -> str:
    if isinstance(error, ssl.SSLError):
        if "KEY_VALUES_MISMATCH" in (error.reason or ""):
            return f"It does not belong to the key {key}; name the key that it was made for."
        return (
            f"It cannot be used with the key {key}: {printable(error.reason or 'this is no PEM file of a key', 100)}."
        )
    if isinstance(error, OSError):
        return f"{error.filename or f'{certificate} or {key}'} cannot be read: {error.strerror}."
    return str(error)


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
