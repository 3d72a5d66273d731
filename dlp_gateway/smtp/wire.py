"""Octets in and out of one client's connection, and time: aiosmtpd's protocol, driven by what arrives.

Nothing here waits: `data_received` does all that the input allows and answers it in one go, and what must wait (a
hand-over, a password, a handshake) goes on by a callback. What aiosmtpd gives and what is replaced, and why, stands in
docs/decisions/0005-listener-over-aiosmtpd.md and 0030-the-session-is-a-state-machine.md.
"""

import asyncio
import logging
import math
import ssl
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, NoReturn, TypeVar, cast

from aiosmtpd.smtp import SMTP

from dlp_gateway.mail.reply import Reply
from dlp_gateway.observe import metrics
from dlp_gateway.smtp import replies
from dlp_gateway.smtp.door import ListenerOptions
from dlp_gateway.smtp.replies import Refusal

T = TypeVar("T")

_HIGH_WATER: Final = 65_536  # octets that may wait unread while something is waited for, and replies unsent
_LINGER: Final = 2.0  # seconds of silence after which a closed session is really closed
_LONGEST_LINGER: Final = 30.0
_LONGEST_TICK: Final = 15.0
_NO: Final = 400  # and above, RFC 5321 4.2.1

# aiosmtpd logs senders, recipients and, at DEBUG, each line of a message, before anyone could keep them from it: so no
# record of its loggers is ever made, at any level. What has to be known, `observe.log` tells.
for _name in ("mail.log", "mail.debug"):
    logging.getLogger(_name).addFilter(lambda _: False)


class Goodbye(Exception):  # noqa: N818  the end of a session, not an error
    """The session ends; what had to be said is said."""


class _NoHooks:
    """aiosmtpd's handler; nothing is hooked, for every command is answered by the session itself."""


