"""What reviewers hear: at once of high severity, once a day of what waits, and nothing of our own mail."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dlp_gateway.mail.reply import Reply
from dlp_gateway.notices.limits import HOUR
from dlp_gateway.policy.verdict import Disposition
from quarantine.model import Settlement, State
from tests.notices.house import PEOPLE, REVIEWERS, SECRET, House, clock, kinds


async def test_high_severity_is_told_at_once(house: House) -> None:
    """Each reviewer hears which mail it is, who wrote it, to how many and by which rules; not to whom, nor what."""
    house.use(reviewers=REVIEWERS)
    await house.keep("m1", *PEOPLE, reasons=("reply-all", "bulk-visible"))
    await house.keep("m2", reasons=("payment.card",))
    told = [one for one in await house.tell() if one.kind == "urgent"]
    assert [one.to for one in told] == list(REVIEWERS)
    assert "A mail of high severity was stopped just now." in told[0].text
    assert "m1: waiting for a review" in told[0].text
    assert "author: ann@corp.example; recipients: 3; severity: high" in told[0].text
    assert "rules: reply-all, bulk-visible" in told[0].text
    assert "dlp-gateway quarantine release m1" in told[0].text
    assert [text for text in (SECRET, "m2:", *PEOPLE) if text in told[0].mail.as_string()] == []


async def test_reviewers_read_which_address_passes_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The author is an outsider, so what tells them most is the address of ours."""
    move = clock(monkeypatch)
    house.use(reviewers=REVIEWERS[:1], kinds=frozenset())
    given = {"author": "", "owner": "customers@corp.example", "automatic": True, "reasons": ("redistribution",)}
    await house.keep("m1", **given)
    urgent = [one for one in await house.tell() if one.kind == "urgent"]
    move(timedelta(days=1, seconds=1))
    digest = [one for one in await house.tell() if one.kind == "digest"]
    assert [len(urgent), len(digest)] == [1, 1]
    assert all("passed on by: customers@corp.example" in one.text for one in (*urgent, *digest))


@pytest.mark.parametrize("given", [{"author": ""}, {"message_id": "<x@GW.corp.example>"}])
async def test_nothing_of_our_own_wakes_a_reviewer(house: House, given: dict[str, Any]) -> None:
    """A notice that comes back and is held would tell of itself without end."""
    house.use(reviewers=REVIEWERS)
    await house.keep("m1", reasons=("reply-all",), **given)
    assert [one for one in await house.tell() if one.kind == "urgent"] == []


async def test_urgent_notices_are_bounded_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the limit they are counted, and when the hour is over a digest tells what waits."""
    move = clock(monkeypatch)
    house.use(reviewers=REVIEWERS[:1], each=2, kinds=frozenset())
    for number in range(5):
        await house.keep(f"m{number}", reasons=("reply-all",))
        told = await house.tell()
        assert [one.kind for one in told] == (["urgent"] if number < 2 else [])
    move(HOUR + timedelta(seconds=1))
    (digest,) = await house.tell()
    assert digest.kind == "digest"
    assert "waiting for a review: 5." in digest.text


async def test_a_digest_of_what_waits(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Held, failed and in doubt, the oldest first, at the same time every day; none if nothing waits."""
    move = clock(monkeypatch)
    house.use(reviewers=REVIEWERS[:1], kinds=frozenset(), languages={"corp.example": "de"})
    assert await house.tell() == []
    move(timedelta(days=1))
    assert await house.tell() == []  # nothing waits
    await house.keep("m1", *PEOPLE)
    await house.keep("m2", disposition=Disposition.DELAY, at=datetime.now(UTC) - timedelta(days=1))
    (claim,) = await house.claim()
    reply = Reply(code=550, enhanced="5.1.1", text="no")
    failed = Settlement(recipient=1, state=State.FAILED, reply=str(reply))
    await house.store.settle(claim, (failed,), now=datetime.now(UTC))
    assert await house.tell() == []  # not before its time
    move(timedelta(days=1, hours=3))
    (digest,) = await house.tell()
    assert kinds([digest]) == [("digest", "rita@corp.example")]
    assert "auf eine Prüfung wartet: 3. Deren Zustellung gescheitert ist: 1. Ungewiss: 0." in digest.text
    assert digest.text.index("m1: wartet") < digest.text.index("m2: Zustellung")
    assert "Absender: ann@corp.example; Empfänger: 3; Schwere: mittel" in digest.text
    assert [text for text in (SECRET, *PEOPLE) if text in digest.mail.as_string()] == []
    move(timedelta(hours=21))  # late once is not late for ever
    assert kinds(await house.tell()) == [("digest", "rita@corp.example")]


async def test_a_digest_by_a_clock_that_was_ahead_is_not_the_last(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reviewers hear of what waits when the clock is set back, and from then on at this time every day."""
    move = clock(monkeypatch)
    house.use(reviewers=REVIEWERS[:1], kinds=frozenset())
    await house.keep("m1")
    move(timedelta(days=40))
    assert kinds(await house.tell()) == [("digest", "rita@corp.example")]
    move(-timedelta(days=40, seconds=-30))
    assert kinds(await house.tell()) == [("digest", "rita@corp.example")]
    assert await house.tell() == []
    move(timedelta(hours=23))
    assert await house.tell() == []
    move(timedelta(hours=1))
    assert kinds(await house.tell()) == [("digest", "rita@corp.example")]


async def test_seconds_that_the_clock_was_ahead_make_no_second_digest(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NTP moves it by so much."""
    move = clock(monkeypatch)
    house.use(reviewers=REVIEWERS[:1], kinds=frozenset())
    await house.keep("m1")
    move(timedelta(days=1))
    assert kinds(await house.tell()) == [("digest", "rita@corp.example")]
    move(-timedelta(seconds=20))
    assert await house.tell() == []


async def test_our_own_notices_are_in_no_digest(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notice that nobody takes is no reviewer's work."""
    move = clock(monkeypatch)
    house.use(reviewers=REVIEWERS[:1])
    await house.rewritten("m1")
    await house.tell()
    (claim,) = await house.claim()
    failed = Settlement(recipient=1, state=State.FAILED, reply="552 5.2.2 full")
    await house.store.settle(claim, (failed,), now=datetime.now(UTC))
    move(timedelta(days=1, seconds=1))
    assert await house.tell() == []
