"""To and Cc under a seal: what a signature or a cipher covers, no rewrite of the outer header reaches."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from dlp_gateway.mail import header
from dlp_gateway.mail.address_list import scan
from dlp_gateway.mail.exposure import Hidden
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.parse import whole

_SEALED: Final = frozenset({"application/pgp-encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"})
# RFC 9788 2.1.1 and the drafts before it: the payload's Content-Type says that its header section is the message's.
_PROTECTED: Final = re.compile(rb"(?:;|\n)[ \t]{0,20}(?:hp|protected-headers)[ \t]{0,20}=", re.IGNORECASE)
#: RFC 9580 6.2: what is encrypted and stands in a text as it is.
_ARMOUR: Final = re.compile(rb"^[ \t>]{0,20}-----BEGIN PGP MESSAGE-----", re.MULTILINE)
_BLANK: Final = re.compile(rb"\n[ \t]*+\r?\n")
_ENDS: Final = (b"\n\r\n", b"\n\n", b"\n--")  # of what stands before a section
_LISTS: Final = ("to", "cc", "resent-to", "resent-cc")
_SECTIONS: Final = 100  # of one message; more is a game
_LOOKED_AT: Final = 4 * header.HEADER_OCTETS  # octets of all of them; each is looked at once


def hides_recipients(message: Message, hidden: Hidden) -> bool:
    """Whether a sealed part shows, or may show, one of `hidden`: encrypted, or a payload with To and Cc of its own.

    What is encrypted cannot be looked into, and its reader sees the To that the author's client put there.
    """
    if any(part.media_type in _SEALED or part.filename.lower().endswith(".p7m") for part in message.parts):
        return True
    if any(part.media_type.startswith("text/") and _ARMOUR.search(part.content) for part in whole(message).parts):
        return True
    places = [found.start() for found in islice(_PROTECTED.finditer(message.raw, message.body_start), _SECTIONS + 1)]
    if len(places) > _SECTIONS:
        return True
    sections = dict.fromkeys(_sections(message.raw, places))
    if sum(min(end - start, header.HEADER_OCTETS) for start, end in sections) > _LOOKED_AT:
        return True
    return any(_names(message.raw, section, hidden) for section in sections)


def _sections(raw: bytes, places: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield where the header section around each of these places begins and ends; they ascend, so it is linear."""
    before, looked_to, blank = -1, 0, (-1, -1)
    for place in places:
        low = max(0, looked_to - 2)  # an end may lie across the last place
        before = max(before, *(raw.rfind(end, low, place) for end in _ENDS))
        looked_to = place
        if place > blank[0]:
            behind = _BLANK.search(raw, place)
            blank = behind.span() if behind else (len(raw), len(raw))
        yield raw.find(b"\n", before + 1, place) + 1, blank[1]


def _names(raw: bytes, section: tuple[int, int], hidden: Hidden) -> bool:
    """Whether a recipient field of a header section names a hidden address."""
    head = header.read(raw, *section)
    return any(
        mailbox.address in hidden
        for name in _LISTS
        for field in head.named(name)
        for mailbox in scan(field.body).mailboxes
    )