class Wire(SMTP):
    """The connection beneath a session; `_take` of a subclass says what becomes of the input.

    `_take` takes one piece of it and returns False if none is complete; it ends the session by `Goodbye`.
    """

    transport: asyncio.Transport | None
    _take: Callable[[], bool]

    def __init__(self, options: ListenerOptions) -> None:
        super().__init__(_NoHooks(), hostname=options.hostname, ident="", loop=asyncio.get_running_loop())
        self._options = options
        self._input = bytearray()
        self._output = bytearray()
        self._searched = 0  # octets of the input that hold no line end
        self._engaged = True  # something is waited for: what the client says meanwhile is kept
        self._stalled = False  # the client does not read what we say
        self._deaf = False  # we do not read what the client says
        self._ended = False  # the client sent its last octet
        self._finished = False  # we sent ours
        self._closing = False  # and asked the transport to close
        self._attentive = False  # a sign of life means something
        self._waiting: asyncio.Task[Any] | None = None
        self._deadline = math.inf
        self._fires = math.inf  # when the timer does
        self._patience_ends = math.inf  # of lingering
        self._tls = False
        self._shaking = False  # hands: what is said now would be no TLS

    def _connection(self) -> asyncio.Transport:
        """The transport; raises `Goodbye` if the connection is gone."""
        if self.transport is None:
            raise Goodbye
        return self.transport

    # --- the protocol -------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; `super()` makes the task that runs `_handle_client`, which greets."""
        self._tls = transport.get_extra_info("sslcontext") is not None
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone, and with it whatever was waited for; a hand-over is none of that."""
        super().connection_lost(error)
        if self._shaking and isinstance(error, ConnectionAbortedError):  # uvloop tells it here, and not who waits
            self._note(replies.HANDSHAKE_FAILED)
        if self._waiting is not None:
            self._waiting.cancel()
        self._over()

    def data_received(self, data: bytes) -> None:
        """Do what the input allows."""
        if self._attentive:
            self._heard()
        if self._finished:
            self._deadline = min(self.loop.time() + _LINGER, self._patience_ends)
            return
        self._input += data
        if not (self._engaged or self._stalled):
            self._proceed(self._take)
        elif len(self._input) > _HIGH_WATER and not self._deaf:
            self._deaf = True
            self._connection().pause_reading()

    def eof_received(self) -> bool:
        """The client sends no more, but may still read: the reply to its last message is sent (RFC 9293 3.6).

        TLS knows no half-closed connections: there the transport closes after this.
        """
        self._ended = True
        self._left()
        if self._finished or not (self._engaged or self._stalled):
            self._close()
        return not self._tls

    def pause_writing(self) -> None:
        """The client does not read what we say: listen no more to what it says."""
        super().pause_writing()
        self._stalled = True

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        self._stalled = False
        if not (self._engaged or self._finished):
            self._proceed(self._take)

    # --- what a session makes of it -----------------------------------------------------------------------------------

    def _heard(self) -> None:
        """The client gave a sign of life while `_attentive`."""

    def _left(self) -> None:
        """The client will say no more."""

    def _over(self) -> None:
        """The session is over: nothing more will be heard or said."""

    def _note(self, refusal: Refusal) -> None:
        """Log and count a refusal."""

    def _stumbled(self, error: Exception) -> None:
        """Something of ours failed: say so without its text, and forget what was under way."""

    # --- going on -----------------------------------------------------------------------------------------------------

    def _proceed(self, act: Callable[[], bool]) -> None:
        """Do `act`, then one step after the other as long as there is input, and say what there is to say in one go.

        So a group of pipelined commands is answered at once and in order (RFC 2920 3.2).
        """
        more = True
        while more:
            try:
                more = act()
            except Goodbye:
                return
            except Exception as error:  # noqa: BLE001  the listener's: the client gets an answer, never the text
                self._stumbled(error)
            act = self._take
            if len(self._output) > _HIGH_WATER:
                self._flush()
            more = more and bool(self._input) and not (self._engaged or self._stalled)
        self._flush()
        if self._engaged or self._stalled:
            return
        if self._ended:
            self._close()
        elif self._deaf:
            self._deaf = False
            self._connection().resume_reading()

    def _await(self, work: Coroutine[Any, Any, T], then: Callable[[T], object]) -> None:
        """Go on with `then` when `work` has its result; until then the client's input is kept."""
        self._engage()
        self._flush()
        self._waiting = self.loop.create_task(work)
        self._waiting.add_done_callback(partial(self._resumed, then))

    def _engage(self) -> None:
        """Something is waited for, which has a deadline of its own."""
        self._engaged = True
        self._deadline = math.inf

    def _resumed(self, then: Callable[[T], object], work: asyncio.Future[T]) -> None:
        """What was waited for is there; nobody needs it if the client is gone."""
        self._waiting = None
        if self.transport is None or self._finished or work.cancelled():
            return
        self._engaged = False
        self._reset_timeout()

        def act() -> bool:
            then(work.result())
            return True

        self._proceed(act)

    # --- reading and writing ------------------------------------------------------------------------------------------

    def _line(self) -> bytes | None:
        """Return the next line with its end, None if there is none yet."""
        end = self._input.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._input)
            if self._searched > _HIGH_WATER:
                self._end(replies.ENDLESS_LINE)
            return None
        line = bytes(self._input[: end + 1])
        del self._input[: end + 1]
        self._searched = 0
        return line

    def _say(self, reply: Reply, *, smtputf8: bool = False) -> None:
        if reply.code >= _NO:
            metrics.said_no(reply.code)
        self._output += replies.octets(reply, smtputf8=smtputf8)

    def _flush(self) -> None:
        if self._output:
            if not (self._finished or self._shaking or self.transport is None or self.transport.is_closing()):
                self.transport.write(bytes(self._output))
            self._output.clear()

    # --- time ---------------------------------------------------------------------------------------------------------

    def _reset_timeout(self, duration: float | None = None) -> None:
        """Set the deadline; the timer runs on and looks at it when it fires, for timers are dearer than numbers."""
        self._deadline = self.loop.time() + (self._options.idle if duration is None else duration)
        if self._deadline < self._fires:
            self._tick()

    def _tick(self) -> None:
        """Let the timer fire when it is needed, and now and then."""
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        self._fires = min(self._next_moment(), self.loop.time() + _LONGEST_TICK)
        self._timeout_handle = self.loop.call_at(self._fires, self._timeout_cb)

    def _next_moment(self) -> float:
        """Return when the timer has something to do."""
        return self._deadline

    def _timeout_cb(self) -> None:
        late = self.loop.time() >= self._deadline
        if late and self._closing:
            self.abort()  # what a client does not read keeps a transport from closing
            return
        if late:
            self._close() if self._finished else self._part(replies.TIMEOUT)
        self._tick()

    # --- ends ---------------------------------------------------------------------------------------------------------

    def _part(self, refusal: Refusal) -> None:
        """End the session from outside the dialogue."""
        if self.transport is None:
            return
        if not self._finished:
            self._note(refusal)
            self._say(refusal.reply)
            self._flush()
        self._close()

    def _end(self, refusal: Refusal) -> NoReturn:
        """Say why and close so that the client can read it: a socket closed with unread input is reset.

        Raises `Goodbye`.
        """
        self._note(refusal)
        self._say(refusal.reply)
        self._linger()
        raise Goodbye

    def _leave(self) -> NoReturn:
        """Close; raises `Goodbye`."""
        self._flush()
        self._close()
        raise Goodbye

    def _linger(self) -> None:
        """Say the last words, then wait for the client to close, for a while."""
        self._flush()
        self._finished = True
        self._input.clear()
        if self._ended:
            self._close()
            return
        transport = self._connection()
        if transport.can_write_eof():
            transport.write_eof()
        if self._deaf:
            self._deaf = False
            transport.resume_reading()
        self._patience_ends = self.loop.time() + _LONGEST_LINGER
        self._reset_timeout(_LINGER)

    def _close(self) -> None:
        """Close the connection, and cut it if the client does not read what was said before."""
        self._finished = self._closing = True
        self._input.clear()
        if self.transport is not None:
            self.transport.close()
            self._reset_timeout(_LINGER)

    def abort(self) -> None:
        """Cut the connection."""
        if self.transport is not None:
            self.transport.abort()

    # --- TLS ----------------------------------------------------------------------------------------------------------

    async def _shake_hands(self) -> bool:
        """Put TLS under the session; whether it is there."""
        self._shaking = True
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
        except ConnectionAbortedError:  # it took too long; so asyncio tells it
            self._note(replies.HANDSHAKE_FAILED)
        except OSError:  # the client went away
            pass
        else:
            self._tls = True
        finally:
            self._shaking = False
        if not self._tls:
            self._over()  # asyncio tells no protocol that its connection is lost before the handshake is done
        return self._tls
