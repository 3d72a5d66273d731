"""Messages examined in a worker of their own: what was measured, and the tree of what was read; for commands."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from dlp_gateway.content.text import Reading
from dlp_gateway.detect import registry
from dlp_gateway.detect.base import Facts, Failure, FailureReason, Inspection
from dlp_gateway.detect.registry import Recipe
from dlp_gateway.inspection import frames
from dlp_gateway.inspection.fork_server import ForkServer
from dlp_gateway.inspection.inspector import InspectorOptions
from dlp_gateway.inspection.measuring import measure_header
from dlp_gateway.inspection.workers import Worker, WorkerFault
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message

_NOTHING: Final = Reading(texts=(), unreadable=(), parts=())
_OPTIONS: Final = InspectorOptions()
_Result = TypeVar("_Result")


def examine(recipe: Recipe, envelope: Envelope, message: Message, facts: Facts) -> tuple[Inspection, Reading]:
    """Return the inspection of `message` and what was read of it, the texts cut short; never raises for a message."""
    return _done(_examined(recipe, envelope, message, facts))


def read(recipe: Recipe, messages: Iterable[bytes]) -> list[Reading]:
    """Return what can be read of each message, texts cut short; nothing of those whose worker was lost."""
    return _done(_read(recipe, tuple(messages)))


def _done(work: Coroutine[None, None, _Result]) -> _Result:
    """Wait for `work` whether or not a loop runs here: commands wait for everything."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def _examined(recipe: Recipe, envelope: Envelope, message: Message, facts: Facts) -> tuple[Inspection, Reading]:
    detectors = registry.build(recipe)
    try:
        async with _worker(recipe) as worker:
            question = frames.request(envelope, facts, message.raw)
            answer = await _asked(worker, question, message.raw)
            inspection = frames.answered(answer, registry.kinds(detectors))
            return inspection, frames.reading(await _asked(worker, _question(message.raw), message.raw))
    except TimeoutError:
        reason = FailureReason.DEADLINE
    except (WorkerFault, frames.Nonsense, OSError):
        reason = FailureReason.WORKER
    failure = Failure(detector="worker", reason=reason)
    return measure_header(detectors, envelope, message, facts, failure), _NOTHING


async def _read(recipe: Recipe, messages: tuple[bytes, ...]) -> list[Reading]:
    found: list[Reading] = []
    while len(found) < len(messages):
        try:
            async with _worker(recipe) as worker:
                for raw in messages[len(found) :]:
                    found.append(frames.reading(await _asked(worker, _question(raw), raw)))  # noqa: PERF401 - one at a time
        except (WorkerFault, frames.Nonsense, OSError):  # TimeoutError is an OSError
            found.append(_NOTHING)
    return found


def _question(raw: bytes) -> bytes:
    return frames.pack({"read": True}, raw)


@asynccontextmanager
async def _worker(recipe: Recipe) -> AsyncIterator[Worker]:
    forks = ForkServer.start(recipe)
    try:
        worker = await Worker.start(forks, memory_bytes=_OPTIONS.memory_bytes, seconds=int(_OPTIONS.deadline))
        try:
            yield worker
        finally:
            worker.kill()
            await worker.ended()
    finally:
        await forks.close()


async def _asked(worker: Worker, question: bytes, content: bytes) -> bytes:
    async with asyncio.timeout(_OPTIONS.deadline):
        return await worker.exchange(question, content)
