"""Real peers for both ends: a gateway that records what it gets, a client, a scripted smarthost, a throwaway CA."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.reply import Reply
from dlp_gateway.smtp.listener import Door, ListenerOptions, protocol_factory
from dlp_gateway.smtp.smarthost import Security, Smarthost, SmarthostOptions

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
PATIENCE = 5.0


@dataclass
class Recorder:
    """A handler that takes every message, as fast as it is told, and remembers what it was asked."""

    reply: Reply = field(default_factory=lambda: Reply(code=250, enhanced="2.0.0", text="taken"))
    delay: float = 0.0
    error: Exception | None = None
    taken: list[tuple[Envelope, bytes]] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    lost: list[tuple[Envelope, bytes, Reply]] = field(default_factory=list)

    async def handle(self, envelope: Envelope, content: bytes) -> Reply:
        self.taken.append((envelope, content))
        await asyncio.sleep(self.delay)
        if self.error is not None:
            raise self.error
        self.finished.append(envelope.id)
        return self.reply

    async def unanswered(self, envelope: Envelope, content: bytes, reply: Reply) -> None:
        self.lost.append((envelope, content, reply))


class Client:
    """A client that says exactly what it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def hear(self) -> str:
        """Return the next whole reply, its lines joined by newlines; "" at the end."""
        lines: list[str] = []
        while True:
            line = (await asyncio.wait_for(self.reader.readline(), PATIENCE)).decode()
            if not line:
                return "\n".join(lines)
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                return "\n".join(lines)

    async def say(self, octets: bytes) -> str:
        """Send octets and return the next reply."""
        self.writer.write(octets)
        await self.writer.drain()
        return await self.hear()

    async def all(self) -> str:
        """Return everything up to the end of the connection."""
        try:
            return (await asyncio.wait_for(self.reader.read(), PATIENCE)).decode()
        except ConnectionResetError:
            return "RESET"

    async def begin(self, *recipients: str) -> None:
        """Go as far as the 354."""
        await self.say(b"EHLO client.example\r\n")
        await self.say(b"MAIL FROM:<alice@corp.example>\r\n")
        for recipient in recipients or ("bob@example.org",):
            await self.say(f"RCPT TO:<{recipient}>\r\n".encode())
        assert (await self.say(b"DATA\r\n")).startswith("354")

    def close(self) -> None:
        self.writer.close()


@dataclass
class Gateway:
    """A listener with its door."""

    door: Door
    handler: Recorder
    port: int
    clients: list[Client] = field(default_factory=list)

    async def client(self, tls: ssl.SSLContext | None = None) -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=tls, limit=2**24)
        self.clients.append(Client(reader, writer))
        return self.clients[-1]

    async def greeted(self) -> Client:
        """Return a client that has read the greeting."""
        client = await self.client()
        await client.hear()
        return client


Listen = Callable[..., Awaitable[Gateway]]


async def until(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], Awaitable[None]]:
    """Wait until something holds."""
    return until


@pytest.fixture
async def listen() -> AsyncIterator[Listen]:
    """Start listeners on free ports."""
    opened: list[tuple[asyncio.Server, Gateway]] = []

    async def start(handler: Recorder | None = None, **options: object) -> Gateway:
        handler = handler or Recorder()
        settings = {"hostname": "gateway.example", "networks": LOOPBACK} | options
        door = Door(ListenerOptions(**settings), handler)  # type: ignore[arg-type]
        server = await asyncio.get_running_loop().create_server(protocol_factory(door), "127.0.0.1", 0)
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
def recorder() -> Callable[..., Recorder]:
    """Make handlers."""
    return Recorder


Script = Callable[["Peer"], Awaitable[None]]


class Peer:
    """The smarthost's side of one connection, for a script to speak."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.heard: list[bytes] = []

    async def send(self, *lines: str) -> None:
        self.writer.write("".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape"))
        await self.writer.drain()

    async def line(self) -> bytes:
        """Return the next line without its end; raises EOFError at the end."""
        line = await self.reader.readline()
        if not line:
            raise EOFError
        self.heard.append(line.rstrip(b"\r\n"))
        return self.heard[-1]

    async def greet(self, *extensions: str) -> None:
        """Say 220 and answer EHLO."""
        await self.send("220 smarthost.example")
        await self.line()
        words = ("smarthost.example", *extensions)
        await self.send(*(f"250-{word}" for word in words[:-1]), f"250 {words[-1]}")

    async def content(self) -> bytes:
        """Return what DATA carries, stuffed, without the final dot."""
        octets = await self.reader.readuntil(b"\r\n.\r\n")
        return octets[:-3]

    async def take(self, **replies: str) -> bytes:
        """Take one transaction: answer what `replies` say (mail, data, dot, or a recipient's local part), else yes."""
        while True:
            line = await self.line()
            verb = line[:4].upper()
            if verb == b"MAIL":
                await self.send(replies.get("mail", "250 2.1.0 Ok"))
            elif verb == b"RCPT":
                local = line.partition(b"<")[2].partition(b"@")[0].decode()
                await self.send(replies.get(local, "250 2.1.5 Ok"))
            elif verb == b"DATA":
                answer = replies.get("data", "354 Go ahead")
                await self.send(answer)
                if answer.startswith("354"):
                    content = b"" if replies.get("lone_dot") else await self.content()
                    if replies.get("lone_dot"):
                        await self.line()
                    await self.send(replies.get("dot", "250 2.0.0 Ok: queued as 4711"))
                    return content
            elif verb == b"RSET":
                await self.send(replies.get("rset", "250 2.0.0 Ok"))
            else:
                await self.send("221 2.0.0 Bye")
                raise EOFError


@dataclass
class Host:
    """A scripted smarthost: the script of the n-th connection is the n-th script, the last one ever after."""

    port: int
    peers: list[Peer]


@pytest.fixture
async def host() -> AsyncIterator[Callable[..., Awaitable[Host]]]:
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
async def smarthost() -> AsyncIterator[Callable[..., Smarthost]]:
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


@dataclass(frozen=True)
class Authority:
    """A throwaway CA with one certificate for localhost and 127.0.0.1, and one for another name."""

    ca: Path
    server: ssl.SSLContext
    other: ssl.SSLContext

    def client(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca)


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
