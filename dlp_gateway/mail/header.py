"""The header section as fields with their places in the raw octets; bounded, tolerant, never raises."""

import re
from dataclasses import dataclass
from typing import Final

from dlp_gateway.mail.message import Defect, Field

#: Ten times what Postfix takes (header_size_limit 102400), room for 20,000 visible recipients.
HEADER_OCTETS: Final = 1_000_000
#: Haraka's bound; forwarding chains with ARC sets stay far below.
FIELDS: Final = 1_000

# RFC 5322 2.2: printable ASCII but the colon; 4.5: blanks before the colon. Folded lines begin with a blank (2.2.3).
_FIELD: Final = re.compile(rb"([!-9;-~]++)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)\n?")
_STRAY_LINE: Final = re.compile(rb"[^\n]*+\n?")
_BLANK_CONTINUATION: Final = re.compile(rb"\n[ \t]++\r?\n")


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of one header section; `body_start` is the offset behind the blank line.

    `remainder` is the offset from which some clients read on as body, since a line there is no field or blank but for
    white space; it is `body_start` in an orderly header.
    """

    fields: tuple[Field, ...]
    body_start: int
    remainder: int
    defects: frozenset[Defect]

    def named(self, name: str) -> list[Field]:
        """Return the fields called `name` (lower case), in order."""
        return [field for field in self.fields if field.name.lower() == name]


def read(
    raw: bytes, start: int = 0, end: int | None = None, *, octets: int = HEADER_OCTETS, fields: int = FIELDS
) -> Header:
    """Read the header section of the message or MIME part that is `raw[start:end]`.

    Lines end with LF, with or without CR. A line that is no field is stepped over (`BAD_FIELD`): what follows it may be
    header to one client and body to another, so it is read as both.
    """
    stop = len(raw) if end is None else end
    section_end, body_start = _section(raw, start, stop)
    limit = min(section_end, start + octets)
    defects = {Defect.TOO_MANY_FIELDS} if limit < section_end else set()
    found: list[Field] = []
    remainder = body_start
    position = start
    while position < limit:
        match = _FIELD.match(raw, position, limit)
        if match is None:
            stray = _STRAY_LINE.match(raw, position, limit)
            assert stray is not None  # it matches anything
            if not found:
                defects.add(Defect.NO_HEADER)
            defects.add(Defect.BAD_FIELD)
            remainder = min(remainder, position)
            position = stray.end()
            continue
        if len(found) == fields:
            defects.add(Defect.TOO_MANY_FIELDS)
            break
        name, body = match.groups()
        if b"\n" in body:
            body = body.replace(b"\r\n", b"").replace(b"\n", b"")
        found.append(Field(name=name.decode("ascii"), start=position, end=match.end(), body=body.strip(b" \t\r")))
        position = match.end()
    if section_end == start:
        defects.add(Defect.NO_HEADER)
    if blank := _BLANK_CONTINUATION.search(raw, start, limit):
        remainder = min(remainder, blank.end())
    return Header(tuple(found), body_start, remainder, frozenset(defects))


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
