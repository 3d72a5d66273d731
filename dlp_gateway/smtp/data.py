"""The end of DATA in a growing buffer: strict CRLF.CRLF, dots unstuffed, no bare CR or LF (RFC 5321 4.5.2, 2.3.8)."""

import re
from io import BytesIO
from typing import Final

from dlp_gateway.smtp.replies import BARE_NEWLINE, FAR_TOO_BIG, NUL, TOO_BIG, Refusal

# The regular expressions look for one octet at memory's speed; `find` and `count` of two or more are slower.
_END: Final = re.compile(rb"\r\n\.\r\n")
_END_OCTETS: Final = 5
_BARE_CR: Final = re.compile(rb"\r(?!\n)")
_STUFFED: Final = re.compile(rb"\n\.")
_CR: Final = 0x0D
_LF: Final = 0x0A
_BLOCK: Final = 262_144  # octets that stay in the buffer before they are set aside
_PATIENCE: Final = 1_000_000  # octets beyond twice the limit that are read and dropped before the line is cut


class DataReader:
    """Takes the message of one DATA command out of `buffer`, to which the caller appends what arrives.

    Memory: the message once, and a block. Work is linear in what arrives, whatever the size of the segments. Lines may
    be of any length.
    """

    def __init__(self, buffer: bytearray, limit: int) -> None:
        # The CRLF before the first line is that of the DATA command itself: so a lone first dot ends the message too.
        buffer[:0] = b"\r\n"
        self._buffer = buffer
        self._limit = limit
        # Each line of one dot, 3 octets, travels as 4: what exceeds this is too big, however it is stuffed.
        self._most = limit + limit // 3 + _END_OCTETS
        self._searched = 2
        self._checked = 2
        self._gone = 0  # octets that left the buffer
        self._aside = BytesIO()  # gives out what it holds without another copy
        self._nul = False

    def read(self) -> bytes | Refusal | None:
        """Return the message, or why it is refused; None if its end has not arrived. What is read is taken away."""
        buffer = self._buffer
        if len(buffer) == self._searched:
            return None
        match = _END.search(buffer, max(0, self._searched - _END_OCTETS + 1))
        end = -1 if match is None else match.start()
        self._searched = len(buffer)
        stop = self._searched if end < 0 else end + 2
        if end < 0 and buffer[-1] == _CR:
            stop -= 1  # whether this CR is a bare one, the next octet tells
        if not self._clean(stop):
            return BARE_NEWLINE
        if end >= 0:
            return self._finish(end)
        if stop > _BLOCK or self._gone + stop > self._most:
            self._shorten(stop)
        return FAR_TOO_BIG if self._gone > 2 * self._limit + _PATIENCE else None

    def _clean(self, stop: int) -> bool:
        """Whether the octets up to `stop`, as far as not seen yet, have CR and LF only as CRLF; notes NUL octets."""
        buffer, start = self._buffer, self._checked
        self._checked = stop
        self._nul = self._nul or buffer.find(0, start, stop) >= 0
        if buffer.count(b"\r", start, stop) != buffer.count(b"\n", start, stop):
            return False
        return _BARE_CR.search(buffer, start, stop) is None  # as many of both, and LF behind each CR: no LF is bare

    def _shorten(self, stop: int) -> None:
        """Set aside what cannot be the beginning of the end, or forget it where the message is refused anyway."""
        buffer = self._buffer
        cut = stop - _END_OCTETS
        # A stuffed dot stays with its line end.
        cut -= 1 if buffer[cut - 1] == _CR else 2 if buffer[cut - 1] == _LF else 0
        if cut <= 2:
            return
        if self._nul or self._gone + stop > self._most:
            self._aside = BytesIO()
        else:
            self._aside.write(self._unstuffed(cut))
        del buffer[:cut]
        self._gone += cut
        self._searched -= cut
        self._checked -= cut

    def _unstuffed(self, stop: int) -> bytes:
        """Return the octets up to `stop` as the author wrote them (RFC 5321 4.5.2)."""
        first = not self._gone
        with memoryview(self._buffer) as view:
            octets = bytes(view[2 if first else 0 : stop])
        if first and octets.startswith(b"."):
            octets = octets[1:]
        return octets.replace(b"\r\n.", b"\r\n") if _STUFFED.search(octets) else octets

    def _finish(self, end: int) -> bytes | Refusal:
        refusal = NUL if self._nul else TOO_BIG if self._gone + end > self._most else None
        content = self._unstuffed(end + 2) if refusal is None else b""
        del self._buffer[: end + _END_OCTETS]
        if refusal is not None:
            return refusal
        if self._gone:
            self._aside.write(content)
            content = self._aside.getvalue()
        # RFC 1870 6.3: the size counts neither stuffed dots nor the final one.
        return TOO_BIG if len(content) > self._limit else content
