"""Room in memory: given, refused, waited for in order, and never lost."""

import asyncio

import pytest

from dlp_gateway.smtp import room
from dlp_gateway.smtp.room import Room


def test_room_is_bounded_and_comes_back() -> None:
    """What does not fit is refused; one message larger than all room has it alone."""
    some = Room(100)
    assert [some.take(60), some.take(60), some.take(40)] == [True, False, True]
    some.give_back(60)
    some.give_back(40)
    assert some.take(1_000)
    assert not some.take(1)
    some.give_back(1_000)
    assert some.taken == 0


async def test_who_waits_comes_in_order() -> None:
    """A small message does not overtake a large one that waits, or that would wait for ever."""
    some = Room(100)
    assert some.take(90)
    large, small = asyncio.create_task(some.enter(80)), asyncio.create_task(some.enter(10))
    await asyncio.sleep(0)
    assert not some.take(5)
    some.give_back(90)
    assert await asyncio.gather(large, small) == [True, True]
    assert some.taken == 90


@pytest.mark.parametrize("way", ["patience", "cancelled", "cancelled with room"])
async def test_who_stops_waiting_takes_nothing(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """After its patience, or when its client went, even in the moment in which room was given."""
    monkeypatch.setattr(room, "_PATIENCE", 0.02)
    some = Room(100)
    assert some.take(100)
    waiting = asyncio.create_task(some.enter(50))
    await asyncio.sleep(0)
    if way == "patience":
        assert await waiting is False
        some.give_back(100)
    else:
        if way == "cancelled with room":
            some.give_back(100)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        if way == "cancelled":
            some.give_back(100)
    assert some.taken == 0
    assert some.take(100)
