"""The smarthost as it answers now: its name, a session with TLS and login, and what it offers for a transaction."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from typing import Final, Literal

from dlp_gateway.checks.advice import is_local
from dlp_gateway.checks.greeting import greet
from dlp_gateway.checks.remark import Level, Remark, ok, problem, warning
from dlp_gateway.errors import ConfigurationError
from dlp_gateway.mail.reply import Reply, printable
from dlp_gateway.processes import composition
from dlp_gateway.settings import Settings
from dlp_gateway.settings.smarthost import NextHop
from dlp_gateway.smtp.smarthost import Extensions, Unavailable, is_demand

#: What to do, by the word for why no session could be opened.
_REMEDIES: Final = {
    "connect": "It refuses the connection, or a firewall does. Is the port right, and may this machine reach it?",
    "no-smtp": "What it says is no SMTP: another program listens there. Is the port right?",
    "timeout": "It does not answer in time. A firewall that drops packets looks so; many providers block port 25.",
    "greeting": "It turns us away at the greeting or at EHLO. Does it know this machine's address and `hostname:`?",
    "login": "It refuses the login. Look at `smarthost.user` and at the password file.",
    "tls": "TLS fails. Is the port one for STARTTLS?",
    "lost": "It closes the connection.",
    "session": "It does not speak SMTP as it should.",
}
#: And what to do about a certificate, by the word for what is wrong with it.
_CERTIFICATES: Final = {
    "certificate-expired": "Whoever runs that server has to renew it.",
    "certificate-not-yet-valid": "Is this machine's clock right?",
    "certificate-name": "Write the name that is in the certificate as `smarthost.host`.",
    "certificate-authority": "Name its authority in `smarthost.ca_file`.",
}
_NOT_OFFERED: Final = {
    "tls": "It offers no TLS, which `tls: required` asks for. Is the port right?",
    "login": "It offers no login, which `user` asks for. Is the port right? Many offer it on port 587 only.",
}
_AT_ONCE: Final = (
    "It speaks TLS from the first byte, as servers do on port 465: write `tls: implicit`, or take its port 587 or 25."
)
_USEFUL: Final = (
    ("8BITMIME", "mail with 8-bit text that was not encoded is refused"),
    ("SMTPUTF8", "mail to addresses with letters such as ü is refused"),
    ("DSN", "requests for delivery reports end at the gateway"),
    ("PIPELINING", "mail to many recipients takes longer"),
)


async def smarthost(settings: Settings, hostname: str) -> tuple[Remark, ...]:
    """Open a session with each host, begin a transaction and leave it; no mail is sent."""
    hops = settings.smarthost.hops
    found = [await _one(_only(settings, hop), hop, hostname) for hop in hops]
    return tuple(remark for remarks in found for remark in remarks)


async def _one(settings: Settings, hop: NextHop, hostname: str) -> tuple[Remark, ...]:
    host = settings.smarthost
    about = f"smarthost {hop.host}:{hop.port}"
    addresses = await _resolved(hop.host, hop.port)
    if not addresses:
        return (problem(about, "The name cannot be resolved. Is it right, and does this machine's resolver work?"),)
    try:
        offered, said = await composition.smarthost(settings, hostname).rehearse()
    except ConfigurationError as error:
        return tuple(problem(about, one.message) for one in error.problems)
    except Unavailable as trouble:
        at_once = host.tls != "implicit" and await _speaks_tls_at_once(hop, trouble)
        return (problem(about, _AT_ONCE if at_once else _sentence(trouble)),)
    login = ", and takes the login" if host.user else ""
    return (
        ok(about, f"It answers at {addresses[0]}{' under TLS' if offered.tls else ' without TLS'}{login}."),
        *((problem(about, _demand(settings, offered, said)),) if is_demand(said) else ()),
        *await _tls(settings, hop, hostname, offered, about),
        *_offers(settings, offered, about),
    )


def _only(settings: Settings, hop: NextHop) -> Settings:
    found: Settings = settings.model_copy(update={"smarthost": settings.smarthost.alone(hop)})
    return found


async def strictest(
    settings: Settings, hostname: str
) -> tuple[Literal["opportunistic", "required", "implicit"], tuple[Remark, ...]]:
    """Return the strictest TLS that works with it, and what was seen; `settings` say `opportunistic` or `implicit`."""
    if settings.smarthost.tls != "implicit":
        remarks = await smarthost(_with_tls(settings, "required"), hostname)
        if remarks[0].level is not Level.PROBLEM:  # it answers so, whatever else it wants
            return "required", remarks
        if remarks[0].says != _AT_ONCE:
            return "opportunistic", await smarthost(settings, hostname)
    return "implicit", await smarthost(_with_tls(settings, "implicit"), hostname)


def _with_tls(settings: Settings, tls: str) -> Settings:
    found: Settings = settings.model_copy(update={"smarthost": settings.smarthost.model_copy(update={"tls": tls})})
    return found


async def _resolved(host: str, port: int) -> tuple[str, ...]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(place[0]) for *_, place in found))


def _demand(settings: Settings, offered: Extensions, said: Reply) -> str:
    """Return what to write for a smarthost that answers MAIL with a demand for a login or TLS."""
    means = "`user` and `password_file` (with `tls: required`)"
    if offered.tls or "STARTTLS" not in offered.names:
        what = "the login that it knows" if settings.smarthost.user else means
    else:
        what = "`tls: required`" if "AUTH" not in offered.names else f"`tls: required`, or {means}"
    return f"It takes no mail from us: {printable(str(said), 200)}. Write {what} under `smarthost`."


def _sentence(trouble: Unavailable) -> str:
    if trouble.detail.startswith("certificate"):
        mend = _CERTIFICATES.get(trouble.detail, _CERTIFICATES["certificate-authority"])
        return f"TLS fails. Its certificate is not accepted: {_verification(trouble)}. {mend}"
    if trouble.detail == "not-offered":
        return _NOT_OFFERED[trouble.why]
    said = f" It says: {printable(trouble.text, 200)}" if trouble.text else ""
    return f"{_REMEDIES.get(trouble.why, 'No session can be opened.')}{said}"


def _verification(trouble: BaseException) -> str:
    """Return OpenSSL's words for why a certificate was not accepted, without a full stop."""
    cause: BaseException | None = trouble
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    return "" if cause is None else printable(cause.verify_message, 150).rstrip(".")


