"""Command lines read into values or refusals, pure (RFC 5321 4.1; of parameters RFC 1870, 3461, 4954, 6152, 6531)."""

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from dlp_gateway.mail import xtext
from dlp_gateway.mail.address import valid_forward_path, valid_reverse_path
from dlp_gateway.mail.envelope import NO_REQUEST, Notify, RecipientRequest, Ret
from dlp_gateway.mail.reply import Reply
from dlp_gateway.smtp.replies import BARE_NEWLINE, LOGIN_TOO_LONG, Refusal

#: RFC 5321 4.5.3.1.4 asks for 512 octets and RFC 4954, 6531 for more; no command of ours needs this many.
LONGEST_LINE: Final = 2048
#: RFC 4954 4: a response of the client's in base64, without CRLF. AUTH may bring the first one along.
LONGEST_RESPONSE: Final = 12_288
_LONGEST_AUTH: Final = LONGEST_RESPONSE + 50

_USUAL: Final = re.compile(rb"[ -~]*\r\n")
_ANNOUNCES: Final = re.compile(rb"[\x00-\x20\x7f]*(?:BDAT|DATA)", re.IGNORECASE)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
# A quoted local part may hold angle brackets and blanks. Some clients put blanks behind the colon: harmless, so taken.
_PATH: Final = re.compile(r' *<((?:[^\s<>"\\]|"(?:[^"\\]|\\.)*")*)>(?: +(.*))?')
# RFC 5321 4.1.2, esmtp-param; RFC 6531 3.3 lets its value go beyond ASCII, of which ORCPT alone has a use.
_PARAMETER: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=((?:[!-<>-~]|[^\x00-\x7f])+))?")
_CHUNK: Final = re.compile(r"(\d{1,20})(?: +(LAST))?", re.ASCII | re.IGNORECASE)
_VALUED: Final = frozenset({"SIZE", "BODY", "AUTH", "RET", "ENVID"})
_ROUTE: Final = frozenset("%!@")
_ENVELOPE_ID: Final = 100  # RFC 3461 4.4 and 4.2: the longest values
_ORIGINAL_RECIPIENT: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """MAIL FROM: `reverse_path` "" is the null reverse-path, `size` what the client declared, 0 if nothing.

    `ret` and `envelope_id` (ENVID as it came, in xtext, or "") are RFC 3461's.
    """

    reverse_path: str
    size: int = 0
    body_8bit: bool = False
    smtputf8: bool = False
    ret: Ret | None = None
    envelope_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rcpt:
    """RCPT TO: the forward-path, and what is asked about DSNs for it."""

    forward_path: str
    dsn: RecipientRequest = NO_REQUEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """BDAT: so many octets follow."""

    size: int
    last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What EHLO offered in this session and so what MAIL and RCPT may ask for; after HELO nothing is offered."""

    size: int
    eight_bit: bool
    smtputf8: bool
    dsn: bool


#: After HELO, and before any greeting.
NOTHING_OFFERED: Final = Offer(size=0, eight_bit=False, smtputf8=False, dsn=False)

# The same few people write most mail; a path is a line at the most, so what is kept is small.
_is_reverse_path: Final = lru_cache(maxsize=1024)(valid_reverse_path)
_is_forward_path: Final = lru_cache(maxsize=1024)(valid_forward_path)


def _no(code: int, enhanced: str, text: str) -> Refusal:
    return Refusal(reply=Reply(code=code, enhanced=enhanced, text=text))


_LINE_TOO_LONG: Final = _no(500, "5.5.2", "Line too long")
_NOT_UTF8: Final = _no(500, "5.5.2", "Commands are ASCII, and UTF-8 in addresses after SMTPUTF8")
_BLANK_FIRST: Final = _no(500, "5.5.2", "A command begins its line")
_CONTROL_CHARACTER: Final = _no(500, "5.5.2", "Control characters do not belong in commands")
_MAIL_SYNTAX: Final = _no(501, "5.5.4", "Syntax: MAIL FROM:<address> [parameters]")
_RCPT_SYNTAX: Final = _no(501, "5.5.4", "Syntax: RCPT TO:<address> [parameters]")
_BAD_SENDER: Final = _no(553, "5.1.7", "This is no valid address")
_BAD_RECIPIENT: Final = _no(553, "5.1.3", "This is no valid address")
_ROUTE_TEXT: Final = "Addresses with a route in them (%, ! or @ before the last @) are not taken"
_ROUTED_SENDER: Final = _no(553, "5.1.7", _ROUTE_TEXT)
_ROUTED: Final = _no(553, "5.1.3", _ROUTE_TEXT)
_NEEDS_SMTPUTF8: Final = _no(553, "5.6.7", "A non-ASCII address needs MAIL with SMTPUTF8")
_BAD_VALUE: Final = _no(501, "5.5.4", "A parameter is malformed or stands twice")
_UNKNOWN_PARAMETER: Final = _no(555, "5.5.4", "A parameter is not offered here")
_DECLARED_TOO_BIG: Final = _no(552, "5.3.4", "Message too big")


def split(line: bytes) -> tuple[str, str] | Refusal:
    """Read a line, its final LF included, into the verb in capitals and the argument without trailing blanks.

    One that cannot be read but seems to announce content ends the session: what follows are no commands.
    """
    command = _split(line)
    is_read = not isinstance(command, Refusal) and command[0] != ""
    if is_read or not _ANNOUNCES.match(line) or command is BARE_NEWLINE:
        return command
    refusal = command if isinstance(command, Refusal) else _BLANK_FIRST
    return replace(refusal, closing=True, why="unreadable-content")


def _split(line: bytes) -> tuple[str, str] | Refusal:
    if len(line) <= LONGEST_LINE and _USUAL.fullmatch(line):
        verb, _, argument = line.decode("ascii").rstrip(" \r\n").partition(" ")
        return verb.upper(), argument
    if not line.endswith(b"\r\n") or line.count(b"\r") > 1 or line.count(b"\n") > 1:
        return BARE_NEWLINE
    if len(line) > LONGEST_LINE and (line[:5].upper() != b"AUTH " or len(line) > _LONGEST_AUTH):
        return Refusal(reply=LOGIN_TOO_LONG) if line[:5].upper() == b"AUTH " else _LINE_TOO_LONG
    try:
        text = line.decode("utf-8").rstrip(" \t\r\n")
    except UnicodeDecodeError:
        return _NOT_UTF8
    if _CONTROL.search(text):
        return _CONTROL_CHARACTER
    verb, _, argument = text.partition(" ")
    return (verb.upper(), argument) if verb.isascii() else _NOT_UTF8


def mail(argument: str, offer: Offer) -> Mail | Refusal:
    """Read the argument of MAIL."""
    found = _path(argument, "FROM:")
    if found is None:
        return _MAIL_SYNTAX
    path, rest = found
    asked = _mail_parameters(path, rest, offer) if rest else Mail(reverse_path=path)
    if isinstance(asked, Refusal):
        return asked
    if not path.isascii() and not asked.smtputf8:
        return _NEEDS_SMTPUTF8
    if not _is_reverse_path(path, smtputf8=asked.smtputf8):
        return _BAD_SENDER
    # What comes back to <bob%example.org@corp.example>, with the whole mail in it where RET=FULL was said, would be led
    # on to bob@example.org; no rule looks at what comes back.
    if _is_routed(path):
        return _ROUTED_SENDER
    return asked


def _mail_parameters(path: str, text: str, offer: Offer) -> Mail | Refusal:
    """Read what follows the path."""
    asked = _parameters(text)
    if asked is None:
        return _BAD_VALUE
    smtputf8 = "SMTPUTF8" in asked
    if asked.pop("SMTPUTF8", "") or any(keyword in _VALUED and not value for keyword, value in asked.items()):
        return _BAD_VALUE
    size, body = asked.pop("SIZE", ""), asked.pop("BODY", "")
    # RFC 4954 5: AUTH= is understood by all who could be asked to relay. It is taken for AUTH=<>, from a login too: who
    # logged in is told nobody, and nobody is trusted to tell for others.
    author = asked.pop("AUTH", "<>")
    if author != "<>" and xtext.decode(author) is None:
        return _BAD_VALUE
    ret, envelope_id = asked.pop("RET", ""), asked.pop("ENVID", "")
    if (ret or envelope_id) and not offer.dsn:
        return _UNKNOWN_PARAMETER
    if asked or (smtputf8 and not offer.smtputf8) or (body and not offer.eight_bit) or (size and not offer.size):
        return _UNKNOWN_PARAMETER
    if (size and not _is_number(size)) or body.upper() not in {"", "7BIT", "8BITMIME"}:
        return _BAD_VALUE
    if (ret and ret.upper() not in set(Ret)) or (envelope_id and not _is_envelope_id(envelope_id)):
        return _BAD_VALUE
    if size and int(size) > offer.size:
        return _DECLARED_TOO_BIG
    return Mail(
        reverse_path=path,
        size=int(size or 0),
        body_8bit=body.upper() == "8BITMIME",
        smtputf8=smtputf8,
        ret=Ret(ret.upper()) if ret else None,
        envelope_id=envelope_id,
    )


def rcpt(argument: str, offer: Offer, *, smtputf8: bool) -> Rcpt | Refusal:
    """Read the argument of RCPT; `smtputf8`: MAIL asked for it."""
    found = _path(argument, "TO:")
    if found is None:
        return _RCPT_SYNTAX
    path, rest = found
    asked = _rcpt_parameters(rest, offer, smtputf8=smtputf8) if rest else NO_REQUEST
    if isinstance(asked, Refusal):
        return asked
    if not path.isascii() and not smtputf8:
        return _NEEDS_SMTPUTF8
    if not _is_forward_path(path, smtputf8=smtputf8):
        return _BAD_RECIPIENT
    # Sendmail, Postfix and others deliver <bob%example.org@corp.example> to bob@example.org where corp.example is
    # theirs: a rule that takes him for an insider would be passed by.
    if _is_routed(path):
        return _ROUTED
    return Rcpt(forward_path=path, dsn=asked)


def _rcpt_parameters(text: str, offer: Offer, *, smtputf8: bool) -> RecipientRequest | Refusal:
    """Read what follows the path: what is asked about DSNs."""
    asked = _parameters(text)
    if asked is None or any(asked.get(keyword) == "" for keyword in ("NOTIFY", "ORCPT")):
        return _BAD_VALUE
    notify, original = asked.pop("NOTIFY", ""), asked.pop("ORCPT", "")
    if asked or ((notify or original) and not offer.dsn):
        return _UNKNOWN_PARAMETER
    wanted = Notify.read(notify) if notify else None
    if (notify and wanted is None) or (original and not _is_original_recipient(original, smtputf8=smtputf8)):
        return _BAD_VALUE
    return RecipientRequest(notify=wanted, original=original)


def chunk(argument: str) -> Chunk | None:
    """Read the argument of BDAT (RFC 3030 2); None if it is malformed."""
    match = _CHUNK.fullmatch(argument)
    return None if match is None else Chunk(size=int(match[1]), last=match[2] is not None)


def _is_routed(path: str) -> bool:
    """Whether a local part, quoted or not, could be read as another address (decision 56).

    A full-width ＠ or ％ becomes that of ASCII wherever somebody normalises addresses.
    """
    local = path.rpartition("@")[0]
    return not _ROUTE.isdisjoint(local if local.isascii() else unicodedata.normalize("NFKC", local))


def _is_envelope_id(text: str) -> bool:
    return len(text) <= _ENVELOPE_ID and xtext.decode(text) is not None


def _is_original_recipient(text: str, *, smtputf8: bool) -> bool:
    """Whether ORCPT may say so; UTF-8 in it is for sessions that have it in addresses (RFC 6533 3)."""
    if len(text.encode()) > _ORIGINAL_RECIPIENT or not (smtputf8 or text.isascii()):
        return False
    return xtext.original_recipient(text) is not None


def _path(argument: str, keyword: str) -> tuple[str, str] | None:
    """Return what stands between the angle brackets, and the parameters behind them."""
    if argument[: len(keyword)].upper() != keyword:
        return None
    match = _PATH.fullmatch(argument, len(keyword))
    return (match[1], match[2] or "") if match else None


def _parameters(text: str) -> dict[str, str] | None:
    """Return keywords in capitals with their values as written ("" if none); None if malformed or doubled."""
    found: dict[str, str] = {}
    for word in filter(None, text.split(" ")):
        match = _PARAMETER.fullmatch(word)
        if match is None or (keyword := match[1].upper()) in found:
            return None
        found[keyword] = match[2] or ""
    return found


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 20  # RFC 1870 3: at most 20 digits
