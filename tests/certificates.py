"""A throwaway certification authority, made at run time: certificates with names, life and use as one asks for."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A certificate with its key, as PEM, and the certificate's serial number as OpenSSL prints it."""

    certificate: bytes
    key: bytes
    serial: str

    def write(self, folder: Path, name: str = "server") -> tuple[Path, Path]:
        """Write both, as programs that renew certificates do: each file is replaced at once, one after the other."""
        paths = folder / f"{name}.pem", folder / f"{name}.key"
        for path, content in zip(paths, (self.certificate, self.key), strict=True):
            replaced(path, content)
        return paths


def replaced(path: Path, content: bytes) -> None:
    """Put a new file in the place of another."""
    fresh = path.with_suffix(".fresh")
    fresh.write_bytes(content)
    fresh.replace(path)


def damaged(pem: bytes) -> bytes:
    """Change one bit of a public key, so that its point is on no curve; as a certificate it is read all the same."""
    certificate = x509.load_pem_x509_certificate(pem)
    octets = bytearray(certificate.public_bytes(serialization.Encoding.DER))
    key = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    octets[octets.find(key) + len(key) - 1] ^= 1
    return x509.load_der_x509_certificate(bytes(octets)).public_bytes(serialization.Encoding.PEM)


class Authority:
    """A CA; `pem` is its certificate."""

    def __init__(self, name: str = "Throwaway CA") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        made = self._builder(self._name, self._key, now - DAY, now + 30 * DAY).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.pem = made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def client(self) -> ssl.SSLContext:
        """Return a client's context that trusts this CA only, which `ssl.create_default_context` might not."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.pem.decode())
        return context

    def issue(
        self,
        *names: str,
        begins: timedelta = -DAY,
        ends: timedelta = 20 * DAY,
        use: x509.ObjectIdentifier | None = None,
    ) -> Pair:
        """Return a certificate for DNS names, which lives from and to so long from now; for both uses, or one."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "common.example")])
        now = datetime.now(UTC)
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH] if use is None else [use]
        made = (
            self._builder(subject, key, now + begins, now + ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return Pair(
            certificate=made.public_bytes(serialization.Encoding.PEM),
            key=key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
            serial=f"{made.serial_number:040X}",
        )

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, begins: datetime, ends: datetime
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
        )
