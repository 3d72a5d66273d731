"""Files and texts that stand in a text in base64 or in hexadecimal digits.

In JSON and YAML, LDIF and sources, bodies and notes; nothing tells of them but their signs. So the first of these are
decoded, and only what begins with text or as files do is read: by chance, less than one run in a million does.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Final

import re2

from dlp_gateway.content.kind import bears_signature, is_text
from dlp_gateway.content.text import File

#: Signs that are decoded for a first look: eighteen octets of base64, as many of hexadecimal digits.
_LOOK, _HEX_LOOK = 24, 36
_FILES: Final = 100
#: Places in a run at which one may begin: behind signs that are of the alphabet and of addresses as well.
_STARTS: Final = 8
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
_SHAPE: Final = bytes(0x78 if octet in _ALPHABET else 0x2D for octet in range(256))
_RUN: Final = re.compile(rb"x+")
_WEB_SAFE: Final = str.maketrans("-_", "+/")
_HEX: Final = re.compile(r"[0-9A-Fa-f]+\Z")
_SEAM: Final = re.compile(r"[/_-]")
#: What stands between two lines of one file: line ends, as they are or escaped, quotation, a sum of strings.
_GAP: Final = re.compile(r"(?:\\[rn])+|[ \t]*\r?\n[ \t>|]*| |[\"'`][ \t]{0,8}[+,]?\s{0,16}[\"'`]")
_HIGH: Final = bytes(range(0x80, 0x100))
#: Letters beyond ASCII in so short a text, in whatever charset.
_STRANGERS: Final = 3
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_WITHOUT_CONTROLS: Final = bytes(0x20 if _CONTROLS.match(bytes((octet,))) else octet for octet in range(256))
_SAMPLE: Final = 4_096
#: Hexadecimal digits in pairs, as editors and sniffers show octets.
_DUMP: Final = re.compile(r"(?:[0-9A-Fa-f]{2}(?:[ :,-]|[ \t]*\r?\n[ \t>|]*|\b)){12,}+")
_DUMP_LOOK: Final = 12
_PREFIX: Final = re.compile(r"[,\s]{0,16}+0x(?=[0-9A-Fa-f]{2}(?![0-9A-Fa-f]))")  # as programs in C have them
_NOT_HEX: Final = bytes(octet for octet in range(256) if octet not in b"0123456789abcdefABCDEF")
_PAIR_SHAPE: Final = bytes(
    0x68 if octet in b"0123456789abcdefABCDEF" else 0x73 if octet in b" :,-\n" else 0x2D for octet in range(256)
)
#: A run that is long enough, by its shape.
_LONG: Final = b"x" * _LOOK
#: That, pairs enough, or pairs as in C; by RE2, for its time does not depend on the text.
_ANY: Final = re2.compile(rb"[A-Za-z0-9+/_\-]{24}|(?:[0-9A-Fa-f]{2}[ :,\n\-]){12}|0x[0-9A-Fa-f]{2}")


def files(text: str) -> Iterator[File]:
    """Yield what is encoded in a text, in its order; linear."""
    if len(text) < _LOOK:  # names and most subjects
        return iter(())
    octets = text.encode("ascii", "replace")
    return iter(()) if _ANY.search(octets) is None else _files(text, octets)  # nearly all texts have nothing


def _files(text: str, octets: bytes) -> Iterator[File]:
    shape = octets.translate(_SHAPE)
    del octets  # of a large text, one is enough
    told = end = 0
    while told < _FILES and (start := shape.find(_LONG, end)) >= 0:
        run = _RUN.match(shape, start)
        end = run.end() if run else start + _LOOK
        for begin in _begins(text, start, end):
            content, end = _decoded(text, shape, begin, end)
            if content:
                yield File(name="", content=content)
                told += 1
                break
    del shape
    if "0x" in text:
        text = _PREFIX.sub(" ", text)
    yield from _dumped(text, text.encode("ascii", "replace").translate(_PAIR_SHAPE))


def _begins(text: str, start: int, end: int) -> Iterator[int]:
    """Yield where in a run something encoded begins."""
    seams = _SEAM.finditer(text, start, min(end, start + 200))
    places = [start, *(seam.end() for seam, _ in zip(seams, range(_STARTS), strict=False))]
    return (
        place
        for place in places
        if end - place >= _LOOK and _speaks(_octets(text[place : min(end, place + _HEX_LOOK)]))
    )


def _octets(run: str) -> bytes:
    """Return what a run stands for: hexadecimal digits if it has no others and is long enough."""
    if len(run) >= _HEX_LOOK and _HEX.match(run):
        return bytes.fromhex(run[: len(run) // 2 * 2])
    signs = run.translate(_WEB_SAFE)
    signs = signs[: len(signs) - (len(signs) % 4 == 1)]
    try:
        return b64decode(signs + "=" * (-len(signs) % 4))
    except binascii.Error:
        return b""


def _speaks(octets: bytes) -> bool:
    """Return whether octets begin as files do, or are text: in UTF-8, mostly ASCII, or Latin in UTF-16."""
    if bears_signature(octets):
        return True
    if octets.count(0) >= len(octets) // 2 - 1:
        octets = octets[::2] if not any(octets[1::2]) else octets[1::2]
    if _CONTROLS.search(octets) or not octets:
        return False
    return len(octets.translate(None, _HIGH)) >= len(octets) - _STRANGERS or is_text(octets)


def _decoded(text: str, shape: bytes, begin: int, end: int) -> tuple[bytes, int]:
    """Return what begins in the run `text[begin:end]` and goes on in lines no longer than that, and where it ends."""
    pieces = [text[begin:end]]
    ends = [end]
    while len(pieces[-1]) == len(pieces[0]) and (gap := _GAP.match(text, ends[-1])):
        run = _RUN.match(shape, gap.end())
        if run is None or run.end() - run.start() > len(pieces[0]):
            break
        pieces.append(text[run.start() : run.end()])
        ends.append(run.end())
    content = _octets("".join(pieces))
    if len(pieces) > 1 and not _is_sound(content):  # the last may be a word of the sentence behind it
        pieces.pop()
        ends.pop()
        content = _octets("".join(pieces))
    # Text with octets among it that no text has is read without them; to begin again with each line has no bound.
    return content if _is_sound(content) else content.translate(_WITHOUT_CONTROLS), ends[-1]


def _is_sound(content: bytes) -> bool:
    """Return whether all of it is what it begins as; of a file, that is for its reader to say."""
    if bears_signature(content):
        return True
    sample = content[:_SAMPLE] + content[-_LOOK:]
    return not _CONTROLS.search(sample.replace(b"\0", b"") if _speaks(content[:_LOOK]) else b"\0")


def _dumped(text: str, pairs: bytes) -> Iterator[File]:
    """Yield what is written as hexadecimal digits in pairs, lines of them together; `pairs` is the text's shape."""
    end = 0
    for _ in range(_FILES):
        start = pairs.find(b"hhs" * _DUMP_LOOK, end)
        dump = _DUMP.match(text, start) if start >= 0 else None
        if dump is None:
            return
        end = dump.end()
        content = binascii.unhexlify(dump[0].encode("ascii", "replace").translate(None, _NOT_HEX))
        if _is_sound(content):
            yield File(name="", content=content)
