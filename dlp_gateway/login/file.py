"""The users' file on disk: read whole, written whole or not at all, by one writer at a time."""

import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dlp_gateway.errors import ConfigurationError, GatewayError, Problem
from dlp_gateway.login import users
from dlp_gateway.login.users import User

_PATIENCE: Final = 10.0  # seconds that another writer may take
_PAUSE: Final = 0.05
MADE_BY: Final = "dlp-gateway users add NAME"


class UsersFileError(GatewayError):
    """The file cannot be written; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """By what a changed file is known."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int


def version(path: Path) -> Version | None:
    """Return the version that lies there now, None if there is none or it cannot be seen."""
    try:
        status = path.stat()
    except OSError:
        return None
    return _version(status)


def load(path: Path) -> tuple[dict[str, User], Version]:
    """Return the users by their prepared names and which version that is; raise `ConfigurationError`."""
    text, status = _text(path)
    return users.read(text, str(path)), _version(status)


def change(path: Path, decide: Callable[[dict[str, User]], dict[str, User | None]]) -> None:
    """Let `decide` look at the users and say which lines to write or, with None, to take out.

    A file that is not there is made. Raises `ConfigurationError`, `UsersFileError`, and what `decide` raises.
    """
    with _alone(path):
        former: os.stat_result | None = None
        text = ""
        if os.path.lexists(path):
            text, former = _text(path)
        changes = decide(users.read(text, str(path)))
        _replace(path.resolve() if path.is_symlink() else path, users.changed(text, changes), former)


def _text(path: Path) -> tuple[str, os.stat_result]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a FIFO must not make us wait
    except FileNotFoundError:
        raise ConfigurationError.of(path, f"There is no such file; `{MADE_BY}` makes it.") from None
    except PermissionError:
        raise ConfigurationError.of(
            path, "This file may not be read by the user that runs this; see `login` in the docs."
        ) from None
    except OSError as error:
        raise ConfigurationError.of(path, f"This file cannot be read: {error.strerror}.") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise ConfigurationError.of(path, "This is no file; one with a user a line is needed.")
    with os.fdopen(descriptor, "rb") as file:
        if status.st_mode & 0o007:
            raise ConfigurationError.of(
                path, f"Anybody may read the passwords' hashes here, or write them; run: chmod o= {path}"
            )
        raw = file.read(users.LARGEST + 1)
    if len(raw) > users.LARGEST:
        raise ConfigurationError.of(path, f"This file is larger than {users.LARGEST // 1_000_000} MB.")
    try:
        return raw.decode("utf-8"), status
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = "This is not UTF-8; save the file in that encoding."
        raise ConfigurationError([Problem(source=str(path), line=line, column=1, message=message)]) from None


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the folder's lock, which goes with the process, whatever becomes of it (flock(2))."""
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise UsersFileError(f"{path.parent}: this folder cannot be used: {error.strerror}.") from None
    try:
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if error.errno != errno.EWOULDBLOCK or time.monotonic() > until:
                    raise UsersFileError(f"{path}: another program is changing the users; try again.") from None
                time.sleep(_PAUSE)
        yield
    finally:
        os.close(folder)


def _replace(path: Path, text: str, former: os.stat_result | None) -> None:
    """Write beside the file, bring that to the disk, and put it in its place: a reader sees the old or the new."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode())
                file.flush()
                if former is not None:  # the gateway's group may have been given the right to read it
                    _give(descriptor, former)
                os.fsync(descriptor)
            beside.rename(path)
        except OSError:
            with suppress(OSError):
                beside.unlink()
            raise
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise UsersFileError(f"{path}: this file cannot be written: {error.strerror}.") from None


def _give(descriptor: int, former: os.stat_result) -> None:
    """Give the file to whom the former one belonged, as far as we may; its group reads it only if it is the same."""
    with suppress(PermissionError):
        os.fchown(descriptor, former.st_uid, former.st_gid)
    same = os.fstat(descriptor).st_gid == former.st_gid
    os.fchmod(descriptor, former.st_mode & (0o640 if same else 0o600) | 0o600)


def _version(status: os.stat_result) -> Version:
    return Version(
        device=status.st_dev,
        inode=status.st_ino,
        size=status.st_size,
        modified=status.st_mtime_ns,
        changed=status.st_ctime_ns,
    )
