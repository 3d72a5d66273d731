"""Turns: so many at a time, the lowest rank first, and none lost."""

import asyncio

import pytest

from dlp_gateway.login.turns import Turns


async def test_the_lowest_rank_comes_first() -> None:
    """Whoever came before; among equals in order."""
    turns = Turns(1)
    order: list[str] = []

    async def take(name: str, rank: int) -> None:
        async with turns.turn(rank, 5):
            order.append(name)
            await asyncio.sleep(0)

    async with turns.turn(0, 5):
        tasks = [asyncio.create_task(take(name, rank)) for name, rank in (("a", 9), ("b", 0), ("c", 3), ("d", 0))]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert order == ["b", "d", "c", "a"]


async def test_a_turn_that_is_not_taken_goes_to_the_next() -> None:
    """Who gave up, was cancelled, or was cancelled in the moment in which the turn came."""
    turns = Turns(1)

    async def take() -> None:
        async with turns.turn(0, 5):
            pass

    async with turns.turn(0, 5):
        with pytest.raises(TimeoutError):
            async with turns.turn(0, 0.01):
                pass
        cancelled, late, last = (asyncio.create_task(take()) for _ in range(3))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.sleep(0)
    late.cancel()  # its turn has come, and it did not run yet
    await asyncio.wait_for(last, 2)
    async with asyncio.timeout(2), turns.turn(0, 1):
        pass
