"""The bound on the supervisor's end, kept by the kernel.

A process without memory for another thread, or with a database that answers nobody, can neither finish its work nor
count the time that it takes. Receivers see the end of a supervisor that was killed and drain as after any other.
"""

import asyncio
import signal
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, Final

from dlp_gateway.processes.boot import DRAIN

#: From being told to stop: what receivers are given and the stores after them; less than systemd's default of 90 s.
STOPPED_WITHIN: Final = DRAIN + timedelta(seconds=45)

#: From there to the end of the process: the loop's own threads, and the interpreter.
CLOSED_WITHIN: Final = timedelta(seconds=10)


async def in_time(
    work: Coroutine[Any, Any, None],
    stopping: Coroutine[Any, Any, object],
    stopped: timedelta = STOPPED_WITHIN,
    closed: timedelta = CLOSED_WITHIN,
) -> None:
    """Do `work`, whose errors are raised; the process ends by SIGALRM if it outlasts the end of `stopping` too long.

    The same befalls a process that has not ended `closed` after its work.
    """
    working, told = asyncio.create_task(work), asyncio.create_task(stopping)
    await asyncio.wait({working, told}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    signal.alarm(round(stopped.total_seconds()))
    try:
        await working
    finally:
        signal.alarm(round(closed.total_seconds()))
