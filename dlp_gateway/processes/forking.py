"""The fork server: loads what receivers and workers need, once, and then forks them when it is asked to.

Started as `python -m dlp_gateway.processes.forking DESCRIPTOR`; `inspection.fork_server` speaks for those who ask. What
is to be loaded comes as JSON on standard input. On the control socket a request is a role, with the descriptors of the
new process: one that is its standard input and output, its standard error, and those that it inherits. The answer is
its process id with a handle (pidfd_open(2)), and its exit status follows when it has ended. A receiver is born with a
control socket of its own, by which it asks for workers.

The server has one thread, holds nothing of any mail, and knows no secret: what it loaded is the same in all that it
forks. It lives as long as anybody is connected. The workers of somebody who is gone are killed, and workers die with
the server.
"""

import gc
import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from setproctitle import setproctitle

from dlp_gateway.content import readers
from dlp_gateway.detect import registry
from dlp_gateway.detect.base import Detector
from dlp_gateway.detect.registry import Recipe
from dlp_gateway.inspection import worker
from dlp_gateway.inspection.confinement import continue_after_parent, die_with
from dlp_gateway.inspection.fork_server import DESCRIPTORS, MESSAGE, READY
from dlp_gateway.inspection.measuring import warm_up

#: Signals that reach all processes of a group at once: whoever is connected decides.
_FOR_OTHERS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Life = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Birth:
    """What a process that was forked begins with: its own control socket if it is a receiver."""

    parent: int
    control: socket.socket | None
    descriptors: tuple[int, ...]


@dataclass(slots=True)
class _Client:
    """Who asks for processes: the supervisor or a receiver. `forked` are its processes that run, by their roles."""

    control: socket.socket
    forked: dict[int, str] = field(default_factory=dict)


