"""What the supervisor tells a receiver at birth, and the socket by which each knows that the other is alive.

A receiver's standard input and output are one socket. The supervisor writes one pickled `Boot` to it and then keeps it
open. `RETIRE` on it means "another has your place: finish the messages under way and go"; its end means "drain now",
whether the supervisor stopped in order or was killed. The receiver writes one line when it accepts mail, one when it
can get no workers any more, one when it has retired and listens no more, and one every few seconds as a sign of life.
Pickle is safe in this direction: the supervisor made the socket and is the more trusted.
"""

import asyncio
import os
import pickle
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from dlp_gateway.inspection.confinement import continue_after_parent
from dlp_gateway.policy.model import Policy
from dlp_gateway.settings import Settings
from dlp_gateway.smtp.identity import Identity
from quarantine.crypto import PublicKey

READY: Final = b"ready\n"
RETIRE: Final = b"retire\n"
RETIRED: Final = b"retired\n"
CUT_OFF: Final = b"cut off\n"
ALIVE: Final = b"alive\n"

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
    now. `metrics` hold the folder in which processes count (`observe.instruments.held`). `environment` is that of the
    supervisor.
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
    environment: tuple[tuple[str, str], ...]

    @property
    def descriptors(self) -> tuple[int, ...]:
        """All descriptors that the receiver inherits."""
        return (*self.sockets, self.generation, self.crowd, *self.metrics)

    def with_descriptors(self, numbers: tuple[int, ...]) -> "Boot":
        """Return the same with the numbers that its `descriptors` have in another process."""
        rest = len(self.sockets)
        return replace(
            self,
            sockets=numbers[:rest],
            generation=numbers[rest],
            crowd=numbers[rest + 1],
            metrics=numbers[rest + 2 :],
        )

    def to_bytes(self) -> bytes:
        """Return what `receive_boot` reads."""
        return pickle.dumps(self)


def receive_boot(descriptors: tuple[int, ...]) -> Boot:
    """Read the `Boot` from standard input; `descriptors` are those that were inherited for it, in its order."""
    boot = pickle.load(sys.stdin.buffer)  # noqa: S301  written by our own supervisor, see above
    if not isinstance(boot, Boot):
        raise TypeError("standard input did not hold a Boot; receivers are forked for the supervisor")
    return boot.with_descriptors(descriptors)


def tell_ready() -> None:
    """Tell the supervisor that mail is accepted."""
    os.write(sys.stdout.fileno(), READY)


def tell_retired() -> None:
    """Tell the supervisor that whoever connects from now on is served by others."""
    os.write(sys.stdout.fileno(), RETIRED)


def tell_cut_off() -> None:
    """Tell the supervisor that the fork server gives us no workers any more."""
    os.write(sys.stdout.fileno(), CUT_OFF)


async def tell_life() -> None:
    """Tell the supervisor again and again that the loop turns; never waits for a supervisor that does not listen."""
    with socket.socket(fileno=os.dup(sys.stdout.fileno())) as channel:
        while True:
            with suppress(OSError):  # the socket is full, or its reader gone: `watch_supervisor` says so
                channel.send(ALIVE, socket.MSG_DONTWAIT)
            await asyncio.sleep(BEAT.total_seconds())


def watch_supervisor(retire: Callable[[], object], drain: Callable[[], object]) -> None:
    """Call `retire` when another receiver took our place, `drain` when the supervisor goes or wants us to.

    Ends the process by force if draining takes too long: a receiver whose loop hangs must not outlive its supervisor.
    """
    continue_after_parent()  # that is the fork server, which wakes us when the supervisor ends before it

    def watch() -> None:
        with suppress(ConnectionError):  # it was killed before it had read all our signs of life (unix(7))
            while os.read(sys.stdin.fileno(), 4096):
                retire()
        drain()
        time.sleep(DRAIN.total_seconds() + 5)
        os._exit(1)

    threading.Thread(target=watch, name="supervisor-watch", daemon=True).start()
