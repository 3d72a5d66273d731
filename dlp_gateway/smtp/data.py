"""The end of DATA in a growing buffer: strict CRLF.CRLF, dots unstuffed, no bare CR or LF (RFC 5321 4.5.2, 2.3.8)."""

from typing import Final

from dlp_gateway.smtp.replies import BARE_NEWLINE, FAR_TOO_BIG, NUL, TOO_BIG, Refusal

_END: Final = b"\r\n.\r\n"
_CR: Final = 0x0D
_PATIENCE: Final = 1_000_000  # octets beyond twice the limit that are read and dropped before the line is cut


class DataReader:
    """Takes the message of one DATA command out of `buffer`, to which the caller appends what arrives.

    Memory: the buffer and one copy of the message. Work is linear in what arrives, whatever the size of the segments.
    Lines may be of any length.
    """

    def __init__(self, buffer: bytearray, limit: int) -> None:
        # The CRLF before the first line is that of the DATA command itself: so a lone first dot ends the message too.
        buffer[:0] = b"\r\n"
        self._buffer = buffer
        self._limit = limit
        # Each line of one dot, 3 octets, travels as 4: what exceeds this is too big, however it is stuffed.
        self._most = limit + limit // 3 + len(_END)
        self._searched = 2
        self._checked = 2
        self._dropped = 0
        self._nul = False

    def read(self) -> bytes | Refusal | None:
        """Return the message, or why it is refused; None if its end has not arrived. What is read is taken away."""
        buffer = self._buffer
        end = buffer.find(_END, max(0, self._searched - len(_END) + 1))
        self._searched = len(buffer)
        stop = self._searched if end < 0 else end + 2
        if end < 0 and buffer[-1] == _CR:
            stop -= 1  # whether this CR is a bare one, the next octet tells
        if not self._clean(stop):
            return BARE_NEWLINE
        if end >= 0:
            return self._finish(end)
        if self._dropped + stop > self._most:
            self._drop(stop - len(_END))
        return FAR_TOO_BIG if self._dropped > 2 * self._limit + _PATIENCE else None

    def _clean(self, stop: int) -> bool:
        """Whether the octets up to `stop`, as far as not seen yet, have CR and LF only as CRLF; notes NUL octets."""
        buffer, start = self._buffer, self._checked
        self._checked = stop
        self._nul = self._nul or buffer.find(0, start, stop) >= 0
        pairs = buffer.count(b"\r\n", start, stop)
        return pairs == buffer.count(b"\n", start, stop) == buffer.count(b"\r", start, stop)

    def _drop(self, count: int) -> None:
        """Forget `count` octets of a message that is too big; the search for its end goes on behind them."""
        del self._buffer[:count]
        self._dropped += count
        self._searched -= count
        self._checked -= count

    def _finish(self, end: int) -> bytes | Refusal:
        buffer = self._buffer
        content = b""
        if not self._dropped and not self._nul:
            with memoryview(buffer) as view:
                content = bytes(view[2 : end + 2])
        del buffer[: end + len(_END)]
        if self._nul:
            return NUL
        if content.startswith(b"."):
            content = content[1:]
        if b"\r\n." in content:
            content = content.replace(b"\r\n.", b"\r\n")
        # RFC 1870 6.3: the size counts neither stuffed dots nor the final one.
        return TOO_BIG if self._dropped or len(content) > self._limit else content
