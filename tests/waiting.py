"""Waiting for what happens in its own time, with an end: nothing is asserted that depends on how fast a machine is."""

import asyncio
from collections.abc import Callable

PATIENCE = 60.0  # seconds


async def until(condition: Callable[[], object]) -> None:
    """Wait until something holds; raises `TimeoutError` if it never does."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110  any condition, also of what knows no events
            await asyncio.sleep(0.005)
