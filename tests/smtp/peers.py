"""Real peers for both ends: a handler that records, a client that says what it is told, a scripted smarthost, a CA."""

import asyncio
import ipaddress
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from dlp_gateway.authorities import trusting
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.reply import Reply
from dlp_gateway.observe import instruments
from dlp_gateway.ports import Delivery
from dlp_gateway.smtp.listener import Door
from dlp_gateway.smtp.smarthost import Smarthost

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
PATIENCE = 20.0


@dataclass
class Recorder:
    """A handler that takes every message, as fast as it is told, and remembers what it was asked."""

    reply: Reply = field(default_factory=lambda: Reply(code=250, enhanced="2.0.0", text="taken"))
    delay: float = 0.0
    error: Exception | None = None
    taken: list[tuple[Envelope, bytes]] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    abandoned_while_under_way: list[str] = field(default_factory=list)
    lost: list[tuple[Envelope, bytes, Reply]] = field(default_factory=list)
    written: list[bool] = field(default_factory=list)
    heard_again: list[tuple[Envelope, bytes]] = field(default_factory=list)

    async def handle(self, envelope: Envelope, content: bytes) -> Reply:
        """Take it, after a while, or fail."""
        self.taken.append((envelope, content))
        await asyncio.sleep(self.delay)
        if self.error is not None:
            raise self.error
        self.finished.append(envelope.id)
        return self.reply

    async def abandoned(self, envelope: Envelope, content: bytes) -> None:
        """Note it."""
        self.abandoned_while_under_way.append(envelope.id)

    async def heard(self, envelope: Envelope, content: bytes) -> None:
        """Note it."""
        self.heard_again.append((envelope, content))

    async def unanswered(self, envelope: Envelope, content: bytes, reply: Reply, *, written: bool) -> None:
        """Note it."""
        self.lost.append((envelope, content, reply))
        self.written.append(written)


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
        """Close."""
        self.writer.close()

    def reset(self) -> None:
        """Break the connection off."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class Gateway:
    """A listener with its door."""

    door: Door
    handler: Recorder
    port: int
    clients: list[Client] = field(default_factory=list)

    async def client(self, tls: ssl.SSLContext | None = None) -> Client:
        """Return a client that has read nothing yet."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=tls, limit=2**24)
        self.clients.append(Client(reader, writer))
        return self.clients[-1]

    async def greeted(self) -> Client:
        """Return a client that has read the greeting."""
        client = await self.client()
        await client.hear()
        return client


Script = Callable[["Peer"], Awaitable[None]]


class Peer:
    """The smarthost's side of one connection, for a script to speak."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.heard: list[bytes] = []

    async def send(self, *lines: str) -> None:
        """Send lines, CRLF added."""
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
        lines: list[bytes] = []
        while (line := await self.reader.readline()) != b".\r\n":
            if not line:
                raise EOFError
            lines.append(line)
        return b"".join(lines)

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
                if not answer.startswith("354") and not replies.get("mail", "250").startswith("250"):
                    return b""  # no RSET follows where no transaction began
                if answer.startswith("354"):
                    content = await self.content()
                    await self.send(replies.get("dot", "250 2.0.0 Ok: queued as 4711"))
                    return content
            elif verb == b"RSET":
                await self.send(replies.get("rset", "250 2.0.0 Ok"))
                return b""
            else:
                await self.send("221 2.0.0 Bye")
                raise EOFError


@dataclass
class Host:
    """A scripted smarthost: the script of the n-th connection is the n-th script, the last one ever after."""

    port: int
    peers: list[Peer]


@dataclass(frozen=True)
class Authority:
    """A throwaway CA with one certificate for localhost and 127.0.0.1, and one for another name."""

    ca: Path
    server: ssl.SSLContext
    other: ssl.SSLContext

    def client(self) -> ssl.SSLContext:
        """Return a context that trusts this authority only."""
        return trusting(self.ca)


CONTENT = b"Subject: hello\r\n\r\n.dot\r\n\r\ntext\r\n"
ALL = ("PIPELINING", "SIZE 1000000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
UNREACHABLE = (451, "4.4.1")


async def deliver(
    smarthost: Smarthost,
    content: bytes = CONTENT,
    recipients: tuple[str, ...] = ("bob@example.org",),
    **options: object,
) -> Delivery:
    """Deliver with the ordinary envelope."""
    settings = {"reverse_path": "alice@corp.example", "body_8bit": False, "smtputf8": False} | options
    return await smarthost.deliver(content, recipients=recipients, **settings)  # type: ignore[arg-type]


def codes(delivery: Delivery) -> list[tuple[int, str]]:
    """Return code and enhanced code for each recipient."""
    return [(reply.code, reply.enhanced) for _, reply in delivery.replies]


async def forever(peer: Peer) -> None:
    """Take one transaction after another."""
    await peer.greet(*ALL)
    while True:
        await peer.take()


async def dies_at(peer: Peer, stage: str) -> None:
    """Go away when `stage` is reached."""
    if stage == "connect":
        return
    await peer.send("220 smarthost.example")
    await peer.line()
    if stage == "ehlo":
        return
    await peer.send("250-smarthost.example", "250 PIPELINING")
    for wanted in (b"MAIL", b"RCPT", b"DATA"):
        line = await peer.line()
        assert line.startswith(wanted)
        if stage == wanted.decode().lower():
            return
        await peer.send("354 Go" if wanted == b"DATA" else "250 2.0.0 Ok")
    if stage == "354":
        return
    await peer.content()


Listen = Callable[..., Awaitable[Gateway]]
Hosts = Callable[..., Awaitable[Host]]
Smarthosts = Callable[..., Smarthost]
Eventually = Callable[[Callable[[], object]], Awaitable[None]]


def refused(why: str) -> float:
    """Return how often a client was turned away for a reason."""
    for line in instruments.expose()[0].decode().splitlines():
        if line.startswith(f'dlp_sessions_refused_total{{reason="{why}"}}'):
            return float(line.rpartition(" ")[2])
    return 0.0
