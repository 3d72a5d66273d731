"""Windows of time: whom a sender showed to each other, and which identifiers he sent."""

import asyncio
from datetime import UTC, datetime

from sqlalchemy import func, select

from dlp_gateway.journal import Query as Entries
from dlp_gateway.journal.tables import announcements
from tests.memory.house import DAY, HOUR, MONDAY, SHOPS, House


async def test_nine_at_a_time(house: House) -> None:
    """The mail with which a sender has shown more than forty strangers within a day is held."""
    acted = [await house.send(SHOPS[9 * n : 9 * n + 9], at=MONDAY + n * HOUR) for n in range(5)]
    assert acted == [set(), set(), set(), set(), {"exposure.window"}]
    assert await house.send(SHOPS[90:95], sender="dora@corp.example", at=MONDAY + 5 * HOUR) == set()
    assert await house.send(SHOPS[90:91], at=MONDAY + 5 * HOUR) == set()
    assert await house.send(SHOPS[90:95], at=MONDAY + 2 * DAY) == set()


async def test_nine_at_a_time_all_at_once(house: House) -> None:
    """Mails that are judged at the same time see each other: as many leave as one after another."""
    acted = await asyncio.gather(*(house.send(SHOPS[8 * n : 8 * n + 8]) for n in range(12)))
    assert sorted(acted, key=len) == [set()] * 4 + [{"exposure.window"}] * 8
    async with house.journal._database.glancing() as connection:
        assert (await connection.execute(select(func.count()).select_from(announcements))).scalar_one() == 0


async def test_the_same_people_all_day(house: House) -> None:
    """A team that writes to its customers ten times shows nobody new; nor do people of one firm see strangers."""
    for number in range(10):
        assert await house.send(SHOPS[:9], at=MONDAY + number * HOUR) == set()
    for number in range(10):
        firm = tuple(f"p{n}@firm{number}.example" for n in range(8))
        assert await house.send(firm, at=MONDAY + number * HOUR) == set()


async def test_the_parts_of_a_mail_count_once(house: House) -> None:
    """Each part shows the whole header, and they are one mail."""
    for number in range(6):
        for half in (slice(0, 5), slice(5, 9)):
            shown = SHOPS[9 * number : 9 * number + 9]
            acted = await house.send(
                shown, name=f"m{number}", recipients=shown[half], sender=f"p{number % 2}@corp.example"
            )
            assert acted == set()


async def test_those_who_were_hidden_were_not_shown(house: House) -> None:
    """A mail that was rewritten showed nobody; that its author tried again is noted."""
    assert await house.send(SHOPS[:60]) == {"bulk-visible"}
    assert await house.send(SHOPS[60:65], at=MONDAY + HOUR) == set()
    assert await house.send(SHOPS[60:], at=MONDAY + 2 * HOUR) == {"bulk-visible"}
    (entry,) = [one for one in await house.journal.entries(Entries()) if one.observed]
    assert entry.observed == ("exposure.written",)


async def test_numbers_in_small_pieces(house: House) -> None:
    """Where one number may leave, the fifth within a day may not; the same one again is no further."""
    settings = "set: {identity-documents.count: 3}"

    async def number(last: int, at: datetime) -> set[str]:
        body = f"National Insurance number JG1037{last:02}A"
        return await house.send(("ben@office.example",), at=at, body=body, settings=settings)

    for last in (59, 59, 60, 61, 62):
        assert await number(last, MONDAY) == set()
    assert await number(63, MONDAY + HOUR) == {"exposure.identities"}
    assert await number(62, MONDAY + HOUR) == set()
    assert await number(63, MONDAY + 2 * DAY) == set()


async def test_numbers_one_a_mail_all_at_once(house: House) -> None:
    """Written down before they leave: the fifth is held however fast it comes."""
    settings = "set: {identity-documents.count: 3}"

    async def number(last: int) -> set[str]:
        body = f"National Insurance number JG1037{last}A"
        return await house.send(("ben@office.example",), body=body, settings=settings)

    acted = await asyncio.gather(*map(number, range(59, 67)))
    assert sorted(acted, key=len) == [set()] * 4 + [{"exposure.identities"}] * 4


async def test_numbers_that_leave_from_custody(house: House) -> None:
    """What was split or delayed counts at once, what was held when it leaves, and nothing of what never did."""
    rules = "set: {identity-documents.count: 3}\n"
    wait = "rules: [{id: later, when: {finding: identifier.UK_NINO}, then: wait}]"
    hold = "rules: [{id: look, when: {finding: identifier.UK_NINO}, then: review}]"

    async def number(last: int, *, at: datetime, to: tuple[str, ...] = SHOPS[:1], settings: str = "") -> set[str]:
        body = f"National Insurance number JG1037{last:02}A"
        return await house.send(to, at=at, body=body, settings=rules + settings)

    now = datetime.now(UTC)
    assert await number(59, at=now, to=SHOPS[:3], settings="actions: {hide: {do: rewrite, how: split}}\n") == set()
    assert await number(60, at=now, settings=wait) == {"later"}
    assert await number(61, at=now, settings=hold) == {"look"}
    await house.release(await house.held())
    assert await number(62, at=now, settings=hold) == {"look"}
    await house.store.discard(await house.held(), actor="eve", reason="", now=now)
    await house.journal.settle()
    assert await number(63, at=now) == set()
    assert await number(64, at=now) == {"exposure.identities"}
