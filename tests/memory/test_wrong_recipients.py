"""Domains and people that resemble known ones."""

from dlp_gateway.journal import Query as Entries
from tests.memory.house import DAY, MONDAY, House

KNOWN = ("ben.miller@acmecorp.example",)


async def test_a_domain_that_looks_like_a_known_one(house: House) -> None:
    """After ten days of mail a stranger at nearly the same domain is held; before, nobody is judged."""
    alike = ("ben@acnecorp.example",)
    assert await house.send(alike, sender="eve@corp.example", at=MONDAY) == set()
    for day in range(10):
        assert await house.send(KNOWN, at=MONDAY + day * DAY) == set()
    later = MONDAY + 10 * DAY
    assert await house.send(alike, at=later) == {"unfamiliar-recipient.look-alike"}
    assert await house.send(("ben@bakery.example",), at=later) == set()
    assert await house.send(("carl@acmecorp.example",), at=later) == set()
    await house.release(await house.held())
    assert await house.send(alike, at=later) == set()


async def test_a_twin_is_noted(house: House) -> None:
    """The mailbox of a known name at another domain, and a slip in the name, are written down."""
    for day in range(10):
        await house.send(KNOWN, at=MONDAY + day * DAY)
    later = MONDAY + 10 * DAY
    for twin in ("ben.miller@free.example", "ben.mueller@acmecorp.example", "ben.miler@acmecorp.example"):
        await house.send((twin,), at=later)
    noted = [entry.observed for entry in await house.journal.entries(Entries()) if entry.observed]
    assert noted == [("unfamiliar-recipient.twin",), ("unfamiliar-recipient.twin",)]


async def test_a_number_to_somebody_new_is_noted(house: House) -> None:
    """Not to a customer of old."""
    for day in range(10):
        await house.send(KNOWN, at=MONDAY + day * DAY)
    for to in (KNOWN, ("ben@bakery.example",)):
        await house.send(to, at=MONDAY + 10 * DAY, body="IBAN DE89 3704 0044 0532 0130 00")
    noted = [entry.observed for entry in await house.journal.entries(Entries())][-2:]
    assert ["unfamiliar-recipient.first-time" in one for one in noted] == [False, True]
