"""One kept connection to a smarthost, spoken by us, so that replies can be pipelined; `opening` makes it.

Why the protocol of the transport is exchanged stands in docs/decisions/0003-transaction-over-aiosmtplib.md.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from dlp_gateway.mail.reply import Reply, printable
from dlp_gateway.smtp import send_queue

_REPLY_LINE: Final = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*?))?\r?", re.DOTALL)  # RFC 5321 4.2
_ENHANCED: Final = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: +|$)(.*)", re.DOTALL)
_LONGEST_REPLY: Final = 16_384  # octets of one reply, all its lines together; RFC 5321 4.5.3.1.5: 512 a line
_LONGEST_REMEMBERED: Final = 256  # octets of a line that is kept beside the reply that it is


class Lost(Exception):  # noqa: N818  a state of the connection's
    """The connection is of no more use: closed by the peer, too slow, or out of step; `why` is a word for the log.

    `said` are the replies that came before.
    """

    def __init__(self, why: str, said: Sequence[Reply] = ()) -> None:
        super().__init__(why)
        self.why = why
        self.said = said


@dataclass(frozen=True, slots=True, kw_only=True)
class Extensions:
    """What the smarthost offers that concerns a transaction; `size` is its limit, 0 if it tells none."""

    pipelining: bool
    eight_bit: bool
    smtputf8: bool
    dsn: bool
    size: int
    names: frozenset[str]
    tls: bool

    def common(self, other: "Extensions") -> "Extensions":
        """Return what both offer."""
        sizes = [one.size for one in (self, other) if one.size]
        return Extensions(
            pipelining=self.pipelining and other.pipelining,
            eight_bit=self.eight_bit and other.eight_bit,
            smtputf8=self.smtputf8 and other.smtputf8,
            dsn=self.dsn and other.dsn,
            size=min(sizes, default=0),
            names=self.names & other.names,
            tls=self.tls and other.tls,
        )


class Connection(asyncio.Protocol):
    """A session after EHLO and AUTH. Replies come in the order of the commands or not at all (`Lost`).

    One task at a time waits, with one future for a whole group of replies and one timer for all of a session's waits.
    """

    def __init__(self, transport: asyncio.Transport, extensions: Extensions) -> None:
        self.extensions = extensions
        self._loop = asyncio.get_running_loop()
        self.opened = self.idle_since = self._loop.time()
        #: The reply with which the connection ended: nothing that we had sent could have caused it.
        self.unasked: Reply | None = None
        self._transport = transport
        self._input = b""
        self._lines: list[str] = []  # of a reply whose last line has not come
        self._code = b""
        self._read = 0  # octets of that reply
        self._replies: list[Reply] = []
        self._expected = 0  # replies that are due
        self._wanted = 0  # of those, how many the waiting task needs to go on
        self._finishing = False  # the final dot is on its way, and has no reply yet
        self._broken = ""
        self._waiter: asyncio.Future[None] | None = None
        self._patience = 0.0
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._paused = False
        # So that `flushed` means: nothing is left in memory. TLS transports would pause at 0 octets if `high` were 0.
        transport.set_write_buffer_limits(high=1, low=0)

    @property
    def usable(self) -> bool:
        """Whether a transaction can begin: open, in step, nothing outstanding."""
        return not (self._broken or self._expected or self._replies or self._transport.is_closing())

    @property
    def alive(self) -> bool:
        """Whether what is sent now may arrive."""
        # A write that fails closes the transport, which says so only when the loop comes to it.
        return not (self._broken or self._transport.is_closing())

    def send(self, octets: bytes | memoryview, replies: int) -> None:
        """Write commands to which `replies` replies will come."""
        self._expected += replies
        if not self._broken:
            self._transport.write(octets)

    def finish(self, octets: bytes) -> None:
        """Write the end of a message. A reply that comes before all of it is sent is none to it (`unasked`)."""
        self._finishing = True
        self.send(octets, 1)

    async def flushed(self, patience: float) -> None:
        """Wait until the kernel has taken what was sent."""
        while self._paused and not self._broken:
            await self._wait(patience)
        if not self.alive:
            raise Lost(self._broken or "lost")

    async def replies(self, count: int, patience: float) -> list[Reply]:
        """Return the next `count` replies, none of which may be later than `patience` after the one before.

        Raises `Lost`, with the replies that came.
        """
        while len(self._replies) < count and not self._broken:
            self._wanted = count
            await self._wait(patience)
        if len(self._replies) < count:
            raise Lost(self._broken, self._replies)
        found, self._replies = self._replies[:count], self._replies[count:]
        return found

    async def _wait(self, patience: float) -> None:
        self._patience = patience
        self._deadline = self._loop.time() + patience
        # The timer outlives the wait and looks at the deadline when it fires: timers are dearer than numbers.
        if self._timer is None or self._timer_at > self._deadline:
            self._set_timer()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
            self._wanted = 0

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = self._deadline
        self._timer = self._loop.call_at(self._deadline, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._waiter is None:
            return
        if self._loop.time() < self._deadline:
            self._set_timer()
        else:
            self._break("timeout")

    def close(self) -> None:
        """Close without ceremony."""
        self._break("closed")

    def leave(self) -> None:
        """Say QUIT and close; nobody waits for the answer."""
        if self.usable:
            self._transport.write(b"QUIT\r\n")
        self.close()

    def _break(self, why: str) -> None:
        """The connection ends here; whoever waits is told."""
        if not self._broken:
            self._broken = why
            if not self._transport.is_closing():
                # What is still unsent must never arrive: a final dot behind a timeout would make a second copy.
                self._transport.abort() if self._paused else self._transport.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # --- the protocol -------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Cut what arrives into replies; one that nobody asked for ends the connection, so none can be mis-paired."""
        *lines, self._input = (self._input + data).split(b"\n")
        before = len(self._replies)
        for line in lines:
            self._take(line)
            if self._broken:
                return
        if len(self._input) + self._read > _LONGEST_REPLY:
            self._break("garbage")
        elif self._wanted and len(self._replies) >= self._wanted:
            self._wake()
        elif len(self._replies) > before:  # of one of many lines, all together have the time
            self._deadline = self._loop.time() + self._patience

    def _take(self, line: bytes) -> None:
        reply = None if self._lines or len(line) > _LONGEST_REMEMBERED else _one_line(line)
        if reply is None:
            reply = self._joined(line)
            if reply is None:
                return
        if not self._expected or (self._finishing and self._is_sending()):
            self.unasked = reply
            self._break("unavailable" if reply.code == 421 else "garbage")
            return
        self._expected -= 1
        self._finishing = False
        self._replies.append(reply)

    def _is_sending(self) -> bool:
        if self._paused:
            return True
        own = self._transport.get_extra_info("socket")
        try:
            return own is not None and send_queue.unsent(own.fileno()) > 0
        except (OSError, ValueError):  # it is closed: what comes next is its end
            return False

    def _joined(self, line: bytes) -> Reply | None:
        """Add a line to those of its reply; return the reply if it is its last."""
        self._read += len(line) + 1
        match = _REPLY_LINE.fullmatch(line)
        if match is None or (self._lines and match[1] != self._code) or self._read > _LONGEST_REPLY:
            self._break("garbage")
            return None
        self._code = match[1]
        self._lines.append(_text(match))
        if match[2] == b"-":
            return None
        reply = parse_reply(int(self._code), self._lines)
        self._lines, self._read = [], 0
        return reply

    def eof_received(self) -> bool:
        """The smarthost sends no more, so it will not answer either."""
        self._break("lost")
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The connection is gone."""
        self._break("lost")

    def pause_writing(self) -> None:
        """The kernel has not taken everything."""
        self._paused = True

    def resume_writing(self) -> None:
        """The kernel has taken everything."""
        self._paused = False
        if not self._wanted:
            self._wake()


@lru_cache(maxsize=256)  # a smarthost says the same few lines again and again
def _one_line(line: bytes) -> Reply | None:
    """Return the reply if this line is all of it."""
    match = _REPLY_LINE.fullmatch(line)
    return None if match is None or match[2] == b"-" else parse_reply(int(match[1]), [_text(match)])


def _text(match: re.Match[bytes]) -> str:
    return (match[3] or b"").decode("utf-8", "replace").strip()


def parse_reply(code: int, lines: list[str]) -> Reply:
    """Return a reply of one or many lines; the enhanced code is that of the last line, control characters are gone."""
    pieces = [match.groups() if (match := _ENHANCED.match(line)) else ("", line) for line in lines]
    enhanced = pieces[-1][0] if pieces else ""
    if enhanced and not enhanced.startswith(str(code)[0]):  # RFC 2034 4: the classes agree, or it is no enhanced code
        enhanced, pieces = "", [("", line) for line in lines]
    words = printable(" ".join(text for _, text in pieces if text))
    return Reply(code=code, enhanced=enhanced, text=words, remote=True)
