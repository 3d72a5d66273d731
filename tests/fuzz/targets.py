"""What is fuzzed at the door, and what must hold of it: `run.py` drives it by coverage, a test by seeds."""

import asyncio
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final

from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.reply import Reply
from dlp_gateway.networks import Networks
from dlp_gateway.smtp import commands, dialogue
from dlp_gateway.smtp.commands import Offer
from dlp_gateway.smtp.data import ChunkReader, DataReader
from dlp_gateway.smtp.door import Door, ListenerOptions
from dlp_gateway.smtp.replies import BARE_NEWLINE, FAR_TOO_BIG, NUL, TOO_BIG, Refusal
from dlp_gateway.smtp.room import Room
from dlp_gateway.smtp.session import Session
from dlp_gateway.smtp.spool import Spool
from tests.fuzz.reading import addresses_target, content_target, mail_target
from tests.smtp.peers import LOOPBACK

_OFFERS: Final = (
    Offer(size=1000, eight_bit=True, smtputf8=True, dsn=True),
    Offer(size=0, eight_bit=False, smtputf8=False, dsn=False),
)
_LIMIT: Final = 2_000
_TAKEN: Final = Reply(code=250, enhanced="2.0.0", text="Ok")


def commands_target(octets: bytes) -> None:
    """A line is a command or a refusal; a path that is taken is printable, has one meaning, and fits into a line."""
    found = commands.split(octets)
    if isinstance(found, Refusal):
        return
    verb, argument = found
    require(verb.isascii() and verb == verb.upper() and "\r" not in argument and "\n" not in argument)
    for offer in _OFFERS:
        mail = commands.mail(argument, offer)
        if not isinstance(mail, Refusal):
            require(mail.reverse_path.isprintable() and len(mail.reverse_path.encode()) <= 254)
            require(mail.smtputf8 <= offer.smtputf8 and mail.body_8bit <= offer.eight_bit and mail.size <= offer.size)
        for smtputf8 in {False, offer.smtputf8}:
            rcpt = commands.rcpt(argument, offer, smtputf8=smtputf8)
            if not isinstance(rcpt, Refusal):
                path = rcpt.forward_path
                require(path.isprintable() and 0 < len(path.encode()) <= 254 and (smtputf8 or path.isascii()))
                require(not set("%!@") & set(path.rpartition("@")[0]))
    chunk = commands.chunk(argument)
    require(chunk is None or 0 <= chunk.size < 10**20)


def data_target(octets: bytes) -> None:
    """Cut as the first octet says: the message is what a plain reading of the whole gives, or it is refused."""
    size, octets = 1 + (octets[0] if octets else 0), octets[1:]
    found, left = _read(octets, size)
    whole, rest = _read(octets, len(octets) + 1)
    refused = {found, whole} <= {NUL, TOO_BIG}  # which of both comes first depends on where it is cut
    require((left == rest and (found == whole or refused)) or FAR_TOO_BIG in {found, whole})
    if isinstance(found, bytes):
        plain = (b"\r\n" + octets)[: -len(rest)] if rest else b"\r\n" + octets
        require(plain.endswith(b"\r\n.\r\n") and plain.find(b"\r\n.\r\n") == len(plain) - 5)
        lines = plain[2:-3].split(b"\r\n") if len(plain) > 5 else []
        expected = b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)
        require(found == expected and _clean(found) and len(found) <= _LIMIT)


def _read(octets: bytes, size: int) -> tuple[object, bytes]:
    buffer = bytearray()
    reader = DataReader(buffer, _LIMIT, Room())
    for start in range(0, len(octets), size):
        buffer += octets[start : start + size]
        found = reader.read()
        if found is not None:
            content = found.in_memory if isinstance(found, Spool) else found
            return content, b"" if content == BARE_NEWLINE else bytes(buffer) + octets[start + size :]
    return None, b""


