"""OpenPGP messages (RFC 9580) → what is only signed or compressed, which everybody can read; the rest is a secret."""

import re
from base64 import b64decode
from binascii import Error as BadEncoding
from collections.abc import Callable, Iterator
from typing import Final

from dlp_gateway.content import unpack
from dlp_gateway.content.text import Account, File, Piece, UnreadableReason

_BEGIN: Final = re.compile(rb"^(?:> ?)*+-----BEGIN PGP MESSAGE-----[ \t\r]*+\n", re.MULTILINE)
_END: Final = re.compile(rb"^(?:> ?)*+-----END PGP MESSAGE", re.MULTILINE)
_BASE64: Final = re.compile(rb"(?:> ?)*+([A-Za-z0-9+/]{1,76}={0,2})[ \t\r]*+")
_ONE_PASS, _SIGNATURE, _MARKER, _COMPRESSED, _LITERAL, _PADDING = 4, 2, 10, 8, 11, 21
_SECRET: Final = frozenset({1, 3, 9, 18, 20})
#: Versions, or algorithms, by packet: what tells a message from any other octets (5).
_FIRST_OCTETS: Final = {
    1: (2, 3, 6),
    3: (4, 5, 6),
    4: (3, 6),
    8: (0, 1, 2, 3),
    11: tuple(b"btul1m"),
    18: (1, 2),
    20: (1,),
}
_DECOMPRESSORS: Final[dict[int, Callable[[], unpack.Decompressor]]] = {
    1: unpack.deflate,
    2: unpack.zlib_stream,
    3: unpack.bzip2,
}
_DEPTH: Final = 4
_PACKETS: Final = 200


def armoured(content: bytes) -> bytes:
    """Return the first message in armour within text, b"" if there is none or it is no base64 (6)."""
    begin = _BEGIN.search(content)
    end = begin and _END.search(content, begin.end())
    if begin is None or end is None:
        return b""
    body = content[begin.end() : end.start()].replace(b"\r", b"").rpartition(b"\n\n")[2]  # behind its own header
    lines = (_BASE64.fullmatch(line) for line in body.splitlines())
    try:
        return b64decode(b"".join(line[1] for line in lines if line))
    except BadEncoding:
        return b""


def is_packets(content: bytes) -> bool:
    """Return whether `content` begins with a packet that a message may begin with."""
    packet = _packet(content, 0) if content[:1] >= b"\x80" else None
    if packet is None or len(packet[1]) < 8:
        return False
    kind, body, _ = packet
    return body[0] in _FIRST_OCTETS.get(kind, ())


def read(content: bytes, account: Account, depth: int = 0) -> Iterator[Piece]:
    """Yield what stands in the packets of a message."""
    place = 0
    for _ in range(_PACKETS):
        packet = _packet(content, place)
        if packet is None:
            return
        kind, body, place = packet
        if kind in _SECRET:
            yield UnreadableReason.ENCRYPTED_PGP
            return
        if kind == _LITERAL and len(body) > 6:
            size = body[1]
            account.count()
            account.spend(len(body))
            yield File(name=body[2 : 2 + size].decode("utf-8", "replace"), content=body[6 + size :])
        elif kind == _COMPRESSED and body and depth < _DEPTH:
            yield from _decompressed(body, account, depth)
        elif kind not in {_ONE_PASS, _SIGNATURE, _MARKER, _PADDING}:
            yield UnreadableReason.ENCRYPTED_PGP
            return


def _decompressed(body: bytes, account: Account, depth: int) -> Iterator[Piece]:
    if body[0] == 0:
        yield from read(body[1:], account, depth + 1)
        return
    if body[0] not in _DECOMPRESSORS:
        yield UnreadableReason.ENCRYPTED_PGP
        return
    try:
        found, _ = unpack.one(body, 1, len(body), _DECOMPRESSORS[body[0]], account)
    except unpack.Damaged as damaged:
        found = damaged.so_far
        yield UnreadableReason.BROKEN
    yield from read(found, account, depth + 1)


def _packet(content: bytes, place: int) -> tuple[int, bytes, int] | None:
    """Return type and body of the packet at `place`, and where the next begins (4.2)."""
    if place >= len(content) or not content[place] & 0x80:
        return None
    head = content[place]
    place += 1
    if not head & 0x40:  # as it was written until 1998
        kind, size = head >> 2 & 0x0F, head & 3
        if size == 3:
            return kind, content[place:], len(content)
        octets = 1 << size
        length = int.from_bytes(content[place : place + octets], "big")
        place += octets
        return kind, content[place : place + length], place + length
    body = bytearray()
    while place < len(content):
        first = content[place]
        if first < 192:
            length, place = first, place + 1
        elif first < 224:
            length, place = (first - 192 << 8) + int.from_bytes(content[place + 1 : place + 2], "big") + 192, place + 2
        elif first == 255:
            length, place = int.from_bytes(content[place + 1 : place + 5], "big"), place + 5
        else:  # a piece of a body whose length nobody knew
            length = 1 << (first & 0x1F)
            body += content[place + 1 : place + 1 + length]
            place += 1 + length
            continue
        body += content[place : place + length]
        return head & 0x3F, bytes(body), place + length
    return head & 0x3F, bytes(body), place
