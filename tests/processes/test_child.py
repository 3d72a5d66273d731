"""A receiver process under its supervisor."""

import asyncio
import signal
from datetime import timedelta

from dlp_gateway.processes.child import Child
from tests.processes.scripts import forked


async def child(script: str) -> Child:
    """Start a process that speaks as a receiver does."""
    return Child(await forked("-c", script))


async def test_one_that_hangs_is_killed() -> None:
    """It was ready, then its loop stood still: clients would wait in vain."""
    one = await child("import time; print('ready', flush=True); time.sleep(600)")
    assert await one.ready()
    assert one.alive
    assert await one.ended(timedelta(seconds=0.2)) == -signal.SIGKILL
    assert not one.alive


async def test_one_that_speaks_lives() -> None:
    """Signs of life, each in time, and then its own end with its own status."""
    script = "import time\nfor _ in range(30):\n print('ready', flush=True)\n time.sleep(0.1)\nraise SystemExit(3)"
    one = await child(script)
    assert await one.ready()
    assert await one.ended(timedelta(seconds=1.0)) == 3


async def test_one_that_is_silent_for_a_while_is_not_well() -> None:
    """Readiness hears of it before it is killed, and it is well again when it speaks."""
    one = await child("import sys; print('ready', flush=True); sys.stdin.read(); print('alive', flush=True)")
    assert await one.ready()
    ending = asyncio.create_task(one.ended(timedelta(seconds=2.0)))
    async with asyncio.timeout(60):
        while one.alive:  # noqa: ASYNC110 - silence sets no event
            await asyncio.sleep(0.01)
    await one.drain()
    assert await ending == 0
    assert not one.silent


async def test_one_that_dies_before_it_has_read_what_it_was_told() -> None:
    """Its socket is reset then, which is an end like any other."""
    one = await child("import time; time.sleep(0.2); raise SystemExit(4)")
    await one._tell(b"a boot")
    assert not await one.ready()
    assert await one.ended() == 4
