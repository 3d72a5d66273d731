"""Certificates and keys: every mistake in a sentence, contexts that are safe, and new ones for new handshakes."""

import asyncio
import contextlib
import resource
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from dlp_gateway.errors import ConfigurationError
from dlp_gateway.smtp.identity import CurrentIdentity, Files, Identity, advice, read
from dlp_gateway.smtp.listener import Door, ListenerOptions, Security, listen
from tests.certificates import DAY, Authority, Pair, damaged, replaced
from tests.smtp.peers import LOOPBACK, Recorder

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Make the CA."""
    return Authority()


def identity(folder: Path, pair: Pair) -> Identity:
    """Write a pair and read it."""
    certificate, key = pair.write(folder)
    return read(Files(certificate=certificate, key=key))


def problem(files: Files) -> str:
    """Return the one problem of some files, the folder left out."""
    with pytest.raises(ConfigurationError) as caught:
        read(files)
    (found,) = caught.value.problems
    return str(found).replace(f"{files.certificate.parent}/", "")


def test_pair_is_read_whole(tmp_path: Path, authority: Authority) -> None:
    """Its octets, its times, and no key in what is shown of it."""
    pair = authority.issue("mail.corp.example", ends=20 * DAY)
    found = identity(tmp_path, pair)
    assert (found.certificate, found.key) == (pair.certificate, pair.key)
    assert timedelta(0) < datetime.now(UTC) + 20 * DAY - found.not_after < timedelta(minutes=1)
    assert "BEGIN" not in repr(found)


def test_key_and_certificate_may_lie_in_one_file(tmp_path: Path, authority: Authority) -> None:
    """In either order, with the parameters that OpenSSL writes before keys of elliptic curves."""
    pair = authority.issue("mail.corp.example")
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    for content in (pair.certificate + parameters + pair.key, parameters + pair.key + pair.certificate):
        both = tmp_path / "both.pem"
        both.write_bytes(content)
        assert read(Files(certificate=both, key=both)).context().cert_store_stats()["x509"] == 0


def _mismatch(folder: Path, authority: Authority) -> None:
    (folder / "server.key").write_bytes(authority.issue("other.example").key)


def _encrypted(folder: Path, _authority: Authority) -> None:
    key = serialization.load_pem_private_key((folder / "server.key").read_bytes(), None)
    (folder / "server.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"open " + b"sesame"),
        )
    )


def _der(folder: Path, _authority: Authority) -> None:
    certificate = x509.load_pem_x509_certificate((folder / "server.pem").read_bytes())
    (folder / "server.pem").write_bytes(certificate.public_bytes(serialization.Encoding.DER))


def _damaged(folder: Path, _authority: Authority) -> None:
    (folder / "server.pem").write_bytes(damaged((folder / "server.pem").read_bytes()))


def _chain_upside_down(folder: Path, authority: Authority) -> None:
    (folder / "server.pem").write_bytes(authority.pem + (folder / "server.pem").read_bytes())


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (
            _mismatch,
            "server.pem: The key in server.key does not belong to this certificate; name the one that does.",
        ),
        (
            _encrypted,
            "server.key: This key is encrypted; write it without a passphrase: `openssl pkey -in FILE -out NEW`.",
        ),
        (_der, "server.pem: This is no certificate in PEM; `openssl x509 -in FILE -out NEW` writes one."),
        (
            _damaged,
            "server.pem: Its public key is damaged, or of a kind that is not known; have it issued anew.",
        ),
        (
            _chain_upside_down,
            "server.pem: The certificate of this host must stand first, and those of its authorities behind it.",
        ),
        (lambda folder, _: (folder / "server.key").unlink(), "server.key: There is no such file."),
        (
            lambda folder, _: (folder / "server.pem").write_bytes(b""),
            "server.pem: This is no certificate in PEM; `openssl x509 -in FILE -out NEW` writes one.",
        ),
        (
            lambda folder, _: (folder / "server.pem").write_bytes(b"x" * 1_000_001),
            "server.pem: This file is larger than 1 MB.",
        ),
        (
            lambda folder, _: (folder / "server.key").write_bytes(b"-----BEGIN PRIVATE KEY-----\n"),
            "server.key: This is no private key in PEM; `openssl pkey -in FILE -out NEW` writes one.",
        ),
        (lambda folder, _: (folder / "ca.pem").write_bytes(b"nothing"), "ca.pem: This is no PEM file of certificates."),
    ],
)
def test_each_mistake_is_a_sentence(
    tmp_path: Path, authority: Authority, spoil: Callable[[Path, Authority], object], expected: str
) -> None:
    """It names the file, says what is wrong and what to do, and quotes nothing of a key."""
    certificate, key = authority.issue("mail.corp.example").write(tmp_path)
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    files = Files(certificate=certificate, key=key, asks=True, authorities=tmp_path / "ca.pem")
    assert read(files).files == files
    spoil(tmp_path, authority)
    assert problem(files).replace(f"{tmp_path}/", "") == expected


def test_key_that_openssl_finds_too_weak_is_a_sentence(tmp_path: Path) -> None:
    """What only OpenSSL knows is told in its words."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505  that is the mistake
    name = x509.Name([])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + DAY)
        .sign(key, hashes.SHA256())
    )
    pair = Pair(
        certificate=made.public_bytes(serialization.Encoding.PEM),
        key=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        serial="1",
    )
    certificate, key_file = pair.write(tmp_path)
    assert problem(Files(certificate=certificate, key=key_file)) == (
        "server.pem: OpenSSL refuses this certificate or its key: EE_KEY_TOO_SMALL."
    )


