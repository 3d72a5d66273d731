"""The key of tables: without it digests tell nothing, so it lies in a file of its own, for its owner alone."""

import base64
import hashlib
import json
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dlp_gateway.detect.edm.values import ADDRESS, CODE, DATE, NAME
from dlp_gateway.errors import ConfigurationError

_VERSION: Final = 1
_OCTETS: Final = 32
_LARGEST: Final = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A secret, and the name by which tables say which of them they were built with."""

    secret: bytes = field(repr=False)
    _digests: dict[str, "hashlib.blake2b"] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        made = {
            domain: hashlib.blake2b(key=self.secret, digest_size=8, person=domain.encode())
            for domain in (CODE, DATE, NAME, ADDRESS)
        }
        object.__setattr__(self, "_digests", made)

    @property
    def id(self) -> str:
        """Tells keys apart and tells nothing of them."""
        return hashlib.blake2b(key=self.secret, digest_size=8, person=b"key id").hexdigest()

    def digest(self, domain: str, value: str) -> bytes:
        """Return the eight octets that stand for a value."""
        made = self._digests[domain].copy()
        made.update(value.encode("utf-8", "surrogateescape"))
        return made.digest()

    def seal(self, data: bytes) -> bytes:
        """Return what proves that `data` was written by a holder of the key; 32 octets."""
        return hashlib.blake2b(data, key=self.secret, digest_size=32, person=b"header").digest()


def make() -> Key:
    """Return a new key."""
    return Key(secret=secrets.token_bytes(_OCTETS))


def load(path: Path) -> Key:
    """Read a key file; raise `ConfigurationError`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a FIFO must not make us wait
    except FileNotFoundError:
        raise ConfigurationError.of(
            path, "There is no key file; put it back from your backup, or build the table anew with `edm build`."
        ) from None
    except PermissionError:
        raise ConfigurationError.of(
            path, "This key may not be read by the user that runs this; it must own the file."
        ) from None
    except OSError as error:
        raise ConfigurationError.of(path, f"This key cannot be read: {error.strerror}.") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigurationError.of(path, "This is no file; a key file is needed.")
        if status.st_mode & 0o077:
            raise ConfigurationError.of(path, f"Others may read this key; run: chmod 600 {path}")
        written = os.read(descriptor, _LARGEST)
    finally:
        os.close(descriptor)
    try:
        fields = json.loads(written)
        secret = base64.b64decode(fields["key"], validate=True)
        if fields["edm_key"] != _VERSION or len(secret) != _OCTETS:
            raise ConfigurationError.of(path, "This key is for another version of the gateway.")
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ConfigurationError.of(
            path, "This is no key of a table, or it is damaged; put it back from your backup."
        ) from None
    return Key(secret=secret)


def save(path: Path, key: Key) -> None:
    """Write a key to a new file, for its owner alone, and bring it to the disk; raise `ConfigurationError`."""
    line = json.dumps({"edm_key": _VERSION, "key": base64.b64encode(key.secret).decode()}) + "\n"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationError.of(path, f"The key cannot be written here: {error.strerror}.") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise ConfigurationError.of(path, f"The key cannot be written here: {error.strerror}.") from None
