"""Retries: who never got our final reply sends the mail again, and no second copy is made of it (invariant (i)).

Which retries are known, and why no others, stands in docs/decisions/0006-retry-memory.md and 0057-quick-retries.md.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from functools import partial
from itertools import count
from types import TracebackType
from typing import Final, TypeVar

from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.parse import parse
from dlp_gateway.mail.reference import own_id
from dlp_gateway.mail.reply import Reply
from dlp_gateway.ports import UNDER_WAY, Departures, Journal
from quarantine.store import StoreError

T = TypeVar("T")

_LARGE: Final = 500_000  # octets; a digest of fewer takes a millisecond
_NOTED: Final = 5.0  # seconds for a note of a client that left; usually it takes some milliseconds
_LOOK: Final = 0.005
#: Seconds that a retry waits for the end of the first attempt. A smarthost that takes longer will keep others waiting
#: too, and a retry that waits keeps its message in memory.
PATIENCE: Final = 15.0
_LOOK_AGAIN: Final = 0.25
#: Seconds after which the note of a hand-over that is still under way is made anew: well within the time for which one
#: is believed after a crash (`journal.unanswered.LONGEST`).
_NOTED_AGAIN: Final = 240.0
#: Ids that are kept of messages that came while the database could not be asked.
_UNSURE: Final = 1_000


class OwnDepartures:
    """Those of one process."""

    def __init__(self) -> None:
        self._places: dict[int, tuple[str, int]] = {}
        self._numbers = count()

    def enter(self, sender: str, moment: int) -> int | None:
        """A sender's client left whose message came at `moment`."""
        place = next(self._numbers)
        self._places[place] = sender, moment
        return place

    def leave(self, place: int) -> None:
        """The note is made."""
        self._places.pop(place, None)

    def any_before(self, sender: str, moment: int) -> bool:
        """Whether a note is being made of a message of the same sender that came before."""
        return any(other == sender and before < moment for other, before in self._places.values())


class _Attempt:
    """How far a hand-over is with finding out whether it is a retry; it lasts as long as what stands under it."""

    def __init__(self, name: str, attempts: "dict[str, _Attempt]") -> None:
        self._name, self._attempts = name, attempts
        self.waits = False  # for the end of a first attempt, of which there is a note
        self.looked_up = asyncio.Event()
        self.over = asyncio.Event()

    def __enter__(self) -> None:
        self._attempts[self._name] = self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        del self._attempts[self._name]
        self.looked_up.set()
        self.over.set()


