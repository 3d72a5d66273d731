"""What systemd is told (sd_notify(3)): starting, ready, reloading, stopping, a line of status, and that we live.

One datagram each to the socket that it named. Without systemd nothing is said; a socket that is full or gone is no
reason to stop passing mail. Address and watchdog are taken out of the environment, so that no process of ours inherits
them: those that read hostile content must not be able to speak for the gateway.
"""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Final

_EXTENSION: Final = timedelta(seconds=15)  # what is asked for at a time while starting or stopping takes its time
_ASK: Final = timedelta(seconds=5)
_PATIENCE: Final = 0.3  # seconds that a full socket may cost the supervisor's loop; no mail waits for that loop
_LONGEST_PAUSE: Final = 15.0  # seconds between two signs of life, however patient the watchdog is


class Systemd:
    """The service manager that started us, if one did; `watchdog` in seconds, 0 if it does not want signs of life."""

    def __init__(self, address: str = "", watchdog: float = 0.0) -> None:
        self._address = address
        self._watchdog = watchdog

    @classmethod
    def from_environment(cls) -> "Systemd":
        """Take what systemd left in the environment out of it; a watchdog meant for another process is not ours."""
        address = os.environ.pop("NOTIFY_SOCKET", "")
        microseconds = os.environ.pop("WATCHDOG_USEC", "")
        process = os.environ.pop("WATCHDOG_PID", "")
        ours = microseconds.isascii() and microseconds.isdigit() and process in {"", str(os.getpid())}
        return cls(address, int(microseconds) / 1e6 if ours else 0.0)

    def status(self, text: str) -> None:
        """Say in a sentence how we are; `systemctl status` shows it."""
        self._tell(f"STATUS={text}")

    def ready(self, status: str) -> None:
        """Mail is accepted: after the start, and after each reload, done or refused."""
        self._tell(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """A reload begins; systemd 253 and newer can wait for its end by the time that is told (Type=notify-reload)."""
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={microseconds}\nSTATUS=Reading the configuration again.")

    def stopping(self) -> None:
        """No new mail is accepted."""
        self._tell("STOPPING=1\nSTATUS=Finishing what is under way.")

    @asynccontextmanager
    async def patient(self) -> AsyncIterator[None]:
        """Ask for more time as long as the block takes, so that a short timeout in the unit does not cut it off."""
        asking = asyncio.create_task(self._repeat(f"EXTEND_TIMEOUT_USEC={_microseconds(_EXTENSION)}", _ASK))
        try:
            yield
        finally:
            await _cancelled(asking)

    @asynccontextmanager
    async def watched(self, alive: Callable[[], bool]) -> AsyncIterator[None]:
        """Give signs of life during the block, as long as this loop turns and `alive` says so."""
        pause = timedelta(seconds=min(self._watchdog / 4, _LONGEST_PAUSE))
        watching = asyncio.create_task(self._repeat("WATCHDOG=1", pause, alive)) if self._watchdog else None
        try:
            yield
        finally:
            if watching is not None:
                await _cancelled(watching)

    async def _repeat(self, state: str, pause: timedelta, condition: Callable[[], bool] = lambda: True) -> None:
        while True:
            if condition():
                self._tell(state)
            await asyncio.sleep(pause.total_seconds())

    def _tell(self, state: str) -> None:
        if not self._address:
            return
        path = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notifier:
            notifier.settimeout(_PATIENCE)
            notifier.connect(path)
            notifier.send(state.encode())


def _microseconds(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
