"""One receiver process as the supervisor sees it: started, ready, retired, drained, gone."""

import asyncio
import time
from contextlib import suppress
from datetime import timedelta
from typing import Final

from dlp_gateway.inspection.fork_server import Forked, ForkServer
from dlp_gateway.observe import log
from dlp_gateway.processes.boot import CUT_OFF, DRAIN, READY, RETIRE, RETIRED, Boot

_READY_WITHIN: Final = 60.0  # seconds; imports on a cold disk
_SILENCE: Final = timedelta(seconds=20)  # several of its signs of life


class Child:
    """A receiver under its supervisor.

    `retired` once it was told to go, `resigned` is set when it listens no more, `silent` while its loop seems to hang,
    `late` if it took too long to start, `cut_off` is set when it gets no workers any more, or has ended.
    """

    def __init__(self, process: Forked) -> None:
        self._process = process
        self.started = time.monotonic()
        self.retired = False
        self.silent = False
        self.late = False
        self.resigned = asyncio.Event()
        self.cut_off = asyncio.Event()

    @classmethod
    async def start(cls, forks: ForkServer, boot: Boot, errors: int) -> "Child":
        """Start a receiver with the standard error `errors`; OSError if there is no room."""
        process = await forks.fork("receiver", errors, boot.descriptors)
        child = cls(process)
        await child._tell(boot.to_bytes())
        return child

    @property
    def pid(self) -> int:
        """The receiver's process id."""
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether it has not been seen to end."""
        return self._process.returncode is None

    @property
    def alive(self) -> bool:
        """Whether it runs, gives signs of life, can have workers and was not told to go."""
        return self.runs and not (self.retired or self.silent or self.cut_off.is_set())

    async def ready(self) -> bool:
        """Wait until it accepts mail; False if it died or took too long."""
        try:
            line = await asyncio.wait_for(self._process.output.readline(), _READY_WITHIN)
        except TimeoutError:
            self.late = True
            return False
        except ConnectionError:  # it died before it had read all that it was told
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
                self._process.kill()
                break
            self.silent = line is None
            if line == RETIRED:
                self.resigned.set()
            elif line == CUT_OFF:
                self.cut_off.set()
        self.resigned.set()
        try:
            return await self._gone()
        finally:
            self.cut_off.set()

    async def retire(self) -> int:
        """Let it finish the messages under way, however long the smarthost takes; return its exit status."""
        self.retired = True
        await self._tell(RETIRE)
        return await self._process.wait()

    async def drain(self) -> int:
        """Let it finish what it can within the drain's bound, make sure that it is gone, return its exit status."""
        self.retired = True
        with suppress(OSError):  # it is gone already
            self._process.input.write_eof()
        try:
            return await asyncio.wait_for(self._gone(), DRAIN.total_seconds() + 10)
        except TimeoutError:
            self._process.kill()
            return await self._gone()

    async def _gone(self) -> int:
        status = await self._process.wait()
        self._process.input.close()
        return status

    async def _sign(self, silence: timedelta) -> bytes | None:
        """Return its next line; b"" at the end of its output, None if it says nothing in time."""
        try:
            return await asyncio.wait_for(self._process.output.readline(), silence.total_seconds())
        except TimeoutError:
            return None
        except ConnectionError:  # as above
            return b""

    async def _tell(self, words: bytes) -> None:
        with suppress(ConnectionError, RuntimeError):  # it died, or its socket was closed: `ended` says so
            self._process.input.write(words)
            await self._process.input.drain()
