"""Delivery status notifications (RFC 3464, in a report of RFC 6522): what an author is told about his recipients.

A notification goes to the reverse-path of the mail with the null reverse-path as its own (RFC 5321 4.5.5), so that none
is ever answered by another. It is ASCII unless an address in it is not (RFC 6533).
"""

import binascii
import re
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from enum import StrEnum
from ipaddress import ip_address
from types import MappingProxyType
from typing import Final

from dlp_gateway.mail import header, xtext
from dlp_gateway.mail.address import serialise
from dlp_gateway.mail.edit import RemoveBcc, apply
from dlp_gateway.mail.encoded_word import phrase
from dlp_gateway.mail.envelope import Ret
from dlp_gateway.mail.reply import Reply, printable
from dlp_gateway.mail.trace import date_time

_STATUS: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
#: The next hop takes no 8-bit text (RFC 3463 3.7) or no addresses beyond ASCII (RFC 6531 3.5): a DSN has to be plain.
_PLAIN_ONLY: Final = frozenset({"5.6.3", "5.6.7"})
_HOST: Final = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")
#: More than this of the author's own header section is not sent back; an honest one is far shorter.
_RETURNED_HEADER: Final = 64_000
#: A longer message comes back as its header section, whatever RET says (RFC 3461 6.2 (d)); Postfix has the same bound.
_RETURNED_WHOLE: Final = 50_000
_KNOWN_BY: Final = frozenset({"message-id", "date"})
_KNOWN_BY_OCTETS: Final = 200


class Action(StrEnum):
    """What became of a recipient (RFC 3464 2.3.3), the worst first."""

    FAILED = "failed"
    DELAYED = "delayed"
    RELAYED = "relayed"
    EXPANDED = "expanded"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The part that people read, in one language and not yet encoded: a subject, some lines of text, who writes it."""

    subject: str
    text: str
    sender: str = "Mail delivery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """The mail that a notification is about.

    `content` is the mail as it may be shown to whoever reads its reverse-path; Bcc fields in it are not returned.
    `reverse_path` is an addr-spec, `envelope_id` ENVID as it came, in xtext, or "". `ret` says how much of the content
    a failure brings back, None as HDRS. `arrived_at` is aware. Unless it is `returnable`, only its id and its date come
    back, whatever `ret` says: no rule decided that the reader of the reverse-path may see more.
    """

    content: bytes
    reverse_path: str
    arrived_at: datetime
    envelope_id: str = ""
    ret: Ret | None = None
    returnable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of one recipient of the original's envelope.

    `status` is a code of RFC 3463 (see `status`), `original_recipient` ORCPT as it came, or "". `remote` is the name of
    the host that said `reply`, or "" where nobody else was asked. `attempted_at` and, for a delay, `retried_until` are
    aware, None where there is no such time.
    """

    recipient: str
    action: Action
    status: str
    original_recipient: str = ""
    remote: str = ""
    reply: Reply | None = None
    attempted_at: datetime | None = None
    retried_until: datetime | None = None


_SUBJECTS: Final = MappingProxyType(
    {
        Action.FAILED: "Undelivered mail returned to its author",
        Action.DELAYED: "Your mail is delayed",
        Action.RELAYED: "Your mail was passed on",
        Action.EXPANDED: "Your mail was passed on",
        Action.DELIVERED: "Your mail was delivered",
    }
)

_SENTENCES: Final = MappingProxyType(
    {
        Action.FAILED: (
            "Your message could not be delivered to the recipients below; nothing more",
            "will be tried. Recipients who are not named here are not affected.",
        ),
        Action.DELAYED: (
            "Your message has not reached the recipients below yet. You need not send it",
            "again: it will be tried for a while, and you will hear if that is in vain.",
        ),
        Action.RELAYED: (
            "Your message was passed on for the recipients below to a mail server that",
            "sends no notification of delivery. You will hear no more unless it fails.",
        ),
        Action.EXPANDED: (
            "Your message was passed on for the recipients below to the members of a list.",
            "You will hear no more unless it fails.",
        ),
        Action.DELIVERED: ("Your message was delivered to the recipients below.",),
    }
)


