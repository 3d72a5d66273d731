"""The one table from what happened to what the client is told: code, enhanced code, text (RFC 5321 4.2.3, RFC 3463)."""

import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Final, assert_never

from dlp_gateway.mail.reply import Reply, printable
from dlp_gateway.ports import Deferred, Forwarded, InCustody, Outcome, Rejected, Repeated, Why


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A refusal inside the dialogue; `closing` ends the session after it. `why` is a word for log and metrics or ""."""

    reply: Reply
    closing: bool = False
    why: str = ""


def _reply(code: int, enhanced: str, text: str) -> Reply:
    return Reply(code=code, enhanced=enhanced, text=text)


def _closing(why: str, code: int, enhanced: str, text: str) -> Refusal:
    return Refusal(reply=_reply(code, enhanced, text), closing=True, why=why)


# --- what ends a session ----------------------------------------------------------------------------------------------

# A bare CR or LF is where two mail systems can disagree about the end of a message (SMTP smuggling, CVE-2023-51764).
BARE_NEWLINE: Final = _closing("bare-newline", 521, "5.5.2", "Lines end in CRLF and nothing else (RFC 5321 2.3.8)")
ENDLESS_LINE: Final = _closing("endless-line", 500, "5.5.2", "Line too long")
FAR_TOO_BIG: Final = _closing("too-big", 552, "5.3.4", "Message far too big")
BAD_CHUNK: Final = _closing("bdat", 501, "5.5.4", "Syntax: BDAT size [LAST]")  # how much follows, nobody can know
# What the client said in plain text behind STARTTLS is dropped, as it may be somebody else's; nobody is told.
INJECTED: Final = Refusal(reply=_reply(503, "5.5.1", "Wait for the reply to STARTTLS"), why="injection")
OTHER_PROTOCOL: Final = _closing("other-protocol", 500, "5.5.1", "This is SMTP")
EARLY_CONTENT: Final = _closing("early-content", 503, "5.5.1", "Content sent without leave")
TOO_MANY_ERRORS: Final = _closing("errors", 421, "4.7.0", "Too many errors")
TOO_MUCH_JUNK: Final = _closing("junk", 421, "4.7.0", "Too many commands without mail")
TIMEOUT: Final = _closing("timeout", 421, "4.4.2", "Timeout")
# Nobody can be told these two: the handshake that would have carried them failed.
HANDSHAKE_FAILED: Final = _closing("handshake", 421, "4.7.0", "No TLS handshake")
UNVERIFIED_CERTIFICATE: Final = _closing("client-certificate-unverified", 421, "4.7.0", "No valid client certificate")
LONG_SESSION: Final = _closing("long-session", 421, "4.4.2", "This session has lasted long enough; connect again")
BAD_PROXY: Final = _closing("proxy", 421, "4.7.0", "No PROXY header")  # nobody can be told: it comes before all else
STOPPING: Final = _closing("", 421, "4.3.2", "Closing this connection; connect again")  # also after a reload
TOO_MANY_LOGINS: Final = _closing("logins", 421, "4.7.0", "Too many failed logins from your network; try again later")
TOO_MANY_CONNECTIONS: Final = _closing("connections", 421, "4.3.2", "Too many connections")
TOO_MANY_FROM_YOU: Final = _closing("connections-of-client", 421, "4.7.0", "Too many connections from your network")
NOT_YOUR_GATEWAY: Final = _closing("network", 554, "5.7.1", "Your network may not send through this gateway")

# --- what is said along the way ---------------------------------------------------------------------------------------

LOGGED_IN: Final = _reply(235, "2.7.0", "Logged in")  # RFC 4954 6, as all replies about logins
OK: Final = _reply(250, "2.0.0", "Ok")
SENDER_OK: Final = _reply(250, "2.1.0", "Sender ok")
RECIPIENT_OK: Final = _reply(250, "2.1.5", "Recipient ok")
CHUNK_OK: Final = _reply(250, "2.0.0", "Chunk taken")
GO_AHEAD: Final = _reply(354, "", "End data with <CR><LF>.<CR><LF>")
BYE: Final = _reply(221, "2.0.0", "Bye")
READY_FOR_TLS: Final = _reply(220, "2.0.0", "Ready to start TLS")
HELP: Final = _reply(214, "2.0.0", "EHLO HELO AUTH MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY HELP STARTTLS (RFC 5321)")
CANNOT_VERIFY: Final = _reply(252, "2.5.2", "Cannot verify, but will take mail and try to deliver it")
SYNTAX: Final = _reply(501, "5.5.4", "This command takes no argument")
NEEDS_ARGUMENT: Final = _reply(501, "5.5.4", "This command needs an argument")
UNKNOWN: Final = _reply(500, "5.5.1", "Unknown command")
NOT_OFFERED: Final = _reply(502, "5.5.1", "Not offered here")
HELLO_FIRST: Final = _reply(503, "5.5.1", "Say EHLO first")
NESTED_MAIL: Final = _reply(503, "5.5.1", "A transaction is open; RSET ends it")
MAIL_FIRST: Final = _reply(503, "5.5.1", "Say MAIL first")
CHUNKS_BEGUN: Final = _reply(503, "5.5.1", "The message has begun with BDAT; BDAT or RSET ends it")
RCPT_FIRST: Final = _reply(503, "5.5.1", "Say RCPT first")
NO_RECIPIENT: Final = _reply(554, "5.5.1", "No valid recipient")
TLS_ALREADY: Final = _reply(503, "5.5.1", "TLS is on already")
LOGIN_FIRST: Final = _reply(530, "5.7.0", "Log in first (AUTH)")
TLS_FIRST: Final = _reply(530, "5.7.0", "Say STARTTLS first, then log in")  # RFC 3207 4
LOGIN_NEEDS_TLS: Final = _reply(538, "5.7.11", "Passwords are only taken under TLS; say STARTTLS first")
LOGIN_ALREADY: Final = _reply(503, "5.5.1", "Logged in already")
LOGIN_BETWEEN: Final = _reply(503, "5.5.1", "Not inside a transaction; RSET ends it")
UNKNOWN_MECHANISM: Final = _reply(504, "5.5.4", "Offered are PLAIN and LOGIN")
LOGIN_SYNTAX: Final = _reply(501, "5.5.4", "Syntax: AUTH mechanism [initial-response]")
LOGIN_GARBLED: Final = _reply(501, "5.5.2", "This is no base64, or not what the mechanism asks for")
LOGIN_CANCELLED: Final = _reply(501, "5.7.0", "Login cancelled")
LOGIN_TOO_LONG: Final = _reply(500, "5.5.6", "Line too long for a login")
LOGIN_WRONG: Final = _reply(535, "5.7.8", "User name or password is wrong")
LOGIN_UNAVAILABLE: Final = _reply(454, "4.7.0", "Logins cannot be checked now; your password may be right, try later")
NOT_YOUR_ADDRESS: Final = _reply(553, "5.7.1", "This login may not send from this address")
ONLY_QUIT: Final = _reply(503, "5.5.1", "Only QUIT is possible here")

# --- what refuses one message or one command --------------------------------------------------------------------------

TOO_BIG: Final = Refusal(reply=_reply(552, "5.3.4", "Message too big"), why="too-big")
LONG_HEADER: Final = Refusal(reply=_reply(552, "5.3.4", "The header of this message is too long"), why="long-header")
NO_ROOM: Final = Refusal(reply=_reply(452, "4.3.1", "No room for this message now; try again later"), why="room")
NUL: Final = Refusal(reply=_reply(554, "5.6.0", "NUL octets do not belong in mail (RFC 2045 2.7)"), why="nul")
TOO_MANY_RECIPIENTS: Final = _reply(452, "4.5.3", "Too many recipients; send to the others in another transaction")
UNREACHABLE: Final = _reply(451, "4.4.1", "The next mail server cannot be reached now; try again later")


# --- what a listener asks of its senders beyond their network ---------------------------------------------------------

MUST_STARTTLS: Final = Refusal(reply=_reply(530, "5.7.0", "Must issue a STARTTLS command first"), why="plain-text")
NO_CLIENT_CERTIFICATE: Final = Refusal(
    reply=_reply(530, "5.7.0", "A client certificate is needed here"), why="no-client-certificate"
)
OTHER_CLIENT_CERTIFICATE: Final = Refusal(
    reply=_reply(550, "5.7.1", "Your certificate names no host that may send here"), why="client-certificate"
)
SENDER_OUTSIDE: Final = Refusal(
    reply=_reply(553, "5.7.1", "Only senders of this organisation may send here"), why="sender-outside"
)
AUTHOR_OUTSIDE: Final = Refusal(
    reply=_reply(550, "5.7.1", "A notice needs one From field, of this organisation"), why="author-outside"
)
_NOT_OUR_TENANT: Final = _reply(550, "5.7.1", "This is not mail of a tenant that may send here")
TENANT_MISSING: Final = Refusal(reply=_NOT_OUR_TENANT, why="tenant-missing")
TENANT_TWICE: Final = Refusal(reply=_NOT_OUR_TENANT, why="tenant-twice")
TENANT_UNKNOWN: Final = Refusal(reply=_NOT_OUR_TENANT, why="tenant-unknown")


def failed(reference: str) -> Reply:
    """Something of ours failed: the author may try again, the administrator finds `reference` in the log."""
    return _reply(451, "4.3.0", f"Internal error, reference {reference}; try again later")


_DEFERRED: Final = MappingProxyType(
    {
        Why.SMARTHOST: UNREACHABLE,
        Why.STORE: _reply(451, "4.3.0", "Mail cannot be kept now; try again later"),
        Why.OVERLOAD: _reply(451, "4.3.2", "Too busy now; try again later"),
    }
)

_REJECTED: Final = MappingProxyType(
    {
        Why.LOOP: _reply(554, "5.4.6", "Too many hops, this message is looping"),
        Why.AUTHOR: _reply(550, "5.7.1", "This login may not write as the author in From or Sender"),
        Why.INSIDE_ONLY: _reply(550, "5.7.1", "This notice is for people inside only"),
        Why.POLICY: _reply(550, "5.7.1", "Refused by policy"),
        Why.SMARTHOST: _reply(554, "5.0.0", "Refused by the next mail server"),
    }
)

_LONGEST_QUOTE: Final = 200  # a reply line holds 512 octets (RFC 5321 4.5.3.1.5)
_LONGEST_LINE: Final = 480


def final(outcome: Outcome) -> Reply:
    """Return the reply to the final dot; no found value is in it, and our id stands in it for the log."""
    match outcome:
        case Forwarded(id=name, reply=reply):
            return _with_id(reply, name)
        case InCustody(id=name, held=False):
            return _reply(250, "2.0.0", f"Taken, being delivered ({name})")
        case InCustody(id=name, refuse=False):
            return _reply(250, "2.0.0", f"Taken, held for review ({name})")
        case InCustody(id=name):
            return replace(_reply(550, "5.7.1", f"Not sent, held for review ({name})"), kept=True)
        case Deferred(id=name, why=why, reply=reply):
            return failed(name) if why is Why.INTERNAL else _with_id(reply or _DEFERRED.get(why, UNREACHABLE), name)
        case Rejected(id=name, why=Why.POLICY, explanation=explanation) if explanation:
            return _with_id(_reply(550, "5.7.1", explanation), name)
        case Rejected(id=name, why=why, reply=reply):
            return _with_id(reply or _REJECTED.get(why, _REJECTED[Why.POLICY]), name)
        case Repeated(reply=reply):
            return reply
        case _:
            assert_never(outcome)


def _with_id(reply: Reply, name: str) -> Reply:
    """Return the reply with our id in its text.

    421 and 521 would mean that it is we who close the connection. What succeeded is 250 (RFC 5321 4.3.2), whatever else
    the smarthost says for it (RFC 5321 4.2.1 has it taken as that): there are clients that send again else.
    """
    code = 250 if reply.code // 100 == 2 else {421: 451, 521: 554}.get(reply.code, reply.code)
    enhanced = reply.enhanced if reply.enhanced.startswith(f"{code // 100}.") else f"{code // 100}.0.0"
    return _reply(code, enhanced, f"{printable(reply.text, _LONGEST_QUOTE)} ({name})")


@lru_cache(maxsize=256)  # of the constants above; what is said once is soon forgotten
def octets(reply: Reply, *, smtputf8: bool = False) -> bytes:
    """Return the reply as one line for the wire; beyond ASCII only where the client asked for it (RFC 6531 3.7.4.2)."""
    line = str(reply)
    if not (reply.enhanced or reply.text):
        line += " "  # RFC 5321 4.2.1, and RFC 4954 4 demands it of an empty challenge
    if len(line) > _LONGEST_LINE or not line.isprintable():
        line = printable(line, _LONGEST_LINE)
    if not smtputf8 and not line.isascii():
        marks = {0x0300 + number: None for number in range(0x70)}
        plain = unicodedata.normalize("NFKD", line).translate(marks).encode("ascii", "replace").decode("ascii")
        line = plain[:_LONGEST_LINE]  # one character may have become eighteen
    return f"{line}\r\n".encode("utf-8", "replace")
