"""A working group is made by three days on which mails showed its people to each other, and forgotten like all else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from dlp_gateway.journal import circles
from quarantine.database import Database

TEAM = frozenset(bytes([number]) * 16 for number in range(20))
MORE = tuple(bytes([100 + number]) * 16 for number in range(20))
FAR_BACK = 0


@pytest.fixture
async def database(url: str, folder: Path) -> AsyncIterator[Database]:
    """A database that was set up."""
    database = Database(url, folder=folder)
    yield database
    await database.close()


async def learn(database: Database, *mails: tuple[frozenset[bytes], int]) -> None:
    """Let mails pass, each with its day."""
    for shown, day in mails:
        await database.transact(partial(circles.learn, shown=shown, day=day))


async def familiar(database: Database, shown: frozenset[bytes], since: int = FAR_BACK + 1) -> int:
    """Return how many are of one group."""
    return await database.look(partial(circles.familiar, shown=shown, since=since))


@pytest.mark.parametrize(
    ("days", "expected"), [([], 0), ([7], 0), ([7, 7, 7, 7], 0), ([7, 8], 0), ([7, 8, 9], 20), ([9, 8, 7], 0)]
)
async def test_three_days(database: Database, days: list[int], expected: int) -> None:
    """Not three mails, and not three days of which two come late."""
    await learn(database, *((TEAM, day) for day in days))
    assert await familiar(database, TEAM) == expected


async def test_the_three_days_lie_within_a_time(database: Database) -> None:
    """What is long ago no longer counts."""
    await learn(database, *((TEAM, day) for day in (10, 40, 60)))
    assert await familiar(database, TEAM, since=10) == 20
    assert await familiar(database, TEAM, since=11) == 0


async def test_nearly_all_must_be_of_it(database: Database) -> None:
    """Half of a group is of it, a stranger among nineteen is borne, three among twenty make an audience."""
    await learn(database, *((TEAM, day) for day in (7, 8, 9)))
    some = frozenset(sorted(TEAM)[:10])
    assert await familiar(database, some) == 10
    assert await familiar(database, frozenset((*sorted(TEAM)[:18], MORE[0]))) == 18
    assert await familiar(database, TEAM | frozenset(MORE[:3])) == 0


async def test_who_joins_is_of_it_after_three_days(database: Database) -> None:
    """A group does not grow by one mail."""
    await learn(database, *((TEAM, day) for day in (7, 8, 9)))
    larger = TEAM | {MORE[0]}
    for day in (10, 11):
        await learn(database, (larger, day))
        assert await familiar(database, larger) == 20
    await learn(database, (larger, 12))
    assert await familiar(database, larger) == 21


async def test_two_groups_make_no_third(database: Database) -> None:
    """People of two groups do not know each other."""
    others = frozenset(MORE[:10])
    for group in (TEAM, others):
        await learn(database, *((group, day) for day in (7, 8, 9)))
    assert await familiar(database, others) == 10
    assert await familiar(database, TEAM | others) == 0


async def test_receivers_learn_at_the_same_time(database: Database) -> None:
    """Who joins is let in once, whichever of two transactions was first."""
    await learn(database, (TEAM, 7))
    larger = TEAM | frozenset(MORE[:1])
    begun = asyncio.Barrier(2)

    async def one() -> None:
        async with database.writing() as connection:
            with suppress(TimeoutError):  # where only one may write at a time, the other waits for it
                async with asyncio.timeout(0.1):
                    await begun.wait()
            await connection.run_sync(circles.learn, larger, 8)

    await asyncio.gather(one(), one())
    await learn(database, (larger, 9))
    await learn(database, (larger, 10))
    assert await familiar(database, larger) == 21