def status(reply: Reply) -> str:
    """Return the status code of a reply: its own, or the general one of its class (RFC 3463 3.1)."""
    own = reply.enhanced
    return own if _STATUS.fullmatch(own) and own[0] == str(reply.code)[0] else f"{reply.code // 100}.0.0"


def compose(
    original: Original,
    reports: tuple[Report, ...],
    *,
    hostname: str,
    postmaster: str,
    moment: datetime,
    message_id: str,
    explanation: Explanation | None = None,
) -> bytes:
    """Compose a notification with CRLF line ends.

    `hostname` is ours, `postmaster` an addr-spec, `moment` aware, `message_id` without its angle brackets. Without an
    `explanation` the human part is ours, in English. Raises ValueError if there is nobody to tell, nothing to tell, or
    something that no field may hold.
    """
    author, sender = serialise(original.reverse_path), serialise(postmaster)
    if author is None or sender is None or not reports:
        raise ValueError("dsn: needs an author, a postmaster and at least one report")
    hosts = (hostname, *(one.remote for one in reports if one.remote))
    if not (all(map(_HOST.fullmatch, hosts)) and serialise(message_id) and message_id.isascii()):
        raise ValueError("dsn: a host name or message id that no field may hold")
    if not all(_STATUS.fullmatch(one.status) for one in reports):
        raise ValueError("dsn: a status code that RFC 3463 does not know")
    plain = author.isascii() and any(one.status in _PLAIN_ONLY for one in reports)
    fields = _status_fields(original, reports, hostname)
    if plain:
        fields = xtext.without_unicode(fields.decode()).encode()  # RFC 6533 3: an address may be written so
    international = not (author.isascii() and fields.isascii())
    worst = min((one.action for one in reports), key=list(Action).index)
    told = explanation or Explanation(subject=_SUBJECTS[worst], text=_explained(reports))
    wanted = original.returnable and original.ret is Ret.FULL
    whole = worst is Action.FAILED and wanted and (original.content.isascii() or not plain)
    parts = (
        _text("text/plain; charset=utf-8", "\r\n".join(told.text.splitlines()).encode("utf-8", "replace") + b"\r\n"),
        # RFC 6533 4: what holds UTF-8 addresses is called by another name.
        _part(f"message/{'global-' if international else ''}delivery-status", fields),
        _returned(original, whole=whole, international=international),
    )
    boundary = _boundary(message_id, b"".join(parts))
    headers = _lines(
        f"From: {phrase(told.sender).decode()} <{sender.decode()}>",
        f"To: {author.decode()}",
        f"Subject: {_words(printable(told.subject))}",
        f"Date: {date_time(moment)}",
        f"Message-ID: <{message_id}>",
        "Auto-Submitted: auto-replied",  # RFC 3834 5
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary="{boundary}"',
        f"Content-Transfer-Encoding: {_encoding(b''.join(parts))}",  # RFC 2045 6.4: the widest of the parts'
    )
    delimiter = f"\r\n--{boundary}\r\n".encode()
    return headers + b"".join(delimiter + part for part in parts) + f"\r\n--{boundary}--\r\n".encode()


# --- what a report is made of -----------------------------------------------------------------------------------------


