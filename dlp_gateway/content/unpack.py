"""Compressed octets → what they stand for, never more than the account allows (RFC 1950, 1951, 1952, 8878)."""

import bz2
import lzma
import sys
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Final, Protocol

from dlp_gateway.content.text import Account, Refused, UnreadableReason

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_STEP: Final = 65_536
#: What a decompressor may need for itself; more is asked by files that are made to hurt.
LZMA_MEMORY: Final = 128_000_000

FAULTS: Final = (zlib.error, lzma.LZMAError, zstd.ZstdError, EOFError, OSError, ValueError)


class Damaged(Refused):
    """A stream that is cut or wrong; `so_far` is what came before."""

    def __init__(self, so_far: bytes) -> None:
        super().__init__(UnreadableReason.BROKEN)
        self.so_far = so_far


class Decompressor(Protocol):
    """What all decompressors of the standard library can do."""

    @property
    def eof(self) -> bool:
        """Whether the end of the stream was seen."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What stands behind the end."""
        ...

    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes:
        """Return at most so many octets of output."""
        ...


class _Deflate:
    """zlib's object, which keeps its input in a way of its own, as the others do."""

    def __init__(self, window: int) -> None:
        self._object = zlib.decompressobj(window)

    @property
    def eof(self) -> bool:
        return self._object.eof

    @property
    def unused_data(self) -> bytes:
        return self._object.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._object.unconsumed_tail

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        return self._object.decompress(self._object.unconsumed_tail + data, max(0, max_length))


def deflate() -> _Deflate:
    """Bare deflate (RFC 1951), as in ZIP."""
    return _Deflate(-15)


def zlib_stream() -> _Deflate:
    """Deflate in a zlib envelope (RFC 1950), as in PDF and CMS."""
    return _Deflate(15)


def gzip() -> _Deflate:
    """Deflate in a gzip envelope (RFC 1952)."""
    return _Deflate(31)


def bzip2() -> bz2.BZ2Decompressor:
    """Burrows-Wheeler."""
    return bz2.BZ2Decompressor()


def xz() -> lzma.LZMADecompressor:
    """LZMA in its old or new envelope."""
    return lzma.LZMADecompressor(memlimit=LZMA_MEMORY)


def zstandard() -> zstd.ZstdDecompressor:
    """Zstandard (RFC 8878) with the window that every reader must bear."""
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 27})


def one(content: bytes, start: int, end: int, make: Callable[[], Decompressor], account: Account) -> tuple[bytes, int]:
    """Return what the stream at `start` stands for and where it ends; raise `Refused` for what is cut, or too much."""
    return unpacked(memoryview(content)[start:end], make(), account, start)


def unpacked(packed: memoryview, stream: Decompressor, account: Account, start: int = 0) -> tuple[bytes, int]:
    """Run `stream` over `packed`; see `one`."""
    allowed = account.allowed(len(packed))
    found = BytesIO()  # gives what was written without a copy
    position = 0
    try:
        while not stream.eof and position < len(packed):
            step = bytes(packed[position : position + _STEP])
            position += len(step)
            found.write(stream.decompress(step, allowed + 1 - found.tell()))
            while not getattr(stream, "needs_input", True) and found.tell() <= allowed and not stream.eof:
                found.write(stream.decompress(b"", allowed + 1 - found.tell()))
            if found.tell() > allowed:
                account.spend(found.tell())
                raise Refused(account.excess(len(packed)))
    except FAULTS:
        account.spend(found.tell())
        raise Damaged(found.getvalue()) from None
    account.spend(found.tell())
    if not stream.eof:
        raise Damaged(found.getvalue())
    return found.getvalue(), start + position - len(stream.unused_data)
