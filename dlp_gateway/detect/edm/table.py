"""A table as it lies on disk: a sealed header, then sorted digests with the record and the column of each.

It is mapped, not read: all processes share one copy in memory, and a search touches a few pages of it. 13 octets a
value. Someone may write over a file that is mapped; `require_same` tells before it is relied on.
"""

import hashlib
import json
import mmap
import os
import stat
import struct
import weakref
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from dlp_gateway.detect.edm import keys
from dlp_gateway.detect.edm.keys import Key
from dlp_gateway.detect.edm.spec import Spec
from dlp_gateway.errors import ConfigurationError, InspectionError

MAGIC: Final = b"DLPEDM\n"
VERSION: Final = 1
DIGESTS: Final = np.dtype("<u8")
RECORDS: Final = np.dtype("<u4")
COLUMNS: Final = np.dtype("<u1")
OCTETS: Final = DIGESTS.itemsize + RECORDS.itemsize + COLUMNS.itemsize
_LENGTH: Final = struct.Struct("<I")
_SEAL: Final = 32
_ALIGNED: Final = 64
_LARGEST_HEADER: Final = 4_000_000
_PIECE: Final = 1 << 24

Digests = NDArray[np.uint64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a table says of itself; no value.

    `shapes` tells how many values of the file have each shape, `words` of how many words its names are.
    """

    key: str
    built: datetime
    source: str
    spec: Spec
    records: int
    values: int
    words: tuple[int, ...]
    shapes: dict[str, int]
    left_out: dict[str, dict[str, int]]
    body: str

    def to_bytes(self) -> bytes:
        """Return it as JSON."""
        told = {
            "version": VERSION,
            "key": self.key,
            "built": self.built.isoformat(),
            "source": self.source,
            "spec": self.spec.model_dump(mode="json"),
            "records": self.records,
            "values": self.values,
            "words": self.words,
            "shapes": self.shapes,
            "left_out": self.left_out,
            "body": self.body,
        }
        return json.dumps(told, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, written: bytes) -> "Header":
        """Read what `to_bytes` wrote; raise ValueError, KeyError or TypeError."""
        told: dict[str, Any] = json.loads(written)
        return cls(
            key=str(told["key"]),
            built=datetime.fromisoformat(told["built"]),
            source=str(told["source"]),
            spec=Spec.model_validate_json(json.dumps(told["spec"])),
            records=int(told["records"]),
            values=int(told["values"]),
            words=tuple(map(int, told["words"])),
            shapes={str(form): int(count) for form, count in told["shapes"].items()},
            left_out=told["left_out"],
            body=str(told["body"]),
        )

    @property
    def spec_id(self) -> str:
        """Tells files of columns apart."""
        return hashlib.blake2b(self.spec.model_dump_json().encode(), digest_size=4).hexdigest()


def lead(header: Header, key: Key) -> bytes:
    """Return all that stands before the digests."""
    told = header.to_bytes()
    start = MAGIC + _LENGTH.pack(len(told)) + told
    start += key.seal(start)
    return start + bytes(-len(start) % _ALIGNED)


class Table:
    """A table that can be searched."""

    def __init__(self, path: Path, header: Header, key: Key, mapped: mmap.mmap, start: int, file: IO[bytes]) -> None:
        """Use `open_table`."""
        self.path, self.header, self.key = path, header, key
        self._file, self._start = file, start
        weakref.finalize(self, file.close)
        self._seen = _version(file.fileno())
        self._spoilt: tuple[int, int] | None = None
        self._lead = mapped[:start]
        count = header.values
        self.digests: Digests = np.frombuffer(mapped, DIGESTS, count, start)
        self.records = np.frombuffer(mapped, RECORDS, count, start + count * DIGESTS.itemsize)
        self.columns = np.frombuffer(mapped, COLUMNS, count, start + count * (DIGESTS.itemsize + RECORDS.itemsize))

    def require_same(self) -> None:
        """Raise `InspectionError` if the file was written over, as `cp` does: what is mapped is no table any more.

        A file that was only touched is read once, and good again.
        """
        version = _version(self._file.fileno())
        if version == self._seen:
            return
        if version != self._spoilt and version[0] == self._seen[0] and self._is_whole():
            self._seen = version
            return
        self._spoilt = version
        raise InspectionError("a table was written over in its place; build it, or move it there, and reload")

    def _is_whole(self) -> bool:
        lead = os.pread(self._file.fileno(), self._start, 0)
        return lead == self._lead and _digest(self._file, self._start) == self.header.body

    def places(self, digests: bytes) -> tuple[Places, Places]:
        """Return where the entries of each of many digests (8 octets each) begin and end."""
        wanted = np.frombuffer(digests, DIGESTS)
        return np.searchsorted(self.digests, wanted, "left"), np.searchsorted(self.digests, wanted, "right")


def open_table(path: Path, key_file: Path, *, whole: bool = False) -> Table:
    """Map a table; `whole` looks at each octet of it. Raises `ConfigurationError` with what to do."""
    file = _opened(path)
    try:
        head = _head(path, file)
        return _mapped(path, file, head, keys.load(key_file), key_file, whole=whole)
    except BaseException:
        file.close()
        raise


def _mapped(path: Path, file: IO[bytes], head: bytes, key: Key, key_file: Path, *, whole: bool) -> Table:
    header, start = _header(path, file, head, key, key_file)
    size = os.fstat(file.fileno()).st_size
    if size != start + header.values * OCTETS:
        raise ConfigurationError.of(path, "This table is not whole; build it anew with `edm build`.")
    if whole and _digest(file, start) != header.body:
        raise ConfigurationError.of(path, "This table is damaged; build it anew with `edm build`.")
    mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    return Table(path, header, key, mapped, start, file)


def _opened(path: Path) -> IO[bytes]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise ConfigurationError.of(
            path, "There is no such table; `dlp-gateway edm build FILE.csv` makes it."
        ) from None
    except PermissionError:
        raise ConfigurationError.of(
            path, "This table may not be read by the user that runs the gateway; give it to that user."
        ) from None
    except OSError as error:
        raise ConfigurationError.of(path, f"This table cannot be read: {error.strerror}.") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ConfigurationError.of(path, "This is no file; a table is needed.")
    return os.fdopen(descriptor, "rb", buffering=0)  # what is read again was written meanwhile


def _head(path: Path, file: IO[bytes]) -> bytes:
    """Return what each table begins with, before anybody asks for its key."""
    head = file.read(len(MAGIC) + _LENGTH.size)
    if not head.startswith(MAGIC) or len(head) < len(MAGIC) + _LENGTH.size:
        raise ConfigurationError.of(path, "This is no table; `dlp-gateway edm build FILE.csv` makes one.")
    return head


def _header(path: Path, file: IO[bytes], head: bytes, key: Key, key_file: Path) -> tuple[Header, int]:
    """Return the header and where the digests begin."""
    (length,) = _LENGTH.unpack(head[len(MAGIC) :])
    told = file.read(length) if length <= _LARGEST_HEADER else b""
    seal = file.read(_SEAL)
    try:
        loaded = json.loads(told)
        version, built_with = loaded["version"], loaded["key"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ConfigurationError.of(path, "This table is damaged; build it anew with `edm build`.") from None
    if version != VERSION:
        raise ConfigurationError.of(
            path, "This table is of another version of the gateway; build it anew with `edm build`."
        )
    if built_with != key.id:
        raise ConfigurationError.of(
            path, f"This table was built with another key than the one in {key_file}; build it anew with it."
        )
    if seal != key.seal(head + told):
        raise ConfigurationError.of(path, "This table was changed after it was built; build it anew with `edm build`.")
    start = len(head) + len(told) + _SEAL
    try:
        return Header.from_bytes(told), start + (-start % _ALIGNED)
    except (ValueError, KeyError, TypeError):
        raise ConfigurationError.of(path, "This table is damaged; build it anew with `edm build`.") from None


def _digest(file: IO[bytes], start: int) -> str:
    """Return the digest of everything behind the header; by places, for processes share the file that is open."""
    made = hashlib.blake2b(digest_size=32)
    while piece := os.pread(file.fileno(), _PIECE, start):
        made.update(piece)
        start += len(piece)
    return made.hexdigest()


def _version(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_size, status.st_mtime_ns
