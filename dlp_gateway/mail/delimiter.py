"""The lines that divide a multipart, and whether clients may disagree on which they are (RFC 2046 5.1.1)."""

import re
from collections.abc import Sequence
from itertools import islice
from typing import Final, NamedTuple

_END: Final = re.compile(rb"(--)?+([^\n]*+)\n?")
_GUESSED: Final = re.compile(rb"(?<![^\n])--([^\s][^\r\n]{0,199}+)\r?\n")
_ENCODED: Final = re.compile(rb"(?i)(?<![^\n])content-transfer-encoding[ \t]*+:[^\n]{0,200}?(?:base64|quoted|uu)")
_DECLARATION: Final = re.compile(rb"(?i)boundary[ \t]*+=[ \t]*+\"?+")
#: Boundaries that begin alike and are looked for where they are declared; more is a game, and so is a longer one.
_LONGER: Final = 20
#: Declarations that are looked through for them: a hundred multiparts have a hundred.
_DECLARATIONS: Final = 2_000
#: How often the first octet of a delimiter is looked for by itself, in a thirtieth of the time; base64 has none.
_LOOKS: Final = 64
_LF: Final = 0x0A
_LONGEST: Final = 998  # RFC 5322 2.1.1, a line


class Delimiter(NamedTuple):
    """A line that begins with the boundary, from its first octet to the next line's."""

    start: int
    end: int
    exact: bool  # nothing but white space behind the boundary
    closing: bool


def octets(boundary: str) -> bytes:
    """Return a boundary as it stands in the body; it does not end with white space."""
    return boundary.encode("utf-8", "replace").rstrip(b" \t")


def first_line(buffer: bytes, beginning: bytes, start: int, end: int) -> int:
    """Return where the first line that begins so begins, -1 if none does; `start` begins a line."""
    if buffer.startswith(beginning, start, end):
        return start
    place = start
    for _ in range(_LOOKS):
        place = buffer.find(beginning[:1], place + 1, end)
        if place < 0:
            return -1
        if buffer[place - 1] == _LF and buffer.startswith(beginning, place, end):
            return place
    newline = buffer.find(b"\n" + beginning, max(place - 1, start), end)
    return newline + 1 if newline >= 0 else -1


def guessed(buffer: bytes, start: int, end: int) -> list[bytes]:
    """Return the boundary that a client may guess where none is told, if there is one."""
    found = _GUESSED.search(buffer, start, end)
    return [found[1].rstrip(b" \t")] if found else []


def is_encoded(buffer: bytes, start: int, end: int) -> bool:
    """Return whether parts are encoded, so that nobody can read them who does not take them apart."""
    return _ENCODED.search(buffer, start, end) is not None


def lines(buffer: bytes, boundary: bytes, start: int, end: int, most: int) -> list[Delimiter]:
    """Return the lines that begin with the boundary, one more than `most` of them at the most."""
    found: list[Delimiter] = []
    beginning = b"--" + boundary
    line = start
    while len(found) <= most and (line := first_line(buffer, beginning, line, end)) >= 0:
        rest = _END.match(buffer, line + len(beginning), end)
        if rest is None:  # it matches everything
            break
        found.append(Delimiter(line, rest.end(), not rest[2].strip(b" \t\r"), bool(rest[1])))
        line = rest.end()
    return found


def spans(buffer: bytes, delimiters: Sequence[Delimiter], start: int, end: int) -> list[tuple[int, int]]:
    """Return preamble, parts and epilogue; the line end before a delimiter belongs to it."""
    found: list[tuple[int, int]] = []
    begin = start
    for delimiter in delimiters:
        stop = max(delimiter.start - 1, begin)
        if stop > begin and buffer[stop - 1] == 0x0D:
            stop -= 1
        found.append((begin, stop))
        begin = delimiter.end
    return [*found, (begin, end)]


def are_disputed(buffer: bytes, boundary: bytes, delimiters: Sequence[Delimiter]) -> bool:
    """Return whether clients see different parts: one behind the end, or divided by a line that only begins alike.

    A line that begins alike is the boundary of a multipart within more often than not, and then it is declared there.
    """
    exact = [delimiter for delimiter in delimiters if delimiter.exact]
    end = next((number for number, delimiter in enumerate(exact) if delimiter.closing), len(exact))
    if any(not delimiter.closing for delimiter in exact[end + 1 :]):
        return True
    longer = {
        _END.sub(rb"\2", buffer[one.start + 2 : one.end]).strip().removesuffix(b"--")
        for one in delimiters
        if not one.exact
    }
    longer.discard(boundary)
    return len(longer) > _LONGER or not _are_declared(buffer, longer, delimiters)


def _are_declared(buffer: bytes, boundaries: set[bytes], delimiters: Sequence[Delimiter]) -> bool:
    """Return whether each of these is declared between the delimiters: once through, however many there are.

    Among more declarations than any mail has, none is looked for further.
    """
    waiting = {one.lower() for one in boundaries}
    if not waiting:
        return True
    longest = max(map(len, waiting))
    if longest > _LONGEST:
        return False
    declarations = _DECLARATION.finditer(buffer, delimiters[0].start, delimiters[-1].end)
    for found in islice(declarations, _DECLARATIONS):
        declared = buffer[found.end() : found.end() + longest].lower()
        waiting = {one for one in waiting if not declared.startswith(one)}
        if not waiting:
            return True
    return False
