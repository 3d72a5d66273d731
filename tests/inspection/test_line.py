"""Who waits for a worker, and in which order they come."""

import asyncio
import time

import pytest

from dlp_gateway.inspection.line import Line, Payer
from dlp_gateway.ports import Overloaded
from tests.waiting import until

ADA = Payer(client="192.0.2.1", sender="ada@corp.example")
BEN = Payer(client="192.0.2.1", sender="ben@corp.example")
EVE = Payer(client="192.0.2.66", sender="eve@corp.example")


async def held(line: Line, payer: Payer, seconds: float = 0.0) -> None:
    """Take a turn and keep it for a while."""
    async with line.turn(payer, 5.0):
        await asyncio.sleep(seconds)


class Order:
    """In which order those came whose turn it became."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.came: list[str] = []

    async def wait(self, name: str, payer: Payer) -> None:
        """Take a turn, and note it."""
        async with self.line.turn(payer, 5.0):
            self.came.append(name)

    async def of(self, *waiting: tuple[str, Payer]) -> list[str]:
        """Return the order of those who wait while another holds the only turn."""
        async with self.line.turn(EVE, 5.0):
            tasks = [asyncio.create_task(self.wait(*one)) for one in waiting]
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        return self.came


async def test_equals_come_in_order() -> None:
    """Who has taken nothing of late."""
    assert await Order(Line(at_a_time=1, longest=9)).of(("a", ADA), ("b", ADA), ("c", ADA)) == ["a", "b", "c"]


async def test_who_took_least_comes_first() -> None:
    """One client that keeps workers busy waits behind those who do not, however many mails it has in line."""
    line = Line(at_a_time=1, longest=9)
    begun = time.monotonic()
    await held(line, ADA, 0.01)
    await held(line, EVE, 2 * (time.monotonic() - begun))  # more than Ada had, however busy the machine was
    assert await Order(line).of(("e1", EVE), ("e2", EVE), ("a", ADA)) == ["a", "e1", "e2"]


async def test_senders_of_one_server_take_turns_as_well() -> None:
    """All mail may come from one client, the mail server: then it is its senders who are told apart."""
    line = Line(at_a_time=1, longest=9)
    await held(line, ADA, 0.05)
    assert await Order(line).of(("a", ADA), ("b", BEN)) == ["b", "a"]


async def test_a_full_line_is_left_by_the_last() -> None:
    """Who took most must not keep others out by standing in line first."""
    line = Line(at_a_time=1, longest=1)
    await held(line, EVE, 0.05)
    async with line.turn(ADA, 5.0):
        busy = asyncio.create_task(held(line, EVE))
        await asyncio.sleep(0)
        quiet = asyncio.create_task(held(line, BEN))
        with pytest.raises(Overloaded):
            await busy
        with pytest.raises(Overloaded):
            await held(line, EVE)
    await quiet


async def test_patience_has_an_end() -> None:
    """Whoever waited too long is told to come back, and his place is gone."""
    line = Line(at_a_time=1, longest=9)
    async with line.turn(ADA, 5.0):
        with pytest.raises(Overloaded):
            async with line.turn(BEN, 0.01):
                pass
    await held(line, BEN)


async def test_nothing_is_lost_by_those_who_go() -> None:
    """Cancelled in line, or just when his turn came: the next one comes."""
    line = Line(at_a_time=1, longest=9)
    async with line.turn(ADA, 5.0):
        tasks = [asyncio.create_task(held(line, BEN)) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.sleep(0)
    tasks[0].cancel()  # it has the turn and does not know it
    await tasks[2]
    await until(lambda: line._free == 1)


async def test_nothing_is_lost_by_who_gives_up_in_the_last_moment() -> None:
    """He has not heard yet that he was cancelled when the turn is passed on, or the line is too long."""
    line = Line(at_a_time=1, longest=1)
    async with line.turn(ADA, 5.0):
        given_up = asyncio.create_task(held(line, BEN))
        await asyncio.sleep(0)
        given_up.cancel()
    assert line._free == 1
    async with line.turn(ADA, 5.0):
        given_up = asyncio.create_task(held(line, BEN))
        await asyncio.sleep(0)
        given_up.cancel()
        following = asyncio.create_task(held(line, EVE))
        await asyncio.sleep(0)
    await following
    assert line._free == 1


async def test_what_is_remembered_has_a_bound() -> None:
    """Of many senders the dearest are kept."""
    line = Line(at_a_time=1, longest=9)
    await held(line, EVE, 0.02)
    for number in range(5_000):
        await held(line, Payer(client="192.0.2.1", sender=str(number)))
    assert len(line._taken) <= 4_097
    assert await Order(line).of(("e", EVE), ("a", Payer(client="192.0.2.9", sender=""))) == ["a", "e"]
