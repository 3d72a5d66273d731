"""Invitations (RFC 5545, RFC 5546): whom a calendar part shows, and the same part with fewer attendees.

Bounded and tolerant like `mail.parse`: what looks like an address in an ATTENDEE or ORGANIZER line counts, wherever it
stands there. Nothing else in the part is changed, and what cannot be pruned so that a client can still answer it stays
as it is: the check of the copy then finds the addresses, and the mail is held.
"""

import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final
from urllib.parse import unquote

from dlp_gateway.mail import transfer
from dlp_gateway.mail.address import DomainSet, canonical
from dlp_gateway.mail.encoded_word import charset_text
from dlp_gateway.mail.message import Part

#: An invitation with a thousand attendees takes a fifth of this; what lies beyond makes the part too long to be read.
OCTETS: Final = 1_000_000

_TYPES: Final = frozenset(
    {"text/calendar", "application/ics", "application/calendar", "text/x-vcalendar", "application/x-vcalendar"}
)
_ENDINGS: Final = (".ics", ".ical", ".icalendar", ".ifb", ".vcs")
_BEGIN: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,64}+BEGIN:VCALENDAR\b", re.IGNORECASE)
#: One content line, with the lines that RFC 5545 3.1 folds it into.
_LINE: Final = re.compile(rb"[^\n]*+(?:\n[ \t][^\n]*+)*+\n?")
_FOLD: Final = re.compile(rb"\r?\n[ \t]")
_PROPERTY: Final = re.compile(rb"(?:[A-Za-z0-9-]{1,64}\.)?(ATTENDEE|ORGANIZER)[ \t]*+(?=[;:])", re.IGNORECASE)
# RFC 5545 3.1: a parameter's values may be quoted, and then hold what divides parameters.
_PARAMETER: Final = re.compile(rb';(?:[^";:]++|"[^"]*+"?)*+')
_DIVIDERS: Final = re.compile(r'[\s;:,="<>()\\?]++')
_BLOCK: Final = re.compile(rb"(BEGIN|END):[A-Za-z0-9-]{1,64}[ \t]*+\Z", re.IGNORECASE)
_WIDTH: Final = 75  # RFC 5545 3.1: octets of a line
_BASE64_LINE: Final = 57  # octets that fill 76 letters (RFC 2045 6.8)


@dataclass(frozen=True, slots=True)
class Invited:
    """An address in an invitation; `field` is "Attendee" or "Organizer"."""

    field: str
    address: str


def is_calendar(part: Part) -> bool:
    """Whether clients take a part for an invitation: by its type, its name or how it begins."""
    return (
        part.media_type in _TYPES
        or any(name.endswith(_ENDINGS) for name in part.filename.lower().splitlines())
        or _BEGIN.match(part.content) is not None
    )


def is_too_long(part: Part) -> bool:
    """Whether a part is an invitation of which not all is read, so that nobody can say whom the rest shows."""
    return len(part.content) + part.left_out > OCTETS and is_calendar(part)


def unfolded(part: Part) -> str:
    """Return all of a calendar part that is read, its content lines whole."""
    return _FOLD.sub(b"", _octets(part)).decode("utf-8", "replace")


def _octets(part: Part) -> bytes:
    """Return the start of a calendar part in UTF-8, whatever it is written in."""
    content = part.content[:OCTETS]
    if b"\0" in content:
        return charset_text(content, "utf-16")[0].encode("utf-8", "replace")
    return charset_text(content, part.charset or "utf-8")[0].encode("utf-8", "replace")


def invited(part: Part) -> Iterator[Invited]:
    """Yield who stands in the ATTENDEE and ORGANIZER lines of a calendar part, in order."""
    for match in _LINE.finditer(_octets(part)):
        line = _unfolded(match[0])
        if found := _PROPERTY.match(line):
            yield from (Invited(found[1].decode().capitalize(), address) for address in addresses_in(line))


