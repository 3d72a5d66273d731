"""Whether a program wrote a message, so that nobody reads an answer to it (RFC 3834 2)."""

import re
from typing import Final

from dlp_gateway.mail.message import Message

#: Anything but "no", whatever parameters follow (RFC 3834 5).
_BY_A_PERSON: Final = re.compile(rb"\s*no\s*(?:[;(]|$)", re.IGNORECASE)
#: Older than RFC 3834 and in no standard, but what mailing programs write (RFC 2076 3.9, RFC 3834 2).
_PRECEDENCE: Final = re.compile(rb"\s*(?:bulk|list|junk)\b", re.IGNORECASE)
#: Exchange's word for the same wish; its other values are about receipts.
_SUPPRESSED: Final = re.compile(rb"\b(?:all|autoreply)\b", re.IGNORECASE)


def is_automatic(message: Message) -> bool:
    """Tell whether the header says so: Auto-Submitted, Precedence, a list's id (RFC 2919), or Exchange's field."""
    return (
        any(not _BY_A_PERSON.match(field.body) for field in message.named("Auto-Submitted"))
        or any(_PRECEDENCE.match(field.body) for field in message.named("Precedence"))
        or bool(message.named("List-Id"))
        or any(_SUPPRESSED.search(field.body) for field in message.named("X-Auto-Response-Suppress"))
    )
