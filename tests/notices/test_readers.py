"""Who is told and who is not, of what, and in which language."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from quarantine.model import Settlement, State
from tests.notices.house import House, counted, kinds


@pytest.mark.parametrize(
    ("given", "result"),
    [
        ({"author": "mallory@shop.example"}, "outside"),
        ({"author": ""}, "automatic"),
        ({"automatic": True}, "automatic"),
    ],
)
async def test_nobody_is_told(house: House, given: dict[str, Any], result: str) -> None:
    """Outsiders, programs, and those who would have to be told of a notice."""
    before = counted("held", result)
    await house.keep("m1", **given)
    assert await house.tell() == []
    assert counted("held", result) == before + 1


async def test_a_program_gets_its_dsn(house: House) -> None:
    """A report of failure is for programs too: who sends mail without a person reads bounces."""
    await house.keep("m1", automatic=True, at=datetime.now(UTC) - timedelta(days=15))
    await house.store.expire(now=datetime.now(UTC))
    assert kinds(await house.tell()) == [("expired", "ann@corp.example")]


async def test_our_own_notices_are_nobodys_news(house: House) -> None:
    """Neither that one waits nor that it failed; how it ended is counted."""
    before = counted("held", "failed")
    await house.keep("m1")
    await house.tell()
    (claim,) = await house.claim()
    settled = tuple(Settlement(recipient=one.id, state=State.FAILED, reply="552 full") for one in claim.recipients)
    await house.store.settle(claim, settled, now=datetime.now(UTC))
    assert await house.tell() == []
    assert counted("held", "failed") == before + 1


async def test_only_what_is_set_is_told(house: House) -> None:
    """`authors: [discarded]` tells of nothing else, and what was not told then is not told later."""
    house.use(kinds=frozenset({"discarded"}))
    await house.keep("m1")
    await house.keep("m2")
    await house.rewritten("m3")
    assert await house.tell() == []
    await house.discard("m1")
    assert kinds(await house.tell()) == [("discarded", "ann@corp.example")]
    house.use(kinds=frozenset({"held", "rewritten", "released"}))
    await house.release("m2")
    assert await house.tell() == []


async def test_what_was_before_is_nobodys_news(house: House, folder: Path) -> None:
    """A gateway that learns to write notices does not write about last month."""
    with closing(sqlite3.connect(folder / "custody.db")) as database, database:
        database.execute("DELETE FROM notice_marks")
    await house.keep("m1")
    await house.worker.begin()
    assert await house.tell() == []
    await house.keep("m2")
    assert len(await house.tell()) == 1


@pytest.mark.parametrize(
    ("author", "language", "expected"),
    [
        ("ann@corp.example", "fr", "fr"),
        ("ann@corp.example", "", "nl"),
        ("ann@berlin.corp.example", "", "de"),
        ("ann@berlin.corp.example", "xx", "de"),
        ("ann@roma.corp.example", "", "it"),
    ],
)
async def test_in_his_language(house: House, author: str, language: str, expected: str) -> None:
    """What the mail says, else what the administrator says of the domain, else of all."""
    house.use(language="nl", languages={"berlin.corp.example": "de", "*.corp.example": "it"})
    await house.keep("m1", author=author, language=language)
    (told,) = await house.tell()
    assert told.mail["Content-Language"] == expected


async def test_an_address_beyond_ascii(house: House) -> None:
    """It is written as it is, and delivered with SMTPUTF8."""
    await house.keep("m1", author="jörg@corp.example")
    await house.worker.tell()
    (claim,) = await house.claim()
    assert '"smtputf8": true' in claim.options
    assert "To: jörg@corp.example\r\n".encode() in claim.content
