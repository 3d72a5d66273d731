"""What a RAR archive says of itself before any of it is unpacked: comments, passwords, volumes, and where it ends.

Only its block headers are looked at, in both formats (RAR 5.0 archive format; technote.txt of RAR 4); what is in its
files is read by `foreign_archive`.
"""

import struct
from dataclasses import dataclass
from typing import Final

_FIVE: Final = b"Rar!\x1a\x07\x01\x00"
_FOUR: Final = b"Rar!\x1a\x07\x00"
_BLOCKS: Final = 20_000
_LONGEST_COMMENT: Final = 300_000
_BLOCK_4: Final = struct.Struct("<HBHH")
_FILE_4: Final = struct.Struct("<IIBIIBBHI")
_MAIN_4, _FILE_BLOCK_4, _SERVICE_4, _END_4 = 0x73, 0x74, 0x7A, 0x7B
_STORED_4: Final = 0x30
_MAIN_5, _FILE_BLOCK_5, _SERVICE_5, _ENCRYPTION_5, _END_5 = 1, 2, 3, 4, 5
_ENCRYPTION_RECORD: Final = 1  # of a file's extra area


@dataclass(slots=True)
class Overview:
    """`end`: where the archive ends, 0 if that is not told; `is_packed_comment`: there is one that is compressed."""

    has_password: bool = False
    is_volume: bool = False
    is_packed_comment: bool = False
    comment: str = ""
    end: int = 0


def overview(content: bytes) -> Overview:
    """Return what the headers say; never raises."""
    found = Overview()
    try:
        if content.startswith(_FIVE):
            _walk_5(content, found)
        elif content.startswith(_FOUR):
            _walk_4(content, found)
    except (struct.error, IndexError):  # a header that is cut
        pass
    return found


def _walk_4(content: bytes, found: Overview) -> None:
    place = len(_FOUR)
    for _ in range(_BLOCKS):
        _, kind, flags, size = _BLOCK_4.unpack_from(content, place)
        head = place + _BLOCK_4.size
        added = struct.unpack_from("<I", content, head)[0] if flags & 0x8000 else 0
        if size < _BLOCK_4.size:
            return
        if kind == _END_4:
            found.is_volume |= bool(flags & 0x01)
            found.end = place + size
            return
        if kind == _MAIN_4:
            found.is_volume |= bool(flags & 0x01)
            found.has_password |= bool(flags & 0x80)
            if found.has_password:  # all that follows is encrypted, headers too
                return
        elif kind in {_FILE_BLOCK_4, _SERVICE_4}:
            found.has_password |= bool(flags & 0x04)
            packed, _, _, _, _, _, method, name_size, _ = _FILE_4.unpack_from(content, head)
            high = struct.unpack_from("<I", content, head + _FILE_4.size)[0] if flags & 0x100 else 0
            added = packed + (high << 32)
            name_at = head + _FILE_4.size + (8 if flags & 0x100 else 0)
            if kind == _SERVICE_4 and content[name_at : name_at + name_size] == b"CMT":
                _keep(found, content[place + size : place + size + added], is_packed=method != _STORED_4)
        place += size + added


def _walk_5(content: bytes, found: Overview) -> None:
    place = len(_FIVE)
    for _ in range(_BLOCKS):
        size, begin = _number(content, place + 4)
        kind, at = _number(content, begin)
        flags, at = _number(content, at)
        extra, at = _number(content, at) if flags & 0x01 else (0, at)
        packed, at = _number(content, at) if flags & 0x02 else (0, at)
        if not size:
            return
        if kind == _ENCRYPTION_5:  # all headers that follow are encrypted
            found.has_password = True
            return
        if kind == _MAIN_5:
            found.is_volume |= bool(_number(content, at)[0] & 0x01)
        elif kind == _END_5:
            found.is_volume |= bool(_number(content, at)[0] & 0x01)
            found.end = begin + size
            return
        elif kind in {_FILE_BLOCK_5, _SERVICE_5}:
            found.has_password |= _is_encrypted(content, begin + size - extra, begin + size)
            name, method = _file_5(content, at)
            if kind == _SERVICE_5 and name == b"CMT":
                _keep(found, content[begin + size : begin + size + packed], is_packed=bool(method))
        place = begin + size + packed


def _file_5(content: bytes, at: int) -> tuple[bytes, int]:
    """Return name and method of compression; `at` is behind the fields that all blocks have."""
    flags, at = _number(content, at)
    for _ in range(2):  # unpacked size, attributes
        _, at = _number(content, at)
    at += (4 if flags & 0x02 else 0) + (4 if flags & 0x04 else 0)  # time, checksum
    compression, at = _number(content, at)
    _, at = _number(content, at)
    length, at = _number(content, at)
    return content[at : at + length], compression >> 7 & 0x07


def _is_encrypted(content: bytes, place: int, end: int) -> bool:
    while place < end:
        size, begin = _number(content, place)
        if _number(content, begin)[0] == _ENCRYPTION_RECORD:
            return True
        if not size:
            return False
        place = begin + size
    return False


def _number(content: bytes, place: int) -> tuple[int, int]:
    """Return a number of variable length and where it ends; raise IndexError for one that does not."""
    value = 0
    for shift in range(0, 70, 7):
        octet = content[place]
        place += 1
        value |= (octet & 0x7F) << shift
        if not octet & 0x80:
            return value, place
    raise IndexError


def _keep(found: Overview, comment: bytes, *, is_packed: bool) -> None:
    if is_packed:
        found.is_packed_comment = True
    else:
        found.comment = comment[:_LONGEST_COMMENT].decode("utf-8", "replace").rstrip("\0")
