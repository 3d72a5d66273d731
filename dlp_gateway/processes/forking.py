"""The fork server: loads what receivers and workers need, once, and then forks them when it is asked to.

The first one is forked from `serve` before that knows or does anything (`newborn`), so that they share their code, and
has no policy: it forks one server for each policy that comes into force. Elsewhere, or if the first one dies, it is a
program of its own, `python -m dlp_gateway.processes.forking`. `inspection.fork_server` speaks for those who ask.

On the control socket the first message brings a file that says what is to be loaded. Then a request is a role, with the
descriptors of the new process: one that is its standard input and output, its standard error, and those that it
inherits. The answer is its process id with a handle (pidfd_open(2)), and its exit status follows when it has ended. A
receiver is born with a control socket of its own, by which it asks for workers.

The server has one thread, holds nothing of any mail, and knows no secret but the keys of tables of own records: what it
loaded is the same in all that it forks. It lives as long as anybody is connected. The workers of somebody who is gone
are killed, and workers die with the server.
"""

import fcntl
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

from dlp_gateway.allocator import give_back
from dlp_gateway.content import readers
from dlp_gateway.detect import organisations, registry
from dlp_gateway.detect.base import Detector
from dlp_gateway.detect.registry import Recipe
from dlp_gateway.inspection import worker
from dlp_gateway.inspection.confinement import continue_after_parent, die_with
from dlp_gateway.inspection.fork_server import DESCRIPTORS, MESSAGE, READY, Newborn, bare_environment
from dlp_gateway.inspection.measuring import warm_up
from dlp_gateway.observe import instruments, output
from quarantine import database

#: Signals that reach all processes of a group at once: whoever is connected decides.
_FOR_OTHERS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_TITLE: Final = "dlp-gateway: fork server"

#: What a process does from now on; it returns what it is to do after that, if it is another's life by then.
Life = Callable[[], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Birth:
    """What a process that was forked begins with; by `control` a receiver asks for workers."""

    parent: int
    control: socket.socket
    descriptors: tuple[int, ...]


@dataclass(slots=True)
class _Client:
    """Who asks for processes: the supervisor or a receiver. `forked` are its processes that run, by their roles."""

    control: socket.socket
    forked: dict[int, str] = field(default_factory=dict)


class _Server:
    def __init__(self, control: socket.socket, lives: dict[str, Callable[[_Birth], Any]]) -> None:
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
        parent = os.getpid()
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        except OSError as error:
            self._tell(client, {"errno": error.errno})
            return None
        try:
            pid = os.fork()
        except OSError as error:
            ours.close()
            theirs.close()
            self._tell(client, {"errno": error.errno})
            return None
        if pid == 0:
            self._leave()
            ours.close()
            _be_born(descriptors[:2])
            birth = _Birth(parent=parent, control=theirs, descriptors=tuple(descriptors[2:]))
            return partial(self._lives[role], birth)
        theirs.close()
        client.forked[pid] = role
        self._join(ours)  # whoever needs no workers closes his end
        try:
            handle = os.pidfd_open(pid)
        except OSError as error:
            os.kill(pid, signal.SIGKILL)
            self._tell(client, {"errno": error.errno})
            return None
        self._tell(client, {"pid": pid}, handle)
        os.close(handle)
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
        """Let go of a client that is gone: its workers end with it, others see to that themselves."""
        self._waiting.unregister(client.control)
        self._clients.remove(client)
        client.control.close()
        for pid, role in client.forked.items():
            # Who was stopped (SIGSTOP, a debugger) sees nothing until it goes on.
            os.kill(pid, signal.SIGKILL if role == "worker" else signal.SIGCONT)

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
    # Above them first: where the gateway was started without these, they have such numbers themselves.
    channel, errors = (fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 3) for one in standard)
    for one in standard:
        os.close(one)
    for one, number in ((channel, 0), (channel, 1), (errors, 2)):
        os.dup2(one, number)
    os.close(channel)
    os.close(errors)


def _as_receiver(detectors: tuple[Detector, ...] | None) -> Callable[[_Birth], Any]:
    def live(birth: _Birth) -> None:
        from dlp_gateway.processes import receiver  # noqa: PLC0415 - not needed where there are workers only

        setproctitle("dlp-gateway: receiver")
        receiver.main(birth.control, birth.descriptors, detectors)

    return live


