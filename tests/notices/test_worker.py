"""Notices from what really happened in custody and journal: who is told what, once, and never too often."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dlp_gateway.journal.ledger import OvertakenError
from dlp_gateway.ledger import Progress
from dlp_gateway.mail.envelope import DsnRequest, Notify, RecipientRequest
from dlp_gateway.mail.reply import Reply
from dlp_gateway.notices import NoticeWorker
from dlp_gateway.notices.limits import HOUR
from dlp_gateway.observe import instruments
from dlp_gateway.policy.verdict import Disposition
from quarantine.model import DEPOSITOR, Query, Settlement, State
from quarantine.store import StoreError
from tests.notices.conftest import SECRET, House, Told

PEOPLE = ("bob@shop.example", "eve@bakery.example", "dan@bank.example")


def kinds(told: list[Told]) -> list[tuple[str, str]]:
    """Return kind and reader of notices."""
    return [(one.kind, one.to) for one in told]


def counted(kind: str, result: str) -> float:
    """Return how often that was counted."""
    sample = f'dlp_notices_total{{kind="{kind}",result="{result}"}} '
    lines = instruments.expose()[0].decode().splitlines()
    return float(next((line.removeprefix(sample) for line in lines if line.startswith(sample)), "0"))


# --- each kind --------------------------------------------------------------------------------------------------------


async def test_a_held_mail(house: House) -> None:
    """The author hears it once, beside his mail, with why, until when, and how to ask; and nothing of the mail."""
    await house.keep("m1", *PEOPLE)
    (told,) = await house.tell()
    assert kinds([told]) == [("held", "ann@corp.example")]
    assert told.mail["In-Reply-To"] == "<m1@client.example>"
    assert told.mail["Auto-Submitted"] == "auto-generated"
    assert "to 3 recipients has not been sent yet" in told.text
    assert "the number of a payment card" in told.text
    assert "If nobody decides before " in told.text
    assert "the help desk, https://help.corp.example" in told.text
    assert "Reference: m1\n" in told.text
    whole = told.mail.as_string()
    assert [text for text in (SECRET, *PEOPLE) if text in whole] == []
    assert await house.tell() == []


async def test_it_leaves_at_once_with_the_null_reverse_path(house: House) -> None:
    """Delivery finds it due, and nobody is told what becomes of it."""
    await house.keep("m1")
    await house.worker.tell()
    (claim,) = await house.claim()
    assert (claim.reverse_path, [one.address for one in claim.recipients]) == ("", ["ann@corp.example"])


async def test_a_rewritten_mail(house: House) -> None:
    """How many were hidden from each other, and what to use next time; once."""
    await house.rewritten("m1", *PEOPLE, hidden=37)
    (told,) = await house.tell()
    assert kinds([told]) == [("rewritten", "ann@corp.example")]
    assert "37 people outside were hidden from each other" in told.text
    assert "Next time, use Bcc, a mail merge or a mailing list" in told.text
    assert "Why:" not in told.text
    assert await house.tell() == []


async def test_a_mail_that_was_split(house: House) -> None:
    """Its copies lie in custody, each for itself, and its author hears once of the mail: not a copy at a time."""
    crowd = tuple(f"c{number}@shop{number}.example" for number in range(52))
    await house.keep("m1", *crowd, disposition=Disposition.REWRITE, reasons=("sensitive-audience",), hidden=52)
    (told,) = await house.tell()
    assert told.kind == "rewritten"
    assert "52 people outside were hidden from each other: each of them got a separate copy" in told.text
    assert "Next time, write to such people one by one" in told.text
    claims = await house.claim()
    for claim in claims:
        settled = tuple(Settlement(recipient=one.id, state=State.DELIVERED, reply="250 ok") for one in claim.recipients)
        await house.store.settle(claim, settled, now=datetime.now(UTC))
    assert await house.tell() == []


async def test_repeats_are_counted(house: House) -> None:
    """From the second mail in a month on, its author hears how many they are; parts of one mail are one."""
    begun = datetime.now(UTC).astimezone().replace(day=2, hour=12)
    for number, (at, message_id) in enumerate(
        [
            (begun - timedelta(days=20), "<a@client.example>"),
            (begun, "<b@client.example>"),
            (begun, "<b@client.example>"),
            (begun + timedelta(hours=1), "<c@client.example>"),
        ]
    ):
        await house.rewritten(f"m{number}", received_at=at.astimezone(UTC), message_id=message_id)
    await house.rewritten("other", reverse_path="ben@corp.example", received_at=begun + timedelta(hours=2))
    texts = {str(one.mail["In-Reply-To"]): one.text for one in await house.tell()}
    assert len(texts) == 4
    repeated = "So far this month, 2 of your mails were changed before they left, this one included."
    assert [name for name, text in texts.items() if "So far this month" in text] == ["<c@client.example>"]
    assert repeated in texts["<c@client.example>"]


async def test_a_mail_that_only_passed_is_no_news(house: House) -> None:
    """Forwarded as it came, refused by all, or a rewrite that hid nobody."""
    house.journal.record(house.entry("m1", disposition=Disposition.FORWARD, reasons=()))
    deferred = house.entry("m2", disposition=Disposition.REWRITE, reasons=("bulk-visible",))
    passage = replace(deferred.passages[0], outcome="deferred")
    house.journal.record(replace(deferred, passages=(passage,), hidden=12))
    await house.rewritten("m3", hidden=0)
    assert await house.tell() == []


async def test_a_released_mail(house: House) -> None:
    """Who heard that it was held hears that it goes, and to how many."""
    await house.keep("m1", *PEOPLE)
    await house.tell()
    await house.release("m1")
    (told,) = await house.tell()
    assert told.kind == "released"
    assert "it is on its way to 3 recipients." in told.text


async def test_some_recipients_after_others(house: House) -> None:
    """A decision about some is told as such, with how many still wait."""
    await house.keep("m1", *PEOPLE)
    await house.tell()
    await house.release("m1", PEOPLE[0])
    (first,) = await house.tell()
    assert "on its way to one recipient.\n\nFor 2 recipients it is still waiting for a review." in first.text
    await house.release("m1", PEOPLE[1])
    await house.discard("m1", PEOPLE[2])
    (second,) = await house.tell()
    assert second.kind == "discarded"
    assert "will not be sent to one recipient.\n\nIt was released for one other recipient" in second.text


async def test_a_discarded_mail(house: House) -> None:
    """That it is not sent, and why it was stopped; not what the reviewer wrote for the record."""
    await house.keep("m1", *PEOPLE)
    await house.tell()
    await house.store.discard("m1", actor="rita", reason=f"nonsense {SECRET}", now=datetime.now(UTC))
    (told,) = await house.tell()
    assert told.kind == "discarded"
    assert "will not be sent to 3 recipients." in told.text
    assert "the number of a payment card" in told.text
    assert [text for text in (SECRET, "rita", "nonsense") if text in told.mail.as_string()] == []


async def test_what_is_taken_back_in_time_is_told_too(house: House) -> None:
    """A released or delayed mail that a reviewer drops is one that its author believes to be sent."""
    await house.keep("m1", disposition=Disposition.DELAY)
    await house.tell()
    await house.discard("m1")
    assert kinds(await house.tell()) == [("discarded", "ann@corp.example")]


async def test_what_the_gateway_takes_back_is_not_told(house: House) -> None:
    """A hand-over that nobody got is undone before the client's own retry; nothing happened."""
    await house.keep("m1", disposition=Disposition.DELAY)
    await house.tell()
    await house.discard("m1", actor=DEPOSITOR)
    assert await house.tell() == []


