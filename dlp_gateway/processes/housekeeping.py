"""Work that the supervisor does again and again until it stops, whatever goes wrong in one round."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

from dlp_gateway.observe import log, metrics, trouble
from quarantine.store import StoreError


async def regularly(pause: timedelta, work: Callable[[], Awaitable[object]], stopping: asyncio.Event) -> None:
    """Do it, wait, and do it again until somebody stops us; what fails is told, and tried the next time."""
    while not stopping.is_set():
        try:
            await work()
        except StoreError as error:
            trouble.store_failed(error)
        except Exception as error:  # noqa: BLE001  a worker loop: nobody would see that it ended
            log.internal_error("", "housekeeping", error)
            metrics.internal_error("housekeeping")
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), pause.total_seconds())
