"""Octets in and out of one client's connection, and time: aiosmtpd's protocol with reading, TLS and ends of our own.

What aiosmtpd gives and what is replaced, and why, stands in docs/decisions/0005-listener-over-aiosmtpd.md.
"""

import asyncio
import logging
import math
import ssl
from typing import Any, Final, cast

from aiosmtpd.smtp import SMTP

from dlp_gateway.mail.envelope import new_id
from dlp_gateway.mail.reply import Reply
from dlp_gateway.smtp import replies
from dlp_gateway.smtp.door import ListenerOptions, stumbled
from dlp_gateway.smtp.replies import Refusal

_HIGH_WATER: Final = 65_536  # octets that may wait unread while a message is handed over
_LINGER: Final = 2.0  # seconds of silence after which a closed session is really closed
_LONGEST_LINGER: Final = 30.0
_LONGEST_TICK: Final = 60.0

# aiosmtpd logs senders, recipients and, at DEBUG, each line of a message, before anyone could keep them from it: so no
# record of its logger is ever made, at any level. What has to be known, `observe.log` tells.
logging.getLogger("mail.log").addFilter(lambda _: False)


class Goodbye(Exception):  # noqa: N818  the end of a session, not an error
    """The session ends; what had to be said is said."""


class _NoHooks:
    """aiosmtpd's handler; nothing is hooked, for every command is answered by the session itself."""


