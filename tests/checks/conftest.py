"""Certificates as an administrator has them, a configuration, and mail servers that answer."""

import ipaddress
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dlp_gateway.policy.model import Policy
from dlp_gateway.processes import policies
from dlp_gateway.settings import Settings
from tests.e2e.postfix import free_port

NOW = datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two PEM files."""

    certificate: Path
    key: Path


Issue = Callable[..., Pair]
Configure = Callable[..., tuple[Path, Settings, Policy]]


@pytest.fixture
def issue(tmp_path: Path) -> Issue:
    """Give a function that writes a certificate for names, valid from and to so many days from now, and its key."""
    authority = ec.generate_private_key(ec.SECP256R1())
    authority_name = _name("Throwaway CA")
    root = _certificate("Throwaway CA", (), authority, authority, authority_name, -1, 365)
    (tmp_path / "ca.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))

    def make(
        *names: str, begins: int = -1, ends: int = 300, self_signed: bool = False, behind: tuple[Pair, ...] = ()
    ) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        signer, issuer = (key, _name(names[0])) if self_signed else (authority, authority_name)
        made = _certificate(names[0], names, key, signer, issuer, begins, ends)
        folder = tmp_path / f"pair-{len(list(tmp_path.glob('pair-*')))}"
        folder.mkdir()
        pair = Pair(certificate=folder / "chain.pem", key=folder / "key.pem")
        chain = made.public_bytes(serialization.Encoding.PEM)
        pair.certificate.write_bytes(chain + b"".join(one.certificate.read_bytes() for one in behind))
        pair.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        pair.key.chmod(0o600)
        return pair

    return make


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _certificate(
    common: str,
    names: tuple[str, ...],
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    begins: int,
    ends: int,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(common))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + timedelta(days=begins))
        .not_valid_after(NOW + timedelta(days=ends, hours=1))
        .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """Give a function that writes both files, with sections over those of a quiet configuration, and reads them."""

    def write(policy: str = "", **sections: object) -> tuple[Path, Settings, Policy]:
        for name in ("custody", "keys"):
            (tmp_path / name).mkdir(mode=0o700, exist_ok=True)
        written = {
            "listeners": [{"address": "127.0.0.1:2525", "networks": ["127.0.0.0/8"]}],
            "smarthost": {"host": "127.0.0.1", "port": 2526, "tls": "none"},
            "custody": {"url": "sqlite:///custody/custody.db", "key_file": "keys/custody.key"},
            "hostname": "gateway.corp.example",
        } | sections
        path = tmp_path / "gateway.yaml"
        path.write_text(yaml.safe_dump(written))
        (tmp_path / "policy.yaml").write_text(f"version: 1\ninside: [corp.example]\n{policy}")
        return path, *policies.load(path)

    return write


class _Taker:
    """Takes every mail and keeps none."""

    async def handle_DATA(self, *_arguments: object) -> str:  # noqa: N802  aiosmtpd's hook
        return "250 taken"


def _accepts(_server: object, _session: object, _envelope: object, _mechanism: str, data: object) -> AuthResult:
    return AuthResult(success=isinstance(data, LoginPassword) and data.login == b"gateway", handled=False)


@pytest.fixture
def smarthost() -> Iterator[Callable[..., int]]:
    """Give a function that starts a mail server on 127.0.0.1, with STARTTLS and login if given a pair: its port."""
    started: list[Controller] = []

    def start(pair: Pair | None = None, **options: object) -> int:
        if pair is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pair.certificate, pair.key)
            options |= {"tls_context": context, "authenticator": _accepts, "auth_exclude_mechanism": ["LOGIN"]}
        port = free_port()
        controller = Controller(_Taker(), hostname="127.0.0.1", port=port, **options)  # type: ignore[arg-type]
        controller.start()
        started.append(controller)
        return port

    yield start
    for one in started:
        one.stop()
