"""RTF as Outlook compresses it (MS-OXRTFCP 2.1) → RTF."""

import struct
from typing import Final

from dlp_gateway.content.text import Refused, UnreadableReason

_DICTIONARY: Final = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript "
    rb"\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_SIZE: Final = 4_096
_COMPRESSED, _PLAIN = b"LZFu", b"MELA"
_LARGEST: Final = 16_000_000


def decompressed(content: bytes) -> bytes:
    """Return the RTF; raise `Refused` for what is none. What is cut is returned so far."""
    if len(content) < 16:
        raise Refused(UnreadableReason.BROKEN)
    _, size, kind = struct.unpack_from("<II4s", content)
    if kind == _PLAIN:
        return content[16 : 16 + size]
    if kind != _COMPRESSED:
        raise Refused(UnreadableReason.BROKEN)
    window = bytearray(_DICTIONARY.ljust(_SIZE, b"\0"))
    write = len(_DICTIONARY)
    found = bytearray()
    place = 16
    while place < len(content) and len(found) < _LARGEST:
        control = content[place]
        place += 1
        for bit in range(8):
            if not control >> bit & 1:
                run = content[place : place + 1]
                place += 1
            else:
                reference = content[place : place + 2]
                place += 2
                if len(reference) < 2:
                    return bytes(found)
                offset, length = reference[0] << 4 | reference[1] >> 4, (reference[1] & 0x0F) + 2
                if offset == write:  # the end
                    return bytes(found)
                run = _copied(window, offset, write, length)
            for octet in run:
                window[write] = octet
                write = (write + 1) % _SIZE
            found += run
    return bytes(found)


def _copied(window: bytearray, offset: int, write: int, length: int) -> bytes:
    """Return a run out of the window, which may reach into what it is writing itself."""
    run = bytearray()
    for step in range(length):
        place = (offset + step) % _SIZE
        behind = (place - write) % _SIZE
        run.append(run[behind] if behind < step else window[place])
    return bytes(run)
