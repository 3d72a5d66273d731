"""A receiver: listens, inspects, forwards, seals into custody; holds only custody's public key.

Started by the supervisor as `python -m dlp_gateway.processes.receiver` (see `boot`).
"""

import asyncio
import os
import signal
import socket
from contextlib import AsyncExitStack
from functools import partial

import uvloop

from dlp_gateway.journal import Generation
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.reply import Reply
from dlp_gateway.observe import log
from dlp_gateway.pipeline import Pipeline
from dlp_gateway.processes import composition
from dlp_gateway.processes.boot import DRAIN, Boot, receive_boot, tell_ready, watch_supervisor
from dlp_gateway.smtp import replies
from dlp_gateway.smtp.listener import Door, listen


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

    async def unanswered(self, envelope: Envelope, content: bytes, reply: Reply) -> None:
        """Remember a reply that the client did not get."""
        await self._pipeline.unanswered(envelope, content, reply)


async def receive(boot: Boot) -> None:
    """Accept and pass mail until the supervisor goes or says drain."""
    settings = boot.settings
    draining = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        store = await composition.custody(settings, boot.public_key, None)
        stack.push_async_callback(store.close)
        journal = await composition.journal(settings, boot.public_key, None, Generation(boot.generation))
        stack.push_async_callback(journal.close)
        smarthost = composition.smarthost(settings, boot.hostname)
        stack.push_async_callback(smarthost.close)
        inspector = composition.inspector(settings, boot.policy)
        stack.push_async_callback(inspector.close)
        pipeline = Pipeline(
            policy=boot.policy,
            inspector=inspector,
            smarthost=smarthost,
            custody=store,
            journal=journal,
            hostname=boot.hostname,
            smarthost_name=settings.smarthost.host,
            hop_limit=settings.limits.hops,
        )
        handler = _Handler(pipeline)
        doors = [
            Door(composition.listener_options(settings, listener, boot.hostname), handler)
            for listener in settings.listeners
        ]
        servers = [
            await listen(door, socket.socket(fileno=descriptor))
            for door, descriptor in zip(doors, boot.sockets, strict=True)
        ]
        loop.add_signal_handler(signal.SIGTERM, draining.set)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor tells us in order
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        watch_supervisor(partial(loop.call_soon_threadsafe, draining.set))
        tell_ready()
        await inspector.start()  # large messages wait for its workers; small ones need none
        await draining.wait()
        for server in servers:
            server.close()
        left = await asyncio.gather(*(door.drain(DRAIN.total_seconds()) for door in doors))
        log.stopped(sum(left))


def main() -> None:
    """Run one receiver."""
    os.umask(0o077)
    boot = receive_boot()
    log.configure(boot.settings.log.level, boot.settings.log.format)
    log.catch_uncaught()
    uvloop.run(receive(boot))


if __name__ == "__main__":
    main()
