"""Sealing: a fresh AES-256-GCM key for each message, itself sealed (HPKE, RFC 9180) to the custody's public key."""

import base64
import hashlib
import hmac
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import GCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from quarantine.store import StoreError, StoreKeyError

#: Written with each row and authenticated with each field; a reader that meets a higher number must not guess.
SCHEMA: Final = 1

_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_NONCE: Final = 12  # bytes; NIST SP 800-38D 8.2.2: random, and one key seals a few thousand fields at most
_TAG: Final = 16  # bytes
_PIECE: Final = 262_144  # bytes that are sealed at a time where a second copy of all would weigh
_KEY_FILE_LIMIT: Final = 4096


class DamagedError(StoreError):
    """A stored field does not open: it was changed, or sealed to another key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """What a receiver needs to seal: it can put messages in and read none. `index_key` makes addresses findable."""

    id: str
    public: bytes
    index_key: bytes = field(repr=False)

    def to_json(self) -> str:
        """Return one line for a pipe to a child process; `index_key` is a secret, so never log it."""
        return json.dumps({"public": self.public.hex(), "index_key": self.index_key.hex()})

    @classmethod
    def from_json(cls, line: str) -> Self:
        """Read what `to_json` wrote; raises `StoreKeyError`."""
        try:
            fields = json.loads(line)
            public, index_key = bytes.fromhex(fields["public"]), bytes.fromhex(fields["index_key"])
            X25519PublicKey.from_public_bytes(public)
        except (ValueError, KeyError, TypeError):
            raise StoreKeyError("the custody's public key did not come over whole") from None
        return cls(id=_key_id(public), public=public, index_key=index_key)

    def index(self, kind: str, value: str) -> bytes:
        """Return a keyed digest by which `value` can be found again but not read; 32 bytes."""
        return hmac.digest(self.index_key, f"{kind}\0{value}".encode("utf-8", "surrogateescape"), "sha256")

    def address_index(self, address: str) -> bytes:
        """Return the digest of an address; upper and lower case are the same address here."""
        return self.index("address", address.casefold())


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateKey:
    """The custody's key pair: opens every message. Only the supervisor and the commands of an administrator hold it."""

    public: PublicKey
    private: bytes = field(repr=False)

    @classmethod
    def generate(cls) -> Self:
        """Return a new key pair."""
        return cls.from_bytes(X25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def from_bytes(cls, private: bytes) -> Self:
        """Derive everything from the 32 private bytes; raises ValueError for another length."""
        public = X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
        index_key = hmac.digest(private, b"dlp custody index 1", "sha256")
        return cls(public=PublicKey(id=_key_id(public), public=public, index_key=index_key), private=private)


class SealedContent:
    """A large field that is sealed piece by piece as it is written, so that there never is a second copy of it.

    Its pieces are the same whenever it is gone through; together they are what `MessageKey.seal` would have returned.
    """

    __slots__ = ("_associated", "_key", "_nonce", "_plain")

    def __init__(self, key: bytes, associated: bytes, plain: bytes) -> None:
        self._key, self._associated, self._plain = key, associated, plain
        self._nonce = os.urandom(_NONCE)

    def __len__(self) -> int:
        return _NONCE + len(self._plain) + _TAG

    def __iter__(self) -> Iterator[bytes]:
        sealing = Cipher(AES256(self._key), GCM(self._nonce)).encryptor()
        sealing.authenticate_additional_data(self._associated)
        yield self._nonce
        with memoryview(self._plain) as view:
            for start in range(0, len(view), _PIECE):
                yield sealing.update(view[start : start + _PIECE])
        yield sealing.finalize() + sealing.tag


class MessageKey:
    """Seals and opens the fields of one message. A field cannot be moved to another message or another field."""

    __slots__ = ("_cipher", "_context", "_key")

    def __init__(self, key: bytes, message_id: str) -> None:
        self._key = key
        self._cipher = AESGCM(key)
        self._context = _context(message_id)

    def seal(self, name: str, plain: bytes) -> bytes:
        """Return nonce and ciphertext: `plain` and 28 bytes."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, self._context + name.encode())

    def seal_in_pieces(self, name: str, plain: bytes) -> SealedContent:
        """Return the same of a large field, which is kept until its pieces are written."""
        return SealedContent(self._key, self._context + name.encode(), plain)

    def open(self, name: str, sealed: bytes) -> bytes:
        """Return what was sealed under `name`; raises `DamagedError`."""
        view = memoryview(sealed)
        try:
            return self._cipher.decrypt(view[:_NONCE], view[_NONCE:], self._context + name.encode())
        except (InvalidTag, ValueError):
            raise DamagedError("a stored message cannot be opened: it was changed after it was sealed") from None

    def seal_text(self, name: str, text: str) -> bytes:
        """Seal `text`; undecodable bytes carried as surrogates survive."""
        return self.seal(name, text.encode("utf-8", "surrogateescape"))

    def open_text(self, name: str, sealed: bytes) -> str:
        """Return the text sealed under `name`; raises `DamagedError`."""
        return self.open(name, sealed).decode("utf-8", "surrogateescape")


class Sealer:
    """Makes message keys that only the holder of the private key can get back."""

    __slots__ = ("_recipient", "public")

    def __init__(self, public: PublicKey) -> None:
        self.public = public
        self._recipient = X25519PublicKey.from_public_bytes(public.public)

    def new_key(self, message_id: str) -> tuple[MessageKey, bytes]:
        """Return a fresh key for one message and the sealed form of it that is stored beside it (80 bytes)."""
        key = AESGCM.generate_key(256)
        return MessageKey(key, message_id), _SUITE.encrypt(key, self._recipient, info=_context(message_id))

    def seal_text(self, message_id: str, name: str, text: str) -> bytes:
        """Seal a text that comes up after the message's key was given away, such as a reply; 0.1 ms and 48 bytes."""
        info = _context(message_id) + name.encode()
        return _SUITE.encrypt(text.encode("utf-8", "surrogateescape"), self._recipient, info=info)


class Opener:
    """Gets message keys back with the private key."""

    __slots__ = ("_private", "public")

    def __init__(self, key: PrivateKey) -> None:
        self.public = key.public
        self._private = X25519PrivateKey.from_private_bytes(key.private)

    def key(self, message_id: str, sealed: bytes) -> MessageKey:
        """Return the key of one message; raises `DamagedError`."""
        try:
            return MessageKey(_SUITE.decrypt(sealed, self._private, info=_context(message_id)), message_id)
        except (InvalidTag, ValueError):
            raise DamagedError("the key of a stored message cannot be opened: it was changed since") from None

    def open_text(self, message_id: str, name: str, sealed: bytes | None) -> str:
        """Return what `Sealer.seal_text` sealed, "" for None; raises `DamagedError`."""
        if sealed is None:
            return ""
        try:
            plain = _SUITE.decrypt(sealed, self._private, info=_context(message_id) + name.encode())
        except (InvalidTag, ValueError):
            raise DamagedError("a stored text cannot be opened: it was changed since") from None
        return plain.decode("utf-8", "surrogateescape")


def load_or_create(path: Path, *, store_is_empty: bool) -> PrivateKey:
    """Read the key file, or make one for an empty store; raises `StoreKeyError` with a sentence saying what to do."""
    try:
        return load(path)
    except FileNotFoundError:
        pass
    if not store_is_empty:
        raise StoreKeyError(
            f"{path}: the custody holds data sealed to a key, and this key file does not exist; put the key back from "
            "your backup (or, to give up what is in custody, move the database away)"
        )
    key = PrivateKey.generate()
    _write(path, key)
    return key


def load(path: Path) -> PrivateKey:
    """Read a key file; raises FileNotFoundError, or `StoreKeyError` with a sentence saying what to do."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a FIFO must not make us wait
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreKeyError(f"{path}: the custody's key file cannot be read: {error.strerror}") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise StoreKeyError(f"{path}: the custody's key file must be a regular file")
        if status.st_mode & 0o077:
            raise StoreKeyError(f"{path}: others may read the custody's key file; run: chmod 600 {path}")
        written = os.read(descriptor, _KEY_FILE_LIMIT)
    finally:
        os.close(descriptor)
    try:
        fields = json.loads(written)
        if fields["custody_key"] != SCHEMA:
            raise StoreKeyError(f"{path}: this key file is for another version of the gateway")
        return PrivateKey.from_bytes(base64.b64decode(fields["private"], validate=True))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise StoreKeyError(
            f"{path}: this is no key file of the custody, or it is damaged; put it back from your backup"
        ) from None


def lies_beside(key_file: Path, database: Path) -> bool:
    """Tell whether one stolen folder would give both the sealed messages and their key: worth a warning."""
    return key_file.resolve().parent == database.resolve().parent


def _write(path: Path, key: PrivateKey) -> None:
    """Make the key file, for its owner only, and let it reach the disk before anything is sealed to it."""
    line = json.dumps({"custody_key": SCHEMA, "private": base64.b64encode(key.private).decode()}) + "\n"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        mend = "; let the user that runs this write in its folder" if isinstance(error, PermissionError) else ""
        if isinstance(error, FileNotFoundError):
            mend = f"; make its folder: install -d -m 700 -o USER {path.parent}"
        raise StoreKeyError(f"{path}: the custody's key file cannot be made: {error.strerror}{mend}") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(line.encode())
            file.flush()
            os.fsync(descriptor)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise StoreKeyError(f"{path}: the custody's key file cannot be written: {error.strerror}") from None


def _key_id(public: bytes) -> str:
    return hashlib.sha256(public).hexdigest()[:16]


def _context(message_id: str) -> bytes:
    """Return what is authenticated with each field: the schema version and the message's id."""
    return b"dlp custody %d\0%s\0" % (SCHEMA, message_id.encode())