def pruned(part: Part, inside: tuple[str, ...], kept: tuple[str, ...]) -> bytes | None:
    """Return the part's content without the attendees outside `inside` (patterns), but for those `kept`.

    The organizer stays, since nobody could answer without him. What names outsiders in the line of one who stays (for
    whom he stands in, who sent his answer) is taken out there. None if a component would be left without anybody (RFC
    5546 3.2.2: a request has one attendee or more), or if the part cannot be written as it was.
    """
    if len(part.content) > OCTETS or b"\0" in part.content:
        return None
    domains, stay = DomainSet(inside), frozenset(map(canonical, kept))

    def is_hidden(text: bytes) -> bool:
        return any(not domains.contains(one) and canonical(one) not in stay for one in addresses_in(text))

    lines: list[bytes] = []
    blocks = [[0, 0]]  # for each open component: its attendees before and after
    for match in _LINE.finditer(part.content):
        folded = match[0]
        line = _unfolded(folded)
        if block := _BLOCK.match(line):
            if block[1].upper() == b"BEGIN":
                blocks.append([0, 0])
            elif len(blocks) > 1 and not _is_attended(blocks.pop()):
                return None
        found = _PROPERTY.match(line)
        if found and found[1].upper() == b"ATTENDEE":
            blocks[-1][0] += 1
            folded = _attendee(line[: found.end()], line[found.end() :], is_hidden, folded)
            blocks[-1][1] += bool(folded)
        lines.append(folded)
    return b"".join(lines) if all(map(_is_attended, blocks)) else None


def encoded(content: bytes, encoding: str) -> bytes | None:
    """Return a part's content in its transfer encoding; None if that is none of RFC 2045's, or would not read back."""
    if encoding in transfer.IDENTITY:
        return content
    if encoding == "base64":
        pieces = (content[start : start + _BASE64_LINE] for start in range(0, len(content), _BASE64_LINE))
        return b"\r\n".join(binascii.b2a_base64(piece, newline=False) for piece in pieces)
    if encoding == "quoted-printable":
        written = binascii.b2a_qp(content)
        return written if transfer.decode(written, encoding)[0] == content else None
    return None


def addresses_in(line: bytes) -> tuple[str, ...]:
    """Return all that looks like an address in a content line: in the value, in EMAIL or SENT-BY, in names as well."""
    text = line.decode("utf-8", "replace")
    if "@" not in text and "%40" not in text:
        return ()
    found: dict[str, None] = {}
    for token in _DIVIDERS.split(text):
        word = unquote(token) if "%" in token else token  # RFC 6068 2: mailto:a%40b.example
        if "@" in word:
            pieces = [piece.strip("'. ") for piece in word.split("@")]
            found |= dict.fromkeys(f"{local}@{domain}" for local, domain in pairwise(pieces) if local and domain)
    return tuple(found)


def _is_attended(block: list[int]) -> bool:
    before, after = block
    return after > 0 or before == 0


def _unfolded(line: bytes) -> bytes:
    return _FOLD.sub(b"", line).rstrip(b"\r\n").lstrip(b"\xef\xbb\xbf \t")


def _attendee(name: bytes, rest: bytes, is_hidden: Callable[[bytes], bool], folded: bytes) -> bytes:
    """Return the line of an attendee as it stays, b"" if he goes; `rest` are his parameters and the value."""
    if not is_hidden(rest):
        return folded
    parameters = []
    start = 0
    while parameter := _PARAMETER.match(rest, start):
        parameters.append(parameter[0])
        start = parameter.end()
    own = [one for one in parameters if one[1:].lstrip().upper().startswith(b"EMAIL")]  # RFC 7986 6.2
    if is_hidden(b" ".join([rest[start:], *own])):
        return b""
    written = name + b"".join(one for one in parameters if not is_hidden(one)) + rest[start:]
    line_end = b"\r\n" if folded.endswith(b"\r\n") else b"\n"
    return (line_end + b" ").join(_pieces(written)) + line_end


def _pieces(line: bytes) -> Iterator[bytes]:
    """Cut a content line into pieces that fit a line each, never within a character of UTF-8."""
    start, width = 0, _WIDTH
    while len(line) - start > width:
        cut = start + width
        while cut > start + 1 and line[cut] & 0xC0 == 0x80:
            cut -= 1
        yield line[start:cut]
        start = cut
        width = _WIDTH - 1  # the blank of the fold counts
    yield line[start:]
