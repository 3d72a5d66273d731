"""What the supervisor tells a receiver at birth, and the pipe by which each knows that the other is alive.

The supervisor writes one pickled `Boot` to the receiver's standard input and then keeps the pipe open. `RETIRE` on it
means "another has your place: finish the messages under way and go"; its end means "drain now", whether the supervisor
stopped in order or was killed. The receiver writes one line to its standard output when it accepts mail, and then one
every few seconds as a sign of life. Pickle is safe in this direction: the supervisor made the pipe and is the more
trusted.
"""

import asyncio
import ctypes
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from dlp_gateway.policy.model import Policy
from dlp_gateway.settings import Settings
from dlp_gateway.smtp.identity import Identity
from quarantine.crypto import PublicKey

READY: Final = b"ready\n"
RETIRE: Final = b"retire\n"
ALIVE: Final = b"alive\n"

_PR_SET_PDEATHSIG: Final = 1  # prctl(2)

#: How often a receiver says that its loop turns.
BEAT: Final = timedelta(seconds=5)

#: How long a receiver that was replaced may finish: longer than a smarthost may take for the final dot (ten minutes).
RETIREMENT: Final = timedelta(minutes=15)

#: How long sessions may finish what they are doing; then they are cut off (systemd's default stop timeout is 90 s).
DRAIN: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """What a receiver needs.

    Settings and policy were checked by the supervisor: a receiver never reads files that may have changed since.
    `sockets` are file descriptors of listening sockets, one for each listener of the settings, in order; `generation`
    is that of the number that all receivers share (`journal.generation`), `crowd` that of the table of their sessions
    (`smtp.crowd`). `identities` are those of the listeners under TLS: the last good ones, whatever lies in the files
    now. `metrics` hold the folder in which processes count (`observe.instruments.held`).
    """

    settings: Settings
    policy: Policy
    public_key: PublicKey
    hostname: str
    sockets: tuple[int, ...]
    generation: int
    crowd: int
    metrics: tuple[int, ...]
    identities: tuple[Identity | None, ...]

    @property
    def descriptors(self) -> tuple[int, ...]:
        """All descriptors that the receiver inherits."""
        return (*self.sockets, self.generation, self.crowd, *self.metrics)

    def to_bytes(self) -> bytes:
        """Return what `receive_boot` reads."""
        return pickle.dumps(self)


def receive_boot() -> Boot:
    """Read the `Boot` from standard input."""
    boot = pickle.load(sys.stdin.buffer)  # noqa: S301  written by our own supervisor, see above
    if not isinstance(boot, Boot):
        raise TypeError("standard input did not hold a Boot; receivers are started by the supervisor")
    return boot


def tell_ready() -> None:
    """Tell the supervisor that mail is accepted."""
    os.write(sys.stdout.fileno(), READY)


async def tell_life() -> None:
    """Tell the supervisor again and again that the loop turns; never waits for a supervisor that does not listen."""
    os.set_blocking(sys.stdout.fileno(), False)
    while True:
        with suppress(OSError):  # the pipe is full, or its reader gone: `watch_supervisor` says so
            os.write(sys.stdout.fileno(), ALIVE)
        await asyncio.sleep(BEAT.total_seconds())


def watch_supervisor(retire: Callable[[], object], drain: Callable[[], object]) -> None:
    """Call `retire` when another receiver took our place, `drain` when the supervisor goes or wants us to.

    Ends the process by force if draining takes too long: a receiver whose loop hangs must not outlive its supervisor.
    """
    # Who was stopped (SIGSTOP, a debugger) reads no pipe: the kernel wakes him when the supervisor ends.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGCONT, 0, 0, 0)

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            retire()
        drain()
        time.sleep(DRAIN.total_seconds() + 5)
        os._exit(1)

    threading.Thread(target=watch, name="supervisor-watch", daemon=True).start()