async def test_a_delayed_mail(house: House) -> None:
    """When it leaves by itself, and whom to ask before."""
    await house.keep("m1", *PEOPLE[:2], disposition=Disposition.DELAY, reasons=("ours",))
    (told,) = await house.tell()
    assert told.kind == "delayed"
    assert "to 2 recipients is kept back and leaves by itself on " in told.text
    assert "A rule of the mail policy applies (ours)." in told.text


async def test_recipients_that_the_smarthost_defers_are_no_news(house: House) -> None:
    """They are tried again, as by every mail server."""
    await house.keep("m1", disposition=Disposition.FORWARD, reasons=("deferred-by-smarthost",))
    assert await house.tell() == []


async def test_an_expired_mail(house: House) -> None:
    """A DSN in the author's own language that names his recipients and brings nothing of the mail back."""
    await house.keep("m1", *PEOPLE, at=datetime.now(UTC) - timedelta(days=15), language="de")
    await house.tell()
    await house.store.expire(now=datetime.now(UTC))
    (told,) = await house.tell()
    assert told.kind == "expired"
    assert told.mail.get_content_type() == "multipart/report"
    assert "hat niemand rechtzeitig entschieden" in told.text
    assert told.mail["From"] == "Mail-Schutz <postmaster@gw.corp.example>"
    human, status, returned = told.mail.iter_parts()
    groups = status.get_payload()
    assert [(group["Final-Recipient"], group["Action"], group["Status"]) for group in groups[1:]] == [
        (f"rfc822; {address}", "failed", "5.7.1") for address in PEOPLE
    ]
    assert all(address in human.get_content() for address in PEOPLE)
    assert "<m1@client.example>" in returned.get_payload()
    assert SECRET not in told.mail.as_string()
    assert "Subject" not in returned.get_payload()


