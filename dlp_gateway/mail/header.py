"""The header section as fields with their places in the raw octets; bounded, tolerant, never raises."""

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Final

from dlp_gateway.mail.message import Defect, Field

#: Two and a half times what Postfix takes (header_size_limit 102400), room for 5,000 visible recipients with names.
HEADER_OCTETS: Final = 262_144
#: Haraka's bound; forwarding chains with ARC sets stay far below.
FIELDS: Final = 1_000

# RFC 5322 2.2: printable ASCII but the colon; 4.5: blanks before the colon. Folded lines begin with a blank (2.2.3).
_FIELD: Final = re.compile(rb"(?<![^\n])([!-9;-~]++)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)\n?")
_UNPRINTABLE: Final = bytes((*range(0x21), *range(0x7F, 0x100)))
_LONE_RETURN: Final = re.compile(rb"\r(?!\n)")
_field: Final = tuple.__new__  # what a call of a named tuple comes to, in a third of the time
_BLANK_CONTINUATION: Final = re.compile(rb"\n[ \t]++\r?\n")


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of one header section; `body_start` is the offset behind the blank line.

    `index` has the fields by lower-case name. `remainder` is the offset from which some clients read on as body, since
    a line there is no field or blank but for white space; it is `body_start` in an orderly header. `strays` are the
    lines that are no fields, as spans.
    """

    fields: tuple[Field, ...]
    index: dict[str, list[Field]]
    body_start: int
    remainder: int
    defects: frozenset[Defect]
    strays: tuple[tuple[int, int], ...]

    def named(self, name: str) -> list[Field]:
        """Return the fields called `name` (lower case), in order."""
        return self.index.get(name, [])


def read(
    raw: bytes, start: int = 0, end: int | None = None, *, octets: int = HEADER_OCTETS, fields: int = FIELDS
) -> Header:
    """Read the header section of the message or MIME part that is `raw[start:end]`; `start` begins a line.

    Lines end with LF, with or without CR. A line that is no field is stepped over (`BAD_FIELD`): what follows it may be
    header to one client and body to another, so it is read as both.
    """
    section_end, behind = _section(raw, start, len(raw) if end is None else end)
    limit = min(section_end, start + octets)
    found: list[Field] = []
    index: dict[str, list[Field]] = {}
    strays: list[tuple[int, int]] = []
    position = start
    is_folded = False
    for match in islice(_FIELD.finditer(raw, start, limit), fields):
        name, body = match.groups()
        begin, stop = match.span()
        if begin > position:
            strays.append((position, begin))
        position = stop
        if b"\n" in body:
            is_folded = True
            body = body.replace(b"\r\n", b"").replace(b"\n", b"")
        written = name.decode("ascii")
        field = _field(Field, (written, begin, stop, body.strip(b" \t\r")))
        found.append(field)
        index.setdefault(written.lower(), []).append(field)
    defects: set[Defect] = set()
    if position < limit and len(found) < fields:
        strays.append((position, limit))
    elif position < section_end:
        defects.add(Defect.TOO_MANY_FIELDS)
    if limit < section_end:
        defects.add(Defect.TOO_MANY_FIELDS)
    if strays:
        defects.add(Defect.BAD_FIELD)
    if section_end == start or (strays and strays[0][0] == start):
        defects.add(Defect.NO_HEADER)
    remainder = strays[0][0] if strays else behind
    if (is_folded or position < limit or strays) and (blank := _BLANK_CONTINUATION.search(raw, start, limit)):
        remainder = min(remainder, blank.end())
    return Header(tuple(found), index, behind, remainder, frozenset(defects), tuple(strays))


def has_lone_return(raw: bytes, start: int, head: Header) -> bool:
    """Return whether a CR that no LF follows stands in the section of `head`, which begins at `start`."""
    stop = min(head.body_start, start + HEADER_OCTETS)
    if raw[stop - 1 : stop + 1] == b"\r\n":  # what is looked at ends within a line end
        stop -= 1
    return _LONE_RETURN.search(raw, start, stop) is not None


def with_returns(octets: bytes) -> bytes:
    """Return what clients see for which a lone CR ends a line, too (RFC 5322 2.2 forbids it); all lines end with LF."""
    return octets.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def disguised(raw: bytes, head: Header, names: Container[str]) -> Iterator[Field]:
    """Yield the stray lines that are fields of one of `names` (lower case) to clients that drop what does not print.

    A NUL, a blank, a byte order mark, wherever in the name. Folded lines belong to the field above them.
    """
    for start, end in head.strays:
        position = start
        found: list[tuple[str, int, list[bytes]]] = []
        is_open = False
        for line in raw[start:end].splitlines(keepends=True):
            written, colon, _ = line.partition(b":")
            name = written.translate(None, _UNPRINTABLE).lower().decode() if colon else ""
            if name in names:
                found.append((name, position, [line]))
                is_open = True
            elif is_open and line.startswith((b" ", b"\t")):
                found[-1][2].append(line)
            else:
                is_open = False
            position += len(line)
        for name, begin, lines in found:
            octets = b"".join(lines)
            body = octets.partition(b":")[2].replace(b"\r", b"").replace(b"\n", b"")
            yield Field(name=name, start=begin, end=begin + len(octets), body=body.strip(b" \t"))


def may_name(section: bytes, names: frozenset[str]) -> bool:
    """Whether a field of one of `names` (lower case) may stand in a header section, to whichever client; quick.

    What does not print is left out, as in `disguised`, and with it the blanks before colons and all ends of lines.
    """
    squeezed = section.translate(None, _UNPRINTABLE).lower()
    return any(beginning in squeezed for beginning in _beginnings(names))


def select(section: bytes, names: frozenset[str]) -> list[Field]:
    """Return the fields of a header section that are called one of `names` (lower case): without bounds, but fast."""
    return [
        Field(
            name=match[1].decode("ascii"),
            start=match.start(1) - 1,
            end=min(match.end(), len(section)),
            body=_unfolded(match[2]),
        )
        for match in _pattern(names).finditer(b"\n" + section)
    ]


@lru_cache(maxsize=16)
def _beginnings(names: frozenset[str]) -> tuple[bytes, ...]:
    return tuple(b"%s:" % name.encode() for name in names)


@lru_cache(maxsize=16)
def _pattern(names: frozenset[str]) -> re.Pattern[bytes]:
    """Return `_FIELD` for some names, with the line end before it: `re` finds that at the speed of C."""
    either = "|".join(map(re.escape, sorted(names)))
    return re.compile(rb"\n(%s)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)" % either.encode(), re.IGNORECASE)


def _unfolded(body: bytes) -> bytes:
    if b"\n" in body:
        body = body.replace(b"\r\n", b"").replace(b"\n", b"")
    return body.strip(b" \t\r")


def read_all(section: bytes) -> Header:
    """Read a header section without bounds, for edits: they must reach every field, and take linear time anyway."""
    return read(section, octets=len(section), fields=len(section))


def body_start(raw: bytes) -> int:
    """Return the offset of the first body octet, behind the first blank line."""
    return _section(raw, 0, len(raw))[1]


def _section(raw: bytes, start: int, stop: int) -> tuple[int, int]:
    """Return where the header section ends (behind its last line) and where the body begins (behind the blank line)."""
    if raw.startswith(b"\r\n", start, stop):
        return start, start + 2
    if raw.startswith(b"\n", start, stop):
        return start, start + 1
    crlf = raw.find(b"\n\r\n", start, stop)
    lf = raw.find(b"\n\n", start, stop if crlf < 0 else crlf)
    if lf >= 0:
        return lf + 1, lf + 2
    return (crlf + 1, crlf + 3) if crlf >= 0 else (stop, stop)
