"""Archives that programs other than ours write: RAR, CAB, disc images and the like, put together octet by octet."""

import lzma
import struct
import zlib
from hashlib import sha1

Members = dict[str, bytes]

_SECTOR = 2_048
_PATHS = 19  # the sector of the table of paths, which nobody reads


def _vint(value: int) -> bytes:
    octets = bytearray()
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*octets, value))


def _block_5(kind: int, fields: bytes, *, flags: int = 0, extra: bytes = b"", data: bytes = b"") -> bytes:
    flags |= (0x01 if extra else 0) | (0x02 if data else 0)
    head = _vint(kind) + _vint(flags) + (_vint(len(extra)) if extra else b"") + (_vint(len(data)) if data else b"")
    head += fields + extra
    sized = _vint(len(head)) + head
    return struct.pack("<I", zlib.crc32(sized)) + sized + data


def _file_5(name: str, content: bytes, *, kind: int = 2, extra: bytes = b"") -> bytes:
    told = name.encode()
    fields = _vint(0x04) + _vint(len(content)) + _vint(0x20) + struct.pack("<I", zlib.crc32(content))
    fields += _vint(0) + _vint(1) + _vint(len(told)) + told
    return _block_5(kind, fields, extra=extra, data=content)


def rar_5(
    members: Members, *, comment: str = "", password: bool = False, hidden_names: bool = False, volume: bool = False
) -> bytes:
    """Return a RAR archive of the newer format, nothing in it compressed."""
    found = b"Rar!\x1a\x07\x01\x00"
    if hidden_names:  # AES-256, no check value, 2**15 rounds, a salt
        return found + _block_5(4, _vint(0) + _vint(0) + b"\x0f" + bytes(16)) + bytes(range(64))
    found += _block_5(1, _vint(0x01 if volume else 0))
    if comment:
        found += _file_5("CMT", comment.encode(), kind=3)
    record = _vint(1) + _vint(0) + _vint(0) + b"\x0f" + bytes(32)
    extra = _vint(len(record)) + record if password else b""
    for name, content in members.items():
        found += _file_5(name, content, extra=extra)
    return found + _block_5(5, _vint(0))


def _block_4(kind: int, flags: int, fields: bytes, data: bytes = b"") -> bytes:
    head = struct.pack("<BHH", kind, flags, 7 + len(fields)) + fields
    return struct.pack("<H", zlib.crc32(head) & 0xFFFF) + head + data


def _file_4(name: str, content: bytes, *, kind: int = 0x74, flags: int = 0x8000) -> bytes:
    told = name.encode()
    sizes = (len(content), len(content), 2, zlib.crc32(content), 0, 20, 0x30, len(told), 0x20)
    return _block_4(kind, flags, struct.pack("<IIBIIBBHI", *sizes) + told, content)


def rar_4(members: Members, *, comment: str = "", password: bool = False, hidden_names: bool = False) -> bytes:
    """Return a RAR archive of the older format, nothing in it compressed."""
    found = b"Rar!\x1a\x07\x00" + _block_4(0x73, 0x80 if hidden_names else 0, bytes(6))
    if hidden_names:
        return found + bytes(range(64))
    if comment:
        found += _file_4("CMT", comment.encode(), kind=0x7A)
    for name, content in members.items():
        found += _file_4(name, content, flags=0x8004 if password else 0x8000)
    return found + _block_4(0x7B, 0x4000, b"")


def cabinet(members: Members, *, squeezed: bool = False) -> bytes:
    """Return a Windows cabinet of one folder and one block, stored or in MSZIP."""
    plain = b"".join(members.values())
    packed = plain
    if squeezed:
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = b"CK" + deflater.compress(plain) + deflater.flush()
    files, place = b"", 0
    for name, content in members.items():
        files += struct.pack("<IIHHHH", len(content), place, 0, 0x5A21, 0, 0x20) + name.encode() + b"\0"
        place += len(content)
    first_file, first_block = 36 + 8, 36 + 8 + len(files)
    size = first_block + 8 + len(packed)
    head = struct.pack("<4s5I2B5H", b"MSCF", 0, size, 0, first_file, 0, 3, 1, 1, len(members), 0, 1, 0)
    folder = struct.pack("<IHH", first_block, 1, 1 if squeezed else 0)
    return head + folder + files + struct.pack("<IHH", 0, len(packed), len(plain)) + packed


def _both(value: int, form: str) -> bytes:
    return struct.pack(f"<{form}", value) + struct.pack(f">{form}", value)


def _entry(name: bytes, sector: int, size: int, *, folder: bool) -> bytes:
    record = _both(sector, "I") + _both(size, "I") + bytes(7) + bytes((2 if folder else 0, 0, 0)) + _both(1, "H")
    record += bytes((len(name),)) + name + (b"" if len(name) % 2 else b"\0")
    return bytes((len(record) + 2, 0)) + record


def _descriptor(kind: int, root: bytes, sectors: int, escape: bytes = b"") -> bytes:
    told = bytes((kind,)) + b"CD001\x01\x00" + bytes(32) + b"DISC".ljust(32) + bytes(8) + _both(sectors, "I")
    told += escape.ljust(32, b"\0") + _both(1, "H") * 2 + _both(_SECTOR, "H") + _both(10, "I")
    told += struct.pack("<II", _PATHS, 0) + struct.pack(">II", _PATHS, 0)
    return ((told + root).ljust(881, b" ") + b"\1").ljust(_SECTOR, b"\0")


