"""After a mass mail: who writes to the same people again, and what is passed on for outsiders."""

from datetime import timedelta

from dlp_gateway.deposits import outgoing
from dlp_gateway.mail.parse import parse
from quarantine.model import Query, State
from tests.memory.house import DAY, HOUR, MONDAY, SHOPS, House


async def test_the_apology_for_a_mass_mail(house: House) -> None:
    """Who was rewritten and shows some of them again is split; to one of them, or blind, he may write."""
    assert await house.send(SHOPS[:90], subject="Survey") == {"bulk-visible"}
    soon = MONDAY + timedelta(minutes=30)
    assert await house.send(SHOPS[:90], subject="Sorry", at=soon) == {"bulk-visible", "second-strike"}
    assert await house.send(SHOPS[5:9], subject="Sorry", at=soon) == {"second-strike"}
    assert await house.send(SHOPS[5:6], subject="Your question", at=soon) == set()
    assert await house.send((SHOPS[5], "boss@shop5.example"), subject="Your question", at=soon) == set()
    assert await house.send((), subject="Sorry", at=soon, recipients=SHOPS[:90]) == set()
    assert await house.send(SHOPS[5:9], subject="Sorry", at=MONDAY + 3 * DAY) == set()


async def test_the_apology_waits_for_nobody(house: House) -> None:
    """Each of them gets a copy of his own at once; the next attempt is as suspect as this one."""
    assert await house.send(SHOPS[:12], subject="Survey") == {"bulk-visible"}
    for number in (1, 2):
        at = MONDAY + number * HOUR
        assert await house.send(SHOPS[5:9], subject="Sorry", at=at) == {"second-strike"}
        copies = {
            tuple(one.address for one in copy.recipients): [one.address for one in parse(outgoing(copy)).visible]
            for copy in await house.deliver(at)
        }
        assert copies == {(shop,): [shop] for shop in SHOPS[5:9]}


async def test_ordinary_mail_after_a_mass_mail(house: House) -> None:
    """Three people of one customer, a named board, and those whom a mail from outside shows are no second attempt."""
    firm = tuple(f"p{n}@customer.example" for n in range(3))
    assert await house.send((*firm, *SHOPS[:20]), subject="Newsletter") == {"bulk-visible"}
    soon = MONDAY + HOUR
    assert await house.send(firm, subject="Your order", at=soon) == set()
    groups = f"groups: {{board: [{', '.join(SHOPS[:4])}]}}"
    assert await house.send(SHOPS[:4], subject="Agenda", at=soon, settings=groups) == set()
    answer = {"answers": "question@shop3.example", "subject": "Re: Your fair", "at": soon}
    assert await house.send(SHOPS[:4], **answer) == set()
    ours = answer | {"answers": "question@corp.example"}
    assert await house.send(SHOPS[:4], **ours) == {"second-strike"}


async def test_what_a_program_gave_away_is_no_offence(house: House) -> None:
    """Where only a blind recipient is concealed, those in To see each other as before; so it counts as shown, too."""
    concealed = {"recipients": (*SHOPS[:9], "eve@home.example"), "trace": "eve@home.example"}
    assert await house.send(SHOPS[:9], subject="Fair", **concealed) == {"blind-recipients"}
    assert await house.send(SHOPS[:4], subject="Fair", at=MONDAY + HOUR) == set()
    for number in range(1, 4):
        assert await house.send(SHOPS[9 * number : 9 * number + 9], at=MONDAY + HOUR) == set()
    assert await house.send(SHOPS[36:45], at=MONDAY + HOUR) == {"exposure.window"}


async def test_a_small_mail_is_no_new_offence(house: House) -> None:
    """What was split for an earlier mail's sake makes nothing suspect itself, or there would be no end to it."""
    await house.send(SHOPS[:40], subject="Newsletter")
    for hours in (10, 20):
        assert await house.send(SHOPS[:4], subject="Fair", at=MONDAY + hours * HOUR) == {"second-strike"}
    assert await house.send(SHOPS[:4], subject="Fair", at=MONDAY + 30 * HOUR) == set()


async def test_an_answer_within_the_thread_of_the_mass_mail(house: House) -> None:
    """Somebody outside answered it; who answers him and shows some of the circle to each other is in its thread."""
    await house.send(SHOPS[:20], subject="Newsletter", name="news")
    answer = {"answers": "question@shop3.example", "references": "<news@corp.example> <question@shop3.example>"}
    assert await house.send(SHOPS[:4], at=MONDAY + HOUR, **answer) == {"second-strike"}


