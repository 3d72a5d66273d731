"""Fixtures that start the peers of `peers.py`."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dlp_gateway.ports import Logins
from dlp_gateway.smtp.listener import Door, ListenerOptions
from dlp_gateway.smtp.listener import listen as serve
from dlp_gateway.smtp.smarthost import Security, Smarthost, SmarthostOptions
from tests.smtp.peers import LOOPBACK, Authority, Gateway, Host, Hosts, Listen, Peer, Recorder, Script, Smarthosts


@pytest.fixture
async def listen() -> AsyncIterator[Listen]:
    """Start listeners on free ports."""
    opened: list[tuple[asyncio.Server, Gateway]] = []

    async def start(handler: Recorder | None = None, *, logins: Logins | None = None, **options: object) -> Gateway:
        handler = handler or Recorder()
        settings = {"hostname": "gateway.example", "networks": LOOPBACK} | options
        door = Door(ListenerOptions(**settings), handler, logins)  # type: ignore[arg-type]
        server = await serve(door, socket.create_server(("127.0.0.1", 0)))
        gateway = Gateway(door=door, handler=handler, port=server.sockets[0].getsockname()[1])
        opened.append((server, gateway))
        return gateway

    yield start
    for server, gateway in opened:
        server.close()
        await gateway.door.drain(0.2)
        for client in gateway.clients:
            client.close()
    await asyncio.sleep(0.01)


@pytest.fixture
async def host() -> AsyncIterator[Hosts]:
    """Start scripted smarthosts."""
    servers: list[asyncio.Server] = []
    tasks: set[asyncio.Task[None] | None] = set()

    async def start(*scripts: Script, tls: ssl.SSLContext | None = None) -> Host:
        peers: list[Peer] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            tasks.add(asyncio.current_task())
            peer = Peer(reader, writer)
            peers.append(peer)
            try:
                await scripts[min(len(peers), len(scripts)) - 1](peer)
            except (EOFError, OSError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=2**24, ssl=tls)
        servers.append(server)
        return Host(port=server.sockets[0].getsockname()[1], peers=peers)

    yield start
    for server in servers:
        server.close()
    for task in tasks:
        if task is not None:
            task.cancel()
    await asyncio.gather(*(task for task in tasks if task), return_exceptions=True)


@pytest.fixture
async def smarthost() -> AsyncIterator[Smarthosts]:
    """Make smarthosts, the gateway's side, with short patience."""
    made: list[Smarthost] = []

    def make(port: int, **options: object) -> Smarthost:
        settings = {
            "host": "127.0.0.1",
            "port": port,
            "hostname": "gateway.example",
            "security": Security.NONE,
            "connect": 2.0,
            "command": 1.0,
            "data_block": 1.0,
            "final_dot": 1.0,
            "slot": 0.3,
        } | options
        made.append(Smarthost(SmarthostOptions(**settings)))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        await one.close()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Make the CA."""
    folder = tmp_path_factory.mktemp("tls")
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Throwaway CA")])
    ca = _certificate(ca_name, ca_name, ca_key, ca_key, None)
    (folder / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))

    def context(name: str, *names: x509.GeneralName) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = _certificate(subject, ca_name, key, ca_key, x509.SubjectAlternativeName(names))
        file = folder / f"{name}.pem"
        file.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(file)
        return made

    return Authority(
        ca=folder / "ca.pem",
        server=context("localhost", x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))),
        other=context("other", x509.DNSName("other.example")),
    )


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    names: x509.SubjectAlternativeName | None,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=names is None, path_length=None), critical=True)
    )
    if names is not None:
        builder = builder.add_extension(names, critical=False)
    return builder.sign(signer, hashes.SHA256())
