"""Answers to all, and storms of them: what one mail makes of the next."""

from datetime import timedelta

import pytest

from tests.memory.house import DAY, HOUR, MONDAY, SHOPS, House


async def test_an_answer_to_all_of_a_mass_mail(house: House) -> None:
    """It is known by what it answers, whoever writes it, and held; an answer to one is not."""
    await house.send(SHOPS[:12], subject="Offer", name="offer")
    answer = {"answers": "offer@corp.example", "subject": "Re: Offer", "sender": "dora@corp.example"}
    assert "reply-all" in await house.send(SHOPS[:12], **answer)
    assert await house.send(SHOPS[3:4], **answer) == set()


async def test_an_answer_that_names_nothing_is_known_by_its_subject(house: House) -> None:
    """Programs that drop In-Reply-To leave the subject, in the language of their users."""
    await house.send(SHOPS[:12], subject="[news] Offer", name="offer")
    assert "reply-all" in await house.send(
        SHOPS[:11], subject="AW: Offer", sender="dora@corp.example", recipients=SHOPS[:11]
    )
    assert "reply-all" not in await house.send(SHOPS[:9], subject="AW: Offer", sender="dora@corp.example")
    assert "reply-all" not in await house.send(SHOPS[20:32], subject="AW: Offer", sender="dora@corp.example")


@pytest.mark.parametrize(
    ("subject", "acted"),
    [
        ("Invoice", {"bulk-visible"}),
        ("Fwd: Invoice", {"bulk-visible"}),
        ("Re: Invoice", {"bulk-visible", "reply-all", "second-strike"}),
        ("Antw: Invoice", {"bulk-visible", "reply-all", "second-strike"}),
        ("SV: Invoice", {"bulk-visible", "reply-all", "second-strike"}),
    ],
)
async def test_a_subject_that_many_use(house: House, subject: str, acted: set[str]) -> None:
    """Two colleagues who write it to the same customers do not answer each other; a mark of an answer tells."""
    await house.send(SHOPS[:12], subject="Invoice")
    assert acted == await house.send(SHOPS[:12], subject=subject, sender="dora@corp.example", at=MONDAY + HOUR)


async def test_the_next_issue_is_no_answer(house: House) -> None:
    """The author's own next mail of the same subject, to the same people, is hidden as the first was."""
    assert await house.send(SHOPS[:12], subject="News") == {"bulk-visible"}
    assert await house.send(SHOPS[:12], subject="News", at=MONDAY + 7 * DAY) == {"bulk-visible"}


async def test_an_answer_that_carries_something(house: House) -> None:
    """Three of the audience are enough for a photograph; without one they are not."""
    await house.send(SHOPS[:12], subject="Offer", name="offer")
    answer = {"answers": "offer@corp.example", "sender": "dora@corp.example", "at": MONDAY + 2 * DAY}
    assert await house.send(SHOPS[:3], **answer) == set()
    assert await house.send(SHOPS[:3], **answer, photograph=True) == {"answers.carrying"}
    assert await house.send(SHOPS[:2], **answer, photograph=True) == set()


async def test_an_answer_to_all_in_parts(house: House) -> None:
    """Mail servers split at some number of recipients: what the parts reach together counts."""
    await house.send(SHOPS[:40], name="offer")
    answer = {"answers": "offer@corp.example", "sender": "dora@corp.example", "name": "answer"}
    parts = [await house.send(SHOPS[:20], **answer, recipients=SHOPS[n : n + 4]) for n in (0, 4, 8)]
    assert ["reply-all" in part for part in parts] == [False, False, True]


async def test_a_mass_mail_from_outside_answered_to_all(house: House) -> None:
    """Its answer alone tells; one to a mail of our own, or of a handful of firms, is no such answer."""
    answer = {"answers": "x@far.example", "subject": "Re: Meet us", "sender": "dora@corp.example"}
    assert "answers.foreign" in await house.send(SHOPS[:12], **answer)
    of_two_firms = tuple(f"p{n}@firm{n % 2}.example" for n in range(12))
    assert await house.send(of_two_firms, **answer) == set()
    ours = answer | {"answers": "x@corp.example"}
    assert await house.send(SHOPS[20:32], **ours) == {"bulk-visible"}


async def test_a_storm_closes_its_thread(house: House) -> None:
    """After answers of five people within the hour the thread, and no other, is closed for six hours."""
    thread = {"answers": "town-hall@far.example", "subject": "Re: Town hall"}
    for number in range(4):
        at = MONDAY + number * timedelta(minutes=10)
        assert await house.send(SHOPS[:6], **thread, sender=f"p{number}@corp.example", at=at) == set()
    again = await house.send(SHOPS[:6], **thread, sender="p3@corp.example", at=MONDAY + timedelta(minutes=40))
    assert again == set()
    later = MONDAY + timedelta(minutes=45)
    assert await house.send(SHOPS[:6], **thread, sender="p9@corp.example", at=later) == {"answers.storm"}
    assert await house.send(SHOPS[:6], **thread, sender="p1@corp.example", at=later) == {"answers.storm"}
    assert await house.send(SHOPS[:4], **thread, sender="p1@corp.example", at=later) == set()
    other = thread | {"answers": "else@far.example", "subject": "Re: Else"}
    assert await house.send(SHOPS[:6], **other, sender="p1@corp.example", at=later) == set()
    assert await house.send(SHOPS[:6], **thread, sender="p8@corp.example", at=later + 7 * HOUR) == set()


async def test_answers_to_answers_are_of_one_thread(house: House) -> None:
    """Programs that name the last mail only: the thread is found by way of the answers that passed here."""
    await house.send(SHOPS[:6], answers="root@far.example", name="a0", sender="p0@corp.example", subject="Re: x")
    for number in range(1, 4):
        await house.send(
            SHOPS[:6],
            answers=f"a{number - 1}@corp.example",
            name=f"a{number}",
            sender=f"p{number}@corp.example",
            subject="Re: x",
        )
    last = await house.send(SHOPS[:6], answers="a3@corp.example", sender="p4@corp.example", subject="Re: x")
    assert last == {"answers.storm"}