def chunks_target(octets: bytes) -> None:
    """Chunks of the sizes that the octets themselves tell are one message, or refused with their octets."""
    buffer = bytearray()
    reader = ChunkReader(buffer, _LIMIT, Room())
    whole = b""
    while octets:
        head, octets = octets[0], octets[1:]
        chunk, octets = octets[: head >> 1], octets[head >> 1 :]
        last = not octets
        reader.expect(len(chunk), last=last)
        found = reader.read()
        for start in range(0, len(chunk), 1 + head % 7):
            buffer += chunk[start : start + 1 + head % 7]
            found = reader.read()
            if found == BARE_NEWLINE:
                return
        whole += chunk
        require(not buffer)
        if isinstance(found, Refusal):
            require(found in {NUL, TOO_BIG, BARE_NEWLINE})
            return
        if last:
            content = found.in_memory if isinstance(found, Spool) else found
            ended = whole + b"\r\n" if whole and not whole.endswith(b"\r\n") else whole
            require(content == ended and _clean(ended))


def _clean(content: bytes) -> bool:
    pairs = content.count(b"\r\n")
    return pairs == content.count(b"\r") == content.count(b"\n") and b"\x00" not in content


# --- a whole session --------------------------------------------------------------------------------------------------


class _Memory(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401  asyncio's
        """Tell of a client on this machine."""
        return ("127.0.0.1", 4711) if name == "peername" else default

    def write(self, data: bytes) -> None:  # type: ignore[override]
        """Keep it."""
        self.written += data

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self.closed

    def can_write_eof(self) -> bool:
        """It can."""
        return True

    def write_eof(self) -> None:
        """Not kept."""

    def pause_reading(self) -> None:
        """Nothing is read."""

    def resume_reading(self) -> None:
        """Nothing is read."""

    def close(self) -> None:
        """Close."""
        self.closed = True

    abort = close


class _Taker:
    """A handler that takes everything and remembers it."""

    def __init__(self) -> None:
        self.taken: list[tuple[Envelope, bytes]] = []

    async def handle(self, envelope: Envelope, content: bytes) -> Reply:
        """Take it."""
        self.taken.append((envelope, content))
        return _TAKEN

    async def abandoned(self, envelope: Envelope, content: bytes) -> None:
        """Nobody asks."""

    async def heard(self, envelope: Envelope, content: bytes) -> None:
        """Nobody asks."""

    async def unanswered(self, envelope: Envelope, content: bytes, reply: Reply, *, written: bool) -> None:
        """Nobody asks."""


def session_target(octets: bytes) -> None:
    """Every line that is said is a reply, nothing of ours fails, and what is taken is clean."""
    asyncio.run(_session(octets))


async def _session(octets: bytes) -> None:
    failures: list[Exception] = []
    told, dialogue.stumbled = dialogue.stumbled, lambda _reference, error: failures.append(error)
    networks: Networks = LOOPBACK
    handler, transport = _Taker(), _Memory()
    door = Door(ListenerOptions(hostname="gateway.example", networks=networks, message_size=_LIMIT), handler)
    session = Session(door)
    try:
        session.connection_made(transport)
        await asyncio.sleep(0)
        size = 1 + (octets[0] if octets else 0)
        for start in range(1, len(octets), size):
            if transport.closed:
                break
            session.data_received(octets[start : start + size])
            for _ in range(4):
                await asyncio.sleep(0)
        session.eof_received()
        for _ in range(4):
            await asyncio.sleep(0)
        session.connection_lost(None)
        require(await door.drain(5) == 0)
    finally:
        dialogue.stumbled = told
    require(not failures)
    require(door.sessions == 0 and door.room.taken == 0)
    for line in bytes(transport.written).splitlines():
        require(line[:3].isdigit() and line[3:4] in {b" ", b"-"} and len(line) <= 510)
    for envelope, content in handler.taken:
        require(_clean(content) and len(content) <= _LIMIT + 2 and bool(envelope.recipients))


def require(condition: bool) -> None:  # noqa: FBT001  like assert, which optimised runs leave out
    """Raise AssertionError unless it holds."""
    if not condition:
        raise AssertionError


TARGETS: Final = MappingProxyType[str, Callable[[bytes], None]](
    {"commands": commands_target, "data": data_target, "chunks": chunks_target, "session": session_target}
    | {"content": content_target, "mail": mail_target, "addresses": addresses_target}
)