@pytest.mark.parametrize(
    ("begins", "ends", "validity", "sentence"),
    [
        (-DAY, 20 * DAY, "valid", ""),
        (-DAY, 10 * DAY, "valid", ""),  # it lives for eleven days: three and a half are soon
        (-80 * DAY, 10 * DAY, "expires-soon", "This certificate expires on "),
        (-5 * DAY, DAY, "expires-soon", "This certificate expires on "),
        (-80 * DAY, -DAY, "expired", "This certificate expired on "),
        (DAY, 20 * DAY, "not-yet-valid", "This certificate is not valid before "),
    ],
)
def test_life_of_a_certificate(
    tmp_path: Path, authority: Authority, begins: timedelta, ends: timedelta, validity: str, sentence: str
) -> None:
    """It can be used at any time, and an administrator is told; soon is less for short lives."""
    found = identity(tmp_path, authority.issue("mail.corp.example", begins=begins, ends=ends))
    assert found.validity(datetime.now(UTC)) == validity
    assert advice(found).startswith(sentence)
    assert bool(advice(found)) is bool(sentence)


def test_context_is_safe(tmp_path: Path, authority: Authority) -> None:
    """TLS 1.2 at least, no compression, no renegotiation; clients are asked only where a listener asks."""
    found = identity(tmp_path, authority.issue("mail.corp.example"))
    made = found.context()
    assert made.minimum_version is ssl.TLSVersion.TLSv1_2
    assert made.options & ssl.OP_NO_COMPRESSION
    assert made.options & ssl.OP_NO_RENEGOTIATION
    assert made.verify_mode is ssl.CERT_NONE
    asking = read(Files(certificate=found.files.certificate, key=found.files.key, asks=True)).context()
    assert (asking.verify_mode, asking.num_tickets) == (ssl.CERT_OPTIONAL, 0)


async def serial(port: int, *, starttls: bool, name: str | None = None) -> str:
    """Return the serial number of the certificate that a server shows to a new client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def look() -> str:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
            if starttls:
                for line in (b"EHLO client.example\r\n", b"STARTTLS\r\n", b""):
                    while not plain.recv(4096).endswith(b"\n"):
                        pass
                    plain.sendall(line)
            with context.wrap_socket(plain, server_hostname=name) as secured:
                shown = secured.getpeercert(binary_form=True)
                assert shown is not None
                return f"{x509.load_der_x509_certificate(shown).serial_number:040X}"

    return await asyncio.to_thread(look)


async def exchanged(folder: Path, authority: Authority, security: Security) -> None:
    """Exchange the identity under a listener, while a session is open."""
    first, second = authority.issue("mail.corp.example"), authority.issue("mail.corp.example")
    current = CurrentIdentity(identity(folder, first))
    options = ListenerOptions(
        hostname="gateway.example", networks=LOOPBACK, security=security, tls_context=current.context
    )
    door = Door(options, Recorder())
    server = await listen(door, socket.create_server(("127.0.0.1", 0)))
    port = server.sockets[0].getsockname()[1]
    starttls = security is Security.STARTTLS
    trusting = authority.client()
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=None if starttls else trusting, server_hostname=None if starttls else "mail.corp.example"
    )
    assert await serial(port, starttls=starttls) == first.serial
    current.replace(identity(folder, second))
    assert await serial(port, starttls=starttls) == second.serial
    assert await serial(port, starttls=starttls, name="mail.corp.example") == second.serial
    (folder / "server.key").write_bytes(first.key)
    with pytest.raises(ConfigurationError):
        current.replace(read(current.identity.files))
    assert await serial(port, starttls=starttls) == second.serial
    assert (await reader.readline()).startswith(b"220")
    writer.write(b"QUIT\r\n")
    assert await reader.read() == b"221 2.0.0 Bye\r\n"
    writer.close()
    with contextlib.suppress(OSError):  # the other side closed first
        await writer.wait_closed()
    server.close()
    assert await door.drain(1) == 0


@pytest.mark.parametrize("loop", LOOPS, ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("security", [Security.STARTTLS, Security.IMPLICIT])
def test_new_handshakes_get_the_new_certificate(
    tmp_path: Path, authority: Authority, security: Security, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """Both ways of TLS and both loops, with and without the name of the host; a bad pair changes nothing."""
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(asyncio.wait_for(exchanged(tmp_path, authority, security), 10))


def test_certificate_for_servers_only_is_no_client_certificate(tmp_path: Path, authority: Authority) -> None:
    """OpenSSL wants the purpose "TLS client" in a client's certificate; what it says is in docs/operating.md."""
    replaced(tmp_path / "ca.pem", authority.pem)
    certificate, key = authority.issue("mail.corp.example").write(tmp_path)
    server = read(Files(certificate=certificate, key=key, asks=True, authorities=tmp_path / "ca.pem")).context()
    for use, expected in ((ExtendedKeyUsageOID.SERVER_AUTH, False), (ExtendedKeyUsageOID.CLIENT_AUTH, True)):
        client = authority.client()
        client.load_cert_chain(*authority.issue("client.example", use=use).write(tmp_path, "client"))
        assert shaken(server, client) is expected


def shaken(server: ssl.SSLContext, client: ssl.SSLContext) -> bool:
    """Return whether two contexts come to an agreement."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(to_server, to_client, server_side=True)
    theirs = client.wrap_bio(to_client, to_server, server_hostname="mail.corp.example")
    for _ in range(5):
        for side in (theirs, ours):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError:
                return False
    return bool(ours.getpeercert())


def test_no_descriptor_left_is_a_sentence(tmp_path: Path, authority: Authority) -> None:
    """A process that has none cannot make the file in memory that OpenSSL reads from; it is no traceback."""
    found = identity(tmp_path, authority.issue("mail.corp.example"))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        with pytest.raises(ConfigurationError) as caught:
            found.context()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert str(caught.value).endswith("through a file in memory: Too many open files.")