class Wire(SMTP):
    """The connection beneath a session; `_handle_client` of a subclass runs over it."""

    transport: asyncio.Transport | None

    def __init__(self, options: ListenerOptions) -> None:
        super().__init__(_NoHooks(), hostname=options.hostname, ident="", loop=asyncio.get_running_loop())
        self._options = options
        self._input = bytearray()
        self._output = bytearray()
        self._fresh = False  # octets arrived that nobody looked at
        self._ended = False  # the client sent its last octet
        self._finished = False  # we sent ours
        self._waiter: asyncio.Future[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._deadline = math.inf
        self._tls = False

    def _connection(self) -> asyncio.Transport:
        """The transport; raises `Goodbye` if the connection is gone."""
        if self.transport is None:
            raise Goodbye
        return self.transport

    # --- the protocol -------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; `super()` makes the task that runs `_handle_client`."""
        self._tls = transport.get_extra_info("sslcontext") is not None
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Keep what arrives for the dialogue."""
        self._input += data
        self._fresh = True
        self._heard()
        if self._waiter is not None:
            self._wake()
        elif len(self._input) > _HIGH_WATER:
            self._connection().pause_reading()

    def _heard(self) -> None:
        """The client gave a sign of life."""

    def eof_received(self) -> bool:
        """The client sends no more, but may still read: the reply to its last message is sent (RFC 9293 3.6).

        TLS knows no half-closed connections: there the transport closes after this.
        """
        self._ended = True
        self._wake()
        return not self._tls

    def pause_writing(self) -> None:
        """The client does not read what we say: listen no more to what it says."""
        super().pause_writing()
        self._writable.clear()

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        self._writable.set()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # --- reading and writing ------------------------------------------------------------------------------------------

    async def _more(self) -> bool:
        """Say what there is to say, then wait for octets; False if there will be none.

        Replies leave only here and before a hand-over, so a group of pipelined commands is answered in one go, in
        order (RFC 2920 3.2).
        """
        self._flush()
        await self._writable.wait()
        if not self._fresh and not self._ended:
            self._connection().resume_reading()
            self._waiter = self.loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        fresh, self._fresh = self._fresh, False
        return fresh

    async def _line(self) -> bytes | None:
        """Return the next line with its end, None at the end of all lines."""
        start = 0
        while (end := self._input.find(b"\n", start)) < 0:
            start = len(self._input)
            if start > _HIGH_WATER:
                await self._end(replies.ENDLESS_LINE)
            if not await self._more():
                return None
        line = bytes(self._input[: end + 1])
        del self._input[: end + 1]
        return line

    def _say(self, reply: Reply, *, smtputf8: bool = False) -> None:
        self._output += replies.octets(reply, smtputf8=smtputf8)

    def _flush(self) -> None:
        if self._output and not self._finished and self.transport is not None and not self.transport.is_closing():
            self.transport.write(bytes(self._output))
        self._output.clear()

    async def push(self, status: Any) -> None:  # noqa: ANN401  whatever a method of aiosmtpd's says
        """Say a line of aiosmtpd's in its turn."""
        self._output += status if isinstance(status, bytes) else status.encode("ascii", "replace")
        self._output += b"\r\n"

    # --- time ---------------------------------------------------------------------------------------------------------

    def _reset_timeout(self, duration: float | None = None) -> None:
        """Set the deadline; the timer runs on and looks at it when it fires, for timers are dearer than numbers."""
        self._deadline = self.loop.time() + (self._options.idle if duration is None else duration)
        if self._timeout_handle is None:
            self._tick()
        elif self._timeout_handle.when() > self._deadline:
            self._timeout_handle.cancel()
            self._tick()

    def _tick(self) -> None:
        at = min(self._deadline, self.loop.time() + _LONGEST_TICK)
        self._timeout_handle = self.loop.call_at(at, self._timeout_cb)

    def _timeout_cb(self) -> None:
        if self.loop.time() < self._deadline:
            self._tick()
        else:
            self._part(replies.TIMEOUT)

    # --- ends ---------------------------------------------------------------------------------------------------------

    def _note(self, refusal: Refusal) -> None:
        """Log and count a refusal."""

    def _part(self, refusal: Refusal) -> None:
        """End the session from outside the dialogue."""
        if self.transport is None:
            return
        if not self._finished:
            self._note(refusal)
            self._say(refusal.reply)
            self._flush()
        self.transport.close()
        # What a client does not read keeps a transport from closing.
        self.loop.call_later(_LINGER, self.transport.abort)

    async def _end(self, refusal: Refusal) -> None:
        """Say why and close so that the client can read it: a socket closed with unread input is reset.

        Raises `Goodbye`.
        """
        self._note(refusal)
        self._say(refusal.reply)
        await self._linger()
        raise Goodbye

    async def _linger(self) -> bool:
        """Say the last words, and wait for the client to close; return whether it did so after them, in order."""
        before = self._ended
        self._flush()
        self._finished = True
        self._deadline = math.inf  # lingering has its own
        if self._connection().can_write_eof():
            self._connection().write_eof()
        until = self.loop.time() + _LONGEST_LINGER
        while not self._ended and self.loop.time() < until:
            self._input.clear()
            try:
                async with asyncio.timeout(_LINGER):
                    await self._more()
            except TimeoutError:
                break
        return self._ended and not before

    def abort(self) -> None:
        """Cut the connection."""
        if self.transport is not None:
            self.transport.abort()

    async def _start_tls(self) -> None:
        # RFC 3207 4.2: what came before the handshake, in the same segment too, could be anybody's.
        self._input.clear()
        self._fresh = False
        self._deadline = math.inf  # the handshake has its own
        # Nothing is awaited between the 220 and this, so no octet of the handshake is taken for SMTP.
        try:
            self.transport = await self.loop.start_tls(
                self._connection(),
                self,
                cast("ssl.SSLContext", self._options.tls_context),
                server_side=True,
                ssl_handshake_timeout=self._options.handshake,
                ssl_shutdown_timeout=_LINGER,
            )
        except ssl.SSLError as error:
            unverified = isinstance(error, ssl.SSLCertVerificationError)
            self._note(replies.UNVERIFIED_CERTIFICATE if unverified else replies.HANDSHAKE_FAILED)
            raise
        if self.transport is None:
            raise Goodbye
        self._tls = True

    async def handle_exception(self, error: Exception) -> str:
        """Never tell an exception's text (aiosmtpd would answer `500 Error: (Type) text`)."""
        reference = new_id()
        stumbled(reference, error)
        return str(replies.failed(reference))
