"""Pages, Numbers and Keynote: the archives within (`.iwa`) → the text in their objects.

Each is a row of chunks: a nought, the length in three octets, and octets packed by Snappy without its frame
(google/snappy, format_description.txt). What comes out are Protocol Buffers, of which the strings are read.
"""

import re
from collections.abc import Iterator
from typing import Final

from dlp_gateway.content.text import Account, Piece, Refused, UnreadableReason

#: Runs of UTF-8 with a letter or a digit, as long as people's words with their numbers are.
_RUN: Final = re.compile(
    rb"(?:[\t\n\x20-\x7e]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}){6,}"
)
_LETTERS: Final = re.compile(r"\w{3}")


def read(content: bytes, account: Account) -> Iterator[Piece]:
    """Yield the strings in one archive of objects."""
    found = bytearray()
    reason: UnreadableReason | None = None
    place = 0
    allowed = account.allowed(len(content))
    try:
        while place + 4 <= len(content) and content[place] == 0:
            end = place + 4 + int.from_bytes(content[place + 1 : place + 4], "little")
            _unpack(content, place + 4, min(end, len(content)), found, allowed)
            place = end
        reason = UnreadableReason.BROKEN if place != len(content) else None
    except IndexError:
        reason = UnreadableReason.BROKEN
    except Refused:
        reason = account.excess(len(content))
    account.spend(min(len(found), account.octets))
    runs = (match[0].decode("utf-8", "replace").strip() for match in _RUN.finditer(found))
    yield "\n".join(run for run in runs if _LETTERS.search(run))
    if reason is not None:
        yield reason


def _unpack(content: bytes, place: int, end: int, found: bytearray, allowed: int) -> None:
    """Add what `content[place:end]` stands for to `found`; raise IndexError for what is cut or points nowhere."""
    while content[place] & 0x80:  # the length of what comes out, which is not believed
        place += 1
    place += 1
    begin = len(found)
    while place < end:
        tag = content[place]
        place += 1
        kind, size = tag & 0x03, tag >> 2
        if kind == 0:  # literal octets
            more = max(0, size - 59)
            size = (int.from_bytes(content[place : place + more], "little") if more else size) + 1
            place += more
            found += content[place : min(place + size, end)]
            place += size
        else:  # a copy of what came before
            if kind == 1:
                offset, size = (size >> 3) << 8 | content[place], (size & 0x07) + 4
            else:
                offset = int.from_bytes(content[place : place + (2 if kind == 2 else 4)], "little")
                size += 1
            place += (1, 2, 4)[kind - 1]
            start = len(found) - offset
            if not offset or start < begin:
                raise IndexError
            piece = bytes(found[start : start + size])
            found += (piece * (size // len(piece) + 1))[:size]
        if len(found) > allowed:
            raise Refused(UnreadableReason.BOMB)
