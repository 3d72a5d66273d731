"""What a database that fails says, in words of a closed list: no statement, and no value in one, gets any further."""

import os
import pwd
import resource
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError

from quarantine.store import BusyError, StoreError
from quarantine.threads import CANNOT_START, NoThreadError

#: Bytes; a disk with less room than that counts as full, and a file with less until its limit as too large.
ROOM: Final = 1_000_000


class Why(StrEnum):
    """The log's word for it."""

    FULL = "disk-full"
    LIMITED = "file-size-limit"
    READ_ONLY = "read-only"
    GONE = "gone"
    LOCKED = "locked"
    DAMAGED = "damaged"
    SHUT = "cannot-be-opened"
    FAULT = "input-output"
    THREAD = "no-thread"
    OTHER = "other"


#: By SQLite's primary result code (sqlite.org/rescode.html).
_CODES: Final = {
    sqlite3.SQLITE_FULL: Why.FULL,
    sqlite3.SQLITE_READONLY: Why.READ_ONLY,
    sqlite3.SQLITE_PERM: Why.READ_ONLY,
    sqlite3.SQLITE_BUSY: Why.LOCKED,
    sqlite3.SQLITE_LOCKED: Why.LOCKED,
    sqlite3.SQLITE_CORRUPT: Why.DAMAGED,
    sqlite3.SQLITE_NOTADB: Why.DAMAGED,
    sqlite3.SQLITE_CANTOPEN: Why.SHUT,
    sqlite3.SQLITE_IOERR: Why.FAULT,
}
_SAYS: Final = {
    Why.FULL: "the disk is full; make room",
    Why.LIMITED: "files may not grow beyond {limit:,} bytes here (RLIMIT_FSIZE); lift the limit (`ulimit -f`, or "
    "LimitFSIZE= of the systemd unit) and restart the gateway",
    Why.READ_ONLY: "the user {user} may not write it; give file and folder to the user that runs the gateway",
    Why.GONE: "the file is gone, or another one has its place; put it back, and restart the gateway",
    Why.LOCKED: "it is locked: another program did not let us write in time; `fuser` says which",
    Why.DAMAGED: "it is damaged, or no database; restore a backup",
    Why.SHUT: "it, or its log beside it, cannot be opened by the user {user}; look at its folder's rights",
    Why.THREAD: "the system starts no more threads for us; lift the limit on tasks (TasksMax= of the systemd unit, "
    "pids_limit of the container, `ulimit -u`), or make room in memory",
    Why.FAULT: "the system could not read or write it ({code}); look at the disk, and at what the kernel says (dmesg)",
}
#: What a connection that was opened meanwhile may be past: SQLite reads on for ever where it once could not write.
_STALE: Final = frozenset({Why.READ_ONLY, Why.DAMAGED, Why.SHUT, Why.FAULT})


def failure(why: Why, path: Path, *, code: str = "") -> StoreError:
    """Return the error of a SQLite file, with a sentence on what to do."""
    kind = BusyError if why is Why.LOCKED else StoreError
    return kind(f"{path}: {_SAYS[why].format(user=_user(), code=code, limit=_limit())}", why=why, file=str(path))


def is_stale(error: BaseException | None) -> bool:
    """Tell whether a connection may go on failing after the cause is gone, so that it has to be left."""
    return _why(error) in _STALE


def require_room(path: Path) -> None:
    """Raise `StoreError` if there is as good as no room: a small change finds some in the log where no mail does."""
    shortage = _shortage(path)
    if shortage is not None:
        raise failure(shortage, path)


@contextmanager
def translated(path: Path | None) -> Iterator[None]:
    """Turn whatever the database does into `StoreError`; `path` is that of a SQLite file."""
    try:
        yield
    except DBAPIError as error:
        raise _translation(error.orig, path) from error
    except StatementError:
        raise  # a value that cannot be bound: a mistake of ours, which trying again would not mend
    except SQLAlchemyError as error:
        raise StoreError(f"the custody's database failed: {type(error).__name__}", why=Why.OTHER) from error
    except RuntimeError as error:  # of a connection that needs a thread of its own
        if str(error) != CANNOT_START:
            raise
        raise _translation(NoThreadError(CANNOT_START), path) from error
    except (sqlite3.Error, OSError, TimeoutError) as error:
        raise _translation(error, path) from error


def _translation(error: BaseException | None, path: Path | None) -> StoreError:
    why = _why(error)
    if path is not None and why in {Why.FAULT, Why.SHUT}:
        # There was no room for the index of the log, or for a larger file: SQLite tells of both in other words.
        why = _shortage(path) or why
    if path is not None and why in _SAYS:
        return failure(why, path, code=str(getattr(error, "sqlite_errorname", "")))
    if isinstance(error, PermissionError | FileNotFoundError) and error.filename is not None:
        return StoreError(_of_the_folder(error), why=why, file=str(path or ""))
    kind = BusyError if why is Why.LOCKED else StoreError
    first_line = (str(error) or type(error).__name__).splitlines()[0][:200]
    return kind(f"the custody's database failed: {first_line}", why=why, file=str(path or ""))


def _why(error: BaseException | None) -> Why:
    if isinstance(error, TimeoutError):
        return Why.LOCKED
    if isinstance(error, NoThreadError):
        return Why.THREAD
    if isinstance(error, PermissionError):
        return Why.OTHER  # the system's own sentence names the file
    code: int = getattr(error, "sqlite_errorcode", 0)
    if code == sqlite3.SQLITE_READONLY_DBMOVED:
        return Why.GONE
    return _CODES.get(code & 0xFF, Why.OTHER)


def _shortage(path: Path) -> Why | None:
    """Return what leaves no room for a database and its log, if anything does."""
    try:
        if shutil.disk_usage(path.parent).free < ROOM:
            return Why.FULL
    except OSError:
        return None
    limit = _limit()
    if limit != resource.RLIM_INFINITY and max(map(_size, (path, path.with_name(f"{path.name}-wal")))) + ROOM > limit:
        return Why.LIMITED
    return None


def _limit() -> int:
    return resource.getrlimit(resource.RLIMIT_FSIZE)[0]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _of_the_folder(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return f"{error.filename}: {error.strerror}; let the user {_user()}, who runs this, write in its folder"
    folder = Path(error.filename).parent
    return f"there is no folder {folder}; make it: install -d -m 700 -o {_user()} {folder}"
