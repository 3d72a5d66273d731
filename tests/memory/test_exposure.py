"""Windows of time: whom a sender showed to each other, and which identifiers he sent."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dlp_gateway.detect.base import Facts, Inspection
from dlp_gateway.journal import Query as Entries
from dlp_gateway.journal.tables import announcements, sent_values
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message
from dlp_gateway.ports import Overloaded
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
    assert await house.rows(announcements) == 0


class Crowded:
    """An inspector without room."""

    async def inspect(self, envelope: Envelope, message: Message, facts: Facts) -> Inspection:
        """Take nobody."""
        raise Overloaded


async def test_mails_that_came_to_no_verdict_showed_nobody(house: House) -> None:
    """The client keeps them, so they are withdrawn: no longer under way, and none that left."""
    for number in range(10):
        assert await house.send(SHOPS[8 * number : 8 * number + 8], inspector=Crowded()) == set()
    assert (house.smarthost.mails, await house.rows(announcements)) == ([], 0)
    assert await house.send(SHOPS[80:88]) == set()
    assert len(house.smarthost.mails) == 1


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_mail_that_cannot_be_remembered_sent_nothing(house: House, tmp_path: Path) -> None:
    """Where the database fails between the identifiers of a mail and its fate, both it and they are withdrawn."""
    with closing(sqlite3.connect(tmp_path / "custody" / "custody.db")) as other, other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON mailings BEGIN SELECT RAISE(ABORT, 'full'); END")
    mail = {"body": "National Insurance number JG103759A", "settings": "set: {identity-documents.count: 3}"}
    await house.send(SHOPS[:9], **mail)
    assert house.smarthost.mails == []
    assert (await house.rows(announcements), await house.rows(sent_values)) == (0, 0)
    with closing(sqlite3.connect(tmp_path / "custody" / "custody.db")) as other, other:
        other.execute("DROP TRIGGER full")
    await house.send(SHOPS[:9], **mail)
    assert len(house.smarthost.mails) == 1
    assert (await house.rows(announcements), await house.rows(sent_values)) == (0, 1)


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
