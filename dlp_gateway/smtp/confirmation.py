"""Whether a client read our final reply: if nothing shows it, the handler is told, so that a retry is recognised."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass

from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.reply import Reply
from dlp_gateway.smtp.door import Door


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
    kept till then.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._pending: _HandOver | None = None
        self._replied = False
        self._left = False  # before there was a reply
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

    def replied(self, now: float) -> None:
        """The final reply was written; from here on a sign counts, until `due`, when the session calls `give_up`."""
        self._replied = True
        self.due = now + self._door.options.confirmation

    def left(self) -> None:
        """The client will say no more: if its message is still being handed over, a retry may come before that ends."""
        if self._pending is not None and not self._replied:
            self._left = True
            self._door.abandoned(self._pending.envelope, self._pending.content)

    def heard(self) -> None:
        """The client sent something."""
        if self._replied and self._pending is not None:
            self._pending.release()
            self._clear()

    def give_up(self) -> None:
        """No sign came; an honest client that did read the reply loses nothing by it."""
        if self._pending is not None:
            pending = self._pending
            # To one who had ended his side a reply is written as well, for TCP lets him read it; most are gone.
            written = self._replied and not self._left
            told = self._door.unanswered(pending.envelope, pending.content, pending.outcome, written=written)
            told.add_done_callback(lambda _: pending.release())
        self._clear()

    def _clear(self) -> None:
        self._pending, self._replied, self._left, self.due = None, False, False, math.inf
