"""The free text in header fields: subjects, comments, display names, and all fields that are not known for machines."""

import re
from collections.abc import Iterator
from enum import Enum, auto
from functools import lru_cache
from typing import Final

from dlp_gateway.content.text import Text
from dlp_gateway.mail.encoded_word import decode, text_of
from dlp_gateway.mail.header import HEADER_OCTETS
from dlp_gateway.mail.message import Field, Message

#: Fields whose visible addresses are in `Message.visible`; only their display names are text.
_RECIPIENTS: Final = frozenset({"to", "cc", "resent-to", "resent-cc"})
#: Fields with addresses beside the display names.
_ORIGINATORS: Final = frozenset(
    (
        "from",
        "sender",
        "reply-to",
        "resent-from",
        "resent-sender",
        "resent-reply-to",
        "disposition-notification-to",
    )
)
#: Fields that programs write for programs: tokens, stamps and signatures, full of digits that mean nothing to people.
_MACHINE: Final = frozenset(
    (
        "authentication-results",
        "auto-submitted",
        "autocrypt",
        "bcc",
        "content-id",
        "content-language",
        "content-length",
        "content-location",
        "content-md5",
        "deferred-delivery",
        "delivered-to",
        "delivery-date",
        "dkim-signature",
        "domainkey-signature",
        "errors-to",
        "expires",
        "feedback-id",
        "lines",
        "list-archive",
        "list-help",
        "list-owner",
        "list-post",
        "list-subscribe",
        "list-unsubscribe",
        "list-unsubscribe-post",
        "original-message-id",
        "priority",
        "received",
        "received-spf",
        "resent-bcc",
        "resent-date",
        "resent-message-id",
        "return-path",
        "status",
        "thread-index",
        "x-auto-response-suppress",
        "x-envelope-to",
        "x-mailgun-sid",
        "x-mimeole",
        "x-msmail-priority",
        "x-original-to",
        "x-originating-ip",
        "x-originatororg",
        "x-priority",
        "x-received",
        "x-sg-eid",
        "x-sg-id",
        "x-ses-outgoing",
        "x-status",
        "x-uidl",
    )
)
#: Fields for machines in which people may write all the same: in comments, and in phrases beside what counts.
_ASIDES: Final = frozenset(
    (
        *("content-disposition", "content-transfer-encoding", "content-type", "date", "importance", "in-reply-to"),
        *("list-id", "message-id", "mime-version", "precedence", "references", "sensitivity"),
    )
)
_PHRASES: Final = frozenset({"in-reply-to", "list-id"})
_MACHINE_PREFIXES: Final = (
    "arc-",
    "x-ms-",
    "x-microsoft-",
    "x-forefront-",
    "x-exchange-",
    "x-eop",
    "x-google-",
    "x-gm-",
    "x-spam-",
    "x-rspamd-",
    "x-virus-",
    "x-amavis-",
    "x-ironport-",
    "x-proofpoint-",
    "x-mimecast-",
    "x-mozilla-",
)


class _Role(Enum):
    """What a field is to a reader."""

    TEXT = auto()
    ADDRESSES = auto()  # display names are text
    RECIPIENTS = auto()  # the same, but the message's own were read by the parser
    COMMENTED = auto()  # comments are text
    NAMED = auto()  # comments and phrases are text
    UNREAD = auto()  # written by machines, or read elsewhere


#: Longer than any name in the tables above; bounds what is cached.
_LONGEST_NAME: Final = 64
_ADDRESS: Final = re.compile(r"<[^<>]*+>")
_COMMENT: Final = re.compile(r"\(([^()]*+)\)")
_WORD: Final = re.compile(r'[^\s,;:<>()"]++')
_FIELD: Final = re.compile(rb"^([!-9;-~]{1,128})[ \t]*+:([^\r\n]*+(?:\r?\n[ \t][^\r\n]*+)*+)", re.MULTILINE)


def free_text(message: Message) -> Iterator[Text]:
    """Yield the free text of the header, one Text a field; `where` is "header:Subject" with the name as written."""
    addressed: list[Field] = []
    for field in message.fields:
        role = _role(field.name[:_LONGEST_NAME])
        if role is _Role.UNREAD or (role is _Role.COMMENTED and b"(" not in field.body):  # as most are
            continue
        if role is _Role.RECIPIENTS:
            addressed.append(field)
        elif text := _read(role, field.body):
            yield Text(where=f"header:{field.name}", text=text)
    names: dict[str, dict[str, None]] = {}
    for visible in message.visible:
        if visible.name:
            names.setdefault(visible.field, {})[visible.name] = None
    for field in addressed:
        if b":" in field.body or b"(" in field.body:
            names.setdefault(field.name, {})[_aside(field.body)] = None
    for field_name, distinct in names.items():
        yield Text(where=f"header:{field_name}", text="\n".join(distinct))


def section_text(section: bytes) -> str:
    """Return the free text of a header section of its own (an embedded message's), a line each: "Subject: Hello".

    As much of it is read as of the message's own.
    """
    lines = []
    for match in _FIELD.finditer(section, 0, HEADER_OCTETS):
        name = match[1].decode("ascii")
        body = match[2].replace(b"\r\n", b"").replace(b"\n", b"").strip()
        text = _read(_role(name[:_LONGEST_NAME]), body)
        if text:
            lines.append(f"{name}: {text}")
    return "\n".join(lines)


def _read(role: _Role, body: bytes) -> str:
    if not body or role is _Role.UNREAD:
        return ""
    if role is _Role.COMMENTED and b"(" not in body:
        return ""
    text = text_of(body)
    if role is _Role.TEXT:
        return decode(text)[0]
    if role is _Role.ADDRESSES or role is _Role.RECIPIENTS:
        return _named(text)
    said = [comment for comment in _COMMENT.findall(text) if " " in comment]
    if role is _Role.NAMED:
        said.append(_ADDRESS.sub(" ", text).partition("(")[0].strip())
    return decode(" ".join(said))[0].strip()


@lru_cache(maxsize=1024)
def _role(name: str) -> _Role:
    key = name.lower()
    if key in _RECIPIENTS:
        return _Role.RECIPIENTS
    if key in _ASIDES:
        return _Role.NAMED if key in _PHRASES else _Role.COMMENTED
    if key in _MACHINE or key.startswith(_MACHINE_PREFIXES):
        return _Role.UNREAD
    return _Role.ADDRESSES if key in _ORIGINATORS else _Role.TEXT


def _aside(body: bytes) -> str:
    """The names of groups and the comments in an address list, which are nobody's display name."""
    return " ".join(word for word in _WORD.findall(decode(text_of(body))[0]) if "@" not in word)


def _named(text: str) -> str:
    """The display names and comments of an address list; the addresses themselves are not text."""
    name, angle, address = text.partition("<")
    if not angle:
        return decode(text.partition("(")[2].rstrip(") "))[0] if "(" in text else ""
    if "<" in address or address.find(">") != len(address) - 1:  # more than one, as few originators are
        name = _ADDRESS.sub(" ", text)
    return decode(name)[0].strip()