async def test_an_answer_to_an_answer(house: House) -> None:
    """It names the last mail only, which was split itself; the mass mail is found through that."""
    await house.send(SHOPS[:12], subject="Party", name="party")
    first = {"sender": "dora@corp.example", "answers": "party@corp.example", "name": "first", "subject": "Re: x"}
    assert await house.send(SHOPS[:3], at=MONDAY + HOUR, **first) == {"second-strike"}
    second = {"sender": "emil@corp.example", "answers": "first@corp.example", "subject": "lunch?"}
    assert await house.send(SHOPS[:5], at=MONDAY + HOUR, name="second", **second) == {"second-strike"}
    third = {"sender": "fritz@corp.example", "answers": "second@corp.example", "subject": "where?"}
    assert await house.send(SHOPS[4:9], at=MONDAY + HOUR, **third) == {"second-strike"}
    assert await house.send(SHOPS[4:6], at=MONDAY + HOUR, **third) == set()
    assert await house.send(SHOPS[20:25], at=MONDAY + HOUR, **third) == set()
    assert await house.send(SHOPS[4:9], at=MONDAY + 3 * DAY, **third) == set()
    assert "reply-all" in await house.send(SHOPS[:12], at=MONDAY + HOUR, **third)


async def test_an_answer_to_a_small_answer(house: House) -> None:
    """The first answer showed two of them only; the next one that names it shows nine."""
    await house.send(SHOPS[:12], subject="Party", name="party")
    first = {"sender": "dora@corp.example", "answers": "party@corp.example", "name": "first", "subject": "Re: x"}
    assert await house.send(SHOPS[:2], at=MONDAY + HOUR, **first) == set()
    second = {"sender": "emil@corp.example", "answers": "first@corp.example", "subject": "lunch?"}
    assert await house.send(SHOPS[:9], at=MONDAY + HOUR, **second) == {"second-strike"}


async def test_an_answer_to_an_answer_of_ordinary_mail(house: House) -> None:
    """In a thread that no mass mail began nobody is suspect."""
    await house.send(SHOPS[:5], subject="Fair", name="fair")
    first = {"sender": "dora@corp.example", "answers": "fair@corp.example", "name": "first", "subject": "Re: Fair"}
    assert await house.send(SHOPS[:5], at=MONDAY + HOUR, **first) == set()
    second = {"sender": "emil@corp.example", "answers": "first@corp.example", "subject": "Re: Fair"}
    assert await house.send(SHOPS[:5], at=MONDAY + HOUR, **second) == set()


async def test_an_answer_to_a_concealed_mail(house: House) -> None:
    """A colleague's, in its thread, to those whom it showed: that somebody else was blind is no objection to them."""
    concealed = {"recipients": SHOPS[:5], "trace": SHOPS[4]}
    assert await house.send(SHOPS[:4], subject="Schedule", name="first", **concealed) == {"blind-recipients"}
    answer = {"sender": "dora@corp.example", "answers": "first@corp.example"}
    assert await house.send(SHOPS[:4], at=MONDAY + HOUR, **answer) == set()


async def test_a_mail_without_an_id_sent_again(house: House) -> None:
    """Its parts, and the next attempt of a client, are the same mail and no second strike."""
    mail = {"to": SHOPS[:12], "name": None, "subject": "Offer"}
    assert await house.send(**mail, recipients=SHOPS[:6]) == {"bulk-visible"}
    assert await house.send(**mail, recipients=SHOPS[6:12]) == {"bulk-visible"}
    assert await house.send(**mail, at=MONDAY + HOUR) == {"bulk-visible"}
    assert "second-strike" in await house.send(**mail | {"body": "Sorry"}, at=MONDAY + HOUR)


async def test_people_who_know_each_other_after_a_mass_mail(house: House) -> None:
    """Colleagues of one customer, and a group with a name, may be shown to each other as ever."""
    firm = tuple(f"p{n}@firm.example" for n in range(8))
    assert await house.send((*firm, *SHOPS[:4])) == {"bulk-visible"}
    board = f"groups: {{board: {list(SHOPS[:4])}}}".replace("'", "")
    for sender in ("ann@corp.example", "dora@corp.example"):
        assert await house.send(firm[:5], at=MONDAY + HOUR, sender=sender) == set()
        assert await house.send(SHOPS[:4], at=MONDAY + HOUR, sender=sender, settings=board) == set()


async def test_an_answer_with_everybody_in_bcc(house: House) -> None:
    """That is what notices ask for; an answer to all shows all."""
    await house.send(SHOPS[:12], subject="Offer", name="offer")
    answer = {"answers": "offer@corp.example", "sender": "dora@corp.example", "recipients": SHOPS[:12]}
    assert await house.send((), **answer) == set()
    assert "reply-all" in await house.send(SHOPS[:12], **answer)


