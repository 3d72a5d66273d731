"""Never too often: what is over a limit is counted, and told in one summary when the hour is over."""

from datetime import timedelta

import pytest

from dlp_gateway.notices import NoticeWorker
from dlp_gateway.notices.limits import HOUR
from tests.notices.house import House, clock, kinds


async def test_a_storm_makes_a_handful_of_notices(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the limit it is counted; when the hour is over, one summary tells the rest; others are told as ever."""
    move = clock(monkeypatch)
    house.use(each=3)
    for number in range(40):
        await house.keep(f"m{number:03}")
    await house.keep("other", author="ben@corp.example")
    told = await house.tell()
    assert kinds(told) == [("held", "ann@corp.example")] * 3 + [("held", "ben@corp.example")]
    await house.discard("m010")
    assert await house.tell() == []
    move(HOUR + timedelta(seconds=1))
    (summary,) = await house.tell()
    assert kinds([summary]) == [("summary", "ann@corp.example")]
    assert "- 37 mails are waiting for a review\n- one mail will not be sent\n" in summary.text
    assert await house.tell() == []
    await house.keep("m900")
    assert len(await house.tell()) == 1


async def test_the_limit_outlives_the_process(house: House) -> None:
    """A worker that is started again knows who was told how often."""
    house.use(each=1)
    await house.keep("m1")
    assert len(await house.tell()) == 1
    house.worker = NoticeWorker(house.store, house.ledger, house.options)
    await house.keep("m2")
    assert await house.tell() == []


async def test_there_is_a_limit_for_all_together(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes too late gets a summary in a later hour, and these are bounded too."""
    move = clock(monkeypatch)
    house.use(together=2)
    for number in range(5):
        await house.keep(f"m{number}", author=f"a{number}@corp.example")
    assert len(await house.tell()) == 2
    sizes = []
    for _ in range(3):
        move(HOUR + timedelta(seconds=1))
        sizes.append(kinds(await house.tell()))
    assert [len(size) for size in sizes] == [2, 1, 0]
    assert {to for size in sizes for _, to in size} == {f"a{number}@corp.example" for number in (2, 3, 4)}


async def test_who_was_told_in_a_summary_only_hears_no_release(house: House) -> None:
    """He could not tell which of his mails it is about."""
    house.use(each=1)
    await house.keep("m1")
    await house.keep("m2")
    await house.tell()
    house.use(each=20)
    await house.release("m2")
    assert await house.tell() == []
