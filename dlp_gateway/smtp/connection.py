"""One kept connection to the smarthost: opened by aiosmtplib, then spoken by us, so that replies can be pipelined.

Why the protocol of the transport is exchanged stands in docs/decisions/0003-transaction-over-aiosmtplib.md.
"""

import asyncio
import re
import ssl
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, cast

import aiosmtplib

from dlp_gateway.mail.reply import Reply, printable

_REPLY_LINE: Final = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*?))?\r?", re.DOTALL)  # RFC 5321 4.2
_ENHANCED: Final = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: +|$)(.*)", re.DOTALL)
_LONGEST_REPLY: Final = 16_384  # octets of one reply, all its lines together; RFC 5321 4.5.3.1.5: 512 a line
_MOST_UNREAD: Final = 262_144  # octets of replies to a pipelined group that nobody read yet


class Security(StrEnum):
    """TLS with the smarthost: never, where it is offered (unchecked), always and checked, or from the first octet."""

    NONE = "none"
    OPPORTUNISTIC = "opportunistic"
    REQUIRED = "required"
    IMPLICIT = "implicit"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmarthostOptions:
    """The next hop and how it is spoken to; times in seconds (RFC 5321 4.5.3.2).

    `tls_context` is used instead of the system's authorities. `connections` are at most open at a time; `slot` is how
    long a message waits for a free one. `idle` is how long an unused connection is kept.
    """

    host: str
    port: int
    hostname: str
    security: Security = Security.OPPORTUNISTIC
    tls_context: ssl.SSLContext | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    connections: int = 20
    connect: float = 30
    command: float = 300
    data_block: float = 180
    final_dot: float = 600
    slot: float = 60
    idle: float = 60


class Unavailable(Exception):  # noqa: N818  a state of the smarthost's
    """No session could be opened; `why` is a word for the log, `code` that of the smarthost's reply or 0."""

    def __init__(self, why: str, code: int = 0) -> None:
        super().__init__(why)
        self.why = why
        self.code = code


