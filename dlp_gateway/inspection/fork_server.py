"""The fork server as its clients see it: it is asked for a receiver or a worker, and tells how each ended.

It is a process that has loaded what both need, once, and then does nothing but fork (`processes.forking`). So a process
more costs some milliseconds instead of seconds, and the memory of what was loaded is shared by all.
"""

import asyncio
import errno
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, Self

from dlp_gateway.detect.registry import Recipe

Role = Literal["receiver", "worker", "server"]

#: Octets of one message on the control socket, and descriptors with it (SCM_MAX_FD of unix(7) is 253).
MESSAGE: Final = 4_096
DESCRIPTORS: Final = 250
READY: Final = b'{"ready": true}'

#: The environment of a server that is a program of its own, and of workers: what Python needs to find the same
#: packages, and nothing that could be a secret.
_ENVIRONMENT: Final = ("PATH", "VIRTUAL_ENV", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH")
_OF_PYTHON: Final = "PYTHON"
#: OpenBLAS's threads would be missing in a fork, and nothing here is large enough to need them.
ONE_THREAD: Final = {"OPENBLAS_NUM_THREADS": "1"}


def bare_environment() -> dict[str, str]:
    """Return what of our environment a process may see that reads hostile content."""
    return ONE_THREAD | {
        name: value for name, value in os.environ.items() if name in _ENVIRONMENT or name.startswith(_OF_PYTHON)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Newborn:
    """A server that was forked from this process, `pid`, and waits at the other end of `control` to be told more."""

    control: socket.socket
    pid: int


#: Seconds within which the server tells of an exit status, or answers a request.
_STATUS_WITHIN: Final = 1.0
_ANSWER_WITHIN: Final = 30.0


class ForkServerLost(ConnectionError):  # noqa: N818 - a thing that happens to servers
    """The fork server could not load what is needed, or died; what it wrote to standard error says why."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "the fork server has ended")


class Forked:
    """A process that was forked for us. `input` and `output` lead to its standard input and output.

    It is no child of ours, but the kernel tells of its end, and the server of its exit status.
    """

    def __init__(self, pid: int, handle: int) -> None:
        self.pid = pid
        self._handle = handle  # pidfd_open(2): means this process for ever, whoever gets its number
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(handle, self._seen_to_end)
        self._fate: asyncio.Future[int] = self._loop.create_future()
        self.input: asyncio.StreamWriter
        self.output: asyncio.StreamReader

    @property
    def returncode(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._fate.result() if self._fate.done() else None

    async def wait(self) -> int:
        """Wait for its end and return its exit status."""
        return await asyncio.shield(self._fate)

    def kill(self) -> None:
        """End it at once."""
        if not self._fate.done():
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def ended(self, status: int) -> None:
        """Note how it ended."""
        if not self._fate.done():
            self._loop.remove_reader(self._handle)
            os.close(self._handle)
            self._fate.set_result(status)

    def _seen_to_end(self) -> None:
        self._loop.remove_reader(self._handle)
        try:  # a child of ours: the first server, or whom process 1 of a container gets from its dead
            self.ended(os.waitstatus_to_exitcode(os.waitpid(self.pid, os.WNOHANG)[1]))
        except ChildProcessError:
            # Without a word from the server: SIGKILL is what a worker gets when that dies.
            self._loop.call_later(_STATUS_WITHIN, self.ended, -signal.SIGKILL)


class ForkServer:
    """The server, or our connection to one; made by `start`, `joined` or `server`."""

    def __init__(self, control: socket.socket, process: Forked | None) -> None:
        control.setblocking(False)
        self._control = control
        self._process = process
        self._ready = asyncio.Event()
        self._lost = asyncio.Event()
        self._turn = asyncio.Lock()
        self._answer: asyncio.Future[Forked] | None = None
        self._forked: dict[int, Forked] = {}
        asyncio.get_running_loop().add_reader(control, self._on_messages)

    @classmethod
    def start(
        cls, recipe: Recipe | None, *, receivers: bool = False, errors: int = 2, newborn: Newborn | None = None
    ) -> Self:
        """Return a server that begins to load what workers need for `recipe`, and receivers if they are forked too.

        Without a recipe it forks other servers (`server`). It is `newborn`, else a program of its own, whose standard
        error is `errors`. Raises OSError if there is no room for a process.
        """
        newborn = newborn or _spawned(errors)
        server = cls(newborn.control, Forked(newborn.pid, os.pidfd_open(newborn.pid)))
        server._load(recipe, receivers=receivers)
        return server

    @classmethod
    def joined(cls, control: socket.socket) -> Self:
        """Return the server by which this process was forked; it is ready."""
        server = cls(control, None)
        server._ready.set()
        return server

    async def server(self, recipe: Recipe, errors: int) -> "ForkServer":
        """Return a server that is forked from this one and begins to load what receivers and workers need.

        Raises `ForkServerLost`, or another OSError if there is no room for it.
        """
        await self.ready()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            process = await self._answered("server", theirs, errors, ())
        except BaseException:
            ours.close()
            raise
        server = ForkServer(ours, process)
        server._load(recipe, receivers=True)
        return server

    async def ready(self) -> None:
        """Wait until it can fork; raises `ForkServerLost`."""
        ready, lost = (asyncio.ensure_future(event.wait()) for event in (self._ready, self._lost))
        try:
            await asyncio.wait({ready, lost}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
            lost.cancel()
        if self._lost.is_set():
            raise ForkServerLost

    @property
    def is_lost(self) -> bool:
        """Whether it is known to be gone."""
        return self._lost.is_set()

    async def lost(self) -> None:
        """Wait until it is gone."""
        await self._lost.wait()

    async def fork(self, role: Role, errors: int, descriptors: Sequence[int] = ()) -> Forked:
        """Return a new process whose standard error is `errors` and which inherits `descriptors`.

        Raises `ForkServerLost`, or another OSError if there is no room for it.
        """
        await self.ready()
        ours, theirs = socket.socketpair()
        try:
            forked = await self._answered(role, theirs, errors, descriptors)
        except BaseException:
            ours.close()
            raise
        forked.output, forked.input = await asyncio.open_unix_connection(sock=ours)
        return forked

    async def close(self) -> int:
        """Let go of it and return its exit status, or 0: it ends when nobody needs it, and our workers with it."""
        forked = tuple(self._forked.values())
        if self._process is not None and not self._ready.is_set() and not self._lost.is_set():
            self._process.kill()  # while it loads it sees nothing of us
        self._on_lost()
        await asyncio.gather(*(one.wait() for one in forked))
        if self._process is None:
            return 0
        with suppress(TimeoutError):
            return await asyncio.wait_for(self._process.wait(), _ANSWER_WITHIN)
        self._process.kill()  # it was stopped, or hangs
        return await self._process.wait()

    async def _answered(self, role: Role, channel: socket.socket, errors: int, descriptors: Sequence[int]) -> Forked:
        """Ask, and wait for the answer also if the caller does not, or the next one would get it."""
        asking = asyncio.ensure_future(self._asked(role, channel, errors, descriptors))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            asking.add_done_callback(_kill_unwanted)
            raise

    async def _asked(self, role: Role, channel: socket.socket, errors: int, descriptors: Sequence[int]) -> Forked:
        with channel:
            async with self._turn:
                if self._lost.is_set():
                    raise ForkServerLost
                self._answer = asyncio.get_running_loop().create_future()
                try:
                    socket.send_fds(self._control, [role.encode()], [channel.fileno(), errors, *descriptors])
                    async with asyncio.timeout(_ANSWER_WITHIN):
                        return await self._answer
                except TimeoutError as error:  # it was stopped, or hangs
                    self._on_lost()
                    raise ForkServerLost from error
                except ConnectionError as error:
                    raise ForkServerLost from error
                finally:
                    self._answer = None

    def _on_messages(self) -> None:
        while True:
            try:
                message, handles, _, _ = socket.recv_fds(self._control, MESSAGE, 1)
            except BlockingIOError:
                return
            except OSError:
                message, handles = b"", []
            if not message:
                self._on_lost()
                return
            self._on_message(json.loads(message), handles)

    def _on_message(self, told: dict[str, Any], handles: Sequence[int]) -> None:
        match told:
            case {"ready": True}:
                self._ready.set()
            case {"ended": pid, "status": status}:
                if forked := self._forked.pop(pid, None):
                    forked.ended(status)
            case {"pid": pid}:
                forked = self._forked[pid] = Forked(pid, handles[0])
                if self._answer is not None and not self._answer.done():
                    self._answer.set_result(forked)
            case {"errno": number} if self._answer is not None and not self._answer.done():
                self._answer.set_exception(OSError(number, os.strerror(number)))

    def _on_lost(self) -> None:
        if self._lost.is_set():
            return
        asyncio.get_running_loop().remove_reader(self._control)
        self._control.close()
        self._lost.set()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ForkServerLost())
        self._forked.clear()

    def _load(self, recipe: Recipe | None, *, receivers: bool) -> None:
        # By a file in memory: a policy with all domains of a country is longer than a message may be.
        file = os.memfd_create("recipe")
        try:
            with os.fdopen(os.dup(file), "w", encoding="utf-8") as writing:
                json.dump({"recipe": recipe and asdict(recipe), "receivers": receivers}, writing)
            with suppress(ConnectionError):  # it is gone: whoever needs it will hear of that
                socket.send_fds(self._control, [b"load"], [file])
        except OSError:  # no room for a file of that size (ulimit -f)
            self._on_lost()
            raise
        finally:
            os.close(file)


def _kill_unwanted(asking: asyncio.Future[Forked]) -> None:
    if not asking.cancelled() and asking.exception() is None:
        asking.result().kill()


def _spawned(errors: int) -> Newborn:
    """Start a server that is a program of its own."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # -P: the current folder is no place for modules.
    command = (sys.executable, "-P", "-m", "dlp_gateway.processes.forking")
    actions = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), 0), (os.POSIX_SPAWN_DUP2, errors, 2)]
    with theirs:
        try:
            pid = os.posix_spawn(command[0], command, bare_environment(), file_actions=actions)
        except OSError:
            ours.close()
            raise
    return Newborn(control=ours, pid=pid)
