"""One receiver process as the supervisor sees it: started, ready, drained, gone."""

import asyncio
import sys
import time
from contextlib import suppress
from typing import Final, TextIO

from dlp_gateway.processes.boot import DRAIN, READY, Boot

_READY_WITHIN: Final = 60.0  # seconds; imports on a cold disk


class Child:
    """A receiver under its supervisor."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.started = time.monotonic()
        self.draining = False

    @classmethod
    async def start(cls, boot: Boot, errors: TextIO | None) -> "Child":
        """Start a receiver, its standard error going to `errors` or where ours goes; it is not ready yet."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "dlp_gateway.processes.receiver",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            pass_fds=(*boot.sockets, boot.generation),
        )
        child = cls(process)
        if process.stdin is not None:
            process.stdin.write(boot.to_bytes())
            with suppress(ConnectionError):  # it died at once; `ready` says so
                await process.stdin.drain()
        return child

    @property
    def pid(self) -> int:
        """The receiver's process id."""
        return self._process.pid

    async def ready(self) -> bool:
        """Wait until it accepts mail; False if it died or took too long."""
        if self._process.stdout is None:
            return False
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), _READY_WITHIN)
        except TimeoutError:
            return False
        return line == READY

    async def ended(self) -> int:
        """Wait for its end and return its exit status, negative for a signal."""
        return await self._process.wait()

    async def drain(self) -> int:
        """Let it finish what is under way, then make sure that it is gone; return its exit status."""
        self.draining = True
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            return await asyncio.wait_for(self._process.wait(), DRAIN.total_seconds() + 10)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            return await self._process.wait()
