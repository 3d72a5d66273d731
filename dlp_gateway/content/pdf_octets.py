"""What stands in a PDF (ISO 32000-2) beside its pages: streams, scripts, descriptions; found in its octets alone."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from dlp_gateway.content import traces, unpack
from dlp_gateway.content.text import UNPACKED_OCTETS, Account, Piece, Refused, UnreadableReason

_FOUND: Final = 2_000
_STREAM: Final = re.compile(rb"stream\r?\n")
_STREAMS: Final = 20_000
#: Octets that the streams of one document may expand to, pictures included.
_EXPANDED: Final = 1_000_000_000
_NESTED: Final = 4  # filters on filters
#: Strings with a key of interest, in parentheses (those within balanced once) or in hexadecimal.
_NAMED: Final = re.compile(
    rb"/(?:JS|Alt|ActualText|E|TU|Desc)[\s]{0,8}"
    rb"(\((?:[^()\\]|\\.|\((?:[^()\\]|\\.){0,2000}\)){0,20000}+\)|<[0-9A-Fa-f\s]{2,40000}+>)",
    re.DOTALL,
)
_NO_DIGITS: Final = re.compile(rb"[^0-9A-Fa-f]+")
_ESCAPED: Final = re.compile(rb"\\([0-7]{1,3}|\r\n|.)", re.DOTALL)
_LETTERS: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"", b"f": b""}


def named(content: bytes) -> Iterator[str]:
    """Yield what scripts say, and what is said of pictures to those who cannot see (12.6.4.17, 14.9.3)."""
    for match in islice(_NAMED.finditer(content), _FOUND):
        written = match[1]
        if written.startswith(b"<"):
            digits = _NO_DIGITS.sub(b"", written)
            octets = bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))
        else:
            octets = _ESCAPED.sub(_character, written[1:-1])
        is_wide = octets.startswith(b"\xfe\xff")
        yield octets[2:].decode("utf-16-be", "replace") if is_wide else octets.decode("latin-1")


def _character(escape: re.Match[bytes]) -> bytes:
    """Undo one escape of a string (7.3.4.2)."""
    if escape[1].isdigit():
        return bytes((int(escape[1], 8) & 0xFF,))
    return _LETTERS.get(escape[1], b"" if escape[1][:1] in b"\r\n" else escape[1])


def damaged(content: bytes) -> Iterator[Piece]:
    """Yield the traces of text in what is no document to PDFium; without streams there is nothing else in it."""
    inner = [found for found in streams(content) if isinstance(found, bytes)]
    yield "\n".join(filter(None, map(traces.runs, (content, *inner))))
    if _STREAM.search(content):
        yield UnreadableReason.BROKEN


def streams(content: bytes) -> Iterator[bytes | UnreadableReason]:
    """Yield the streams that are compressed or XML (properties, forms); a reason, if any expands beyond measure."""
    left = _EXPANDED
    for count, match in enumerate(_STREAM.finditer(content)):
        if count > _STREAMS or left < 0:
            yield UnreadableReason.TOO_LARGE
            return
        start = match.end()
        octets = content[start : start + 2]
        if octets[:1] == b"<":
            end = content.find(b"endstream", start, start + UNPACKED_OCTETS)
            octets = content[start:end]
        for _ in range(_NESTED):
            if len(octets) < 2 or octets[0] & 0x0F != 8 or int.from_bytes(octets[:2], "big") % 31:  # RFC 1950 2.2
                break
            packed = memoryview(content)[start:] if len(octets) == 2 else memoryview(octets)
            try:
                octets, _ = unpack.unpacked(packed, unpack.zlib_stream(), Account())
            except unpack.Damaged as damaged:
                octets = damaged.so_far
            except Refused as refusal:
                yield refusal.reason
                return
            left -= len(octets)
        if len(octets) > 2:
            yield octets
