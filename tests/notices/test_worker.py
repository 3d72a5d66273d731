"""One notice for one mail, exactly once, whatever fails; and what cannot be told stops no other."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dlp_gateway.journal.ledger import OvertakenError
from dlp_gateway.ledger import Progress
from dlp_gateway.notices import NoticeWorker
from dlp_gateway.notices.limits import HOUR
from quarantine.model import Query
from quarantine.store import StoreError
from tests.notices.house import PEOPLE, REVIEWERS, House, Told, clock, counted, kinds
from tests.waiting import PATIENCE


async def test_held_and_released_at_once_is_no_news(house: House) -> None:
    """Nothing waits, and nobody was told that it did."""
    await house.keep("m1")
    await house.release("m1")
    assert await house.tell() == []


async def test_held_and_discarded_at_once_is_one_notice(house: House) -> None:
    """The last word is what counts."""
    await house.keep("m1", *PEOPLE)
    await house.discard("m1", PEOPLE[0])
    (told,) = await house.tell()
    assert told.kind == "discarded"
    assert "For 2 recipients it is still waiting" in told.text


async def test_parts_of_one_mail_are_one_notice(house: House) -> None:
    """A server that splits a long list at fifty makes one mail of several transactions, and they are told as one."""
    for number in range(3):
        await house.keep(f"m{number}", *PEOPLE, message_id="<one@client.example>")
    (told,) = await house.tell()
    assert "to 9 recipients" in told.text
    assert "Reference: m0, m1, m2\n" in told.text
    await house.keep("m3", *PEOPLE, message_id="<one@client.example>")  # comes a little later
    assert await house.tell() == []
    for number in range(4):
        await house.release(f"m{number}")
    (released,) = await house.tell()
    assert "on its way to 12 recipients" in released.text


async def test_another_authors_mail_is_another_mail(house: House) -> None:
    """The same Message-ID from two authors is two mails."""
    await house.keep("m1", message_id="<one@client.example>")
    await house.keep("m2", message_id="<one@client.example>", author="ben@corp.example")
    assert kinds(await house.tell()) == [("held", "ann@corp.example"), ("held", "ben@corp.example")]


async def test_more_than_one_round_can_hold(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A round is bounded, and the next one begins behind it; a mail to many is never told in two."""
    monkeypatch.setattr("dlp_gateway.notices.worker._BATCH", 4)
    crowd = tuple(f"c{number}@shop.example" for number in range(9))
    for number in range(5):
        await house.keep(f"m{number}", *crowd)
    told = await house.tell()
    assert len(told) == 5
    assert all("to 9 recipients" in one.text for one in told)


