"""RAR, CAB, LHA, disc images and what else libarchive unpacks → the files in them (the door to libarchive).

The library is the system's (Debian's libarchive13, BSD licence); where it is not installed, nothing of this is read.
Only formats and filters that it decodes itself are asked for: others would start programs.
"""

import errno
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import byref, c_char_p, c_int, c_longlong, c_size_t, c_void_p, string_at
from functools import partial
from typing import Any, Final

from dlp_gateway.content import rar, traces
from dlp_gateway.content.text import FILES, Account, File, Piece, Refused, UnreadableReason

logging.getLogger("libarchive").disabled = True  # it would log what libarchive says, names of members among it
try:
    from libarchive import ffi
    from libarchive.exception import ArchiveError

    _set_options = ffi.ffi("read_set_options", [c_void_p, c_char_p], c_int)
    _is_encrypted = ffi.ffi("entry_is_encrypted", [c_void_p], c_int)
except (ImportError, OSError, AttributeError, TypeError):  # no library, or an older one than can be used
    ffi = None
    ArchiveError = OSError

_PLAIN: Final = ("none",)
#: A second directory in a disc image, of which libarchive knows nothing (ECMA-167 3/9.1, at its sectors).
_UDF: Final = (b"NSR02", b"NSR03")
_JOLIET: Final = (b"%/@", b"%/C", b"%/E")
_ROCK_RIDGE: Final = b"SP\x07\x01\xbe\xef"
_VOLUME_DESCRIPTORS: Final = slice(0x8000, 0x20000)


def is_installed() -> bool:
    """Return whether the library is there."""
    return ffi is not None


def archived(
    content: bytes, account: Account, *, formats: tuple[str, ...], filters: tuple[str, ...] = _PLAIN
) -> Iterator[Piece]:
    """Yield the members of an archive in one of libarchive's `formats`."""
    if ffi is None:
        yield from _unread(content)
    else:
        yield from _members(content, account, formats, filters)


def disc(content: bytes, account: Account) -> Iterator[Piece]:
    """Yield the files of a disc image by each of its directories: those for Windows, for Unix, and for neither."""
    if ffi is None:
        yield from _unread(content)
        return
    seen: set[bytes] = set()
    for options in _directories(content):
        for piece in _members(content, account, ("iso9660",), _PLAIN, options):
            if isinstance(piece, File) and piece.content in seen:
                yield File(name=piece.name, content=b"")
                continue
            if isinstance(piece, File):
                seen.add(piece.content)
            yield piece
    if any(sign in content[_VOLUME_DESCRIPTORS] for sign in _UDF):
        yield UnreadableReason.ARCHIVE


def rarred(content: bytes, account: Account) -> Iterator[Piece]:
    """Yield the members of a RAR archive of either format, its comment, and what stands behind its end."""
    if ffi is None:
        yield from _unread(content)
        return
    told = rar.overview(content)
    if told.comment:
        yield told.comment
    is_empty = True
    for piece in _members(content, account, ("rar", "rar5"), _PLAIN):
        is_empty = False
        yield UnreadableReason.ENCRYPTED_RAR if piece is UnreadableReason.BROKEN and told.has_password else piece
    if is_empty and not told.end and not told.has_password:
        yield UnreadableReason.BROKEN
    if told.has_password:
        yield UnreadableReason.ENCRYPTED_RAR
    if told.is_volume:  # the rest is in other files
        yield UnreadableReason.AMBIGUOUS
    if told.is_packed_comment:
        yield UnreadableReason.ARCHIVE
    if told.end and content[told.end :].strip(b"\0"):
        yield File(name="", content=content[told.end :])
        yield UnreadableReason.AMBIGUOUS


def _directories(content: bytes) -> Iterator[bytes]:
    """Yield the options that have libarchive read each of the directories that a disc image has."""
    descriptors = content[_VOLUME_DESCRIPTORS]
    is_joliet = any(sign in descriptors for sign in _JOLIET)
    yield b""
    if is_joliet:
        yield b"!joliet"
    if _ROCK_RIDGE in content:
        yield b"!joliet,!rockridge" if is_joliet else b"!rockridge"


#: Readers by format, for the table in `readers`.
cabinet: Final[Callable[[bytes, Account], Iterator[Piece]]] = partial(archived, formats=("cab",))
lha: Final[Callable[[bytes, Account], Iterator[Piece]]] = partial(archived, formats=("lha",))
cpio: Final[Callable[[bytes, Account], Iterator[Piece]]] = partial(archived, formats=("cpio",))
ar: Final[Callable[[bytes, Account], Iterator[Piece]]] = partial(archived, formats=("ar",))
xar: Final[Callable[[bytes, Account], Iterator[Piece]]] = partial(archived, formats=("xar",))
package: Final[Callable[[bytes, Account], Iterator[Piece]]] = partial(
    archived, formats=("cpio",), filters=("rpm", "gzip", "bzip2", "xz", "lzma", "zstd")
)
compressed: Final[Callable[[bytes, Account], Iterator[Piece]]] = partial(
    archived, formats=("raw", "empty"), filters=("compress", "lzip", "lz4")
)