def _lines(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode()


def _encoding(content: bytes) -> str:
    return "7bit" if content.isascii() else "8bit"


def _part(media_type: str, content: bytes) -> bytes:
    return _lines(f"Content-Type: {media_type}", f"Content-Transfer-Encoding: {_encoding(content)}", "") + content


def _text(media_type: str, content: bytes) -> bytes:
    """Return a part that is ASCII whatever its text is."""
    if content.isascii():
        return _part(media_type, content)
    encoded = binascii.b2a_qp(content)
    return _lines(f"Content-Type: {media_type}", "Content-Transfer-Encoding: quoted-printable", "") + encoded


def _words(subject: str) -> str:
    if subject.isascii():
        return subject
    return Header(subject, "utf-8", header_name="Subject").encode(linesep="\r\n")


def _returned(original: Original, *, whole: bool, international: bool) -> bytes:
    """Return the part with the original: all of it, or its header section, whole fields only."""
    content = apply(original.content, (RemoveBcc(),))
    section = content[: header.body_start(content)]
    if whole and len(content) <= _RETURNED_WHOLE and (international or section.isascii()):
        return _part("message/global" if international else "message/rfc822", content)
    if original.returnable:
        ends = [field.end for field in header.read_all(section).fields if field.end <= _RETURNED_HEADER]
        section = section[: ends[-1]] if ends else b""
    else:
        section = _known_by(section)
    if international:
        return _part("message/global-headers", section)
    return _text("text/rfc822-headers", section)  # RFC 6522 4 lets a header beyond ASCII be encoded


def _known_by(section: bytes) -> bytes:
    """Return what a program knows a mail of its own by: the first Message-ID and the first Date, if they are short."""
    first = {field.name.lower(): field for field in reversed(header.select(section, _KNOWN_BY))}
    short = (field for field in first.values() if field.end - field.start <= _KNOWN_BY_OCTETS)
    return b"".join(section[field.start : field.end] for field in sorted(short, key=lambda field: field.start))


def _boundary(message_id: str, content: bytes) -> str:
    """Return a boundary that does not stand in the parts, the same each time."""
    boundary = "=_" + re.sub(r"[^A-Za-z0-9]", "_", message_id)[:40]
    # RFC 2046 5.1.1: 70 characters at most. Only our own ids begin so, and content that was written before the id was
    # given can hold it by chance alone; a number behind it is enough.
    number = 0
    while f"{boundary}{number or ''}".encode() in content:
        number += 1
    return f"{boundary}{number or ''}"


def _explained(reports: tuple[Report, ...]) -> str:
    lines: list[str] = []
    for action in Action:
        about = [one for one in reports if one.action is action]
        if not about:
            continue
        lines += ["", *_SENTENCES[action], ""] if lines else [*_SENTENCES[action], ""]
        for one in about:
            lines.append(f"<{_shown(one.recipient)}>")
            if one.reply is not None:
                lines.append(f"    {f'{one.remote} said: ' if one.remote else ''}{_said(one.reply)}")
            if one.retried_until is not None:
                lines.append(f"    It will be tried until {date_time(one.retried_until)}.")
    return "\n".join(lines)


def _shown(address: str) -> str:
    return (serialise(address) or b"?").decode()


def _host(name: str) -> str:
    """Return a host name, or an IP address in brackets (RFC 3464 2.1.2)."""
    try:
        return f"[{ip_address(name)}]"
    except ValueError:
        return name


def _said(reply: Reply) -> str:
    return printable(str(reply)).encode("ascii", "replace").decode()


def _status_fields(original: Original, reports: tuple[Report, ...], hostname: str) -> bytes:
    """Return the per-message fields and a group of fields for each recipient (RFC 3464 2.2, 2.3; RFC 3461 6.3)."""
    envelope_id = xtext.decode(original.envelope_id)
    message = [
        *([f"Original-Envelope-Id: {envelope_id}"] if envelope_id else []),
        f"Reporting-MTA: dns; {_host(hostname)}",
        f"Arrival-Date: {date_time(original.arrived_at)}",
    ]
    return b"\r\n".join((_lines(*message), *(_lines(*_recipient_fields(one)) for one in reports)))


def _recipient_fields(report: Report) -> list[str]:
    original = xtext.original_recipient(report.original_recipient)
    kind = "rfc822" if report.recipient.isascii() else "utf-8"
    found = [f"Original-Recipient: {original[0]};{original[1]}"] if original else []
    found += [
        f"Final-Recipient: {kind}; {_shown(report.recipient)}",
        f"Action: {report.action}",
        f"Status: {report.status}",
    ]
    if report.remote:
        found.append(f"Remote-MTA: dns; {_host(report.remote)}")
    if report.reply is not None and report.remote:  # RFC 3464 2.3.6: what was said by another than us
        found.append(f"Diagnostic-Code: smtp; {_said(report.reply)}")
    if report.attempted_at is not None:
        found.append(f"Last-Attempt-Date: {date_time(report.attempted_at)}")
    if report.retried_until is not None and report.action is Action.DELAYED:
        found.append(f"Will-Retry-Until: {date_time(report.retried_until)}")
    return found
