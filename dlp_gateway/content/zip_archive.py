"""ZIP as every program would read it: by its directories, and by the headers that stand before each member.

Programs differ: some believe the directory at the end, some the first one, some read from the beginning and know no
directory. A member that only some of them see is read like the others, and the archive is said to be ambiguous
(section numbers: APPNOTE.TXT 6.3.10).
"""

import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import inflate64

from dlp_gateway.content import unpack
from dlp_gateway.content.text import FILES, Account, Refused, UnreadableReason

_LOCAL: Final = b"PK\x03\x04"
_CENTRAL: Final = b"PK\x01\x02"
_END: Final = b"PK\x05\x06"
_LOCAL_HEADER: Final = struct.Struct("<4s5H3I2H")  # 4.3.7
_CENTRAL_HEADER: Final = struct.Struct("<4s6H3I5H2I")  # 4.3.12
_END_RECORD: Final = struct.Struct("<4s4H2IH")  # 4.3.16
_END_64: Final = struct.Struct("<4sQ2H2I4Q")  # 4.3.14
_LOCATOR_64: Final = struct.Struct("<4sIQI")  # 4.3.15
_ABSENT: Final = 0xFFFF_FFFF
#: Ends of directories that are looked at; concatenated archives have two.
_ENDS: Final = 8
_LONGEST_NAME: Final = 1_024
_LONGEST_COMMENT: Final = 65_535
_SIZES_FOLLOW: Final = 0x08  # general purpose flag, bit 3 (4.4.4)
_ENCRYPTED: Final = 0x01
_UTF_8: Final = 0x800
_AES: Final = 99


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One reading of a member: `content[start:end]` is it, packed."""

    name: str
    method: int
    flags: int
    checksum: int
    header: int
    start: int
    end: int
    comment: str = ""
    is_open_ended: bool = False  # no size is told

    @property
    def is_encrypted(self) -> bool:
        """Whether it is said to be."""
        return bool(self.flags & _ENCRYPTED) or self.method == _AES


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The members in every reading, the comments, and what is odd about the archive."""

    members: tuple[Member, ...]
    comments: tuple[str, ...]
    oddities: tuple[UnreadableReason, ...]


def appended(content: bytes) -> int:
    """Return how many octets stand behind an archive that programs find at the end of `content`; -1 if there is none.

    They look for the end of a directory among the last 65,557 octets, whatever stands before the archive.
    """
    place = content.rfind(_END, max(0, len(content) - 65_557))
    if place < 0 or not any(True for _ in _directories(content, place)):
        return -1
    comment = int.from_bytes(content[place + 20 : place + 22], "little")
    return max(0, len(content) - place - _END_RECORD.size - comment)


def listing(content: bytes) -> Listing:
    """Return what is in the archive; never raises."""
    listed: list[Member] = []
    comments: list[str] = []
    oddities: dict[UnreadableReason, None] = {}
    ends = 0
    for end in _ends(content):
        if any(member.header < end < _reach(content, member) for member in listed):
            continue  # the directory of an archive in this one
        ends += 1
        comments.append(_text(content[end + _END_RECORD.size :][:_LONGEST_COMMENT]))
        for start, shift, count in _directories(content, end):
            entries = list(_entries(content, start, shift, end))
            listed += entries
            if len(entries) & 0xFFFF != count & 0xFFFF:
                oddities[UnreadableReason.AMBIGUOUS] = None
    local = {member.header: member for member in _locals(content, listed)}
    headers = {member.header for member in listed}
    stray = [member for member in local.values() if member.header not in headers]
    if ends > 1 or (ends and stray):
        oddities[UnreadableReason.AMBIGUOUS] = None
    if not ends:
        oddities[UnreadableReason.BROKEN] = None
    members: dict[tuple[int, int, int, bool], Member] = {}
    for member in listed:
        other = local.get(member.header)
        if other is None:
            oddities[UnreadableReason.BROKEN] = None
            continue
        for reading in _readings(member, other):
            members.setdefault(_sight(reading), reading)
        if _differ(member, other):
            oddities[UnreadableReason.AMBIGUOUS] = None
    for member in stray:
        members.setdefault(_sight(member), member)
    spans = sorted((member.header, member.end) for member in listed if member.end > member.header)
    if any(first[1] > second[0] for first, second in pairwise(spans)):
        oddities[UnreadableReason.BOMB] = None  # members that share octets: how a small archive becomes petabytes
    return Listing(
        members=tuple(members.values())[: 2 * FILES],
        comments=tuple(dict.fromkeys(filter(None, (*comments, *(member.comment for member in listed))))),
        oddities=tuple(oddities),
    )