def _unread(content: bytes) -> Iterator[Piece]:
    if found := traces.runs(content):
        yield found
    yield UnreadableReason.ARCHIVE


@contextmanager
def _opened(content: bytes, formats: tuple[str, ...], filters: tuple[str, ...], options: bytes) -> Iterator[Any]:
    archive = ffi.read_new()
    try:
        for name in filters:
            ffi.get_read_filter_function(name)(archive)
        for name in formats:
            ffi.get_read_format_function(name)(archive)
        if options and _set_options(archive, options) < 0:
            raise ValueError
        ffi.read_open_memory(archive, content, len(content))
        yield archive
    finally:
        ffi.read_free(archive)


def _members(
    content: bytes, account: Account, formats: tuple[str, ...], filters: tuple[str, ...], options: bytes = b""
) -> Iterator[Piece]:
    try:
        with _opened(content, formats, filters, options) as archive:
            is_stream = "raw" in formats
            if is_stream and ffi.filter_count(archive) < 2:  # none of the decompressors knows it
                yield UnreadableReason.BROKEN
                return
            entry = ffi.entry_new()
            try:
                for _ in range(FILES + 1):
                    if ffi.read_next_header2(archive, entry) == ffi.ARCHIVE_EOF:
                        return
                    yield from _member(archive, entry, len(content), account, is_stream=is_stream)
            finally:
                ffi.entry_free(entry)
    except ArchiveError as problem:
        yield _reason(problem)


def _member(archive: object, entry: object, packed: int, account: Account, *, is_stream: bool) -> Iterator[Piece]:
    """Yield one member, as far as it can be read, and why there is no more of it; a stream has no name."""
    account.count()
    name = "" if is_stream else _name(ffi.entry_pathname_w(entry), ffi.entry_pathname(entry))
    for wide, narrow in (
        (ffi.entry_symlink_w, ffi.entry_symlink),
        (ffi.entry_hardlink_w, ffi.entry_hardlink),
    ):
        if link := _name(wide(entry), narrow(entry)):
            yield link
    if ffi.entry_filetype(entry) & 0o170000 == 0o040000:
        if name != ".":
            yield File(name=name, content=b"")
        return
    if _is_encrypted(entry):
        yield File(name=name, content=b"")
        yield UnreadableReason.ENCRYPTED_RAR
        return
    found, problem = _content(archive, account.allowed(packed))
    reason = _reason(problem) if problem else None
    if len(found) > account.allowed(packed):
        found, reason = found[: account.allowed(packed)], account.excess(packed)
    yield File(name=name, content=found)
    if reason is not None:
        yield reason
    if problem is not None and getattr(problem, "retcode", 0) == ffi.ARCHIVE_FATAL:
        raise problem
    account.spend(len(found))
    if account.octets <= 0:
        raise Refused(UnreadableReason.BOMB)


def _content(archive: object, allowed: int) -> tuple[bytes, Exception | None]:
    """Return an entry's octets, one more than `allowed` at the most, and what kept the rest from being read.

    Holes in a file are left out, nobody reads them.
    """
    found = bytearray()
    block, size, offset = c_void_p(), c_size_t(), c_longlong()
    try:
        while len(found) <= allowed:
            status = ffi.read_data_block(archive, byref(block), byref(size), byref(offset))
            if status == ffi.ARCHIVE_EOF:
                break
            if block.value and size.value:
                found += string_at(block.value, min(size.value, allowed + 1 - len(found)))
            if status < 0:  # a warning, such as a checksum that is wrong
                return bytes(found), ValueError()
    except ArchiveError as problem:
        return bytes(found), problem
    return bytes(found), None


def _name(wide: str | None, narrow: bytes | None) -> str:
    """Names are UTF-16 where the format has them so, else octets in whatever charset the author had."""
    if wide:
        return wide
    return (narrow or b"").decode("utf-8", "replace")


def _reason(problem: Exception) -> UnreadableReason:
    if getattr(problem, "errno", 0) == errno.ENOMEM:
        return UnreadableReason.TOO_LARGE
    told = str(getattr(problem, "msg", "") or "")
    return UnreadableReason.ENCRYPTED_RAR if "ncrypt" in told else UnreadableReason.BROKEN
