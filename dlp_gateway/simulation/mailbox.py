"""Filed mail in order of time: Maildirs, mbox files, folders of .eml files; found first, read one by one later.

Of each mail only its place and time are kept, so a mailbox of any size fits. Symbolic links are not followed.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

from dlp_gateway.mail import header

_HEADER: Final = 65_536  # octets in which a mail's time is looked for
_LINE: Final = 65_536  # octets of a line that are read at once
_BARE_LF: Final = re.compile(rb"(?<!\r)\n")
_QUOTED_FROM: Final = re.compile(rb"^>(>*From )", re.MULTILINE)
_DATE: Final = 200  # octets of a date
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class NotMailError(Exception):
    """What was named is no place where mail lies; the text says so, without its name and full stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """One mail: where it lies, when it came, and a name for it, relative to the mailbox; octets `start` to `end`."""

    name: str
    at: datetime
    path: Path
    start: int
    end: int


def found(place: Path) -> Iterator[Filed]:
    """Yield the mails of a Maildir, of an mbox file, or of all .eml files in a folder, in no order.

    Raises `NotMailError` if it is none of them, and `OSError` if it cannot be read.
    """
    if place.is_file():
        yield from _of_file(place, place.name)
        return
    if not place.is_dir():
        raise NotMailError("there is no such file or folder")
    for folder, names, files in os.walk(place):
        names.sort()
        here = Path(folder)
        is_maildir = here.name in {"cur", "new"} and {"cur", "new"} <= {one.name for one in here.parent.iterdir()}
        for name in sorted(files):
            file = here / name
            if (is_maildir or name.lower().endswith(".eml")) and not file.is_symlink():
                yield _whole(file, str(file.relative_to(place)))


def content(mail: Filed, limit: int) -> bytes | None:
    """Return a mail as it would come over the wire (RFC 5321 2.3.8); None if it is longer than `limit`, or gone."""
    if mail.end - mail.start > limit:
        return None
    try:
        with mail.path.open("rb") as file:
            file.seek(mail.start)
            raw = file.read(mail.end - mail.start)
    except OSError:
        return None
    if mail.start:  # of an mbox, in which the first line of a mail names it and others are quoted
        raw = _QUOTED_FROM.sub(rb"\1", raw)
    return _BARE_LF.sub(b"\r\n", raw)


def _whole(file: Path, name: str) -> Filed:
    with file.open("rb") as opened:
        section = opened.read(_HEADER)
        status = os.fstat(opened.fileno())
    changed = datetime.fromtimestamp(status.st_mtime, UTC)
    return Filed(name=name, at=_time(section) or changed, path=file, start=0, end=status.st_size)


def _of_file(file: Path, name: str) -> Iterator[Filed]:
    """Yield the mails of an mbox (RFC 4155), or the one of which the file consists."""
    with file.open("rb") as opened:
        if opened.read(5) != b"From ":
            yield _whole(file, name)
            return
        opened.seek(0)
        number, start, begins, after_blank = 0, 0, True, True
        section = b""
        position = 0
        while line := opened.readline(_LINE):
            if begins and after_blank and line.startswith(b"From "):
                if number:
                    yield _part(file, name, number, start, position, section)
                number, start, section = number + 1, position + len(line), b""
            elif len(section) < _HEADER:
                section += line
            after_blank = begins and not line.strip(b"\r\n")
            begins = line.endswith(b"\n")
            position += len(line)
        yield _part(file, name, number, start, position, section)


def _part(file: Path, name: str, number: int, start: int, end: int, section: bytes) -> Filed:
    return Filed(name=f"{name}:{number}", at=_time(section) or _EPOCH, path=file, start=start, end=end)


def _time(section: bytes) -> datetime | None:
    """Return when a mail was received last, or written; None if its header says neither."""
    found_header = header.read(section)
    traces = [field.body.rpartition(b";")[2] for field in found_header.named("received")[:1]]
    for body in (*traces, *(field.body for field in found_header.named("date")[:1])):
        try:
            moment = parsedate_to_datetime(body[:_DATE].decode("ascii", "replace").strip())
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        try:
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except OverflowError:
            continue
    return None