class Lost(Exception):  # noqa: N818  a state of the connection's
    """The connection is of no more use: closed by the peer, too slow, or out of step; `why` is a word for the log."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class Extensions:
    """What the smarthost offers that concerns a transaction; `size` is its limit, 0 if it tells none."""

    pipelining: bool
    eight_bit: bool
    smtputf8: bool
    dsn: bool
    size: int
    names: frozenset[str]
    tls: bool


class Connection(asyncio.Protocol):
    """A session after EHLO and AUTH. Replies come in the order of the commands or not at all (`Lost`)."""

    def __init__(self, transport: asyncio.Transport, extensions: Extensions) -> None:
        self.extensions = extensions
        self.idle_since = 0.0
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._input = bytearray()
        self._lines: list[str] = []  # of a reply whose last line has not come
        self._code = b""
        self._read = 0  # octets of that reply
        self._replies: deque[Reply] = deque()
        self._expected = 0
        self._broken = ""
        self._waiter: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._paused = False
        # So that `flushed` means: nothing is left in memory. TLS transports would pause at 0 octets if `high` were 0.
        transport.set_write_buffer_limits(high=1, low=0)

    @property
    def usable(self) -> bool:
        """Whether a transaction can begin: open, in step, nothing outstanding."""
        return not (self._broken or self._expected or self._replies or self._transport.is_closing())

    @property
    def alive(self) -> bool:
        """Whether what is sent now may arrive."""
        return not self._broken

    def send(self, octets: bytes, replies: int) -> None:
        """Write commands to which `replies` replies will come."""
        self._expected += replies
        if not self._broken:
            self._transport.write(octets)

    async def flushed(self, patience: float) -> None:
        """Wait until the kernel has taken what was sent."""
        while self._paused and not self._broken:
            self._drained = self._loop.create_future()
            await self._wait(self._drained, patience)
        if self._broken:
            raise Lost(self._broken)

    async def reply(self, patience: float) -> Reply:
        """Return the next reply; raises `Lost`."""
        while not self._replies:
            if self._broken:
                raise Lost(self._broken)
            self._waiter = self._loop.create_future()
            await self._wait(self._waiter, patience)
        return self._replies.popleft()

    async def _wait(self, future: asyncio.Future[None], patience: float) -> None:
        timer = self._loop.call_later(patience, self._break, "timeout")
        try:
            await future
        finally:
            timer.cancel()

    def close(self) -> None:
        """Close without ceremony."""
        self._break("closed")

    def leave(self) -> None:
        """Say QUIT and close; nobody waits for the answer."""
        if self.usable:
            self._transport.write(b"QUIT\r\n")
        self.close()

    def _break(self, why: str) -> None:
        """The connection ends here; whoever waits is told."""
        if not self._broken:
            self._broken = why
            if not self._transport.is_closing():
                # What is still unsent must never arrive: a final dot behind a timeout would make a second copy.
                self._transport.abort() if self._paused else self._transport.close()
        self._wake(self._waiter)
        self._wake(self._drained)

    @staticmethod
    def _wake(waiter: asyncio.Future[None] | None) -> None:
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # --- the protocol -------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Cut what arrives into replies; one that nobody asked for ends the connection, so none can be mis-paired."""
        self._input += data
        while self.alive and (end := self._input.find(b"\n")) >= 0:
            line = bytes(self._input[:end])
            del self._input[: end + 1]
            self._take(line)
        if len(self._input) + self._read > _LONGEST_REPLY:
            self._break("garbage")
        if self._replies:
            self._wake(self._waiter)

    def _take(self, line: bytes) -> None:
        self._read += len(line) + 1
        match = _REPLY_LINE.fullmatch(line)
        if match is None or (self._lines and match[1] != self._code) or self._read > _LONGEST_REPLY:
            self._break("garbage")
            return
        self._code = match[1]
        self._lines.append((match[3] or b"").decode("utf-8", "replace").strip())
        if match[2] == b"-":
            return
        reply = parse_reply(int(self._code), self._lines)
        self._lines, self._read = [], 0
        if not self._expected:
            self._break("unavailable" if reply.code == 421 else "garbage")
            return
        self._expected -= 1
        self._replies.append(reply)

    def eof_received(self) -> bool:
        """The smarthost sends no more, so it will not answer either."""
        self._break("lost")
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The connection is gone."""
        self._break("lost")

    def pause_writing(self) -> None:
        """The kernel has not taken everything."""
        self._paused = True

    def resume_writing(self) -> None:
        """The kernel has taken everything."""
        self._paused = False
        self._wake(self._drained)


def parse_reply(code: int, lines: list[str]) -> Reply:
    """Return a reply of one or many lines; the enhanced code is that of the last line, control characters are gone."""
    pieces = [match.groups() if (match := _ENHANCED.match(line)) else ("", line) for line in lines]
    enhanced = pieces[-1][0] if pieces else ""
    if enhanced and not enhanced.startswith(str(code)[0]):  # RFC 2034 4: the classes agree, or it is no enhanced code
        enhanced, pieces = "", [("", line) for line in lines]
    words = printable(" ".join(text for _, text in pieces if text))
    return Reply(code=code, enhanced=enhanced, text=words, remote=True)


async def connect(options: SmarthostOptions) -> Connection:
    """Open a session: TCP, TLS, EHLO, AUTH by aiosmtplib; raises `Unavailable`."""
    client = aiosmtplib.SMTP(
        hostname=options.host,
        port=options.port,
        local_hostname=options.hostname,
        timeout=options.connect,
        use_tls=options.security is Security.IMPLICIT,
        start_tls={Security.REQUIRED: True, Security.OPPORTUNISTIC: None}.get(options.security, False),
        tls_context=_context(options),
        username=options.user or None,
        password=options.password or None,
    )
    try:
        async with asyncio.timeout(options.connect):
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await _hello(client)
    except (aiosmtplib.SMTPException, OSError, UnicodeError) as error:
        client.close()
        raise Unavailable(
            _why(error), error.code if isinstance(error, aiosmtplib.SMTPResponseException) else 0
        ) from error
    transport = cast("asyncio.Transport | None", client.transport)
    if transport is None or transport.is_closing():
        raise Unavailable("lost")
    connection = Connection(transport, _extensions(client, tls=transport.get_extra_info("sslcontext") is not None))
    transport.set_protocol(connection)
    return connection


async def _hello(client: aiosmtplib.SMTP) -> None:
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        await client.helo()  # RFC 5321 3.2: a server that knows no EHLO


def _extensions(client: aiosmtplib.SMTP, *, tls: bool) -> Extensions:
    offered = client.esmtp_extensions
    size = offered.get("size", "").strip()
    return Extensions(
        pipelining="pipelining" in offered,
        eight_bit="8bitmime" in offered,
        smtputf8="smtputf8" in offered,
        dsn="dsn" in offered,
        size=int(size) if size.isascii() and size.isdecimal() and len(size) <= 20 else 0,
        names=frozenset(printable(name.upper(), 40) for name in offered),
        tls=tls,
    )


def _context(options: SmarthostOptions) -> ssl.SSLContext | None:
    """Return the context: checked for `required` and `implicit`; `opportunistic` encrypts to whoever answers."""
    if options.security is Security.NONE:
        return None
    if options.security is Security.OPPORTUNISTIC:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    return options.tls_context or ssl.create_default_context()


def _why(error: Exception) -> str:
    """Return the log's word for why no session could be opened."""
    cause = error if isinstance(error, ssl.SSLError) else error.__cause__
    match error:
        case _ if isinstance(cause, ssl.SSLError):
            return "tls"
        case aiosmtplib.SMTPAuthenticationError():
            return "login"
        case aiosmtplib.SMTPConnectResponseError():
            return "greeting"
        case TimeoutError():
            return "timeout"
        case aiosmtplib.SMTPResponseException():
            return "greeting"
        case OSError():
            return "connect"
        case _:
            return "session"
