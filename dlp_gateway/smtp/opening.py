"""Opening a session with a smarthost: TCP, TLS, EHLO and AUTH by aiosmtplib, the only door to it.

Then its transport is taken over, see docs/decisions/0003-transaction-over-aiosmtplib.md.
"""

import asyncio
import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from typing import cast

import aiosmtplib

from dlp_gateway.mail.reply import printable
from dlp_gateway.smtp.connection import Connection, Extensions


class Security(StrEnum):
    """TLS with the smarthost: never, where it is offered (unchecked), always and checked, or from the first octet."""

    NONE = "none"
    OPPORTUNISTIC = "opportunistic"
    REQUIRED = "required"
    IMPLICIT = "implicit"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmarthostOptions:
    """A host of the next hop and how it is spoken to; times in seconds (RFC 5321 4.5.3.2).

    The host of the least `priority` number is tried first. `tls_context` is used instead of the system's authorities.
    `connections` are at most open at a time; `slot` is how long a message waits for a free one. `idle` is how long an
    unused connection is kept, `lifetime` how long any. `failures`, `probe`, `longest_probe`: see `circuit`.
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
    lifetime: float = 600
    priority: int = 0
    failures: int = 3
    probe: float = 1
    longest_probe: float = 30


class Unavailable(Exception):  # noqa: N818  a state of the smarthost's
    """No session could be opened; `why` is a word for the log, `code` that of the smarthost's reply or 0."""

    def __init__(self, why: str, code: int = 0) -> None:
        super().__init__(why)
        self.why = why
        self.code = code


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
