"""One message examined in a worker of its own: what was measured, and the tree of what was read; for commands."""

import asyncio
from typing import Any, Final

from dlp_gateway.content.text import Reading
from dlp_gateway.detect import registry
from dlp_gateway.detect.base import Facts, Failure, FailureReason, Inspection
from dlp_gateway.detect.registry import Recipe
from dlp_gateway.inspection import frames
from dlp_gateway.inspection.inspector import InspectorOptions
from dlp_gateway.inspection.measuring import measure_header
from dlp_gateway.inspection.workers import Worker, WorkerFault
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message

NOTHING: Final = Reading(texts=(), unreadable=(), parts=())


def examine(
    recipe: Recipe, envelope: Envelope, message: Message, facts: Facts, options: InspectorOptions | None = None
) -> tuple[Inspection, Reading]:
    """Return the inspection of `message` and what was read of it, the texts cut short; never raises for a message."""
    return asyncio.run(_examined(recipe, envelope, message, facts, options or InspectorOptions()))


def read(recipe: Recipe, raw: bytes, options: InspectorOptions | None = None) -> Reading:
    """Return what can be read of one message, nothing if its worker is lost."""
    return asyncio.run(_read(recipe, raw, options or InspectorOptions()))


async def _examined(
    recipe: Recipe, envelope: Envelope, message: Message, facts: Facts, options: InspectorOptions
) -> tuple[Inspection, Reading]:
    detectors = registry.build(recipe)
    try:
        frame = frames.request(envelope, facts, message.raw)
        inspection = frames.answered(await _asked(recipe, options, frame, message.raw), registry.kinds(detectors))
    except TimeoutError:
        reason = FailureReason.DEADLINE
    except (WorkerFault, frames.Nonsense, OSError):
        reason = FailureReason.WORKER
    else:
        return inspection, await _read(recipe, message.raw, options)
    failure = Failure(detector="worker", reason=reason)
    return measure_header(detectors, envelope, message, facts, failure), NOTHING


async def _read(recipe: Recipe, raw: bytes, options: InspectorOptions) -> Reading:
    question: dict[str, Any] = {"read": True}
    try:
        return frames.reading(await _asked(recipe, options, frames.pack(question, raw), raw))
    except (WorkerFault, frames.Nonsense, OSError):  # TimeoutError is an OSError
        return NOTHING


async def _asked(recipe: Recipe, options: InspectorOptions, frame: bytes, content: bytes) -> bytes:
    worker = await Worker.start(recipe, memory_bytes=options.memory_bytes, seconds=int(options.deadline))
    try:
        async with asyncio.timeout(options.deadline):
            return await worker.exchange(frame, content)
    finally:
        worker.kill()
        await worker.ended()
