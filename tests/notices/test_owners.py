"""What owners of addresses hear of mails that outsiders wrote: in their own language, and no oftener than authors."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dlp_gateway.notices.limits import HOUR
from dlp_gateway.policy.verdict import Disposition
from tests.notices.house import PEOPLE, SECRET, House, clock, counted, kinds

AUTHOR = "kim@mail.example"
GROUP = "customers@corp.example"


async def passed_on(house: House, name: str, **more: Any) -> None:  # noqa: ANN401  fields of the entry
    """Hold a mail of an outsider that an address of ours passes on to seventy others."""
    given: dict[str, Any] = {
        "author": AUTHOR,
        "owner": GROUP,
        "reasons": ("redistribution",),
        "findings": (("redistribution.outsiders", 70),),
    }
    await house.keep(name, *PEOPLE, **given | more)


async def test_the_owner_hears_of_a_held_mail(house: House) -> None:
    """To how many it would have gone, what to do, and that it stays inside; nothing of the mail, nor who wrote it."""
    before = counted("owner-held", "queued")
    await passed_on(house, "m1", language="fr")
    (told,) = await house.tell()
    assert kinds([told]) == [("owner-held", GROUP)]
    assert f"came through {GROUP}, an address that passes it on to 70 other people outside" in told.text
    assert "write to the author alone" in told.text
    assert "look at who is behind customers@corp.example" in told.text
    assert "You will be told what the reviewer decides. If nobody decides before " in told.text
    assert "the help desk, https://help.corp.example" in told.text
    assert told.mail["X-DLP-Gateway-Inside-Only"] == "yes"
    assert told.mail["In-Reply-To"] == "<m1@client.example>"
    assert told.mail["Content-Language"] == "en"  # not the outsider's
    whole = told.mail.as_string()
    assert [text for text in (SECRET, AUTHOR, *PEOPLE) if text in whole] == []
    assert counted("owner-held", "queued") == before + 1
    assert await house.tell() == []


async def test_notices_to_authors_may_leave(house: House) -> None:
    """Who has his mail forwarded to himself elsewhere is no group."""
    await house.keep("m1")
    (told,) = await house.tell()
    assert told.mail["X-DLP-Gateway-Inside-Only"] is None


async def test_somebody_may_stand_for_an_address(house: House) -> None:
    """However it is written; he reads it in his own language."""
    house.use(owners={GROUP: "kim@berlin.corp.example"}, languages={"berlin.corp.example": "de"})
    await passed_on(house, "m1", owner="Customers+desk@CORP.example")
    await passed_on(house, "m2", owner="sales@corp.example")
    german, english = await house.tell()
    assert kinds([german, english]) == [("owner-held", "kim@berlin.corp.example"), ("owner-held", "sales@corp.example")]
    assert "leitet sie an 70 weitere Personen außerhalb weiter" in german.text
    assert GROUP in german.text


async def test_released_to_some_and_discarded_for_the_others(house: House) -> None:
    """What was decided about the mail, in words that fit somebody who did not write it."""
    await passed_on(house, "m1")
    await house.tell()
    await house.release("m1", PEOPLE[0])
    (released,) = await house.tell()
    assert released.kind == "owner-released"
    assert "released the mail from outside that came through customers@corp.example" in released.text
    assert "on its way to one recipient.\n\nFor 2 recipients it is still waiting" in released.text
    await house.discard("m1", *PEOPLE[1:])
    (discarded,) = await house.tell()
    assert kinds([discarded]) == [("owner-discarded", GROUP)]
    assert "will not be passed on to 2 recipients." in discarded.text
    assert "write to the author alone" in discarded.text


async def test_an_expired_mail_makes_a_notice_and_no_report(house: House) -> None:
    """A DSN would go to an author, and he is outside; parts of one mail are one here too."""
    for name in ("m1", "m2"):
        await passed_on(
            house,
            name,
            at=datetime.now(UTC) - timedelta(days=15),
            message_id="<one@mail.example>",
            author=f"list+{name}@corp.example",
        )
    await house.tell()
    await house.store.expire(now=datetime.now(UTC))
    (told,) = await house.tell()
    assert kinds([told]) == [("owner-expired", GROUP)]
    assert told.mail.get_content_type() == "text/plain"
    assert "It was not passed on to 6 recipients." in told.text


async def test_a_delayed_mail(house: House) -> None:
    """Whoever knows of it can still have it stopped."""
    await passed_on(house, "m1", disposition=Disposition.DELAY)
    (told,) = await house.tell()
    assert told.kind == "owner-delayed"
    assert "It is kept back and passed on to 3 recipients on " in told.text


async def test_once_for_one_mail(house: House) -> None:
    """Whatever reverse-path list software gives to each part of it, and also for parts that come later."""
    same = {"message_id": "<one@mail.example>"}
    for number in range(3):
        await passed_on(house, f"m{number}", author=f"list+{number}@corp.example", **same)
    (told,) = await house.tell()
    assert "to 210 other people outside" in told.text
    assert "Reference: m0, m1, m2\n" in told.text
    await passed_on(house, "m3", author="list+3@corp.example", **same)
    assert await house.tell() == []
    await passed_on(house, "m4", author="list+4@corp.example", owner="sales@corp.example", **same)
    assert kinds(await house.tell()) == [("owner-held", "sales@corp.example")]


@pytest.mark.parametrize(
    "given",
    [
        {"author": ""},
        {"automatic": True},
        {"author": "customers-bounces@corp.example"},
        {"author": "srs0=x=y=mail.example=kim@corp.example"},
        {"reasons": ("payment.card",)},
    ],
    ids=["null", "list", "bounces", "forwarded", "another rule"],
)
async def test_the_owner_hears_whatever_the_mail_looks_like(house: House, given: dict[str, Any]) -> None:
    """A null or rewritten reverse-path, a list's fields, another rule: none of them makes an author to tell."""
    await passed_on(house, "m1", **given)
    assert kinds(await house.tell()) == [("owner-held", GROUP)]


