"""Delivery from custody with the settings in force; a reload puts a new worker beside the old one, which finishes."""

import asyncio
import os
import secrets
from pathlib import Path
from typing import Final

from dlp_gateway.clock import Clock
from dlp_gateway.delivery import DeliveryOptions, DeliveryWorker
from dlp_gateway.observe import log
from dlp_gateway.processes import composition
from dlp_gateway.processes.boot import DRAIN
from dlp_gateway.settings import Settings
from dlp_gateway.smtp.smarthost import Smarthost
from quarantine.store import Store

_BORN: Final = secrets.token_hex(4)  # numbers of processes are given again


class Outbound:
    """The delivery workers; leases keep the one that finishes and the one that begins apart."""

    def __init__(self, store: Store, hostname: str) -> None:
        self._store = store
        self._hostname = hostname
        self._worker: DeliveryWorker | None = None
        self._smarthost: Smarthost | None = None
        self._accepting = False
        self._clock = Clock(log.clock_jumped)  # a reload is no reason to believe it less
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, settings: Settings) -> None:
        """Deliver as `settings` say from now on. Raises `ConfigurationError` for files that cannot be used."""
        smarthost = composition.smarthost(settings, self._hostname)
        worker = DeliveryWorker(self._store, smarthost, _options(settings, self._hostname), self._clock)
        if self._worker is not None:
            self._worker.stop()
        self._worker, self._smarthost = worker, smarthost
        self._accepting = settings.smarthost.unreachable == "accept"
        task = asyncio.create_task(_run(worker, smarthost))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def ready(self) -> str:
        """Return "" if the smarthost can be reached, else in a word why not; "" too where custody takes mail meanwhile.

        It is tried all the same, so that metrics and log tell of the outage.
        """
        if self._smarthost is None:
            return ""
        trouble = await composition.smarthost_ready(self._smarthost)
        return "" if self._accepting else trouble

    async def close(self) -> None:
        """Let deliveries under way be finished within the drain's bound; what is cut off is settled by `recover`."""
        if self._worker is not None:
            self._worker.stop()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=DRAIN.total_seconds())
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


async def _run(worker: DeliveryWorker, smarthost: Smarthost) -> None:
    try:
        await worker.run()
    finally:
        await smarthost.close()


def owner() -> str:
    """Return who we are in leases: the machine since its start, the space of process numbers in it, and our number."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    space = Path("/proc/self/ns/pid").readlink()
    return f"{boot}/{space}:{os.getpid()}.{_BORN}"


def is_dead(other: str) -> bool:
    """Whether the owner of a lease is surely gone: no such process here, or one before us that had our number."""
    place, _, process = other.rpartition(":")
    number, _, born = process.partition(".")
    if place != owner().rpartition(":")[0] or not number.isdigit():
        return False
    if int(number) == os.getpid():
        return born != _BORN
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


def _options(settings: Settings, hostname: str) -> DeliveryOptions:
    custody = settings.custody
    return DeliveryOptions(
        owner=owner(),
        is_dead=is_dead,
        hostname=hostname,
        smarthost=settings.smarthost.hops[0].host,
        first=custody.retry.first,
        longest=custody.retry.longest,
        max_age=custody.retry.max_age,
        warn_after=custody.retry.warn_after,
        retry_in_doubt=custody.in_doubt == "retry",
        keep=custody.keep,
    )