def disc(plain: Members, windows: Members | None = None) -> bytes:
    """Return a disc image: `plain` in the directory that all systems see, `windows` in the one for Windows (Joliet)."""
    trees = [plain] if windows is None else [plain, windows]
    first = _PATHS + 1  # behind the descriptors: a directory for each tree, then files
    place = first + len(trees)
    folders, files = [], b""
    for number, tree in enumerate(trees):
        at = first + number
        entries = _entry(b"\0", at, _SECTOR, folder=True) + _entry(b"\1", at, _SECTOR, folder=True)
        for name, content in tree.items():
            told = name.encode("utf-16-be") if number else f"{name.upper()};1".encode()
            entries += _entry(told, place, len(content), folder=False)
            padded = content.ljust(-(-max(1, len(content)) // _SECTOR) * _SECTOR, b"\0")
            files += padded
            place += len(padded) // _SECTOR
        folders.append(entries.ljust(_SECTOR, b"\0"))
    roots = [_entry(b"\0", first + number, _SECTOR, folder=True) for number in range(len(trees))]
    descriptors = _descriptor(1, roots[0], place)
    if windows is not None:
        descriptors += _descriptor(2, roots[1], place, b"%/E")
    end = b"\xffCD001\x01".ljust(_SECTOR, b"\0")
    head = (bytes(16 * _SECTOR) + descriptors + end).ljust(first * _SECTOR, b"\0")
    return (head + b"".join(folders) + files).ljust(32 * _SECTOR, b"\0")  # no image is smaller


def lha(members: Members) -> bytes:
    """Return an LHA archive, nothing in it compressed (level 0 headers)."""
    found = b""
    for name, content in members.items():
        told = name.encode()
        body = b"-lh0-" + struct.pack("<IIIBB", len(content), len(content), 0x5A210000, 0x20, 0)
        body += bytes((len(told),)) + told + struct.pack("<H", _crc_16(content))
        found += bytes((len(body), sum(body) & 0xFF)) + body + content
    return found + b"\0"


def _crc_16(content: bytes) -> int:
    value = 0
    for octet in content:
        value ^= octet
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value


def cpio(members: Members) -> bytes:
    """Return a cpio archive as Unix writes it today ("newc")."""
    found = b""
    for name, content in (members | {"TRAILER!!!": b""}).items():
        told = name.encode() + b"\0"
        values = (1, 0o100644, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(told), 0)
        found += b"070701" + b"".join(b"%08X" % value for value in values) + told
        found += bytes(-len(found) % 4) + content
        found += bytes(-len(found) % 4)
    return found


def ar(members: Members) -> bytes:
    """Return an archive as linkers and Debian's packages have it."""
    found = b"!<arch>\n"
    for name, content in members.items():
        found += f"{name}/".ljust(16).encode() + b"0".ljust(12) + b"0     0     100644  "
        found += str(len(content)).ljust(10).encode() + b"`\n" + content + b"\n" * (len(content) % 2)
    return found


def xar(members: Members) -> bytes:
    """Return an archive as Apple's installers have it."""
    files, heap = "", bytes(20)
    for number, (name, content) in enumerate(members.items(), 1):
        packed = zlib.compress(content)
        files += (
            f'<file id="{number}"><name>{name}</name><type>file</type><data><length>{len(packed)}</length>'
            f"<offset>{len(heap)}</offset><size>{len(content)}</size>"
            f'<encoding style="application/x-gzip"/></data></file>'
        )
        heap += packed
    told = (
        '<?xml version="1.0" encoding="UTF-8"?><xar><toc><checksum style="sha1"><offset>0</offset><size>20</size>'
        f"</checksum>{files}</toc></xar>"
    ).encode()
    packed = zlib.compress(told)
    head = struct.pack(">4sHHQQI", b"xar!", 28, 1, len(packed), len(told), 1)
    return head + packed + sha1(packed).digest() + heap[20:]  # noqa: S324 - as the format has it


def package(members: Members) -> bytes:
    """Return an RPM package without a word about itself."""
    header = b"\x8e\xad\xe8\x01" + bytes(12)
    return (b"\xed\xab\xee\xdb\x03\x00" + bytes(90)) + header + header + cpio(members)


def compressed(content: bytes) -> bytes:
    """Return what Unix' compress makes of up to 200 octets: each a code of nine bits of its own."""
    bits = sum(octet << 9 * number for number, octet in enumerate(content))
    return b"\x1f\x9d\x90" + bits.to_bytes(-(-9 * len(content) // 8), "little")


def lzip(content: bytes) -> bytes:
    """Return an lzip file."""
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16, "lc": 3, "lp": 0, "pb": 2}]
    packed = lzma.compress(content, lzma.FORMAT_ALONE, filters=filters)[13:]
    return b"LZIP\x01\x10" + packed + struct.pack("<IQQ", zlib.crc32(content), len(content), len(packed) + 26)


def lz4(content: bytes) -> bytes:
    """Return an LZ4 file of one block that is stored."""
    return b"\x04\x22\x4d\x18\x60\x40\x82" + struct.pack("<I", len(content) | 0x8000_0000) + content + bytes(4)