@pytest.mark.parametrize(
    ("given", "result"),
    [
        ({"owner": "customers@shop.example"}, "outside"),
        ({"message_id": "<x@GW.corp.example>"}, "automatic"),
    ],
)
async def test_nobody_is_told(house: House, given: dict[str, Any], result: str) -> None:
    """An address that is no longer inside, and a notice of ours that came back: it would tell of itself without end."""
    before = counted("owner-held", result)
    await passed_on(house, "m1", **given)
    assert await house.tell() == []
    assert counted("owner-held", result) == before + 1


async def test_a_rewrite_is_no_news_to_an_owner(house: House) -> None:
    """Its author is outside, whatever the reverse-path is."""
    await house.rewritten("m1", *PEOPLE, owner=GROUP)
    assert await house.tell() == []


async def test_only_what_is_set_is_told(house: House) -> None:
    """The switch is the authors'."""
    house.use(kinds=frozenset({"discarded"}))
    await passed_on(house, "m1")
    assert await house.tell() == []
    await house.discard("m1")
    assert kinds(await house.tell()) == [("owner-discarded", GROUP)]


async def test_not_too_often(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same limit as for authors, beside the one of who writes from that address himself; the rest in a summary."""
    move = clock(monkeypatch)
    house.use(each=2)
    for number in range(6):
        await passed_on(house, f"m{number}")
    await house.keep("own", author=GROUP)
    assert sorted(kinds(await house.tell())) == [("held", GROUP), ("owner-held", GROUP), ("owner-held", GROUP)]
    move(HOUR + timedelta(seconds=1))
    (summary,) = await house.tell()
    assert kinds([summary]) == [("owner-summary", GROUP)]
    assert "more mail from outside that came through customers@corp.example" in summary.text
    assert "- 4 mails are waiting for a review\n" in summary.text
    assert summary.mail["X-DLP-Gateway-Inside-Only"] == "yes"


async def test_a_summary_needs_a_reader_inside(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who stands for the address may have been named otherwise since."""
    move = clock(monkeypatch)
    house.use(each=1)
    for number in range(3):
        await passed_on(house, f"m{number}")
    await house.tell()
    house.use(owners={GROUP: "kim@shop.example"})
    move(HOUR + timedelta(seconds=1))
    assert await house.tell() == []


async def test_reviewers_hear_of_it_although_it_has_no_sender(house: House) -> None:
    """A null reverse-path is no sign of a notice of ours where an outsider wrote the mail."""
    house.use(reviewers=("rita@corp.example",))
    await passed_on(house, "m1", author="")
    assert ("urgent", "rita@corp.example") in kinds(await house.tell())
