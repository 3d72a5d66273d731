"""Compound files (MS-CFB) → what lies in them: documents, workbooks, slides, messages (the only door to olefile)."""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import olefile

from dlp_gateway.content.text import Account, Refused, UnreadableReason

_FAULTS: Final = (OSError, ValueError, LookupError, TypeError, AttributeError, struct.error)
_STREAMS: Final = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Compound:
    """The streams by path; each is read when it is asked for."""

    names: tuple[tuple[str, ...], ...]
    _file: "olefile.OleFileIO"
    _account: Account

    def stream(self, *path: str) -> bytes:
        """Return a stream's octets, b"" if there is none or it is broken."""
        found = next((name for name in self.names if tuple(map(str.lower, name)) == tuple(map(str.lower, path))), None)
        if found is None:
            return b""
        try:
            octets: bytes = self._file.openstream(list(found)).read()
        except _FAULTS:
            return b""
        self._account.spend(len(octets))
        return octets

    def has(self, *path: str) -> bool:
        """Return whether there is such a stream, whatever its case."""
        wanted = tuple(map(str.lower, path))
        return any(tuple(map(str.lower, name)) == wanted for name in self.names)

    def below(self, *path: str) -> Iterator[tuple[str, ...]]:
        """Yield the streams in a storage."""
        yield from (name for name in self.names if name[: len(path)] == path)


def opened(content: bytes, account: Account) -> Compound:
    """Return the compound file; raise `Refused` if it is none."""
    try:
        file = olefile.OleFileIO(io.BytesIO(content))
        names = tuple(tuple(name) for name in file.listdir(streams=True, storages=False))
    except (*_FAULTS, RecursionError):
        raise Refused(UnreadableReason.BROKEN) from None
    if len(names) > _STREAMS:
        raise Refused(UnreadableReason.BOMB)
    return Compound(names=names, _file=file, _account=account)
