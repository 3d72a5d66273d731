"""Who a listener is under TLS: its certificate and key, and the authorities whose client certificates it believes.

An `Identity` is read at one moment and holds the octets, so that certificate and key are of that moment, and a process
that is started later gets the same. How a new one is put in force under a running listener, and why so, is told in
docs/decisions/0013-shared-senders-and-renewed-certificates.md.
"""

import os
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes, PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from dlp_gateway.errors import ConfigurationError

Validity = Literal["valid", "not-yet-valid", "expires-soon", "expired"]

_MOST: Final = 1_000_000  # octets of one file; a bundle of all public authorities takes a quarter
_SOON: Final = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where an identity lies. `asks`: clients are asked for a certificate; without `authorities` by the system's."""

    certificate: Path
    key: Path
    asks: bool = False
    authorities: Path | None = None

    @property
    def all(self) -> tuple[Path, ...]:
        """Every file of it."""
        return (
            (self.certificate, self.key) if self.authorities is None else (self.certificate, self.key, self.authorities)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The content of the files, of one moment; certificate and key belong together."""

    files: Files
    certificate: bytes = field(repr=False)
    key: bytes = field(repr=False)
    authorities: bytes = field(repr=False)
    not_before: datetime
    not_after: datetime

    def validity(self, now: datetime) -> Validity:
        """Whether the certificate is valid at a time; soon is 14 days, or the last third of a short life."""
        if now < self.not_before:
            return "not-yet-valid"
        if now >= self.not_after:
            return "expired"
        return "expires-soon" if self.not_after - now < min(_SOON, (self.not_after - self.not_before) / 3) else "valid"

    def context(self) -> ssl.SSLContext:
        """Return a context for a server; raises `ConfigurationError` where OpenSSL refuses what it holds."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # without compression (RFC 9325 3.3)
        made.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8997 3
        made.options |= ssl.OP_NO_RENEGOTIATION  # RFC 9325 3.5
        try:
            self._load(made)
        except ssl.SSLError as error:
            message = f"OpenSSL refuses this certificate or its key: {error.reason or 'it does not say why'}."
            raise ConfigurationError.of(self.files.certificate, message) from error
        except OSError as error:  # a system may forbid files in memory, or be out of descriptors
            message = f"This certificate cannot be given to OpenSSL through a file in memory: {error.strerror}."
            raise ConfigurationError.of(self.files.certificate, message) from error
        if self.files.asks:
            self._ask(made)
        return made

    def _load(self, made: ssl.SSLContext) -> None:
        """Give OpenSSL certificate and key through memory that has a name: it reads them from files only."""
        descriptor = os.memfd_create("identity")
        try:
            with os.fdopen(descriptor, "wb", closefd=False) as file:
                file.write(self.certificate + b"\n" + self.key)
            made.load_cert_chain(f"/proc/self/fd/{descriptor}", password=lambda: b"")  # never asks a terminal
        finally:
            os.close(descriptor)

    def _ask(self, made: ssl.SSLContext) -> None:
        """Ask clients for a certificate. Who shows none may go on, and reads in SMTP why that is not enough."""
        made.verify_mode = ssl.CERT_OPTIONAL
        made.options |= ssl.OP_NO_TICKET  # a resumed session would not be verified anew
        made.num_tickets = 0
        if self.files.authorities is None:
            made.load_default_certs(ssl.Purpose.CLIENT_AUTH)
            return
        try:
            made.load_verify_locations(cadata=self.authorities.decode("ascii", "replace"))
        except (ssl.SSLError, ValueError) as error:
            raise ConfigurationError.of(self.files.authorities, "This is no PEM file of certificates.") from error


class CurrentIdentity:
    """The identity in force. `context` is for the life of the listener: each handshake takes the one of its moment."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self._current = identity.context()
        self.context = identity.context()
        # Called in each handshake, also if the client names no host: a server's context itself cannot be exchanged.
        self.context.sni_callback = self._present

    def replace(self, identity: Identity) -> None:
        """Put another in force for new connections; raises `ConfigurationError`, and leaves the old one."""
        self._current = identity.context()
        self.identity = identity

    def _present(self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._current


def read(files: Files) -> Identity:
    """Return the identity that lies in the files now; raises `ConfigurationError` with what to do."""
    certificate, key = _content(files.certificate), _content(files.key)
    authorities = b"" if files.authorities is None else _content(files.authorities)
    try:
        chain = x509.load_pem_x509_certificates(certificate)
        not_before, not_after = chain[0].not_valid_before_utc, chain[0].not_valid_after_utc
    except (ValueError, x509.InvalidVersion) as error:
        message = "This is no certificate in PEM; `openssl x509 -in FILE -out NEW` writes one."
        raise ConfigurationError.of(files.certificate, message) from error
    public = _public(_private(files.key, key).public_key())
    if (certified := _certified(chain[0])) != public:
        if any(_certified(one) == public for one in chain[1:]):
            message = "The certificate of this host must stand first, and those of its authorities behind it."
        elif certified is None:
            message = "Its public key is damaged, or of a kind that is not known; have it issued anew."
        else:
            message = f"The key in {files.key.name} does not belong to this certificate; name the one that does."
        raise ConfigurationError.of(files.certificate, message)
    identity = Identity(
        files=files,
        certificate=certificate,
        key=key,
        authorities=authorities,
        not_before=not_before,
        not_after=not_after,
    )
    identity.context()  # raises what OpenSSL says against it
    return identity


def advice(identity: Identity, now: datetime | None = None) -> str:
    """Return what an administrator must do about the validity of a certificate, in a sentence; "" if nothing."""
    day = f"{identity.not_after:%Y-%m-%d}"
    match identity.validity(now or datetime.now(UTC)):
        case "expired":
            return f"This certificate expired on {day}, and clients will refuse it; renew it."
        case "not-yet-valid":
            return f"This certificate is not valid before {identity.not_before:%Y-%m-%d}; is the clock right?"
        case "expires-soon":
            return f"This certificate expires on {day}; renew it. A new one is taken up without a restart."
    return ""


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            octets = file.read(_MOST + 1)
    except FileNotFoundError:
        raise ConfigurationError.of(path, "There is no such file.") from None
    except PermissionError:
        raise ConfigurationError.of(path, "This file may not be read by the user that runs the gateway.") from None
    except OSError as error:
        raise ConfigurationError.of(path, f"This file cannot be read: {error.strerror}.") from None
    if len(octets) > _MOST:
        raise ConfigurationError.of(path, f"This file is larger than {_MOST // 1_000_000} MB.")
    return octets


def _private(path: Path, pem: bytes) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(pem, None)
    except TypeError:
        message = "This key is encrypted; write it without a passphrase: `openssl pkey -in FILE -out NEW`."
        raise ConfigurationError.of(path, message) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigurationError.of(
            path, "This is no private key in PEM; `openssl pkey -in FILE -out NEW` writes one."
        ) from None


def _certified(certificate: x509.Certificate) -> bytes | None:
    """Return the public key of a certificate, which is read only now: None if that cannot be done."""
    try:
        return _public(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm):
        return None


def _public(key: PublicKeyTypes | CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