class _Server:
    def __init__(self, control: socket.socket, lives: dict[str, Callable[[_Birth], None]]) -> None:
        self._lives = lives
        self._waiting = selectors.PollSelector()  # which leaves nothing in the kernel that a child would share
        self._clients: list[_Client] = []
        self._dead, self._wakeup = socket.socketpair()
        for one in (self._dead, self._wakeup):
            one.setblocking(False)
        self._waiting.register(self._dead, selectors.EVENT_READ)
        self._join(control)

    def serve(self) -> Life | None:
        """Fork until nobody is connected; returns what to do in a process that was forked, None in this one."""
        signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # it wakes the selector
        while self._clients:
            for key, _ in self._waiting.select():
                if key.fileobj is self._dead:
                    self._reap()
                elif key.data in self._clients and (life := self._answer(key.data)):
                    return life
        return None

    def _join(self, control: socket.socket) -> None:
        client = _Client(control)
        self._clients.append(client)
        self._waiting.register(control, selectors.EVENT_READ, client)

    def _answer(self, client: _Client) -> Life | None:
        try:
            request, descriptors, _, _ = socket.recv_fds(client.control, MESSAGE, DESCRIPTORS)
        except ConnectionError:
            request, descriptors = b"", []
        if not request:
            self._dismiss(client)
            return None
        life = self._fork(client, request.decode(), descriptors)
        if life is None:
            for one in descriptors:
                os.close(one)
        return life

    def _fork(self, client: _Client, role: str, descriptors: list[int]) -> Life | None:
        pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) if role == "receiver" else ()
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            for end in pair:
                end.close()
            self._tell(client, {"errno": error.errno})
            return None
        if pid == 0:
            self._leave()
            _be_born(descriptors[:2])
            control = _theirs(*pair) if pair else None
            birth = _Birth(parent=parent, control=control, descriptors=tuple(descriptors[2:]))
            return partial(self._lives[role], birth)
        client.forked[pid] = role
        handle = os.pidfd_open(pid)
        self._tell(client, {"pid": pid}, handle)
        os.close(handle)
        if pair:
            ours, theirs = pair
            theirs.close()
            self._join(ours)
        return None

    def _reap(self) -> None:
        with suppress(BlockingIOError):
            while self._dead.recv(MESSAGE):
                pass
        with suppress(ChildProcessError):  # none is left
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended[0], os.waitstatus_to_exitcode(ended[1])
                for client in self._clients:
                    if client.forked.pop(pid, None):
                        self._tell(client, {"ended": pid, "status": status})
                        break

    def _tell(self, client: _Client, message: dict[str, Any], *handles: int) -> None:
        """Send it; a client that does not take its few small messages is as good as gone (`_answer` sees that)."""
        with suppress(BlockingIOError, ConnectionError):
            socket.send_fds(client.control, [json.dumps(message).encode()], handles, socket.MSG_DONTWAIT)

    def _dismiss(self, client: _Client) -> None:
        """Let go of a client that is gone: its workers end with it, its receivers see to that themselves."""
        self._waiting.unregister(client.control)
        self._clients.remove(client)
        client.control.close()
        for pid, role in client.forked.items():
            # Who was stopped (SIGSTOP, a debugger) sees nothing until it goes on.
            os.kill(pid, signal.SIGCONT if role == "receiver" else signal.SIGKILL)

    def _leave(self) -> None:
        """In a child: have nothing to do with the server any more."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, *_FOR_OTHERS):
            signal.signal(number, signal.SIG_DFL)
        self._waiting.close()
        for one in (self._dead, self._wakeup, *(client.control for client in self._clients)):
            one.close()


def _be_born(standard: list[int]) -> None:
    """In a child: take the descriptors for standard input and output, and for standard error."""
    channel, errors = standard
    for one, number in ((channel, 0), (channel, 1), (errors, 2)):
        os.dup2(one, number)
    os.close(channel)
    os.close(errors)


def _theirs(ours: socket.socket, theirs: socket.socket) -> socket.socket:
    ours.close()
    return theirs


def _receiver(detectors: tuple[Detector, ...] | None) -> Callable[[_Birth], None]:
    from dlp_gateway.processes import receiver  # noqa: PLC0415 - not needed where there are workers only

    def life(birth: _Birth) -> None:
        setproctitle("dlp-gateway: receiver")
        assert birth.control is not None  # noqa: S101 - told to mypy
        receiver.main(birth.control, birth.descriptors, detectors)

    return life


def _worker(recipe: Recipe, detectors: tuple[Detector, ...] | None) -> Callable[[_Birth], None]:
    def life(birth: _Birth) -> None:
        setproctitle("dlp-gateway: worker")
        die_with(birth.parent)
        worker.main(recipe, detectors)

    return life


def _loaded(recipe: Recipe) -> tuple[Detector, ...] | None:
    """Return detectors that all processes can share; None if others' code is among them.

    What that starts (threads of a spaCy model) would not be there in a fork: then each process makes its own.
    """
    readers.load()
    if recipe.plugins or recipe.recognizers or recipe.model:
        return None
    detectors = registry.build(recipe)
    warm_up(detectors)
    return detectors


def main() -> None:
    """Be the server, and in each process that is forked what that is to be."""
    for number in _FOR_OTHERS:
        signal.signal(number, signal.SIG_IGN)
    continue_after_parent()
    setproctitle("dlp-gateway: fork server")
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    told = json.loads(sys.stdin.buffer.read())
    recipe = Recipe(**{key: worker.frozen(value) for key, value in told["recipe"].items()})
    detectors = _loaded(recipe)
    lives = {"worker": _worker(recipe, detectors)}
    if told["receivers"]:
        lives["receiver"] = _receiver(detectors)
    # What was loaded stays for good: a collector that walked it would write to every page, and share none.
    gc.collect()
    gc.freeze()
    try:
        control.send(READY)
    except ConnectionError:  # whoever started it is gone
        return
    life = _Server(control, lives).serve()
    if life is not None:
        life()


if __name__ == "__main__":
    main()
