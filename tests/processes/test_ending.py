"""The supervisor's end: bounded by the kernel, whatever in this process can make no progress any more."""

import signal
import subprocess
import sys

import pytest

_HEAD = """
import asyncio, signal, threading, time
from datetime import timedelta
from dlp_gateway.processes.ending import in_time

SOON = timedelta(seconds=1)
"""
_ORDERLY = """
async def work():
    await stop.wait()

async def main():
    global stop
    stop = asyncio.Event()
    asyncio.get_running_loop().call_soon(stop.set)
    await in_time(work(), stop.wait())

asyncio.run(main())
"""
_THREAD = """
async def work():
    asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)  # `asyncio.run` waits for its thread

async def main():
    await in_time(work(), asyncio.Event().wait(), closed=SOON)

asyncio.run(main())
"""
_WORK = """
async def work():
    await asyncio.Event().wait()

async def told():
    pass

async def main():
    await in_time(work(), told(), stopped=SOON)

asyncio.run(main())
"""
_LOOP = """
async def work():
    await asyncio.sleep(0.1)
    time.sleep(60)

async def told():
    pass

async def main():
    await in_time(work(), told(), stopped=SOON)

asyncio.run(main())
"""
_FAILED = """
async def work():
    raise LookupError("told")

async def main():
    await in_time(work(), asyncio.Event().wait())

try:
    asyncio.run(main())
except LookupError:
    raise SystemExit(7)
"""


@pytest.mark.parametrize(
    ("script", "status"),
    [(_ORDERLY, 0), (_THREAD, -signal.SIGALRM), (_WORK, -signal.SIGALRM), (_LOOP, -signal.SIGALRM), (_FAILED, 7)],
    ids=["orderly", "thread", "work", "loop", "failed"],
)
def test_an_end_that_cannot_be_reached_is_forced(script: str, status: int) -> None:
    """An orderly end and a failure are left alone; where a thread, a task or the loop hangs, SIGALRM comes."""
    done = subprocess.run([sys.executable, "-c", _HEAD + script], timeout=20, check=False)
    assert done.returncode == status
