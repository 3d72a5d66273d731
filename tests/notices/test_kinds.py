"""What an author hears of his mail, kind by kind, and what is no news."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from dlp_gateway.mail.envelope import DsnRequest, Notify, RecipientRequest
from dlp_gateway.policy.verdict import Disposition
from quarantine.model import DEPOSITOR, Settlement, State
from tests.notices.house import PEOPLE, SECRET, House, kinds


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
