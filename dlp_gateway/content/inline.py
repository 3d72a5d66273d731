"""Files written into plain text, as before MIME: uuencode, yEnc and BinHex; clients show them as attachments."""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator
from io import BytesIO
from typing import Final

from dlp_gateway.content.text import File

_BEGINS: Final = (b"begin", b"=ybegin")
_BEGIN: Final = re.compile(rb"\n(?:=y)?begin[ -]")  # one look for three signs, where each takes as long
_WORD: Final = re.compile(rb"begin[ -]")  # found in half the time of one that begins with a line
_SIGNS: Final = (b"with BinHex", b": base64")
#: The source of a part, as people paste it. What is before an LF has one reading, a CR too: two ways to read each of
#: twenty lines are a million.
_SOURCE: Final = re.compile(
    rb"content-transfer-encoding: base64[^\n]{0,101}+\n"
    rb"(?:[!-9;-~]{1,76}+:[^\n]{0,999}+\n(?:[ \t][^\n]{0,999}+\n){0,20}){0,20}"
    rb"[ \t>]{0,20}\r?\n((?:[ \t>]{0,20}+[A-Za-z0-9+/=]{1,998}+\r?\n?)++)",
    re.IGNORECASE,
)
_UU: Final = re.compile(
    rb"^begin(-base64)? [0-7]{3,4} ([^\r\n]{1,255})\r?\n(.*?)(?:^(?:end|====)[ \t]*\r?$|\Z)", re.MULTILINE | re.DOTALL
)
_LINE: Final = re.compile(rb"[^\r\n]+")
_YENC: Final = re.compile(
    rb"^=ybegin [^\r\n]*?(?:name=([^\r\n]{1,255}))?\r?\n(?:=ypart [^\r\n]*\r?\n)?(.*?)(?:^=yend|\Z)",
    re.MULTILINE | re.DOTALL,
)
_BINHEX: Final = re.compile(
    rb"\(This file must be converted with BinHex[^\r\n]*\r?\n\s{0,64}:([!-z\r\n\t ]*?):", re.DOTALL
)
_ALPHABET: Final = b"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"
_SIX_BITS: Final = bytes.maketrans(_ALPHABET, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_REPEAT: Final = 0x90
_FILES: Final = 200
#: A file in a link of its own (RFC 2397); what is text there is read with the HTML.
_LINKED: Final = re.compile(
    rb"data:((?!text/)[a-z]{1,32}/[a-z0-9.+-]{1,128})[^,\"'>\s]{0,128};base64,((?:[A-Za-z0-9+/=]|%3[Dd]|[\r\n\t ])*+)",
    re.IGNORECASE,
)
_SHIFT: Final = bytes((octet - 42) & 0xFF for octet in range(256))
_ESCAPED: Final = re.compile(rb"=(.)", re.DOTALL)


def may_hold(content: bytes) -> bool:
    """Return whether a closer look is worth while."""
    if content.startswith(_BEGINS) or (_WORD.search(content) and _BEGIN.search(content)):
        return True
    return any(sign in content for sign in _SIGNS)


def links_files(content: bytes) -> bool:
    """Return whether HTML may hold files in links."""
    return b";base64," in content


def linked(content: bytes) -> Iterator[File]:
    """Yield the files that stand in links of HTML."""
    if links_files(content):
        for count, match in enumerate(_LINKED.finditer(content)):
            if count < _FILES:
                yield File(name="", content=_base64(match[2]), type=match[1].decode("ascii").lower())


def files(content: bytes) -> Iterator[File]:
    """Yield the files in a text."""
    if not may_hold(content):
        return
    for count, match in enumerate(_UU.finditer(content)):
        if count < _FILES:
            decoded = _base64(match[3]) if match[1] else _uudecoded(content, *match.span(3))
            yield File(name=match[2].decode("utf-8", "replace"), content=decoded)
    for count, match in enumerate(_SOURCE.finditer(content)):
        if count < _FILES:
            yield File(name="", content=_base64(match[1].translate(None, b"> \t")))
    for count, match in enumerate(_YENC.finditer(content)):
        if count < _FILES:
            yield File(name=(match[1] or b"").decode("utf-8", "replace"), content=_ydecoded(match[2]))
    for count, match in enumerate(_BINHEX.finditer(content)):
        if count < _FILES:
            yield from _unbinhexed(match[1])


def _base64(body: bytes) -> bytes:
    try:
        return b64decode(body + b"===")
    except binascii.Error:
        return b""


def _uudecoded(content: bytes, start: int, end: int) -> bytes:
    """Decode line by line; a line that is none is left out, as decoders do."""
    found = BytesIO()
    for line in _LINE.finditer(content, start, end):
        try:
            found.write(binascii.a2b_uu(line[0]))
        except binascii.Error:
            continue
    return found.getvalue()


def _ydecoded(body: bytes) -> bytes:
    """Every octet was raised by 42, and the critical ones by 64 more behind an equals sign."""
    plain = _ESCAPED.sub(lambda escape: bytes(((escape[1][0] - 64) & 0xFF,)), body.translate(None, b"\r\n"))
    return plain.translate(_SHIFT)


def _unbinhexed(body: bytes) -> Iterator[File]:
    """Yield both forks of a file (RFC 1741)."""
    digits = body.translate(None, b"\r\n\t ").translate(_SIX_BITS)
    octets = _repeated(_base64(digits[: len(digits) // 4 * 4] + digits[len(digits) // 4 * 4 :].ljust(4, b"A")))
    if not octets:
        return
    length = octets[0]
    name = octets[1 : 1 + length].decode("mac-roman", "replace")
    sizes = octets[1 + length + 11 : 1 + length + 19]
    start = 1 + length + 21
    data, resource = int.from_bytes(sizes[:4], "big"), int.from_bytes(sizes[4:], "big")
    yield File(name=name, content=octets[start : start + data])
    if resource:
        yield File(name=name, content=octets[start + data + 2 : start + data + 2 + resource])


def _repeated(octets: bytes) -> bytes:
    """Undo the run-length encoding; it makes 255 octets of three at the most."""
    found = bytearray()
    place = 0
    while place < len(octets):
        octet = octets[place]
        if octet != _REPEAT:
            found.append(octet)
        else:
            place += 1
            count = octets[place] if place < len(octets) else 0
            found += found[-1:] * (count - 1) if count else b"\x90"
        place += 1
    return bytes(found)
