"""The content of a message out of a growing buffer: behind DATA up to CRLF.CRLF, behind BDAT by count.

Strict either way: CR and LF stand in CRLF only (RFC 5321 2.3.8), no octet is NUL, dots are unstuffed (RFC 5321 4.5.2).
"""

import re
from typing import Final

from dlp_gateway.smtp import line_ends
from dlp_gateway.smtp.replies import BARE_NEWLINE, FAR_TOO_BIG, NO_ROOM, NUL, TOO_BIG, Refusal
from dlp_gateway.smtp.room import Room
from dlp_gateway.smtp.spool import Spool

# The regular expressions look for one octet at memory's speed; `find` and `count` of two or more are slower.
_END: Final = re.compile(rb"\r\n\.\r\n")
_END_OCTETS: Final = 5
_STUFFED: Final = re.compile(rb"\n\.")
_CR: Final = 0x0D
_LF: Final = 0x0A
_BLOCK: Final = 65_536  # octets that stay in the buffer before they are set aside
#: What is FAR times the limit and PATIENCE octets is not read to its end.
FAR: Final = 2
PATIENCE: Final = 1_000_000


class _Reader:
    """What is common to both ways: the octets that were set aside, and why the message is refused, if it is."""

    def __init__(self, buffer: bytearray, limit: int, room: Room) -> None:
        self._buffer = buffer
        self._limit = limit
        self._room = room
        self._spool: Spool | None = None
        self._refusal: Refusal | None = None

    @property
    def crowded(self) -> bool:
        """Whether `settle` must come before anything else is read."""
        return self._spool is not None and self._spool.crowded

    async def settle(self) -> None:
        """Move to the disk what finds no room in memory; if that fails, the message is read on and refused."""
        if self._spool is not None and not await self._spool.settle():
            self._refuse(NO_ROOM)

    def close(self) -> None:
        """Forget the message."""
        spool, self._spool = self._spool, None
        if spool is not None:
            spool.close()

    def _refuse(self, refusal: Refusal) -> None:
        self._refusal = self._refusal or refusal
        self.close()

    def _set_aside(self, octets: bytes) -> None:
        if self._refusal is None:
            self._spool = self._spool or Spool(self._room)
            self._spool.write(octets)

    def _whole(self, last: bytes) -> bytes | Spool | Refusal:
        """Return the message that ends with `last`."""
        if self._refusal is None and (self._spool.size if self._spool else 0) + len(last) > self._limit:
            self._refuse(TOO_BIG)
        if self._refusal is not None:
            return self._refusal
        if self._spool is None:
            return last
        self._spool.write(last)
        spool, self._spool = self._spool, None
        return spool