def _as_worker(recipe: Recipe, detectors: tuple[Detector, ...] | None) -> Callable[[_Birth], Any]:
    def live(birth: _Birth) -> None:
        setproctitle("dlp-gateway: worker")
        birth.control.close()
        die_with(birth.parent)
        worker.main(recipe, detectors, *birth.descriptors)

    return live


def _as_server(birth: _Birth) -> Life:
    birth.control.close()
    return partial(_serve, socket.socket(fileno=os.dup(0)))


def _detectors(recipe: Recipe) -> tuple[Detector, ...] | None:
    """Return detectors that all processes can share; None if others' code is among them.

    What that starts (threads of a spaCy model) would not be there in a fork: then each process makes its own.
    """
    if recipe.plugins or recipe.recognizers or recipe.model:
        return None
    detectors = registry.build(recipe)
    warm_up(detectors)
    return detectors


def _told(control: socket.socket) -> dict[str, Any] | None:
    """Return what is to be loaded; None if whoever wanted a server is gone."""
    try:
        _, files, _, _ = socket.recv_fds(control, MESSAGE, 1)
    except ConnectionError:
        return None
    if not files:
        return None
    with os.fdopen(files[0], encoding="utf-8") as file:
        file.seek(0)
        told: dict[str, Any] = json.load(file)
        return told


def _serve(control: socket.socket) -> Life | None:
    """Be a server until nobody needs it; returns what to be in a process that was forked."""
    for number in _FOR_OTHERS:
        signal.signal(number, signal.SIG_IGN)
    continue_after_parent()
    setproctitle(_TITLE)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(nothing, standard)
    os.close(nothing)
    told = _told(control)
    if told is None:
        return None
    readers.load()
    lives: dict[str, Callable[[_Birth], Any]] = {"server": _as_server}
    if told["recipe"] is not None:
        recipe = Recipe(**{key: worker.frozen(value) for key, value in told["recipe"].items()})
        detectors = _detectors(recipe)
        lives = {"worker": _as_worker(recipe, detectors), "receiver": _as_receiver(detectors)}
    elif told["receivers"]:
        from dlp_gateway.processes import receiver  # noqa: F401, PLC0415 - for the servers that are forked
    _settle()
    try:
        control.send(READY)
    except ConnectionError:
        return None
    return _Server(control, lives).serve()


def _live(life: Life | None) -> int:
    """Live one life after the other, and return the exit status."""
    try:
        while life is not None:
            life = life()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except BaseException:  # noqa: BLE001 - where it is not the interpreter that ends the process
        sys.excepthook(*sys.exc_info())
        return 1
    finally:
        output.current.finish()
    return 0


def _load_code() -> None:
    """Load all code that supervisor, receivers and workers will need, some of it later than here.

    What one of them loads by itself it has for itself, and it writes to many pages that it shared until then.
    """
    readers.load()
    instruments.load()
    organisations.load()
    database.load_driver()
    from dlp_gateway.detect import identifiers  # noqa: F401, PLC0415 - as said above
    from dlp_gateway.processes import receiver  # noqa: F401, PLC0415


def _settle() -> None:
    """Prepare to share memory: what was loaded stays for good, and what was free is the system's again.

    A collector that walked it would write to every page, and share none. A block that is free here would be used by
    each process that is forked, and be in memory once more for each, and for us.
    """
    gc.collect()
    gc.freeze()
    give_back()


def newborn() -> Newborn:
    """Fork a server from this process, which has no threads yet, and knows nothing but its code."""
    _load_code()
    _settle()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid:
        theirs.close()
        return Newborn(control=ours, pid=pid)
    ours.close()
    setproctitle(_TITLE)  # over the first environment, which is where it looks for room
    bare = bare_environment()
    os.environ.clear()
    os.environ.update(bare)
    _close_all_but(theirs)
    os._exit(_live(partial(_serve, theirs)))  # nothing of the program that was forked is ours to clean up


def _close_all_but(control: socket.socket) -> None:
    """Whoever started us may have left files open that workers must not have."""
    os.closerange(3, control.fileno())
    os.closerange(control.fileno() + 1, os.sysconf("SC_OPEN_MAX"))


def main() -> None:
    """Be a server that is a program of its own; standard input is its control socket."""
    control = socket.socket(fileno=os.dup(0))
    _close_all_but(control)
    sys.exit(_live(partial(_serve, control)))


if __name__ == "__main__":
    main()
