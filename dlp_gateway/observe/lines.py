"""Lines on standard error, written without ever waiting for who reads them.

A pipe to a log shipper, or the journal's socket, is full when its reader stands still; a write would then stop a whole
process. Standard error is others' too, so it cannot be made non-blocking for good: each write says so for itself.
"""

import errno
import os
import select
import stat
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TextIO

from dlp_gateway.observe import metrics

_ROOM: Final = 1_000_000  # octets that wait for the reader; lines beyond are dropped
_PAUSE: Final = 1.0  # seconds for which the reader is waited for at a time
_REST: Final = 0.01  # and how often one that is back is given as much as it takes
_AT_THE_END: Final = 1.0  # seconds for them at the end of the process
#: Where the kernel cannot be told not to wait with a write (pwritev2(2)): pipes before Linux 6.4.
_UNABLE: Final = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


class Lines:
    """Writes one line a call; a line that cannot be written is dropped, for the log is no reason to fail a message.

    One that would have to wait is written later, in order, when the reader is back, or at the end of the process. When
    all that waited is written, `tell_dropped` is told how many others were dropped for want of room.
    """

    def __init__(self, stream: TextIO, tell_dropped: Callable[[int], None]) -> None:
        self.stream = stream
        self._tell_dropped = tell_dropped
        self._encoding = stream.encoding or "utf-8"
        self._lock = threading.RLock()  # a finalizer may have something to say while a line is written
        self._waiting: deque[bytes] = deque()
        self._octets = 0  # of those
        self._dropped = self._uncounted = 0
        self._trying = False
        try:
            kind = os.fstat(stream.fileno()).st_mode
        except (OSError, ValueError, AttributeError):
            kind = 0  # a stream in memory
        self._is_file = stat.S_ISREG(kind)
        self._is_channel = stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)
        self._has_descriptor = kind != 0

    def msg(self, line: str) -> None:
        """Write a line, or keep it for later."""
        if not self._has_descriptor:
            with suppress(OSError, ValueError):
                self.stream.write(line + "\n")
                self.stream.flush()
            return
        octets = f"{line}\n".encode(self._encoding, "backslashreplace")
        with self._lock:
            if self._waiting and not self._trying:
                self._catch_up()
            if not self._waiting:  # as nearly always
                octets = self._write(octets)
                if not octets:
                    return
            elif self._octets + len(octets) > _ROOM and not self._catch_up():
                self._dropped += 1
                self._uncounted += 1
                return
            self._waiting.append(octets)
            self._octets += len(octets)
            if not self._trying:
                self._try_again()

    debug = info = warning = error = critical = msg

    def finish(self) -> None:
        """Give a reader that is slow a last second."""
        end = time.monotonic() + _AT_THE_END
        while not self._catch_up() and time.monotonic() < end:
            time.sleep(_REST)
        self._tell()

    def _catch_up(self) -> bool:
        """Write what waits, as far as it goes at once; return whether that is all."""
        with self._lock:
            while self._waiting:
                octets = self._waiting.popleft()
                left = self._write(octets)
                self._octets -= len(octets) - len(left)
                if left:
                    self._waiting.appendleft(left)
                    return False
        return True

    def _write(self, octets: bytes) -> bytes:
        """Write what goes at once, and return the rest; pieces of this size do not mix with other processes'."""
        try:
            descriptor = self.stream.fileno()  # raises ValueError once it is closed
            while octets:
                octets = octets[self._written(descriptor, octets[: select.PIPE_BUF]) :]
        except BlockingIOError:
            return octets
        except (OSError, ValueError):  # a full disk, a reader that went away
            return b""
        return octets

    def _written(self, descriptor: int, piece: bytes) -> int:
        """Write a piece and return how much of it; raises BlockingIOError instead of waiting."""
        if self._is_channel:
            try:
                return os.pwritev(descriptor, (piece,), -1, os.RWF_NOWAIT)
            except OSError as error:
                if error.errno not in _UNABLE:
                    raise
                self._is_channel = False
        if not self._is_file and not self._ready(descriptor, 0):  # a pipe that is ready has room for this much
            raise BlockingIOError
        return os.write(descriptor, piece)

    @staticmethod
    def _ready(descriptor: int, seconds: float) -> bool:
        """Wait so long until something can be written; return whether it can."""
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        return bool(poll.poll(seconds * 1_000))

    def _try_again(self) -> None:
        thread = threading.Thread(target=self._keep_trying, name="log", daemon=True)
        self._trying = True
        try:
            thread.start()
        except RuntimeError:  # no room for a thread: the next line tries
            self._trying = False

    def _keep_trying(self) -> None:
        while self._trying:
            with suppress(OSError, ValueError):  # a closed stream
                self._ready(self.stream.fileno(), _PAUSE)
            time.sleep(_REST)
            with self._lock:
                self._trying = not self._catch_up()
                uncounted, self._uncounted = self._uncounted, 0
            if uncounted:
                metrics.log_dropped(uncounted)
        self._tell()

    def _tell(self) -> None:
        with self._lock:
            dropped = 0 if self._waiting else self._dropped
            self._dropped -= dropped
        if dropped:
            self._tell_dropped(dropped)
