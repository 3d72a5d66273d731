"""Content-Transfer-Encoding undone (RFC 2045 6) as the most forgiving client would undo it."""

import binascii
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO
from typing import Final

from dlp_gateway.mail.encoded_word import base64_octets
from dlp_gateway.mail.message import Defect

_WORD: Final = re.compile(rb"[A-Za-z0-9_-]++")
#: Encodings by how some write them, without "x", "-" and "_" (RFC 2045 6.1 has but one spelling of each).
_SPELLINGS: Final = {
    "base64": "base64",
    "quotedprintable": "quoted-printable",
    "uuencode": "uuencode",
    "uue": "uuencode",
}
#: Encodings by which octets become others.
CHANGING: Final = frozenset(_SPELLINGS.values())
#: Encodings that change nothing.
IDENTITY: Final = frozenset({"7bit", "8bit", "binary", ""})
#: Octets of base64 that usually stand for no less than one, line ends included; else all is decoded.
_ENCODED: Final = 2
_BLANKS: Final = (b" ", b"\t", b"\r", b"\n")
_REMEMBERED: Final = 40  # octets
_KNOWN: Final = IDENTITY.union(CHANGING) - {""}
# White space before a line end was added on the way and goes (RFC 2045 6.7 (3)); the look-behind keeps this linear.
_TRAILING_BLANKS: Final = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n|\Z)")
_BAD_ESCAPE: Final = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r?\n|\Z)")
_LINE: Final = re.compile(rb"[^\r\n]+")
_LINES: Final = 65_536  # octets of whole lines that are decoded at a time
_UU_BEGIN: Final = re.compile(rb"(?:\A|\n)begin [0-7]{3,4} [^\n]*+\n")


def encodings_named(body: bytes) -> tuple[str, ...]:
    """Return what encodings a field body may mean, lower case: each that it names, else its first word.

    So no comment, list, quotes or encoded word hides one. Nearly all mails say one of four words: it is remembered.
    """
    return _named_once(body) if len(body) < _REMEMBERED else _named(body)


def _named(body: bytes) -> tuple[str, ...]:
    words = [_spelt(word.decode().lower()) for word in _WORD.findall(body)] or [""]
    return tuple(dict.fromkeys(word for word in words if word in _KNOWN)) or (words[0],)


_named_once: Final = lru_cache(maxsize=64)(_named)


def _spelt(token: str) -> str:
    return _SPELLINGS.get(token.replace("-", "").replace("_", "").removeprefix("x"), token)


def decode(buffer: bytes, encoding: str, start: int = 0, end: int | None = None) -> tuple[bytes, tuple[Defect, ...]]:
    """Return what `buffer[start:end]` stands for; an unknown encoding leaves it as it is (`UNKNOWN_ENCODING`)."""
    if encoding == "base64":
        octets, clean = base64_octets(buffer, start, end)
        return octets, () if clean else (Defect.BAD_ENCODING,)
    if encoding == "quoted-printable":
        return _unquoted(buffer, start, len(buffer) if end is None else end)[:2]
    content = buffer[start:end]
    if encoding in IDENTITY:
        return content, ()
    if encoding == "uuencode":
        return _uudecoded(content)
    return content, (Defect.UNKNOWN_ENCODING,)


def beginning(buffer: bytes, encoding: str, start: int, end: int, most: int) -> tuple[bytes, tuple[Defect, ...], int]:
    """Return `most` octets of what `decode` gives, what is odd in what was decoded, and how many octets are left out.

    Those are never too few: where not all was decoded, each octet that was not counts for one.
    """
    stop = end
    if encoding == "quoted-printable":
        content, faults, stop = _unquoted(buffer, start, end, most)
    else:
        wanted = start + _ENCODED * most
        if encoding == "base64":
            stop = _whole_quads(buffer, start, wanted) if wanted < end else end
        elif encoding != "uuencode":  # which begins wherever it says so
            stop = min(end, start + most)
        content, faults = decode(buffer, encoding, start, stop)
        if stop < end and len(content) < most:
            stop = end
            content, faults = decode(buffer, encoding, start, stop)
    return content[:most], faults, max(0, len(content) - most) + end - stop


def _whole_quads(buffer: bytes, start: int, stop: int) -> int:
    """Return where base64 may be cut before `stop`: behind a fourth letter, so that the cut makes no fault."""
    blanks = sum(buffer.count(blank, start, stop) for blank in _BLANKS)
    surplus = (stop - start - blanks) % 4
    while surplus:
        stop -= 1
        surplus -= buffer[stop : stop + 1] not in _BLANKS
    return stop


def _unquoted(buffer: bytes, start: int, end: int, most: int = sys.maxsize) -> tuple[bytes, tuple[Defect, ...], int]:
    """Return what quoted-printable stands for, what is odd there, and how far it was decoded to have so much."""
    is_untidy = any(buffer.find(blanks, start, end) >= 0 for blanks in (b" \r", b" \n", b"\t"))
    if end - start <= _LINES:
        octets, clean = _unquoted_lines(buffer[start:end], is_untidy=is_untidy)
        return octets, () if clean else (Defect.BAD_ENCODING,), end
    whole, is_clean = BytesIO(), True
    for lines in _in_lines(buffer, start, end):
        octets, clean = _unquoted_lines(lines, is_untidy=is_untidy)
        whole.write(octets)
        is_clean = is_clean and clean
        start += len(lines)
        if whole.tell() >= most:
            break
    return whole.getvalue(), () if is_clean else (Defect.BAD_ENCODING,), start


def _unquoted_lines(lines: bytes, *, is_untidy: bool) -> tuple[bytes, bool]:
    tidy = _TRAILING_BLANKS.sub(b"", lines) if is_untidy else lines
    return binascii.a2b_qp(tidy), _BAD_ESCAPE.search(tidy) is None


def _in_lines(buffer: bytes, start: int, end: int) -> Iterator[bytes]:
    """Yield pieces that end with a line, all but the last; a line of any length is whole."""
    while start < end:
        stop = buffer.find(b"\n", start + _LINES, end) + 1 or end
        yield buffer[start:stop]
        start = stop


def _uudecoded(content: bytes) -> tuple[bytes, tuple[Defect, ...]]:
    begin = _UU_BEGIN.search(content)
    if begin is None:
        return content, (Defect.BAD_ENCODING,)
    octets = BytesIO()
    for line in _LINE.finditer(content, begin.end()):
        if line[0].strip() == b"end":
            return octets.getvalue(), ()
        try:
            octets.write(binascii.a2b_uu(line[0]))
        except binascii.Error:
            break
    return octets.getvalue(), (Defect.BAD_ENCODING,)
