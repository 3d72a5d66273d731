"""A receiver: listens, inspects, forwards, seals into custody; holds only custody's public key.

Forked by the fork server (`forking`) for the supervisor, which then tells it what it needs (`boot`).
"""

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from functools import partial
from typing import Any, Final

import uvloop

from dlp_gateway.allocator import give_back_at_rest, keep_blocks
from dlp_gateway.detect.base import Detector
from dlp_gateway.inspection.fork_server import ForkServer
from dlp_gateway.inspection.inspector import Inspector
from dlp_gateway.journal import Generation
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.reply import Reply
from dlp_gateway.observe import log, metrics
from dlp_gateway.pipeline import Pipeline
from dlp_gateway.processes import composition
from dlp_gateway.processes.boot import (
    DRAIN,
    RETIREMENT,
    Boot,
    receive_boot,
    tell_cut_off,
    tell_life,
    tell_ready,
    tell_retired,
    watch_supervisor,
)
from dlp_gateway.processes.certificates import Watch, in_force
from dlp_gateway.processes.descriptors import raise_limit
from dlp_gateway.processes.offering import begin_to_learn
from dlp_gateway.retries import Retries
from dlp_gateway.smtp import replies
from dlp_gateway.smtp.listener import Crowd, Door, Room, SharedDepartures, listen

#: Objects made before the youngest are looked through (700 by default); a message of ordinary size makes some hundred.
_COLLECT: Final = (10_000, 10, 10)

#: Seconds (0.005 by default) for which the database's thread may keep the loop from going on, while it has rows to
#: write or to read.
_TURN: Final = 0.001


class _Handler:
    """What the door asks for: the pipeline's outcome as a reply."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    async def handle(self, envelope: Envelope, content: bytes) -> Reply:
        """Take the message all the way and say so."""
        return replies.final(await self._pipeline.process(envelope, content))

    async def abandoned(self, envelope: Envelope, content: bytes) -> None:
        """Remember that its hand-over is under way without the client."""
        await self._pipeline.abandoned(envelope, content)

    async def unanswered(self, envelope: Envelope, content: bytes, reply: Reply, *, written: bool) -> None:
        """Remember a reply that the client did not get."""
        await self._pipeline.unanswered(envelope, content, reply, written=written)

    async def heard(self, envelope: Envelope, content: bytes) -> None:
        """Remember no longer what a client was told again."""
        await self._pipeline.heard(envelope, content)


async def receive(boot: Boot, control: socket.socket, detectors: tuple[Detector, ...] | None) -> None:
    """Accept and pass mail until the supervisor goes or says drain."""
    settings = boot.settings
    for descriptor in boot.descriptors:
        os.set_inheritable(descriptor, False)  # the workers that read hostile content must not have them
    retired, draining = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        store = await composition.custody(settings, boot.public_key, None)
        stack.push_async_callback(store.close)
        journal = await composition.journal(settings, boot.public_key, None, Generation(boot.generation))
        stack.push_async_callback(journal.close)
        smarthost = composition.smarthost(settings, boot.hostname)
        stack.push_async_callback(smarthost.close)
        forks = ForkServer.joined(control)
        stack.push_async_callback(forks.close)
        inspector = composition.inspector(settings, boot.policy, forks, detectors)
        stack.push_async_callback(inspector.close)
        room, crowd = Room(settings.limits.memory), Crowd(boot.crowd)
        pipeline = Pipeline(
            policy=boot.policy,
            inspector=inspector,
            smarthost=smarthost,
            custody=store,
            journal=journal,
            hostname=boot.hostname,
            smarthost_name=settings.smarthost.hops[0].host,
            hop_limit=settings.limits.hops,
            accept_unreachable=settings.smarthost.unreachable == "accept",
            retries=Retries(journal, SharedDepartures(crowd)),
        )
        stack.push_async_callback(pipeline.close)
        handler = _Handler(pipeline)
        logins = composition.logins(settings, journal)
        if logins is not None:
            stack.push_async_callback(logins.close)
        identities = in_force(boot.identities)
        doors = [
            Door(
                composition.listener_options(
                    settings, listener, boot.hostname, identity.context if identity else None, boot.policy.inside
                ),
                handler,
                logins,
                room=room,
                crowd=crowd,
            )
            for listener, identity in zip(settings.listeners, identities, strict=True)
        ]
        asking = await begin_to_learn(smarthost, doors)
        stack.callback(asking.cancel)
        servers = [
            await listen(door, socket.socket(fileno=descriptor))
            for door, descriptor in zip(doors, boot.sockets, strict=True)
        ]
        loop.add_signal_handler(signal.SIGTERM, draining.set)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor tells us in order
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        watch_supervisor(
            partial(loop.call_soon_threadsafe, retired.set), partial(loop.call_soon_threadsafe, draining.set)
        )
        watching = asyncio.create_task(Watch(settings, identities).run())
        stack.callback(watching.cancel)
        tell_ready()
        living = asyncio.create_task(tell_life())
        stack.callback(living.cancel)
        joined = asyncio.create_task(_tell_when_cut_off(forks))
        stack.callback(joined.cancel)
        stack.callback(metrics.tally.carry_over)
        carrying = asyncio.create_task(metrics.tally.carry())
        stack.callback(carrying.cancel)
        resting = asyncio.create_task(give_back_at_rest(lambda: room.passed))
        stack.callback(resting.cancel)
        # Large messages wait for its workers; small ones need none. Nor does an end wait until engines are loaded.
        starting = asyncio.create_task(_start(inspector))
        stack.push_async_callback(asyncio.wait, (starting,))
        await _told(starting, retired, draining)
        for server in servers:
            server.close()
        if retired.is_set():
            with suppress(OSError):  # the supervisor is gone
                tell_retired()
        left = await _unless(draining, _drained(doors, RETIREMENT))
        log.stopped(await _drained(doors, DRAIN) if left is None else left)


async def _start(inspector: Inspector) -> None:
    """Load engines, and keep the collector from walking, some times a second, over what now stays for good."""
    await inspector.start()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT)


async def _tell_when_cut_off(forks: ForkServer) -> None:
    """Have the supervisor replace us when our connection to the fork server is gone, also if that lives."""
    await forks.lost()
    with suppress(OSError):  # the supervisor is gone
        tell_cut_off()


async def _drained(doors: list[Door], patience: timedelta) -> int:
    """Wait for the messages under way; return how many sessions and hand-overs were cut off."""
    return sum(await asyncio.gather(*(door.drain(patience.total_seconds()) for door in doors)))


async def _unless(event: asyncio.Event, work: Coroutine[Any, Any, int]) -> int | None:
    """Return what `work` returns, or None as soon as the event comes first."""
    working, waiting = asyncio.create_task(work), asyncio.create_task(event.wait())
    await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if working.done():
        return working.result()
    working.cancel()
    return None


async def _told(starting: asyncio.Task[None], *events: asyncio.Event) -> None:
    """Wait for one of several events; raise what keeps `starting` from its end."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait([starting, *waiting], return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        starting.result()
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for one in waiting:
        one.cancel()


def main(control: socket.socket, descriptors: tuple[int, ...], detectors: tuple[Detector, ...] | None) -> None:
    """Run one receiver, which asks for workers on `control` and measures with `detectors`, or else its policy's."""
    os.umask(0o077)
    raise_limit()
    boot = receive_boot(descriptors)
    os.environ.update(boot.environment)
    log.configure(boot.settings.log.level, boot.settings.log.format)
    log.catch_uncaught()
    sys.setswitchinterval(_TURN)
    keep_blocks()
    uvloop.run(receive(boot, control, detectors))