async def test_going_round_the_reviewer(house: House) -> None:
    """While a mass mail waits, those to some of its people wait too; once it is released they do not."""
    hold = "actions: {hide: {do: hold}}"
    assert await house.send(SHOPS[:12], settings=hold) == {"bulk-visible"}
    again = {"second-strike", "second-strike.held"}
    assert await house.send(SHOPS[:5], at=MONDAY + HOUR, settings=hold) == again
    assert len(await house.store.items(Query(states=frozenset({State.HELD})))) == 2


async def test_a_delayed_rewrite_stays_an_objection(house: House) -> None:
    """Nobody let it go: it left by itself, hidden, and the apology to its people is split."""
    wait = "rules: [{id: later, when: {finding: recipients.outsiders, count: 12}, then: wait}]"
    assert await house.send(SHOPS[:12], settings=wait) == {"later", "bulk-visible"}
    assert await house.deliver(MONDAY + HOUR)
    assert await house.send(SHOPS[:5], at=MONDAY + HOUR) == {"second-strike"}


async def test_somebody_else_in_the_thread(house: House) -> None:
    """The colleague who answers to correct it is split as well; on another matter he is not."""
    await house.send(SHOPS[:40], subject="Survey", name="survey")
    colleague = {"sender": "dora@corp.example", "at": MONDAY + HOUR}
    assert await house.send(SHOPS[:4], answers="survey@corp.example", **colleague) == {"second-strike"}
    assert await house.send(SHOPS[:4], subject="Lunch", **colleague) == set()


async def test_the_parts_of_the_stopped_mail_itself(house: House) -> None:
    """One mail in two transactions is no second attempt."""
    for start in (0, 50):
        acted = await house.send(SHOPS, name="survey", recipients=SHOPS[start : start + 50])
        assert acted == {"bulk-visible"}


async def test_a_released_mail_makes_nothing_suspect(house: House) -> None:
    """What a reviewer let go he had no objection to."""
    hold = "actions: {hide: {do: hold}}"
    assert await house.send(SHOPS[:12], settings=hold) == {"bulk-visible"}
    assert await house.send(SHOPS[:5], at=MONDAY + HOUR) == {"second-strike", "second-strike.held"}
    items = await house.store.items(Query(states=frozenset({State.HELD})))
    for item in items:
        await house.release(item.id)
    assert await house.send(SHOPS[:5], at=MONDAY + HOUR) == set()


async def test_a_released_mail_to_a_named_group_exposes_nobody(house: House) -> None:
    """They know each other, so it adds nothing to its author's window."""
    rule = "{id: look, when: {finding: recipients.outsiders, count: 20}, then: review}"
    hold = f"groups: {{board: [{', '.join(SHOPS[:36])}]}}\nrules: [{rule}]"
    assert await house.send(SHOPS[:36], settings=hold) == {"look"}
    await house.release(await house.held())
    assert await house.send(SHOPS[40:49], at=MONDAY + HOUR) == set()


async def test_an_outsiders_mail_that_is_passed_on_one_by_one(house: House) -> None:
    """A list that writes to each member by himself is judged as one mail; so are the parts of a long envelope."""
    mail = {"sender": "", "author": "kim@mail.example", "name": "licence"}
    acted = [await house.send(("desk@corp.example",), recipients=(one,), **mail) for one in SHOPS[:4]]
    assert acted == [set(), set(), {"redistribution"}, {"redistribution"}]


async def test_the_author_of_a_mail_that_is_passed_on_is_nobody_else(house: House) -> None:
    """He gets his own mail back; and another mail is another mail."""
    mail = {"sender": "members-bounces@corp.example", "author": SHOPS[0], "name": "hello"}
    for one in (SHOPS[0], SHOPS[1], SHOPS[2]):
        assert await house.send(("members@corp.example",), recipients=(one,), **mail) == set()
    assert await house.send(("members@corp.example",), recipients=SHOPS[3:4], **mail | {"name": "other"}) == set()
    assert await house.send(("members@corp.example",), recipients=SHOPS[3:4], **mail) == {"redistribution"}
    lists = {"settings": "lists: [friends@corp.example]"}
    friends = mail | {"sender": "friends-bounces@corp.example", "name": "party"}
    for one in SHOPS[:9]:
        assert await house.send(("friends@corp.example",), recipients=(one,), is_list=True, **friends, **lists) == set()
