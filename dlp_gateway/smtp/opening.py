"""Opening a session with a smarthost: TCP, TLS, EHLO and AUTH by aiosmtplib, the only door to it.

Then its transport is taken over, see docs/decisions/0003-transaction-over-aiosmtplib.md.
"""

import asyncio
import errno
import socket
import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, cast

import aiosmtplib

from dlp_gateway import authorities
from dlp_gateway.mail.reply import printable
from dlp_gateway.smtp.connection import Connection, Extensions

_DEPTH: Final = 6  # of causes that are looked at

#: What is wrong with a certificate, by OpenSSL's code (X509_STORE_CTX_get_error(3)).
_CERTIFICATES: Final = {
    2: "certificate-authority",
    9: "certificate-not-yet-valid",
    10: "certificate-expired",
    18: "certificate-authority",
    19: "certificate-authority",
    20: "certificate-authority",
    21: "certificate-authority",
    62: "certificate-name",
    64: "certificate-name",
}
_ERRORS: Final = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
}


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
    """No session could be opened; `why` and, where more is known, `detail` are words for the log.

    `code` is that of the smarthost's reply or 0, `text` what it said: not for the log, since a peer may say anything.
    """

    def __init__(self, why: str, code: int = 0, *, detail: str = "", text: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.code = code
        self.detail = detail
        self.text = text


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
        lacking = _lacking(client, options) if type(error) is aiosmtplib.SMTPException else ""
        client.close()
        await asyncio.sleep(0)  # the loop closes the socket in its next turn
        raise _unavailable(error, lacking) from error
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
    return options.tls_context or authorities.trusting()


def _lacking(client: aiosmtplib.SMTP, options: SmarthostOptions) -> str:
    """Return what the smarthost does not offer though we must have it: "tls", "login", or ""."""
    if options.security is Security.REQUIRED and not client.supports_extension("starttls"):
        secure = client.transport is not None and client.transport.get_extra_info("sslcontext") is not None
        return "" if secure else "tls"
    return "login" if options.user and not client.supports_extension("auth") else ""


def _unavailable(error: Exception, lacking: str) -> Unavailable:
    if lacking:
        return Unavailable(lacking, detail="not-offered")
    if isinstance(error, aiosmtplib.SMTPResponseException) and error.code > 0:
        return Unavailable(_why(error), error.code, text=printable(f"{error.code} {error.message}", 200))
    return Unavailable(_why(error), detail=_detail(error))


def _detail(error: Exception) -> str:
    """Return the log's word for what lies behind it, "" if that says no more."""
    cause: BaseException | None = error
    for _ in range(_DEPTH):
        match cause:
            case ssl.SSLCertVerificationError():
                return _CERTIFICATES.get(cause.verify_code, "certificate")
            case socket.gaierror():
                return "name"
            case OSError() if cause.errno in _ERRORS:
                return _ERRORS[cause.errno]
            case None:
                break
            case _:
                cause = cause.__cause__ or cause.__context__
    return ""


def _why(error: Exception) -> str:
    """Return the log's word for why no session could be opened."""
    cause = error if isinstance(error, ssl.SSLError) else error.__cause__
    match error:
        case _ if isinstance(cause, ssl.SSLError):
            return "tls"
        case aiosmtplib.SMTPAuthenticationError():
            return "login"
        case aiosmtplib.SMTPResponseException() if error.code < 0:  # aiosmtplib's code for what is no reply
            return "no-smtp"
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