async def test_an_expired_mail_whose_author_asked_for_no_report(house: House) -> None:
    """NOTIFY=NEVER is honoured, for each recipient (RFC 3461 4.1); the others are told of."""
    asked = DsnRequest(
        envelope_id="QQ314",
        recipients={
            PEOPLE[0]: RecipientRequest(notify=Notify.NEVER),
            PEOPLE[1]: RecipientRequest(notify=Notify.FAILURE, original=f"rfc822;{PEOPLE[2]}"),
        },
    )
    await house.keep("m1", *PEOPLE[:2], at=datetime.now(UTC) - timedelta(days=15), dsn=asked)
    await house.keep("m2", PEOPLE[0], at=datetime.now(UTC) - timedelta(days=15), dsn=asked)
    await house.tell()
    await house.store.expire(now=datetime.now(UTC))
    (told,) = await house.tell()
    groups = list(told.mail.iter_parts())[1].get_payload()
    assert groups[0]["Original-Envelope-Id"] == "QQ314"
    assert [(group["Final-Recipient"], group["Original-Recipient"]) for group in groups[1:]] == [
        (f"rfc822; {PEOPLE[1]}", f"rfc822;{PEOPLE[2]}")
    ]
    assert PEOPLE[0] not in told.mail.as_string()


async def test_what_failed_and_expired_was_told_before(house: House) -> None:
    """Its author had a DSN when the smarthost refused it."""
    await house.keep("m1", disposition=Disposition.DELAY, at=datetime.now(UTC) - timedelta(days=20))
    (claim,) = await house.claim()
    refused = Settlement(recipient=1, state=State.FAILED, reply="550 5.1.1 no")
    await house.store.settle(claim, (refused,), now=datetime.now(UTC) - timedelta(days=15))
    await house.store.expire(now=datetime.now(UTC))
    assert await house.tell() == []


# --- one notice for one mail ------------------------------------------------------------------------------------------


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


# --- who is told ------------------------------------------------------------------------------------------------------


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


# --- not too often ----------------------------------------------------------------------------------------------------


def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Return what moves the worker's clock."""
    moved = [timedelta()]

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]  # noqa: ANN401
            return datetime.now(tz) + moved[0]

    monkeypatch.setattr("dlp_gateway.notices.worker.datetime", Clock)

    def move(by: timedelta) -> None:
        moved[0] += by

    return move


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


async def test_more_than_one_round_can_hold(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A round is bounded, and the next one begins behind it; a mail to many is never told in two."""
    monkeypatch.setattr("dlp_gateway.notices.worker._BATCH", 4)
    crowd = tuple(f"c{number}@shop.example" for number in range(9))
    for number in range(5):
        await house.keep(f"m{number}", *crowd)
    told = await house.tell()
    assert len(told) == 5
    assert all("to 9 recipients" in one.text for one in told)


# --- exactly once -----------------------------------------------------------------------------------------------------


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
    async with asyncio.timeout(10):
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


# --- reviewers --------------------------------------------------------------------------------------------------------

REVIEWERS = ("rita@corp.example", "rob@corp.example")


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
