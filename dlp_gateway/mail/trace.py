"""Our own trace field, and the hops that a message has behind it (RFC 5321 4.4, 6.3)."""

import re
from datetime import UTC, datetime
from typing import Final

from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message

_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253}[A-Za-z0-9])?|\[[0-9A-Fa-f:.IPv]{2,60}\]")
_PROTOCOL: Final = re.compile(r"(?:UTF8)?E?(?:SMTP|LMTP)S?A?")  # RFC 3848, RFC 6531 4.3
_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}")
#: Octets that a mail is given to grow by with us: our Received field with the longest host name (at most 391), a To of
#: the author's address where it was shorter (RFC 5321 4.5.3.1.3), and a list of recipients that was written afresh.
GROWTH: Final = 1_000
# Fixed by RFC 5322 3.3, whatever the locale says.
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def received(envelope: Envelope, hostname: str, protocol: str) -> bytes:
    """Return our Received field, complete with final CRLF; ValueError for what has no place in one.

    Note: no `for` clause, it would leak blind recipients (RFC 5321 7.2). No `from` clause either, though RFC 5321 4.4
    wants one: it names the author's machine and network, and what a login was, to all who get the mail.
    """
    if not (_HOST.fullmatch(hostname) and _PROTOCOL.fullmatch(protocol) and _ID.fullmatch(envelope.id)):
        raise ValueError("trace: a host name, protocol or id that no Received field may hold")
    written = f"Received: by {hostname} with {protocol} id {envelope.id};\r\n\t{date_time(envelope.received_at)}\r\n"
    return written.encode("ascii")


def date_time(moment: datetime) -> str:
    """Write an aware time as RFC 5322 3.3 has it, such as "Sat, 21 Nov 2026 22:08:57 +0000"."""
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    zone = "+0000" if moment.tzinfo is UTC else f"{moment:%z}"  # strftime takes longer than all the rest
    clock = f"{moment.hour:02}:{moment.minute:02}:{moment.second:02}"
    return f"{day}, {moment.day} {month} {moment.year:04} {clock} {zone}"


def hops(message: Message) -> int:
    """Return how many servers had the message before us: its Received fields."""
    return len(message.named("Received"))
