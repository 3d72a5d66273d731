"""Working groups, learned and named, may write to each other."""

from tests.memory.house import DAY, HOUR, MONDAY, SHOPS, House

TEAM = tuple(f"p{n}@firm{n % 4}.example" for n in range(12))
WATCHING = "set: {bulk-visible.mode: observe}"


async def test_a_group_is_familiar_after_three_days(house: House) -> None:
    """Whom mails showed to each other on three days is no leak any more; most of them, and one more, as well."""
    for day in range(3):
        assert await house.send(TEAM, at=MONDAY + day * DAY, settings=WATCHING) == set()
    assert await house.send(TEAM, at=MONDAY + 3 * DAY) == set()
    assert await house.send((*TEAM[1:], "new@firm0.example"), at=MONDAY + 4 * DAY) == set()
    assert await house.send((*TEAM, *SHOPS[:5]), at=MONDAY + 4 * DAY) == {"bulk-visible"}
    assert await house.send(TEAM, at=MONDAY + 90 * DAY) == {"bulk-visible"}


async def test_a_group_may_answer_itself(house: House) -> None:
    """Mail of a working group and the answers to all of it, with a photograph, pass."""
    for day in range(3):
        await house.send(TEAM, at=MONDAY + day * DAY, settings=WATCHING)
    later = MONDAY + 3 * DAY
    await house.send(TEAM, at=later, name="minutes", subject="Minutes")
    answer = {"answers": "minutes@corp.example", "subject": "Re: Minutes", "photograph": True}
    for number in range(6):
        assert await house.send(TEAM, at=later + HOUR, sender=f"p{number}@corp.example", **answer) == set()


async def test_nothing_makes_a_group_in_a_day(house: House) -> None:
    """However often it is shown on one day, or on two, it is an audience."""
    for day in range(2):
        for hour in range(5):
            await house.send(TEAM, at=MONDAY + day * DAY + hour * HOUR, settings=WATCHING)
    assert await house.send(TEAM, at=MONDAY + day * DAY + 6 * HOUR) == {"bulk-visible"}


async def test_mails_that_were_rewritten_make_no_group(house: House) -> None:
    """Nobody saw anybody, so that five mails on five days leave five audiences."""
    for day in range(5):
        assert "bulk-visible" in await house.send(TEAM, at=MONDAY + day * DAY, sender=f"p{day}@corp.example")


async def test_named_groups_may_do_what_groups_that_were_learned_may(house: House) -> None:
    """All of one may be answered on mail from outside, in a storm, and written to all day; it makes no window."""
    groups = f"groups: {{boards: [{', '.join(SHOPS[:60])}]}}"
    answer = {"answers": "x@far.example", "subject": "Re: Meet us"}
    for number in range(6):
        shown = SHOPS[9 * number : 9 * number + 9]
        assert await house.send(shown[:6], sender=f"p{number}@corp.example", settings=groups, **answer) == set()
        assert await house.send(SHOPS[:12], sender=f"p{number}@corp.example", settings=groups, **answer) == set()
        assert await house.send(shown, at=MONDAY + number * HOUR, settings=groups) == set()
    assert await house.send(SHOPS[55:61], settings=groups, sender="p9@corp.example", **answer) == {"answers.storm"}
    assert await house.send(SHOPS[60:69], at=MONDAY + 6 * HOUR, settings=groups) == set()
    assert await house.send(SHOPS[55:69], at=MONDAY + 6 * HOUR, settings=groups) == {"bulk-visible"}


async def test_the_policy_may_know_no_groups(house: House) -> None:
    """`memory.groups.exempt: false` counts everybody."""
    for day in range(3):
        await house.send(TEAM, at=MONDAY + day * DAY, settings=WATCHING)
    settings = "memory: {groups: {exempt: false}}"
    assert await house.send(TEAM, at=MONDAY + 3 * DAY, settings=settings) == {"bulk-visible"}


async def test_what_a_reviewer_sent_as_it_was_makes_a_group(house: House) -> None:
    """Three originals that were released on three days are three days without objection."""
    hold = "actions: {hide: {do: hold}}"
    for day in range(3):
        acted = await house.send(TEAM, at=MONDAY + day * DAY, settings=hold, sender=f"p{day}@corp.example")
        assert acted == {"bulk-visible"}
        await house.release(await house.held(), original=True)
    assert await house.send(TEAM, at=MONDAY + 3 * DAY) == set()
