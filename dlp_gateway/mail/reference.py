"""Identification fields (RFC 5322 3.6.4): which message this is, and which it answers."""

import hashlib
import re
from typing import Final

from dlp_gateway.mail.message import Message

_MESSAGE_ID: Final = re.compile(rb"<[^<>\s]{1,990}>")  # a line holds 998 octets (RFC 5322 2.1.1)
_MOST_REFERENCES: Final = 50  # what a long thread carries; the newest are the last


def own_id(message: Message) -> str:
    """Return the message's id with its angle brackets, or "" if it has none."""
    for field in message.named("Message-ID"):
        if found := _MESSAGE_ID.search(field.body):
            return found.group().decode("ascii", "replace")
    return ""


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
            found = [match for field in fields for match in _MESSAGE_ID.findall(field.body[-50_000:])]
            ids.extend(reversed(found[-_MOST_REFERENCES:]))
    return tuple(dict.fromkeys(one.decode("ascii", "replace") for one in ids))[:_MOST_REFERENCES]