async def test_a_round_that_cannot_be_committed_is_gone_again(
    house: House, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notices and mark stand in one transaction: what fails at its end leaves neither, and the next round has both."""
    await house.keep("m1")
    keep = house.ledger.keep

    def failing(progress: Progress) -> Callable[[Any], Any]:
        def write(connection: Any) -> None:  # noqa: ANN401
            keep(progress)(connection)
            raise StoreError("the disk is full")

        return write

    monkeypatch.setattr(house.ledger, "keep", failing)
    marks = await house.ledger.marks()
    with pytest.raises(StoreError):
        await house.worker.tell()
    assert await house.told() == []
    assert await house.ledger.marks() == marks
    monkeypatch.undo()
    assert len(await house.tell()) == 1


async def test_two_writers_write_once(house: House) -> None:
    """Whoever is overtaken commits nothing."""
    other = NoticeWorker(house.store, house.ledger, house.options)
    await house.keep("m1")
    ended = await asyncio.gather(house.worker.tell(), other.tell(), return_exceptions=True)
    assert [type(one) for one in ended if isinstance(one, BaseException)] in ([], [OvertakenError])
    assert len(await house.tell()) == 1
    assert len(await house.store.items(Query(reason="notice"))) == 1


def broken(house: House, monkeypatch: pytest.MonkeyPatch, step: str, *names: str) -> None:
    """Let a step of a round fail that is about a mail of one of these names, or always."""
    sound = getattr(house.worker, step)

    async def failing(*about: object) -> object:
        if not names or any(name in repr(about) for name in names):
            raise ArithmeticError
        return await sound(*about)

    monkeypatch.setattr(house.worker, step, failing)


async def running(house: House, expected: int) -> list[Told]:
    """Let the worker run until it has written so many notices."""
    task, told = asyncio.create_task(house.worker.run()), []
    async with asyncio.timeout(PATIENCE):
        while len(told := [*told, *await house.told()]) < expected:  # noqa: ASYNC110  another connection's commit sets no event
            await asyncio.sleep(0.02)
    house.worker.stop()
    await task
    return [*told, *await house.told()]


async def test_what_cannot_be_told_does_not_stop_the_others(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of our own costs the worker five rounds; then each mail has its own, and all authors hear but one."""
    broken(house, monkeypatch, "_tell_author", "'m3'", "'r2'")
    for number in range(1, 6):
        await house.keep(f"m{number}")
        await house.rewritten(f"r{number}")
    told = await running(house, 8)
    references = sorted(one.text.partition("Reference: ")[2][:2] for one in told)
    assert references == ["m1", "m2", "m4", "m5", "r1", "r3", "r4", "r5"]
    await house.keep("m6")
    assert [one.kind for one in await house.tell()] == ["held"]
    assert await house.ledger.untold(10) == {}


async def test_a_summary_that_fails_stops_nobody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is passed over like a mail, and does not come up for ever."""
    move = clock(monkeypatch)
    house.use(each=1)
    for number in range(3):
        await house.keep(f"m{number}")
    await house.tell()
    move(HOUR + timedelta(seconds=1))
    broken(house, monkeypatch, "_sum_up")
    await house.keep("m3", author="ben@corp.example")
    assert kinds(await running(house, 1)) == [("held", "ben@corp.example")]
    now = datetime.now(UTC) + HOUR + timedelta(seconds=1)
    assert await house.ledger.ended(before=now - HOUR, now=now, limit=10) == ()


async def test_a_digest_that_fails_stops_nobody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time is over, and the next one comes a day later."""
    move = clock(monkeypatch)
    house.use(reviewers=REVIEWERS)
    before = await house.ledger.marks()
    move(timedelta(days=1, hours=1))
    broken(house, monkeypatch, "_write_digest")
    await house.keep("m1")
    assert kinds(await running(house, 1)) == [("held", "ann@corp.example")]
    after = await house.ledger.marks()
    assert before is not None
    assert after is not None
    assert after.digest_at == before.digest_at + timedelta(days=1)


async def test_news_that_fail_stop_no_summary(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that happened is passed over, and what waits for its hour is told."""
    move = clock(monkeypatch)
    house.use(each=1)
    for number in range(3):
        await house.keep(f"m{number}")
    await house.tell()
    move(HOUR + timedelta(seconds=1))
    broken(house, monkeypatch, "_news")
    await house.keep("m3", author="ben@corp.example")
    assert kinds(await running(house, 1)) == [("summary", "ann@corp.example")]


async def test_a_damaged_entry_is_passed_over(house: House, folder: Path) -> None:
    """Nobody can be told of it, and it does not come up for ever."""
    await house.rewritten("m1")
    await house.rewritten("m2")
    with closing(sqlite3.connect(folder / "custody.db")) as database, database:
        database.execute("UPDATE journal_entries SET sealed = x'00' WHERE message = 'm1'")
    assert len(await house.tell()) == 1
    assert await house.ledger.untold(10) == {}


async def test_an_erased_mail_cannot_be_reported(house: House) -> None:
    """Its recipients are not known any more."""
    await house.keep("m1", at=datetime.now(UTC) - timedelta(days=15))
    await house.tell()
    await house.store.expire(now=datetime.now(UTC))
    await house.store.erase(before=datetime.now(UTC) + timedelta(seconds=1))
    before = counted("expired", "unasked")
    assert await house.tell() == []
    assert counted("expired", "unasked") == before + 1
