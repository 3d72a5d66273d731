"""Archives and compressed files → the files in them; what is encrypted, cut or too much is said so."""

import io
import tarfile
from collections.abc import Callable, Iterator
from typing import Final

import py7zr
from py7zr.exceptions import ArchiveError, DecompressionError, PasswordRequired
from py7zr.io import BytesIOFactory, Py7zIO

from dlp_gateway.content import unpack, zip_archive
from dlp_gateway.content.text import Account, File, Piece, Refused, UnreadableReason

_GZIP_NAME: Final = 0x08
#: Streams that one compressed file may consist of.
_STREAMS: Final = 100
_PADDING: Final = b"\0"


def zipped(content: bytes, account: Account) -> Iterator[Piece]:
    """Yield every member in every reading, and the comments."""
    listing = zip_archive.listing(content)
    yield from listing.comments
    for member in listing.members:
        yield from opened(content, member, account)
    yield from listing.oddities


def opened(content: bytes, member: zip_archive.Member, account: Account) -> Iterator[Piece]:
    """Yield one member of a ZIP archive, or its name and why there is no more of it."""
    if member.name.endswith("/") and member.start == member.end:
        return
    account.count()
    try:
        found, rest = zip_archive.unpacked(content, member, account)
        files = [File(name=member.name, content=found)]
        del found
        yield files.pop()  # what is large lives no longer than its reader wants
        if rest:
            yield File(name="", content=rest)
            yield UnreadableReason.AMBIGUOUS
    except unpack.Damaged as damaged:
        yield File(name=member.name, content=damaged.so_far)
        yield damaged.reason
    except Refused as refusal:
        yield File(name=member.name, content=b"")
        yield refusal.reason
        if account.octets <= 0:
            raise


def gzipped(content: bytes, account: Account) -> Iterator[Piece]:
    """Yield what a gzip file holds; its streams are one file (RFC 1952 2.2)."""
    name = ""
    if content[3:4] and content[3] & _GZIP_NAME and not content[3] & 0x04:
        name = content[10 : content.find(b"\0", 10, 1_034)].decode("latin-1")
    yield from _streams(content, unpack.gzip, b"\x1f\x8b", account, name)


def bzipped(content: bytes, account: Account) -> Iterator[Piece]:
    """Yield what a bzip2 file holds."""
    yield from _streams(content, unpack.bzip2, b"BZh", account)


def xzipped(content: bytes, account: Account) -> Iterator[Piece]:
    """Yield what an xz or lzma file holds."""
    yield from _streams(content, unpack.xz, b"\xfd7zXZ\0", account)


def zstandard(content: bytes, account: Account) -> Iterator[Piece]:
    """Yield what a Zstandard file holds."""
    yield from _streams(content, unpack.zstandard, b"\x28\xb5\x2f\xfd", account)


def _streams(
    content: bytes, make: Callable[[], unpack.Decompressor], magic: bytes, account: Account, name: str = ""
) -> Iterator[Piece]:
    """Yield all streams as one file, as programs do, and what stands behind them as another."""
    account.count()
    found = bytearray()
    place = 0
    for _ in range(_STREAMS):
        try:
            octets, place = unpack.one(content, place, len(content), make, account)
        except unpack.Damaged as damaged:
            yield File(name=name, content=bytes(found + damaged.so_far))
            yield damaged.reason
            return
        found += octets
        if len(found) > account.allowed(len(content)) + len(octets):
            raise Refused(account.excess(len(content)))
        if not content.startswith(magic, place):
            break
    yield File(name=name, content=bytes(found))
    if content[place:].strip(_PADDING):
        yield File(name="", content=content[place:])
        yield UnreadableReason.AMBIGUOUS


def tarred(content: bytes, account: Account) -> Iterator[Piece]:
    """Yield the files in a tar archive, those behind its end included, and where links lead."""
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:", ignore_zeros=True, errorlevel=0) as archive:
            for member in archive:
                account.count()
                if member.linkname:
                    yield member.linkname
                yield from (value for value in member.pax_headers.values() if value not in {member.name, ""})
                source = archive.extractfile(member) if member.isreg() else None
                if source is None:
                    yield File(name=member.name, content=b"")
                    continue
                allowed = account.allowed(len(content))
                octets = source.read(min(allowed, member.size) + 1)
                account.spend(len(octets))
                if len(octets) > allowed:
                    yield account.excess(len(content))
                    octets = octets[:allowed]
                yield File(name=member.name, content=octets)
                if len(octets) < min(member.size, allowed):
                    yield UnreadableReason.BROKEN
    except tarfile.TarError:
        yield UnreadableReason.BROKEN


class _Kept(BytesIOFactory):
    """Members of a 7z archive in memory, and no more of them than the account allows."""

    def __init__(self, packed: int, account: Account) -> None:
        super().__init__(account.allowed(packed))
        self.made: dict[str, _Member] = {}
        self._packed, self._account = packed, account

    def create(self, filename: str) -> Py7zIO:
        self._account.count()
        member = _Member(self._packed, self._account)
        self.made[filename] = member
        return member


class _Member(Py7zIO):
    """One member, written by py7zr."""

    def __init__(self, packed: int, account: Account) -> None:
        self._packed, self._account = packed, account
        self._allowed = account.allowed(packed)
        self._buffer = io.BytesIO()

    def write(self, s: bytes | bytearray) -> int:
        self._account.spend(len(s))
        if self._buffer.tell() + len(s) > self._allowed:
            raise Refused(self._account.excess(self._packed))
        return self._buffer.write(s)

    def read(self, size: int | None = None) -> bytes:
        return self._buffer.read(-1 if size is None else size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._buffer.seek(offset, whence)

    def flush(self) -> None:
        """Nothing to do in memory."""

    def size(self) -> int:
        return self._buffer.getbuffer().nbytes

    def getvalue(self) -> bytes:
        """Return all that was written."""
        return self._buffer.getvalue()


def seven_zipped(content: bytes, account: Account) -> Iterator[Piece]:
    """Yield the members of a 7z archive."""
    kept = _Kept(len(content), account)
    reason: UnreadableReason | None = None
    names: list[str] = []
    try:
        with py7zr.SevenZipFile(io.BytesIO(content)) as archive:
            names = archive.getnames()
            if archive.needs_password():
                raise Refused(UnreadableReason.ENCRYPTED_7Z)  # noqa: TRY301 - one end for all
            archive.extractall(factory=kept)  # noqa: S202 - into memory
    except Refused as refusal:
        reason = refusal.reason
    except PasswordRequired:
        reason = UnreadableReason.ENCRYPTED_7Z
    except (ArchiveError, DecompressionError, *unpack.FAULTS):
        reason = UnreadableReason.BROKEN
    for name in dict.fromkeys((*kept.made, *names)):
        member = kept.made.get(name)
        yield File(name=name, content=member.getvalue() if member else b"")
    if reason is not None:
        yield reason