class DataReader(_Reader):
    """Takes the message of one DATA command out of `buffer`, to which the caller appends what arrives.

    Memory: the message once as far as there is room for it, and a block. Work is linear in what arrives, whatever the
    size of the segments. Lines may be of any length.
    """

    def __init__(self, buffer: bytearray, limit: int, room: Room) -> None:
        super().__init__(buffer, limit, room)
        # The CRLF before the first line is that of the DATA command itself: so a lone first dot ends the message too.
        buffer[:0] = b"\r\n"
        # Each line of one dot, 3 octets, travels as 4: what exceeds this is too big, however it is stuffed.
        self._most = limit + limit // 3 + _END_OCTETS
        self._searched = 2
        self._checked = 2
        self._dotted = False  # there may be a line in the buffer that begins with a dot
        self._gone = 0  # octets that left the buffer

    @property
    def complete(self) -> bool:
        """Whether what `read` gives is the whole message: it always is."""
        return True

    @property
    def arrived(self) -> int:
        """How many octets came in."""
        return self._gone + len(self._buffer)

    def read(self) -> bytes | Spool | Refusal | None:
        """Return the message, or why it is refused; None if its end has not arrived. What is read is taken away.

        RFC 1870 6.3: the size counts neither stuffed dots nor the final one.
        """
        buffer = self._buffer
        if len(buffer) == self._searched:
            return None
        # Whether a last CR is a bare one, the next octet tells.
        stop = len(buffer) - 1 if buffer[-1] == _CR else len(buffer)
        plain = stop - self._checked > line_ends.MANY and line_ends.are_plain(buffer, self._checked, stop)
        end = -1
        if not plain:
            self._dotted = True
            if match := _END.search(buffer, max(0, self._searched - _END_OCTETS + 1)):
                end, stop = match.start(), match.start() + 2
        self._searched = len(buffer)
        if not self._clean(stop, plain=plain):
            return BARE_NEWLINE
        if self._gone + stop > self._most:
            self._refuse(TOO_BIG)
        if end >= 0:
            last = b"" if self._refusal else self._unstuffed(end + 2)
            del buffer[: end + _END_OCTETS]
            return self._whole(last)
        if stop > _BLOCK or self._refusal:
            self._shorten(stop)
        return FAR_TOO_BIG if self._gone > FAR * self._limit + PATIENCE else None

    def _clean(self, stop: int, *, plain: bool) -> bool:
        """Whether the octets up to `stop`, as far as not seen yet, have CR and LF only as CRLF; notes NUL octets."""
        start, self._checked = self._checked, stop
        if self._buffer.find(0, start, stop) >= 0:
            self._refuse(NUL)
        return plain or line_ends.are_crlf(self._buffer, start, stop)

    def _shorten(self, stop: int) -> None:
        """Set aside what cannot be the beginning of the end, or forget it where the message is refused anyway."""
        buffer = self._buffer
        cut = stop - _END_OCTETS
        if cut <= 2:
            return
        # A stuffed dot stays with its line end.
        cut -= 1 if buffer[cut - 1] == _CR else 2 if buffer[cut - 1] == _LF else 0
        if cut <= 2:
            return
        if self._refusal is None:
            self._set_aside(self._unstuffed(cut))
        del buffer[:cut]
        self._gone += cut
        self._searched -= cut
        self._checked -= cut
        self._dotted = _STUFFED.search(buffer) is not None

    def _unstuffed(self, stop: int) -> bytes:
        """Return the octets up to `stop` as the author wrote them (RFC 5321 4.5.2)."""
        first = not self._gone
        with memoryview(self._buffer) as view:
            octets = bytes(view[2 if first else 0 : stop])
        if first and octets.startswith(b"."):
            octets = octets[1:]
        return octets.replace(b"\r\n.", b"\r\n") if self._dotted and _STUFFED.search(octets) else octets


class ChunkReader(_Reader):
    """Takes the chunks of one message out of `buffer`, each announced by `expect` (RFC 3030 2).

    The same rules hold as behind DATA, across the borders of chunks too: who passes the message on with DATA would
    otherwise be made to smuggle. A last line without its end gets one, for DATA cannot say it otherwise.
    """

    def __init__(self, buffer: bytearray, limit: int, room: Room) -> None:
        super().__init__(buffer, limit, room)
        self._left = 0  # octets of the chunk that have not come
        self._last = False
        self._returned = False  # the last octet was a CR
        self._open_line = False  # and the last line has no end
        self.arrived = 0

    @property
    def complete(self) -> bool:
        """Whether what `read` gives is the whole message."""
        return self._last and not self._left

    def expect(self, size: int, *, last: bool) -> None:
        """A chunk of so many octets follows."""
        self._left, self._last = size, last
        if self.arrived + size > self._limit:
            self._refuse(TOO_BIG)

    def read(self) -> bytes | Spool | Refusal | None:
        """Take what came of a chunk; None if it is not complete.

        A complete chunk gives b"" and, if it was the last, the message; or why the message is refused.
        """
        octets = bytes(self._buffer[: self._left])
        del self._buffer[: len(octets)]
        self._left -= len(octets)
        self.arrived += len(octets)
        if octets and not self._clean(octets):
            return BARE_NEWLINE
        if self._left:
            self._set_aside(octets)
            return None
        if self._refusal is not None:
            return self._refusal
        if not self._last:
            self._set_aside(octets)
            return b""
        if self._returned:
            return BARE_NEWLINE
        return self._whole(octets + b"\r\n" if self._open_line else octets)

    def _clean(self, octets: bytes) -> bool:
        """Whether octets may follow what came before, as far as CR and LF go; notes NUL octets."""
        if octets.find(0) >= 0:
            self._refuse(NUL)
        start = 1 if self._returned else 0
        if self._returned and octets[0] != _LF:
            return False
        self._returned = octets[-1] == _CR
        self._open_line = octets[-1] != _LF
        return line_ends.are_crlf(octets, start, len(octets) - self._returned)