def _reach(content: bytes, member: Member) -> int:
    """Return where a member of the directory ends, its own header included."""
    local = _local(content, member.header)
    return member.end - member.start + (local.start if local else member.header)


def _sight(member: Member) -> tuple[int, int, int, bool]:
    """What makes two readings of a member the same."""
    return (member.start, member.end, member.method, member.is_encrypted)


def _readings(listed: Member, local: Member) -> Iterator[Member]:
    """Yield the member as the directory has it, and as its own header has it."""
    name = "\n".join(dict.fromkeys((listed.name, local.name)))
    yield replace(listed, name=name, start=local.start, end=local.start + listed.end - listed.start)
    if not local.flags & _SIZES_FOLLOW:
        yield replace(local, name=name)
    elif local.method != listed.method or listed.is_encrypted != local.is_encrypted:
        yield replace(listed, name=name, method=local.method, flags=local.flags, start=local.start)


def _differ(listed: Member, local: Member) -> bool:
    if listed.method != local.method or listed.is_encrypted != local.is_encrypted or listed.name != local.name:
        return True
    return not local.flags & _SIZES_FOLLOW and listed.end - listed.start != local.end - local.start


def _ends(content: bytes) -> Iterator[int]:
    """Yield where directories end, the last first."""
    place = len(content)
    for _ in range(_ENDS):
        place = content.rfind(_END, 0, place)
        if place < 0:
            return
        if len(content) >= place + _END_RECORD.size and any(True for _ in _directories(content, place)):
            yield place


