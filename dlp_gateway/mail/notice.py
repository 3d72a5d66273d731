"""Notices: a plain letter from the gateway, as the octets of a message (RFC 5322). Pure: values in, octets out.

It is ASCII unless an address in it is not (RFC 6532), it says that a program wrote it (RFC 3834), and it stands beside
the mail that it is about (In-Reply-To). Its text may be read at any width (format=flowed, RFC 3676).
"""

import binascii
import re
import textwrap
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from typing import Final

from dlp_gateway.mail.address import serialise
from dlp_gateway.mail.encoded_word import phrase
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.reply import printable
from dlp_gateway.mail.trace import date_time

#: Says that a notice is for people inside, to the gateway through which a group would pass it on to others.
INSIDE_ONLY: Final = "X-DLP-Gateway-Inside-Only"

_LINE: Final = 72  # RFC 3676 4.2: 78 at most, and shorter is better
_WIRE: Final = 998  # RFC 5322 2.1.1
_SUBJECT: Final = 200  # characters
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}")
#: An id that fits into one line of the field beside its name; longer ones are no honest client's.
_MESSAGE_ID: Final = re.compile(r"<[!-;=?-~]{1,900}>")
#: What a reader of format=flowed would take for something else at the beginning of a line (RFC 3676 4.4).
_STUFFED: Final = (" ", ">", "From ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A letter: `text` in lines; one that begins with a blank stays as it is, all others may be folded between words.

    `sender` and `recipient` are addr-specs, `sender_name` is shown beside the first. `in_reply_to` is the Message-ID of
    the mail that it is about, with its angle brackets, or "". `language` is a tag such as "de", `moment` is aware.
    `inside_only`: it goes to an address with others behind it, who may be outside, and shall not reach those.
    """

    sender: str
    sender_name: str
    recipient: str
    subject: str
    text: str
    language: str
    moment: datetime
    message_id: str
    in_reply_to: str = ""
    inside_only: bool = False


def compose(notice: Notice) -> bytes:
    """Return the message with CRLF line ends; ValueError for an address, id or language that no field can hold."""
    sender, recipient = serialise(notice.sender), serialise(notice.recipient)
    if sender is None or recipient is None or not _LANGUAGE.fullmatch(notice.language):
        raise ValueError("notice: an address or a language that no field may hold")
    if not (notice.message_id.isascii() and serialise(notice.message_id)):
        raise ValueError("notice: a message id that no field may hold")
    lines = _flowed(notice.text)
    text = "".join(f"{line}\r\n" for line in lines).encode("utf-8", "replace")
    is_plain = text.isascii() and max(map(len, lines), default=0) <= _WIRE
    fields = [
        b"From: %s <%s>" % (phrase(notice.sender_name), sender),
        b"To: %s" % recipient,
        b"Subject: %s" % _words(printable(notice.subject, _SUBJECT)),
        f"Date: {date_time(notice.moment)}".encode(),
        f"Message-ID: <{notice.message_id}>".encode(),
        *_thread(notice.in_reply_to),
        b"Auto-Submitted: auto-generated",  # RFC 3834 5.1
        b"X-Auto-Response-Suppress: All",  # the same for Exchange
        *([f"{INSIDE_ONLY}: yes".encode()] if notice.inside_only else []),
        f"Content-Language: {notice.language}".encode(),
        b"MIME-Version: 1.0",
        b"Content-Type: text/plain; charset=utf-8; format=flowed",
        b"Content-Transfer-Encoding: %s" % (b"7bit" if is_plain else b"quoted-printable"),
    ]
    body = text if is_plain else binascii.b2a_qp(text)
    return b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


def is_inside_only(message: Message) -> bool:
    """Tell whether a message is such a notice."""
    return bool(message.named(INSIDE_ONLY))


def _words(subject: str) -> bytes:
    if subject.isascii() and "=?" not in subject:
        return subject.encode()
    return Header(subject, "utf-8", header_name="Subject").encode(linesep="\r\n").encode("ascii")


def _thread(message_id: str) -> list[bytes]:
    """Return the fields that put the notice beside the mail (RFC 5322 3.6.4); none for an id that is none."""
    if not _MESSAGE_ID.fullmatch(message_id):
        return []
    return [f"{name}: {message_id}".encode() for name in ("In-Reply-To", "References")]


def _flowed(text: str) -> list[str]:
    """Fold lines softly: one that ends with a blank goes on in the next (RFC 3676 4.2)."""
    lines: list[str] = []
    for given in text.splitlines():
        line = printable(given, 10_000).rstrip()
        folds = len(line) > _LINE and not line.startswith(" ")
        pieces = textwrap.wrap(line, _LINE, break_long_words=False, break_on_hyphens=False) if folds else [line]
        for piece, following in zip(pieces, [*pieces[1:], None], strict=True):
            stuffed = f" {piece}" if piece.startswith(_STUFFED) else piece
            lines.append(stuffed if following is None else f"{stuffed} ")
    return lines
