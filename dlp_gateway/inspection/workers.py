"""Warm worker processes: one is lent for each costly message, killed when it is over its time, and replaced."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from typing import Final

from dlp_gateway.allocator import REST
from dlp_gateway.detect.base import Inspection
from dlp_gateway.inspection import frames
from dlp_gateway.inspection.fork_server import Forked, ForkServer, ForkServerLost
from dlp_gateway.inspection.line import Line, Payer
from dlp_gateway.observe import log, metrics
from dlp_gateway.ports import Overloaded

#: The fork server loads engines in a second or two; one that takes this long never will.
_START_SECONDS: Final = 60.0
#: Waits between starts that fail: the first, and the longest.
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 10.0
#: Written at a time, so that a large message neither doubles in memory nor blocks the loop.
_PIECE: Final = 262_144


class WorkerFault(Exception):  # noqa: N818 - a thing that happens to workers
    """The worker died or answered nonsense; `status` is its exit status, if it is known."""

    def __init__(self, status: int = 0) -> None:
        super().__init__(status)
        self.status = status


class Worker:
    """One worker process, ready for a message; `desk` is the file in memory in which it finds those of usual size.

    We write there and never read: a worker that was taken over can only spoil what it is to read itself.
    """

    def __init__(self, process: Forked, desk: int) -> None:
        self._process = process
        self._input, self._output = process.input, process.output
        self._desk: int | None = desk
        self._clearing: asyncio.TimerHandle | None = None

    @classmethod
    async def start(cls, forks: ForkServer, *, memory_bytes: int, seconds: int) -> "Worker":
        """Start a worker and wait until it is ready; raise WorkerFault if it will not be, OSError for no room."""
        desk = os.memfd_create("message")
        try:
            nothing = os.open(os.devnull, os.O_RDWR)
            try:
                async with asyncio.timeout(_START_SECONDS):
                    process = await forks.fork("worker", nothing, (desk,))
            finally:
                os.close(nothing)
        except BaseException:
            os.close(desk)
            raise
        worker = cls(process, desk)
        start = {"memory_bytes": memory_bytes, "seconds": seconds}
        try:
            async with asyncio.timeout(_START_SECONDS):
                await worker.exchange(frames.pack(start), b"")
        except (WorkerFault, TimeoutError):
            worker.kill()
            raise WorkerFault(await worker.ended()) from None
        except BaseException:
            worker.kill()
            await worker.ended()
            raise
        return worker

    @property
    def alive(self) -> bool:
        """Whether the process has not been seen to end."""
        return self._process.returncode is None

    async def exchange(self, frame: bytes, content: bytes) -> bytes:
        """Send one frame with its content and return the JSON that comes back."""
        is_on_desk = frames.on_desk(len(content))
        try:
            if is_on_desk:
                self._lay(content)
            self._input.write(frame)
            for start in range(0, 0 if is_on_desk else len(content), _PIECE):
                self._input.write(content[start : start + _PIECE])
                await self._input.drain()
            await self._input.drain()
            length, size = frames.PREFIX.unpack(await self._output.readexactly(frames.PREFIX.size))
            if length > frames.LONGEST_ANSWER or size:
                raise WorkerFault
            answer = await self._output.readexactly(length)
        except (OSError, EOFError):
            raise WorkerFault from None
        if is_on_desk and self._desk is not None:
            self._clearing = asyncio.get_running_loop().call_later(REST, os.truncate, self._desk, 0)
        return answer

    def _lay(self, content: bytes) -> None:
        """Lay the content on the desk, where it lies for a while: its memory serves the next message."""
        self._let_lie()
        if self._desk is None:
            raise WorkerFault
        with memoryview(content) as octets:
            written = 0
            while written < len(octets):
                written += os.pwrite(self._desk, octets[written:], written)

    def _let_lie(self) -> None:
        if self._clearing is not None:
            self._clearing.cancel()
            self._clearing = None

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()

    async def ended(self) -> int:
        """Wait for the end of the process and return its status."""
        status = await self._process.wait()
        self._input.close()
        self._let_lie()
        if self._desk is not None:
            os.close(self._desk)
            self._desk = None
        return status


class Workers:
    """A fixed number of workers; a message that finds none free waits in a line (`line`)."""

    def __init__(self, kinds: frozenset[str], *, count: int, queue: int, memory_bytes: int, seconds: float) -> None:
        self._kinds = kinds
        self._count = count
        self._line = Line(at_a_time=count, longest=queue)
        self._memory_bytes = memory_bytes
        self._seconds = seconds
        self._idle: asyncio.Queue[Worker | None] = asyncio.Queue()  # None: there will be no more
        self._first = asyncio.Event()
        self._under_way = 0
        self._at_rest = asyncio.Event()
        self._at_rest.set()
        self._keepers: list[asyncio.Task[None]] = []

    def start(self, forks: ForkServer) -> None:
        """Have all workers started; it takes as long until they are ready as until the fork server is."""
        self._keepers = [asyncio.create_task(self._keep(forks), name="inspection worker") for _ in range(self._count)]

    async def ready(self) -> None:
        """Wait until a worker is ready, or has failed to start."""
        await self._first.wait()

    async def close(self) -> None:
        """Let messages under way be finished, at most four deadlines long, and kill all workers."""
        await self._at_rest.wait()
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._keepers.clear()

    async def inspect(self, frame: bytes, content: bytes, payer: Payer) -> Inspection:
        """Have a worker answer; raise Overloaded, WorkerFault, or TimeoutError when it takes too long."""
        self._under_way += 1
        self._at_rest.clear()
        try:
            # Whoever is before us may take his time, and then a worker is replaced.
            async with (
                self._line.turn(payer, 2 * self._seconds),
                self._lent() as worker,
                asyncio.timeout(self._seconds),
            ):
                return frames.answered(await worker.exchange(frame, content), self._kinds)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._at_rest.set()

    @contextlib.asynccontextmanager
    async def _lent(self) -> AsyncIterator[Worker]:
        worker = await self._free()
        try:
            yield worker
        except BaseException:  # also when the caller is cancelled: nobody knows what the worker is at
            worker.kill()
            raise
        self._idle.put_nowait(worker)

    async def _free(self) -> Worker:
        """Wait for a worker that lives; there is one for each turn, but it may have to be started.

        Without a server to start it, nobody waits: the client comes again, and a receiver that is to end can.
        """
        try:
            async with asyncio.timeout(self._seconds):
                while (worker := await self._idle.get()) is not None:
                    if worker.alive:
                        return worker
        except TimeoutError:
            raise Overloaded from None
        self._idle.put_nowait(None)  # for whoever waits behind us
        raise Overloaded

    async def _keep(self, forks: ForkServer) -> None:
        """Keep one worker: start it, offer it, and start another when it has ended."""
        pause = _FIRST_PAUSE
        while True:
            try:
                worker = await Worker.start(forks, memory_bytes=self._memory_bytes, seconds=int(self._seconds))
            except ForkServerLost:  # whose receiver another one replaces
                self._first.set()
                self._idle.put_nowait(None)
                return
            except (OSError, WorkerFault) as error:
                _note_death(error.status if isinstance(error, WorkerFault) else 0)
                self._first.set()
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            self._first.set()
            pause = _FIRST_PAUSE
            self._idle.put_nowait(worker)
            try:
                status = await worker.ended()
            except asyncio.CancelledError:
                worker.kill()
                await worker.ended()
                raise
            _note_death(status)


def _note_death(status: int) -> None:
    """Say that a worker ended unasked; whoever sends SIGTERM to all processes of a gateway wants it to stop."""
    if status != -signal.SIGTERM:
        log.worker_died(status)
        metrics.worker_died()