async def _speaks_tls_at_once(hop: NextHop, trouble: Unavailable) -> bool:
    """Tell whether it greets under TLS only: what waits for a greeting without waits in vain."""
    if trouble.why not in {"timeout", "lost", "connect", "no-smtp"} or trouble.detail in {"refused", "unreachable"}:
        return False
    return await asyncio.to_thread(greet, hop.host, hop.port, implicit_tls=True) is not None


async def _tls(settings: Settings, hop: NextHop, hostname: str, offered: Extensions, about: str) -> tuple[Remark, ...]:
    """Say whether TLS could be stricter than it is written."""
    host = settings.smarthost
    if host.tls in {"required", "implicit"} or is_local(hop.host):
        return ()
    if not offered.tls and host.tls == "opportunistic":
        return (warning(about, "It offers no TLS: mail is readable on the way."),)
    try:
        await composition.smarthost(_with_tls(settings, "required"), hostname).probe()
    except Unavailable:
        return () if host.tls == "opportunistic" else (warning(about, "It offers no TLS with a valid certificate."),)
    return (
        warning(about, "It has TLS with a valid certificate: write `tls: required`, so that nobody can switch it off."),
    )


def _offers(settings: Settings, offered: Extensions, about: str) -> Iterator[Remark]:
    yield ok(about, f"It offers {', '.join(sorted(offered.names)[:30]) or 'no extensions'}.")
    size = settings.limits.message_size
    if offered.size and offered.size < size:
        yield warning(
            about,
            f"It takes messages up to {offered.size / 1e6:.0f} MB, and we up to {size / 1e6:.0f} MB: larger ones are "
            f"refused late. Write `limits: {{message_size: {offered.size // 1_000_000}MB}}`.",
        )
    for name, means in _USEFUL:
        if name not in offered.names:
            yield warning(about, f"It does not offer {name}: {means}.")