def _directories(content: bytes, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield where the directory that ends at `end` begins, how far its offsets are out, and how many it should have.

    What stands before an archive moves it as a whole: some programs count from where the directory must begin, others
    believe its offset.
    """
    if len(content) < end + _END_RECORD.size:
        return
    _, _, _, _, count, size, offset, _ = _END_RECORD.unpack_from(content, end)
    stop = end
    locator = end - _LOCATOR_64.size
    if locator >= 0 and content.startswith(b"PK\x06\x07", locator):
        stop = content.rfind(b"PK\x06\x06", max(0, locator - 4_096), locator)
        if stop < 0 or len(content) < stop + _END_64.size:
            return
        *_, count, size, offset = _END_64.unpack_from(content, stop)
    found = set()
    if not count and not size:
        yield stop, 0, 0
        return
    for start in (stop - size, offset):
        if 0 <= start < len(content) and start not in found and content.startswith(_CENTRAL, start):
            found.add(start)
            yield start, start - offset, count


def _entries(content: bytes, start: int, shift: int, end: int) -> Iterator[Member]:
    """Yield the entries of a directory; its own count is not believed."""
    place = start
    for _ in range(FILES + 1):
        if not content.startswith(_CENTRAL, place) or len(content) < place + _CENTRAL_HEADER.size or place >= end:
            return
        (_, _, _, flags, method, _, _, checksum, packed, size, name_size, extra_size, comment_size, _, _, _, offset) = (
            _CENTRAL_HEADER.unpack_from(content, place)
        )
        name_at = place + _CENTRAL_HEADER.size
        extra = content[name_at + name_size : name_at + name_size + extra_size]
        size, packed, offset = _wide(extra, size, packed, offset)
        comment_at = name_at + name_size + extra_size
        header = offset + shift
        name, comment = _other_names(extra)
        yield Member(
            name="\n".join(filter(None, (_text(content[name_at : name_at + name_size], flags), name))),
            method=method,
            flags=flags,
            checksum=checksum,
            header=header,
            start=header,
            end=header + packed,
            comment="\n".join(filter(None, (_text(content[comment_at : comment_at + comment_size], flags), comment))),
        )
        place = comment_at + comment_size


def _wide(extra: bytes, *values: int) -> tuple[int, ...]:
    """Return the values, each from the Zip64 extra field where it is absent (4.5.3)."""
    place = 0
    wide: list[int] = []
    while place + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, place)
        if kind == 1:
            body = extra[place + 4 : place + 4 + size]
            wide = [value for (value,) in struct.iter_unpack("<Q", body[: len(body) // 8 * 8])]
        place += 4 + size
    return tuple(wide.pop(0) if value == _ABSENT and wide else value for value in values)


def _other_names(extra: bytes) -> tuple[str, str]:
    """Return name and comment as programs show them that know the extra fields for Unicode (4.6.8, 4.6.9)."""
    found = {0x7075: "", 0x6375: ""}
    place = 0
    while place + 9 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, place)
        if kind in found:
            found[kind] = extra[place + 9 : place + 4 + size].decode("utf-8", "replace")
        place += 4 + size
    return found[0x7075], found[0x6375]


def _locals(content: bytes, listed: list[Member]) -> Iterator[Member]:
    """Yield the members as their own headers have them: those of the directory, and those between and behind them."""
    known = {member.header: member for member in listed}
    place = reach = 0
    count = 0
    while (place := content.find(_LOCAL, place)) >= 0 and count <= 2 * FILES:
        entry = known.get(place)
        if entry is None and place < reach:  # inside another member, such as an archive in an archive
            place += 4
            continue
        member = _local(content, place)
        if member is not None:
            count += 1
            yield member
            packed = entry.end - entry.start if entry else member.end - member.start
            if entry or not member.flags & _SIZES_FOLLOW:
                reach = max(reach, min(member.start + packed, len(content)))
        place += 4


def _local(content: bytes, place: int) -> Member | None:
    if len(content) < place + _LOCAL_HEADER.size:
        return None
    _, version, flags, method, _, _, checksum, packed, size, name_size, extra_size = _LOCAL_HEADER.unpack_from(
        content, place
    )
    name_at = place + _LOCAL_HEADER.size
    start = name_at + name_size + extra_size
    if name_size > _LONGEST_NAME or start > len(content) or version & 0xFF > 99:
        return None
    _, packed = _wide(content[name_at + name_size : start], size, packed)
    unknown = bool(flags & _SIZES_FOLLOW) and not packed
    other, _ = _other_names(content[name_at + name_size : start])
    return Member(
        name="\n".join(filter(None, (_text(content[name_at : name_at + name_size], flags), other))),
        method=method,
        flags=flags,
        checksum=checksum,
        header=place,
        start=start,
        end=len(content) if unknown else start + packed,
        is_open_ended=unknown,
    )


def _text(name: bytes, flags: int = 0) -> str:
    """Names are UTF-8 where they say so or can be, else what DOS had (appendix D)."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("utf-8", "replace") if flags & _UTF_8 else name.decode("cp437")


class _Deflate64:
    """inflate64's object with the interface of the others."""

    unused_data = b""

    def __init__(self) -> None:
        self._object = inflate64.Inflater()

    @property
    def eof(self) -> bool:
        return bool(self._object.eof)

    def decompress(self, data: bytes, _: int = -1, /) -> bytes:
        return bytes(self._object.inflate(data))


class _Lzma:
    """LZMA with the header that ZIP gives it (5.8.8)."""

    def __init__(self) -> None:
        self._head = b""
        self._object: lzma.LZMADecompressor | None = None

    @property
    def eof(self) -> bool:
        return self._object is not None and self._object.eof

    @property
    def needs_input(self) -> bool:
        return self._object is None or self._object.needs_input

    @property
    def unused_data(self) -> bytes:
        return self._object.unused_data if self._object else b""

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        if self._object is None:
            self._head += data
            if len(self._head) < 9:
                return b""
            coded, dictionary = struct.unpack_from("<BI", self._head, 4)
            if dictionary > unpack.LZMA_MEMORY or coded >= 225:
                raise ValueError
            rest, lc = divmod(coded, 9)
            pb, lp = divmod(rest, 5)
            filters = [{"id": lzma.FILTER_LZMA1, "dict_size": dictionary, "lc": lc, "lp": lp, "pb": pb}]
            self._object = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
            data = self._head[9:]
        return self._object.decompress(data, max_length)


_METHODS: Final[dict[int, Callable[[], unpack.Decompressor]]] = {
    8: unpack.deflate,
    9: _Deflate64,
    12: unpack.bzip2,
    14: _Lzma,
    93: unpack.zstandard,
    95: unpack.xz,
}


def unpacked(content: bytes, member: Member, account: Account) -> tuple[bytes, bytes]:
    """Return a member's octets and what its size covers behind them; raise `Refused` for what cannot be unpacked."""
    packed = memoryview(content)[member.start : member.end]
    rest = b""
    if member.is_encrypted:
        raise Refused(UnreadableReason.ENCRYPTED_ZIP)
    if member.method == 0:
        if len(packed) > account.allowed(len(packed)):
            raise Refused(account.excess(len(packed)))
        account.spend(len(packed))
        found = bytes(packed)
    elif member.method in _METHODS:
        try:
            found, end = unpack.unpacked(packed, _METHODS[member.method](), account)
            rest = b"" if member.is_open_ended else bytes(packed[end:])
        except unpack.Damaged as damaged:  # without a mark at the end, which LZMA may lack (4.4.4, bit 1)
            found = damaged.so_far
            if not found or zlib.crc32(found) != member.checksum:
                raise
    else:
        raise Refused(UnreadableReason.ARCHIVE)
    follows = member.flags & _SIZES_FOLLOW and not member.checksum
    if not follows and zlib.crc32(found) != member.checksum:
        raise unpack.Damaged(found)
    return found, rest
