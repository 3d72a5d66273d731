"""Whether a client read our final reply: if nothing shows it, the handler is told, so that a retry is recognised."""

import asyncio
import math
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.reply import Reply
from dlp_gateway.smtp import send_queue
from dlp_gateway.smtp.door import Door

#: Seconds within which a client's system refuses our reply (RST) if nobody is there to read it.
_REFUSED_WITHIN: Final = 0.5
_CLOSED: Final = 7  # tcp(7), TCP_INFO: TCP_CLOSE


@dataclass(frozen=True, slots=True, kw_only=True)
class _HandOver:
    envelope: Envelope
    content: bytes
    outcome: asyncio.Task[Reply]
    release: Callable[[], None]


class Confirmation:
    """Of the last message of a session (invariant (i)).

    The sign is that the client goes on, or closes in order behind our goodbye: TCP tells nobody more. Without one, a
    message counts as unanswered when the session ends, or after the door's `confirmation` seconds, for its content is
    kept till then. A reply that his system has not even acknowledged by then was not read.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._pending: _HandOver | None = None
        self._replied = False
        self._transport: asyncio.BaseTransport | None = None  # to which the reply was written
        self._left = False  # before there was a reply
        self._kept: socket.socket | None = None  # the connection of one who had left when he was answered
        self.due = math.inf  # when it is too late for a sign, by the loop's clock

    @property
    def pending(self) -> bool:
        """Whether a sign is waited for."""
        return self._pending is not None

    def begin(
        self, envelope: Envelope, content: bytes, outcome: asyncio.Task[Reply], release: Callable[[], None]
    ) -> None:
        """A hand-over is under way; `release` is called when the content is no longer kept."""
        self.give_up()
        self._pending = _HandOver(envelope=envelope, content=content, outcome=outcome, release=release)

    def replied(self, now: float, transport: asyncio.BaseTransport | None) -> None:
        """The final reply was written; from here on a sign counts, until `due`, when the session calls `give_up`."""
        self._replied, self._transport = True, transport
        if self._left and transport is not None:
            with suppress(OSError):  # without one, the reply counts as read
                self._kept = _another(transport)
        self.due = now + self._door.options.confirmation

    def left(self) -> None:
        """The client will say no more: if its message is still being handed over, a retry may come before that ends."""
        if self._pending is not None and not self._replied:
            self._left = True
            self._door.abandoned(self._pending.envelope, self._pending.content)

    def heard(self) -> None:
        """The client sent something."""
        if self._replied and self._pending is not None:
            if self._pending.outcome.result().again:
                self._door.heard(self._pending.envelope, self._pending.content)
            self._pending.release()
            self._clear()

    def give_up(self) -> None:
        """No sign came; an honest client that did read the reply loses nothing by it."""
        if self._pending is not None:
            pending = self._pending
            arrived = self._replied and not _is_on_its_way(self._transport)
            written = _was_taken(self._kept) if self._kept else _known(arrived)
            told = self._door.unanswered(pending.envelope, pending.content, pending.outcome, written)
            told.add_done_callback(lambda _: pending.release())
        self._clear()

    def _clear(self) -> None:
        self._pending, self._replied, self._left, self._kept, self.due = None, False, False, None, math.inf
        self._transport = None


async def _known(written: bool) -> bool:  # noqa: FBT001 - what it is asked for
    return written


async def _was_taken(connection: socket.socket) -> bool:
    """Whether a client that had ended his side was still there to read our reply, as TCP lets him (RFC 9293 3.6).

    He most likely did then. The system of one who is gone refuses it.
    """
    with connection:
        await asyncio.sleep(_REFUSED_WITHIN)
        return not _is_closed(connection)


def _is_on_its_way(transport: asyncio.BaseTransport | None) -> bool:
    """Whether the client's system has not acknowledged what we said, as when the network to him was cut.

    A reset acknowledges nothing, and may well come from one who had read it all.
    """
    if transport is None:
        return False
    try:
        with _another(transport) as connection:
            return not _is_closed(connection) and send_queue.unacknowledged(connection.fileno()) > 0
    except OSError:  # closed by ourselves, or no descriptor is left: the reply counts as read
        return False


def _another(transport: asyncio.BaseTransport) -> socket.socket:
    """Return the socket once more; uvloop's own answers no questions. Raises OSError, if there is none too."""
    own = transport.get_extra_info("socket")
    return socket.socket(fileno=os.dup(-1 if own is None else own.fileno()))


def _is_closed(connection: socket.socket) -> bool:
    return bool(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _CLOSED)
