"""Whether a client read our final reply: if nothing shows it, the handler is told, so that a retry is recognised."""

import asyncio
import math
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.reply import Reply
from dlp_gateway.smtp import send_queue
from dlp_gateway.smtp.door import Door

#: Seconds within which a client's system refuses our reply (RST) if nobody is there to read it, or acknowledges it:
#: the round trip, and what it may wait with an acknowledgement (RFC 9293 3.8.6.3).
_ANSWERS_WITHIN: Final = 0.5
_CLOSED: Final = 7  # tcp(7), TCP_INFO: TCP_CLOSE


@dataclass(slots=True, kw_only=True)
class _HandOver:
    envelope: Envelope
    content: bytes
    outcome: asyncio.Task[Reply]
    release: Callable[[], None]
    left: bool = False  # the client, before there was a reply
    kept: socket.socket | None = None  # the connection, if he had


class Confirmation:
    """Of the last messages of a session (invariant (i)): several are answered before a sign, if they were pipelined.

    The sign is that the client goes on, or closes in order behind our goodbye: TCP tells nobody more. Without one, a
    message counts as unanswered when the session ends, or after the door's `confirmation` seconds, for its content is
    kept till then. A reply that his system has not even acknowledged by then was not read.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._under_way: _HandOver | None = None
        self._answered: list[_HandOver] = []  # no more than fit into the input that was there when the first was
        self._socket: socket.socket | None = None  # to which the replies were written
        self.due = math.inf  # when it is too late for a sign, by the loop's clock

    @property
    def pending(self) -> bool:
        """Whether a sign is waited for."""
        return self._under_way is not None or bool(self._answered)

    def begin(
        self, envelope: Envelope, content: bytes, outcome: asyncio.Task[Reply], release: Callable[[], None]
    ) -> None:
        """A hand-over is under way; `release` is called when the content is no longer kept.

        One that was pipelined (RFC 3030 4.2) is no sign that the reply before it was read, nor that it was not: the
        acknowledgement of that may still be out.
        """
        self._under_way = _HandOver(envelope=envelope, content=content, outcome=outcome, release=release)
        self.due = math.inf

    def replied(self, now: float, transport: asyncio.BaseTransport | None) -> None:
        """The final reply was written; from here on a sign counts, until `due`, when the session calls `give_up`."""
        answered, self._under_way = self._under_way, None
        self._socket = None if transport is None else transport.get_extra_info("socket")  # under TLS, later it is gone
        if answered is not None:
            if answered.left:
                answered.kept = _another(self._socket)
            self._answered.append(answered)
        self.due = now + self._door.options.confirmation

    def left(self) -> None:
        """The client will say no more: if its message is still being handed over, a retry may come before that ends."""
        if self._under_way is not None:
            self._under_way.left = True
            self._door.abandoned(self._under_way.envelope, self._under_way.content)

    def heard(self) -> None:
        """The client sent something."""
        answered, self._answered, self.due = self._answered, [], math.inf
        for one in answered:
            if one.outcome.result().again:
                self._door.heard(one.envelope, one.content)
            one.release()

    def give_up(self) -> None:
        """No sign came; an honest client that did read the reply loses nothing by it."""
        answered, self._answered, self.due = self._answered, [], math.inf
        if answered:
            arrived = asyncio.get_running_loop().create_task(_has_arrived(_another(self._socket)))
            for one in answered:
                self._tell(one, _was_taken(one.kept) if one.kept is not None else arrived)
        if self._under_way is not None:
            self._tell(self._under_way, _known(written=False))
        self._under_way = self._socket = None

    def _tell(self, one: _HandOver, written: Awaitable[bool]) -> None:
        told = self._door.unanswered(one.envelope, one.content, one.outcome, written)
        told.add_done_callback(lambda _: one.release())


async def _known(*, written: bool) -> bool:
    return written


async def _was_taken(connection: socket.socket) -> bool:
    """Whether a client that had ended his side was still there to read our reply, as TCP lets him (RFC 9293 3.6).

    He most likely did then. The system of one who is gone refuses it.
    """
    with connection:
        await asyncio.sleep(_ANSWERS_WITHIN)
        return not _is_closed(connection)


async def _has_arrived(connection: socket.socket | None) -> bool:
    """Whether the client's system acknowledged what we said; it does not when the network to him was cut.

    What was said last may have left only now, with the end of the session: that takes its time. Without a connection,
    closed by ourselves, the reply counts as read.
    """
    if connection is None:
        return True
    with connection:
        if not _is_on_its_way(connection):
            return True
        await asyncio.sleep(_ANSWERS_WITHIN)
        return not _is_on_its_way(connection)


def _is_on_its_way(connection: socket.socket) -> bool:
    """Whether something that we said is not acknowledged.

    A reset acknowledges nothing, and may well come from one who had read it all.
    """
    return not _is_closed(connection) and send_queue.unacknowledged(connection.fileno()) > 0


def _another(own: socket.socket | None) -> socket.socket | None:
    """Return the socket once more, if there is one and a descriptor is left; uvloop's own answers no questions."""
    try:
        return None if own is None else socket.socket(fileno=os.dup(own.fileno()))
    except OSError:
        return None


def _is_closed(connection: socket.socket) -> bool:
    return bool(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _CLOSED)