class Retries:
    """What became of transactions whose client left, and who comes back for one of them."""

    def __init__(
        self,
        journal: Journal,
        departures: Departures | None = None,
        *,
        patience: float = PATIENCE,
        noted: float = _NOTED,
        noted_again: float = _NOTED_AGAIN,
    ) -> None:
        """`departures` are those of all receivers; left out: of this process alone.

        Seconds that a retry waits: `patience` for the end of the first attempt, `noted` for the note of its client's
        departure. That is made anew every `noted_again` seconds.
        """
        self._journal = journal
        self._departures = departures or OwnDepartures()
        self._patience = patience
        self._noted_within = noted
        self._noted_again = noted_again
        self._attempts: dict[str, _Attempt] = {}  # by id, the hand-overs under way
        self._noting: dict[str, asyncio.Task[None]] = {}  # by id, those that make notes anew
        self._places: dict[str, int | None] = {}  # by id, of departures until they are noted
        self._unsure: dict[str, None] = {}  # ids of those of which nobody could say whether they are retries

    def attempt(self, name: str) -> AbstractContextManager[None]:
        """A hand-over begins and ends."""
        return _Attempt(name, self._attempts)

    async def reply(self, envelope: Envelope, content: bytes) -> Reply | None:
        """Return how the same transaction was answered within the hour, if its client never heard it.

        While the first attempt is under way its end is waited for, for a while; then the reply is `UNDER_WAY`.
        """
        attempt = self._attempts.get(envelope.id) or _Attempt(envelope.id, {})
        if not await self._noted(envelope):
            attempt.waits = True
            return UNDER_WAY
        try:
            reply = await self._recalled(envelope, content, attempt)
        except StoreError:
            self._unsure[envelope.id] = None
            while len(self._unsure) > _UNSURE:  # nearly all of these were answered, and are never asked for again
                del self._unsure[next(iter(self._unsure))]
            raise
        attempt.looked_up.set()
        return reply

    async def _recalled(self, envelope: Envelope, content: bytes, attempt: _Attempt) -> Reply | None:
        if not await self._journal.any_unanswered():
            return None
        fingerprint = await self._fingerprint(envelope, content)
        waited, reply = 0.0, await self._journal.recall(fingerprint)
        while reply == UNDER_WAY and waited < self._patience:
            attempt.waits = True
            self._settle(envelope)  # the first attempt's note is there for whoever comes next
            await asyncio.sleep(_LOOK_AGAIN)
            waited, reply = waited + _LOOK_AGAIN, await self._journal.recall(fingerprint)
        return reply

    async def _noted(self, envelope: Envelope) -> bool:
        """Wait until it is written down that clients of this sender left: this may be one of them again.

        Only for messages that came before this one. So nobody waits for himself, nor two for each other.
        """
        waited, sender, moment = 0.0, sender_of(envelope), _moment(envelope)
        while self._departures.any_before(sender, moment):
            if waited >= self._noted_within:
                return False
            await asyncio.sleep(_LOOK)
            waited += _LOOK
        return True

    async def abandoned(self, envelope: Envelope, content: bytes) -> None:
        """The client went away during the hand-over: a retry must wait for how it ends.

        That is written down once the hand-over itself has looked whether it is a retry, or it would take itself for
        one: Exim ends its side of the connection right behind the final dot, as TCP allows, and still reads our reply.
        How long a hand-over lasts is not bounded, so the note is made anew until it ends.
        """
        attempt = self._attempts.get(envelope.id)
        if attempt is not None:
            if not attempt.waits:
                self._depart(envelope)
            await attempt.looked_up.wait()
            if envelope.id not in self._attempts:  # it has ended meanwhile: `unanswered` tells how
                return
        self._depart(envelope)
        try:
            fingerprint = await self._fingerprint(envelope, content)
            await self._journal.remember_under_way(fingerprint, datetime.now(UTC))
        finally:
            self._settle(envelope)
        if attempt is not None and envelope.id not in self._noting:
            noting = self._noting[envelope.id] = asyncio.create_task(self._note_again(fingerprint, attempt))
            noting.add_done_callback(lambda _: self._noting.pop(envelope.id))

    async def _note_again(self, fingerprint: bytes, attempt: _Attempt) -> None:
        """Make the note anew until the hand-over is over; a database that is away meanwhile is tried again."""
        while not attempt.over.is_set():
            try:
                await asyncio.wait_for(attempt.over.wait(), self._noted_again)
            except TimeoutError:
                with suppress(StoreError):
                    await self._journal.remember_under_way(fingerprint, datetime.now(UTC))

    async def unanswered(self, envelope: Envelope, content: bytes, reply: Reply, *, written: bool) -> None:
        """Remember a final reply that the client did not get, so that its retry makes no second copy.

        A reply that was `written` was most likely read by a client that then just hung up. Devices do that, and send
        the same alert again later, without Message-ID: to answer that without sending it would be to lose a mail.
        """
        if envelope.id in self._noting:  # it may just be writing the note once more, which must not come after the end
            await asyncio.wait((self._noting[envelope.id],))
        try:
            is_unsure = self._unsure.pop(envelope.id, self) is None
            if reply == UNDER_WAY or is_unsure:  # it may be a retry itself, and says nothing of the first attempt's end
                return
            if reply.again:
                if written:
                    await self.heard(envelope, content)
                return
            self._depart(envelope)
            fingerprint = await self._fingerprint(envelope, content)
            if not (reply.positive or reply.kept):  # nobody has it
                await self._journal.forget_unanswered(fingerprint)
            elif not written or await _has_id(content):
                await self._journal.remember_unanswered(fingerprint, reply, datetime.now(UTC))
            elif await self._journal.recall(fingerprint) == UNDER_WAY:  # noted when he ended his side
                await self._journal.forget_unanswered(fingerprint)
        finally:
            self._settle(envelope)

    async def heard(self, envelope: Envelope, content: bytes) -> None:
        """A retry was answered as before, and its client read that: whoever sends the same later means another mail.

        Unless the mail has a Message-ID: then it is the same one, whoever sends it, for the rest of the hour.
        """
        self._depart(envelope)
        try:
            if not await _has_id(content):
                await self._journal.forget_unanswered(await self._fingerprint(envelope, content))
        finally:
            self._settle(envelope)

    async def _fingerprint(self, envelope: Envelope, content: bytes) -> bytes:
        return await _beside(content, partial(self._journal.fingerprint, envelope, content))

    def _depart(self, envelope: Envelope) -> None:
        """Whoever comes after this message waits, if he is of the same sender, until `_settle`."""
        if envelope.id not in self._places:
            self._places[envelope.id] = self._departures.enter(sender_of(envelope), _moment(envelope))

    def _settle(self, envelope: Envelope) -> None:
        place = self._places.pop(envelope.id, None)
        if place is not None:
            self._departures.leave(place)


def sender_of(envelope: Envelope) -> str:
    """Return by whom a transaction is known again: who logged in, else the client."""
    return f"login {envelope.login}" if envelope.login else f"client {envelope.client}"


def _moment(envelope: Envelope) -> int:
    return int(envelope.received_at.timestamp() * 1_000_000)


async def _has_id(content: bytes) -> bool:
    return await _beside(content, lambda: bool(own_id(parse(content, briefly=True))))


async def _beside(content: bytes, work: Callable[[], T]) -> T:
    """Return what `work` returns; where the content is large in a thread, so that the loop serves others meanwhile."""
    return work() if len(content) < _LARGE else await asyncio.to_thread(work)
