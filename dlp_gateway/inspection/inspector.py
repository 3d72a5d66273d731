"""The inspector: cheap messages are measured in place, costly ones by a worker under a deadline."""

import asyncio
import contextlib
import threading
from dataclasses import dataclass
from typing import Final, Self

from dlp_gateway.content.reader import NotInPlace, is_plain
from dlp_gateway.detect import registry
from dlp_gateway.detect.base import Detector, Facts, Failure, FailureReason, Inspection
from dlp_gateway.detect.registry import Recipe
from dlp_gateway.inspection import frames
from dlp_gateway.inspection.fork_server import ForkServer
from dlp_gateway.inspection.line import Payer
from dlp_gateway.inspection.measuring import measure, measure_header, warm_up
from dlp_gateway.inspection.stopwatch import Stopwatch, TookTooLong
from dlp_gateway.inspection.workers import WorkerFault, Workers
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message, Part
from dlp_gateway.mail.parse import whole
from dlp_gateway.networks import client_address, network_of

#: Processor time that a message may take in place, many times what any should.
_SECONDS_IN_PLACE: Final = 1.0
#: Tags in an HTML part read in place; Lexbor takes quadratic time for deep nesting, about 30 ms for this many.
_TAGS_IN_PLACE: Final = 4_000
#: Digits in a text part measured in place; every number costs some ten microseconds to weigh.
_DIGITS_IN_PLACE: Final = 4_000
#: Octets of a text without a charset measured in place, where several readings may have to be.
_UNLABELLED_IN_PLACE: Final = 8_000


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectorOptions:
    """What inspection may cost.

    `deadline`: seconds for one message in a worker, and for waiting for a worker. `in_place_bytes`: larger messages go
    to a worker. `memory_bytes`: what a worker may take in all. `workers`: how many. `queue`: how many messages
    may wait for a worker before clients are told to come back.
    """

    deadline: float = 30.0
    in_place_bytes: int = 64_000
    memory_bytes: int = 512_000_000
    workers: int = 1
    queue: int = 64


class Inspector:
    """Measures messages with the detectors of one recipe; for another recipe, make another and close this one.

    `forks` is the server, started with this recipe, of which workers are had, else one of its own; `detectors` are
    those of the recipe, if they are made already.
    """

    def __init__(
        self,
        recipe: Recipe,
        options: InspectorOptions | None = None,
        forks: ForkServer | None = None,
        detectors: tuple[Detector, ...] | None = None,
    ) -> None:
        """Build the detectors; raises ConfigurationError."""
        self._options = options or InspectorOptions()
        self._recipe = recipe
        self._detectors = registry.build(recipe) if detectors is None else detectors
        self._forks, self._own_forks = forks, forks is None
        self._stopwatch = Stopwatch(_SECONDS_IN_PLACE)
        self._kinds = registry.kinds(self._detectors)
        self._workers = Workers(
            self._kinds,
            count=self._options.workers,
            queue=self._options.queue,
            memory_bytes=self._options.memory_bytes,
            seconds=self._options.deadline,
        )

    @property
    def kinds(self) -> frozenset[str]:
        """Every kind of finding that this inspector may report."""
        return self._kinds

    async def start(self) -> None:
        """Start the workers and get ready for cheap messages; costly ones wait until a worker is ready."""
        if self._forks is None:
            self._forks = ForkServer.start(self._recipe)
        await asyncio.to_thread(warm_up, self._detectors)  # imports engines; the loop goes on with mail meanwhile
        self._workers.start(self._forks)
        if threading.current_thread() is threading.main_thread():
            self._stopwatch.wind_up()

    async def ready(self) -> None:
        """Wait until a worker is ready for costly messages, or has failed to start."""
        await self._workers.ready()

    async def close(self) -> None:
        """Let messages under way be finished, then end the workers."""
        self._stopwatch.stop()
        await self._workers.close()
        if self._own_forks and self._forks is not None:
            await self._forks.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def inspect(self, envelope: Envelope, message: Message, facts: Facts) -> Inspection:
        """Return all that was measured and all that could not be; raises only Overloaded.

        A worker that is too slow, dies or answers nonsense costs the message its text findings: the inspection then
        has a Failure, beside what the header alone tells (so that a rewrite is prepared before anybody releases it).
        """
        if self._is_cheap(message):
            try:
                with self._stopwatch:
                    return measure(self._detectors, envelope, message, facts, in_place=True)
            except (NotInPlace, TookTooLong):
                pass  # a worker does it
        try:
            return await self._workers.inspect(
                frames.request(envelope, facts, message.raw), message.raw, _payer(envelope)
            )
        except TimeoutError:
            reason = FailureReason.DEADLINE
        except (WorkerFault, frames.Nonsense):
            reason = FailureReason.WORKER
        failure = Failure(detector="worker", reason=reason)
        message = await asyncio.to_thread(whole, message)
        with contextlib.suppress(TookTooLong), self._stopwatch:
            return measure_header(self._detectors, envelope, message, facts, failure)
        return Inspection(findings=(), failures=(failure,), unreadable=())

    def _is_cheap(self, message: Message) -> bool:
        """Whether `message` can be measured here: it is small, and nothing about it is slow or of unknown speed."""
        return (
            len(message.raw) <= self._options.in_place_bytes
            and not (self._recipe.plugins or self._recipe.recognizers or self._recipe.model)
            and not any(map(_is_slow, message.parts))
        )


def _payer(envelope: Envelope) -> Payer:
    client = client_address((envelope.client,)) if envelope.client else None
    return Payer(client=network_of(client) if client else "", sender=envelope.login or envelope.reverse_path)


def _is_slow(part: Part) -> bool:
    """Whether `part` may take longer to read or to measure than the receiver's loop should wait, or needs a reader.

    What is no plain text is read by workers alone: readers of other formats are large, and may be made to fail.
    """
    if part.left_out or not is_plain(part):
        return True
    if part.media_type == "text/html" and part.content.count(b"<") > _TAGS_IN_PLACE:
        return True
    if not part.media_type.startswith("text/"):
        return False
    if not part.charset and len(part.content) > _UNLABELLED_IN_PLACE and not part.content.isascii():
        return True
    if len(part.content) <= _DIGITS_IN_PLACE:
        return False
    return len(part.content) - len(part.content.translate(None, b"0123456789")) > _DIGITS_IN_PLACE
