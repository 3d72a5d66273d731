"""Delivery status notifications (RFC 3464): what an author is told about recipients who were refused for good.

A notification goes to the reverse-path of the mail with the null reverse-path as its own (RFC 5321 4.5.5), so that none
is ever answered by another.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dlp_gateway.mail import header
from dlp_gateway.mail.address import serialise
from dlp_gateway.mail.reply import Reply, printable
from dlp_gateway.mail.trace import date_time

_STATUS: Final = re.compile(r"5\.\d{1,3}\.\d{1,3}")
_NO_STATUS: Final = "5.0.0"  # RFC 3463 3.1: other or undefined status
_HOST: Final = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")
#: More than this of the author's own header section is not sent back; an honest one is far shorter.
_RETURNED_OCTETS: Final = 64_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A recipient whom the smarthost refused, and its reply to RCPT or to the data."""

    recipient: str
    reply: Reply


def failed(
    *,
    original: bytes,
    reverse_path: str,
    failures: tuple[Failed, ...],
    hostname: str,
    postmaster: str,
    moment: datetime,
    message_id: str,
    smarthost: str,
) -> bytes:
    """Compose the notification with CRLF line ends; all ASCII unless an address or the original's header is not.

    `original` is the mail as its author sent it: only its header section goes back, to the one who wrote it. `failures`
    names only recipients of that author's envelope. `moment` is aware, `message_id` is without its angle brackets,
    `postmaster` and `reverse_path` are addr-specs. Raises ValueError if there is nobody to tell or nothing to tell.
    """
    author, sender = serialise(reverse_path), serialise(postmaster)
    if author is None or sender is None or not failures:
        raise ValueError("dsn: needs an author, a postmaster and at least one failure")
    if not (_HOST.fullmatch(hostname) and _HOST.fullmatch(smarthost) and serialise(message_id)):
        raise ValueError("dsn: a host name or message id that no field may hold")
    returned = _returned(original)
    boundary = _boundary(message_id, returned)
    headers = _lines(
        f"From: Mail delivery <{sender.decode()}>",
        f"To: {author.decode()}",
        "Subject: Undelivered mail returned to its author",
        f"Date: {date_time(moment)}",
        f"Message-ID: <{message_id}>",
        "Auto-Submitted: auto-replied",  # RFC 3834 5
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary="{boundary}"',
    )
    recipients = [_shown(one.recipient) for one in failures]
    international = not all(map(str.isascii, recipients))  # RFC 6533 3
    status_type = "message/global-delivery-status" if international else "message/delivery-status"
    parts = (
        _part("text/plain; charset=utf-8", _explanation(failures)),
        _part(status_type, _status(failures, hostname, smarthost, moment)),
        _part("text/rfc822-headers", returned),
    )
    delimiter = f"\r\n--{boundary}\r\n".encode()
    return headers + b"".join(delimiter + part for part in parts) + f"\r\n--{boundary}--\r\n".encode()


def _lines(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode()


def _part(media_type: str, content: bytes) -> bytes:
    encoding = "7bit" if content.isascii() else "8bit"
    return _lines(f"Content-Type: {media_type}", f"Content-Transfer-Encoding: {encoding}", "") + content


def _returned(original: bytes) -> bytes:
    """Return the original's header section, whole fields only."""
    section = original[: header.body_start(original)]
    ends = [field.end for field in header.read_all(section).fields if field.end <= _RETURNED_OCTETS]
    return section[: ends[-1]] if ends else b""


def _boundary(message_id: str, returned: bytes) -> str:
    """Return a boundary that does not stand in what is returned, the same each time."""
    boundary = "=_" + re.sub(r"[^A-Za-z0-9]", "_", message_id)[:40]
    while boundary.encode() in returned:
        boundary += "_"
    return boundary


def _explanation(failures: tuple[Failed, ...]) -> bytes:
    blocks = [f"<{_shown(one.recipient)}>\r\n    {_said(one.reply)}" for one in failures]
    return _lines(
        "Your message could not be delivered to the recipients below. The mail server",
        "that was asked to take it refused them for good; nothing more will be tried.",
        "Recipients who are not named here are not affected.",
        "",
        *blocks,
    )


def _shown(address: str) -> str:
    return (serialise(address) or b"?").decode()


def _said(reply: Reply) -> str:
    return printable(str(reply)).encode("ascii", "replace").decode()


def _status(failures: tuple[Failed, ...], hostname: str, smarthost: str, moment: datetime) -> bytes:
    """Return the per-message fields and a group of fields for each recipient (RFC 3464 2.2, 2.3)."""
    groups = [_lines(f"Reporting-MTA: dns; {hostname}")]
    for one in failures:
        kind = "rfc822" if one.recipient.isascii() else "utf-8"
        status = one.reply.enhanced if _STATUS.fullmatch(one.reply.enhanced) else _NO_STATUS
        groups.append(
            _lines(
                f"Final-Recipient: {kind}; {_shown(one.recipient)}",
                "Action: failed",
                f"Status: {status}",
                f"Remote-MTA: dns; {smarthost}",
                f"Diagnostic-Code: smtp; {_said(one.reply)}",
                f"Last-Attempt-Date: {date_time(moment)}",
            )
        )
    return b"\r\n".join(groups)
