"""Archives, honest ones, ones that lie, and ones that hurt."""

import bz2
import gzip
import io
import lzma
import struct
import sys
import tarfile
import zipfile
import zlib

from tests.formats.documents import packed

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Members = dict[str, bytes]


def _local(name: bytes, content: bytes, *, method: int = 0, flags: int = 0, plain: bytes | None = None) -> bytes:
    plain = content if plain is None else plain
    return (
        struct.pack(
            "<4s5H3I2H",
            b"PK\x03\x04",
            *(20, flags, method, 0, 33),
            *(zlib.crc32(plain), len(content), len(plain), len(name), 0),
        )
        + name
        + content
    )


def _central(
    name: bytes, content: bytes, offset: int, *, method: int = 0, flags: int = 0, plain: bytes | None = None
) -> bytes:
    plain = content if plain is None else plain
    return (
        struct.pack(
            "<4s6H3I5H2I",
            b"PK\x01\x02",
            *(20, 20, flags, method, 0, 33),
            *(zlib.crc32(plain), len(content), len(plain), len(name), 0, 0, 0, 0, 0, offset),
        )
        + name
    )


def _end(count: int, directory: bytes, offset: int) -> bytes:
    return struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(directory), offset, 0)


def zip_with_hidden_member(shown: Members, hidden: Members) -> bytes:
    """Return an archive whose directory knows only `shown`; readers of streams find all."""
    found, directory = b"", b""
    for name, content in hidden.items():
        found += _local(name.encode(), content)
    for name, content in shown.items():
        directory += _central(name.encode(), content, len(found))
        found += _local(name.encode(), content)
    return found + directory + _end(len(shown), directory, len(found))


def zip_with_two_names(shown: str, other: str, content: bytes) -> bytes:
    """Return an archive whose directory calls a member otherwise than its own header does."""
    found = _local(other.encode(), content)
    directory = _central(shown.encode(), content, 0)
    return found + directory + _end(1, directory, len(found))


def zip_with_two_sizes(name: str, content: bytes, shown: int) -> bytes:
    """Return an archive whose directory ends a member early."""
    found = _local(name.encode(), content)
    directory = _central(name.encode(), content[:shown], 0)
    return found + directory + _end(1, directory, len(found))


def zip_with_wrong_count(members: Members, count: int) -> bytes:
    """Return an archive that claims to have another number of members."""
    found, directory = b"", b""
    for name, content in members.items():
        directory += _central(name.encode(), content, len(found))
        found += _local(name.encode(), content)
    return found + directory + _end(count, directory, len(found))


def zip_said_to_be_encrypted(name: str, content: bytes, *, where: str) -> bytes:
    """Return an archive that is said to be encrypted in its directory or in the member's header only."""
    found = _local(name.encode(), content, flags=1 if where == "header" else 0)
    directory = _central(name.encode(), content, 0, flags=1 if where == "directory" else 0)
    return found + directory + _end(1, directory, len(found))


def zip_without_directory(members: Members) -> bytes:
    """Return an archive that was cut before its directory."""
    return b"".join(_local(name.encode(), content) for name, content in members.items())


def zip_encrypted(members: Members) -> bytes:
    """Return an archive whose members have a password."""
    found, directory = b"", b""
    for name, content in members.items():
        scrambled = bytes(octet ^ 0x5A for octet in content)
        directory += _central(name.encode(), scrambled, len(found), flags=1, plain=content)
        found += _local(name.encode(), scrambled, flags=1, plain=content)
    return found + directory + _end(len(members), directory, len(found))


def zip_overlapping(copies: int, kernel: bytes) -> bytes:
    """Return a bomb whose members all are the same octets."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    squeezed = deflater.compress(kernel) + deflater.flush()
    found = _local(b"0", squeezed, method=8, plain=kernel)
    directory = b"".join(_central(b"%d" % number, squeezed, 0, method=8, plain=kernel) for number in range(copies))
    return found + directory + _end(copies, directory, len(found))


def zip_nested(content: bytes, depth: int, name: str = "a.txt") -> bytes:
    """Return an archive in an archive in an archive, so deep."""
    for _ in range(depth):
        content, name = packed({name: content}), "a.zip"
    return content


def zip_wide(name: str, content: bytes) -> bytes:
    """Return a Zip64 archive."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo(name)
        entry.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(entry, "w", force_zip64=True) as member:
            member.write(content)
    return target.getvalue()


class _Pipe(io.RawIOBase):
    """A target in which nobody can go back."""

    def __init__(self) -> None:
        self.octets = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, octets: bytes) -> int:  # type: ignore[override]
        self.octets += octets
        return len(octets)


def zip_streamed(members: Members) -> bytes:
    """Return an archive whose sizes follow their members, as programs write it into a pipe."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[arg-type]
        for name, content in members.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return bytes(pipe.octets)


def tar(members: Members, *, links: dict[str, str] | None = None) -> bytes:
    """Return a tar archive."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for name, goal in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, goal
            archive.addfile(entry)
    return target.getvalue()


def gz(content: bytes, name: str = "") -> bytes:
    """Return a gzip file that dates from nowhere."""
    target = io.BytesIO()
    with gzip.GzipFile(filename=name, mode="wb", fileobj=target, mtime=0) as file:
        file.write(content)
    return target.getvalue()


def bz(content: bytes) -> bytes:
    """Return a bzip2 file."""
    return bz2.compress(content)


def xz(content: bytes) -> bytes:
    """Return an xz file."""
    return lzma.compress(content)


def lzma_alone(content: bytes) -> bytes:
    """Return a file in the old format of LZMA."""
    return lzma.compress(content, lzma.FORMAT_ALONE)


def zst(content: bytes) -> bytes:
    """Return a Zstandard file."""
    return bytes(zstd.compress(content))


def seven_zip(members: Members, *, password: str | None = None, hidden_names: bool = False) -> bytes:
    """Return a 7z archive."""
    import py7zr  # noqa: PLC0415 - slow to load

    target = io.BytesIO()
    with py7zr.SevenZipFile(target, "w", password=password, header_encryption=hidden_names) as archive:
        for name, content in members.items():
            archive.writestr(content, name)
    return target.getvalue()
