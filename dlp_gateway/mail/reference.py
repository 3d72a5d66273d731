"""Identification fields (RFC 5322 3.6.4): which message this is, and which it answers."""

import hashlib
import re
from typing import Final

from dlp_gateway.mail.message import Message

_MESSAGE_ID: Final = re.compile(rb"<[^<>\s]{1,990}>")  # a line holds 998 octets (RFC 5322 2.1.1)
#: What some programs write without the brackets, and a left side that is quoted without need (RFC 5322 3.6.4, 4.5.4).
_BARE_ID: Final = re.compile(rb"(?<![^\s(,;])[^\s<>()\[\]\",;:@]{1,500}@[^\s<>()\",;:@]{1,500}")
_QUOTED_ID: Final = re.compile(r'<"([\w.!#$%&\'*+/=?^`{|}~-]+)"@(.+)>', re.ASCII)
_MOST_REFERENCES: Final = 50  # what a long thread carries; the newest are the last


def own_id(message: Message) -> str:
    """Return the message's id with its angle brackets, or "" if it has none."""
    for field in message.named("Message-ID"):
        if found := _MESSAGE_ID.search(field.body):
            return found.group().decode("ascii", "replace")
    return ""


def thread_id(message: Message) -> str:
    """Return the id by which answers name the message, in the form of `answered_ids`, or "" if it has none."""
    return next((_plain(found[0]) for field in message.named("Message-ID") if (found := _ids(field.body))), "")


def _ids(body: bytes) -> list[bytes]:
    """Return the ids of a field; without brackets only where none has any."""
    return _MESSAGE_ID.findall(body) or [b"<%s>" % one for one in _BARE_ID.findall(body)]


def _plain(found: bytes) -> str:
    """Return an id in the one form in which ids are compared: `<"a.b"@example.com>` is `<a.b@example.com>`."""
    text = found.decode("ascii", "replace")
    quoted = _QUOTED_ID.fullmatch(text) if text.startswith('<"') else None
    return f"<{quoted[1]}@{quoted[2]}>" if quoted else text


def content_id(message: Message) -> str:
    """Return what stands for the id of a message without one: a digest of its author, date, audience and body.

    What servers add on the way is not in it, so that the parts of one mail and its retries have the same.
    """
    digest = hashlib.sha256(memoryview(message.raw)[message.body_start :])
    for name in ("From", "Date", "To", "Cc", "Subject"):
        for field in message.named(name):
            digest.update(b"\0%s\0%s" % (name.encode(), field.body.strip()))
    return f"sha256:{digest.hexdigest()}"


def answered_ids(message: Message) -> tuple[str, ...]:
    """Return the ids that the message answers, nearest first, without duplicates, at most fifty."""
    ids: list[bytes] = []
    for name in ("In-Reply-To", "References"):
        if fields := message.named(name):
            found = [one for field in fields for one in _ids(field.body[-50_000:])]
            ids.extend(reversed(found[-_MOST_REFERENCES:]))
    return tuple(dict.fromkeys(map(_plain, ids)))[:_MOST_REFERENCES]
