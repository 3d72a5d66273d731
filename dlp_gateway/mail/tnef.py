"""What Outlook wraps its own mail in (winmail.dat): what in it may be an address, without unwrapping it.

A meeting or a rich text that leaves as TNEF carries its people once more. No rewrite reaches them there, so every copy
is searched for those whom it must not show.
"""

import re
from collections.abc import Iterator
from typing import Final

from dlp_gateway.mail.message import Part

_TYPES: Final = frozenset({"application/ms-tnef", "application/vnd.ms-tnef", "application/x-tnef"})
_NAME: Final = "winmail.dat"
_SIGNATURE: Final = b"\x78\x9f\x3e\x22"  # [MS-OXTNEF] 2.1.3.2, little endian
#: An "@" between letters of one octet each, or (PT_UNICODE) of the two of UTF-16.
_AT: Final = re.compile(rb"(?<=[!-?A-~\x80-\xff\0])@(\0?)(?=[A-Za-z0-9\x80-\xff])")
_CONTROLS: Final = re.compile(r"[\0-\x1f\x7f]")
_BEFORE: Final = 64  # letters of a local part (RFC 5321 4.5.3.1.1)
_BEHIND: Final = 255  # and of a domain


def is_tnef(part: Part) -> bool:
    """Whether Outlook unwraps a part: by its type, its name or how it begins."""
    return (
        part.media_type in _TYPES or _NAME in part.filename.lower().splitlines() or part.content.startswith(_SIGNATURE)
    )


def names(part: Part) -> Iterator[str]:
    """Yield the text around each "@" that may stand in an address; what is compressed in the part shows none.

    Those near to each other stand in one text, or a letter would be read as many times as there are signs around it.
    """
    spans: dict[tuple[int, int], tuple[int, int]] = {}  # by width and parity, the last one
    for found in _AT.finditer(part.content):
        place = found.start()
        width = 2 if found[1] else 1
        kind = width, place % width
        start, end = max(place % width, place - width * _BEFORE), place + width * (_BEHIND + 1)
        before = spans.get(kind)
        if before and start > before[1]:
            yield _text(part.content, width, *before)
        spans[kind] = (before[0] if before and start <= before[1] else start, end)
    for (width, _), span in spans.items():
        yield _text(part.content, width, *span)


def _text(content: bytes, width: int, start: int, end: int) -> str:
    return _CONTROLS.sub(" ", content[start:end].decode("utf-16-le" if width == 2 else "latin-1", "replace"))
