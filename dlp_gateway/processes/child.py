"""One receiver process as the supervisor sees it: started, ready, retired, drained, gone."""

import asyncio
import sys
import time
from contextlib import suppress
from datetime import timedelta
from typing import Final, TextIO

from dlp_gateway.observe import log
from dlp_gateway.processes.boot import DRAIN, READY, RETIRE, Boot

_READY_WITHIN: Final = 60.0  # seconds; imports on a cold disk
_SILENCE: Final = timedelta(seconds=20)  # several of its signs of life


class Child:
    """A receiver under its supervisor.

    `retired` once it was told to go, `silent` while its loop seems to hang, `late` if it took too long to start.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.started = time.monotonic()
        self.retired = False
        self.silent = False
        self.late = False

    @classmethod
    async def start(cls, boot: Boot, errors: TextIO | None) -> "Child":
        """Start a receiver, its standard error going to `errors` or where ours goes; OSError if there is no room."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "dlp_gateway.processes.receiver",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            pass_fds=boot.descriptors,
        )
        child = cls(process)
        await child._tell(boot.to_bytes())
        return child

    @property
    def pid(self) -> int:
        """The receiver's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs, gives signs of life and was not told to go."""
        return self._process.returncode is None and not self.retired and not self.silent

    async def ready(self) -> bool:
        """Wait until it accepts mail; False if it died or took too long."""
        if self._process.stdout is None:
            return False
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), _READY_WITHIN)
        except TimeoutError:
            self.late = True
            return False
        return line == READY

    async def ended(self, silence: timedelta = _SILENCE) -> int:
        """Wait for its end and return its exit status, negative for a signal.

        One that gives no sign of life for twice `silence` is killed: its clients would wait in vain. Twice, because a
        machine that was suspended for long has let one timer run out, but not its receivers' time to speak.
        """
        while (line := await self._sign(silence)) != b"":
            if line is None and self.silent:
                log.receiver_silent(self.pid)
                with suppress(ProcessLookupError):
                    self._process.kill()
                break
            self.silent = line is None
        return await self._process.wait()

    async def retire(self) -> int:
        """Let it finish the messages under way, however long the smarthost takes; return its exit status."""
        self.retired = True
        await self._tell(RETIRE)
        return await self._process.wait()

    async def drain(self) -> int:
        """Let it finish what it can within the drain's bound, make sure that it is gone, return its exit status."""
        self.retired = True
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            return await asyncio.wait_for(self._process.wait(), DRAIN.total_seconds() + 10)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            return await self._process.wait()

    async def _sign(self, silence: timedelta) -> bytes | None:
        """Return its next line; b"" at the end of its output, None if it says nothing in time."""
        if self._process.stdout is None:
            return b""
        try:
            return await asyncio.wait_for(self._process.stdout.readline(), silence.total_seconds())
        except TimeoutError:
            return None

    async def _tell(self, words: bytes) -> None:
        if self._process.stdin is not None:
            with suppress(ConnectionError, RuntimeError):  # it died, or its pipe was closed: `ended` says so
                self._process.stdin.write(words)
                await self._process.stdin.drain()
