"""Sequences of mails through the whole line, with the real journal and custody: what one mail makes of the next."""

import asyncio
import shutil
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from dlp_gateway import packs
from dlp_gateway.deposits import outgoing
from dlp_gateway.detect.base import Facts, Inspection
from dlp_gateway.journal import Query as Entries
from dlp_gateway.journal import SqlJournal, migrations, open_journal
from dlp_gateway.journal.tables import announcements
from dlp_gateway.mail.envelope import Envelope, new_id
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.parse import parse
from dlp_gateway.pipeline import Pipeline
from dlp_gateway.policy import load
from dlp_gateway.policy.model import Policy
from dlp_gateway.processes import policies
from quarantine.crypto import PrivateKey
from quarantine.migrations import migrate
from quarantine.model import Claim, Query, Settlement, State
from quarantine.opening import open_store
from quarantine.sql import SqlStore
from tests.fakes import ScriptedSmarthost

URL = "sqlite:///custody.db"
MONDAY = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SHOPS = tuple(f"c{n}@shop{n}.example" for n in range(100))
PHOTOGRAPH = b64encode(b"\xff\xd8\xff" + b"photograph" * 3_000).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class InPlace:
    """The inspector of commands and tests, as the port."""

    policy: Policy

    async def inspect(self, envelope: Envelope, message: Message, facts: Facts) -> Inspection:
        """Measure here."""
        return policies.inspect(self.policy, envelope, message, facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A gateway with its database; `send` returns the rules that acted, "" in front if the mail left untouched."""

    journal: SqlJournal
    store: SqlStore
    smarthost: ScriptedSmarthost

    async def send(
        self,
        to: tuple[str, ...],
        *,
        at: datetime = MONDAY,
        sender: str = "ann@corp.example",
        author: str = "",
        subject: str = "",
        name: str | None = "",
        answers: str = "",
        references: str = "",
        body: str = "Hello",
        recipients: tuple[str, ...] | None = None,
        photograph: bool = False,
        is_list: bool = False,
        trace: str = "",
        settings: str = "",
    ) -> set[str]:
        """Send one mail and return the rules that acted on it."""
        policy = load.parse(
            f"version: 1\ninside: [corp.example]\npartners: [partner.example]\n{settings}",
            "policy.yaml",
            builtin=packs.builtin(),
        )
        pipeline = Pipeline(
            policy=policy,
            inspector=InPlace(policy=policy),
            smarthost=self.smarthost,
            custody=self.store,
            journal=self.journal,
            hostname="gw.corp.example",
            smarthost_name="mta.example",
            hop_limit=50,
        )
        fields = [
            f"From: <{author or sender}>",
            f"To: {', '.join(to)}" if to else "To: undisclosed-recipients:;",
            f"Subject: {subject}",
            *([] if name is None else [f"Message-ID: <{name or new_id()}@corp.example>"]),
            *([f"In-Reply-To: <{answers}>"] if answers else []),
            *([f"References: {references}"] if references else []),
            *([f"List-Post: <mailto:{to[0]}>"] if is_list else []),
            *([f"X-Envelope-To: {trace}"] if trace else []),
        ]
        text = body
        if photograph:
            fields.append("Content-Type: multipart/mixed; boundary=b")
            text = (
                f"--b\r\n\r\n{body}\r\n--b\r\nContent-Type: image/jpeg\r\n"
                f"Content-Transfer-Encoding: base64\r\n\r\n{PHOTOGRAPH}\r\n--b--\r\n"
            )
        envelope = Envelope(
            id=new_id(),
            reverse_path=sender,
            recipients=to if recipients is None else recipients,
            client="192.0.2.1",
            login="",
            body_8bit=False,
            smtputf8=False,
            received_at=at,
        )
        await pipeline.process(envelope, ("\r\n".join(fields) + f"\r\n\r\n{text}\r\n").encode())
        await self.journal.flush()
        entries = await self.journal.entries(Entries(ids=(envelope.id,)))
        return {reason for entry in entries for reason in entry.reasons}

    async def held(self) -> str:
        """Return the id of the newest item that is held."""
        items = await self.store.items(Query(states=frozenset({State.HELD})))
        return items[-1].id

    async def release(self, item: str, *, original: bool = False) -> None:
        """Release as a reviewer would, and deliver."""
        now = datetime.now(UTC)
        await self.store.release(item, actor="eve", reason="", now=now, original=original)
        await self.deliver(now)

    async def deliver(self, now: datetime) -> tuple[Claim, ...]:
        """Deliver every copy that is due, let the journal learn from it, and return the copies."""
        claims = await self.store.claim(owner="test", now=now, lease=HOUR, limit=10)
        for claim in claims:
            settlements = tuple(
                Settlement(recipient=one.id, state=State.DELIVERED, reply="250 ok") for one in claim.recipients
            )
            await self.store.handing_over(claim, tuple(one.id for one in claim.recipients))
            await self.store.settle(claim, settlements, now=now)
        await self.journal.settle()
        return claims


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    """One key pair."""
    return PrivateKey.generate()


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database that was set up and never used."""
    folder = tmp_path_factory.mktemp("empty")

    async def set_up() -> None:
        await migrate(URL, folder=folder)
        await migrations.migrate(URL, folder=folder)

    asyncio.run(set_up())
    return folder


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.e2e)])
def url(request: pytest.FixtureRequest) -> str:
    """The address of a fresh database of each sort."""
    return URL if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
async def house(url: str, empty_database: Path, tmp_path: Path, key: PrivateKey) -> AsyncIterator[House]:
    """A gateway that has seen nothing yet."""
    folder = tmp_path / "custody"
    shutil.copytree(empty_database, folder)
    journal = await open_journal(url, key.public, key, folder=folder)
    store = await open_store(url, key.public, key, folder=folder)
    yield House(journal=journal, store=store, smarthost=ScriptedSmarthost())
    await journal.close()
    await store.close()


# --- answers to all ---------------------------------------------------------------------------------------------------


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


# --- storms -----------------------------------------------------------------------------------------------------------


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


# --- second strike ----------------------------------------------------------------------------------------------------


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


# --- redistribution ---------------------------------------------------------------------------------------------------


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


# --- windows ----------------------------------------------------------------------------------------------------------


async def test_nine_at_a_time(house: House) -> None:
    """The mail with which a sender has shown more than forty strangers within a day is held."""
    acted = [await house.send(SHOPS[9 * n : 9 * n + 9], at=MONDAY + n * HOUR) for n in range(5)]
    assert acted == [set(), set(), set(), set(), {"exposure.window"}]
    assert await house.send(SHOPS[90:95], sender="dora@corp.example", at=MONDAY + 5 * HOUR) == set()
    assert await house.send(SHOPS[90:91], at=MONDAY + 5 * HOUR) == set()
    assert await house.send(SHOPS[90:95], at=MONDAY + 2 * DAY) == set()


async def test_nine_at_a_time_all_at_once(house: House) -> None:
    """Mails that are judged at the same time see each other: as many leave as one after another."""
    acted = await asyncio.gather(*(house.send(SHOPS[8 * n : 8 * n + 8]) for n in range(12)))
    assert sorted(acted, key=len) == [set()] * 4 + [{"exposure.window"}] * 8
    async with house.journal._database.glancing() as connection:
        assert (await connection.execute(select(func.count()).select_from(announcements))).scalar_one() == 0


async def test_the_same_people_all_day(house: House) -> None:
    """A team that writes to its customers ten times shows nobody new; nor do people of one firm see strangers."""
    for number in range(10):
        assert await house.send(SHOPS[:9], at=MONDAY + number * HOUR) == set()
    for number in range(10):
        firm = tuple(f"p{n}@firm{number}.example" for n in range(8))
        assert await house.send(firm, at=MONDAY + number * HOUR) == set()


async def test_the_parts_of_a_mail_count_once(house: House) -> None:
    """Each part shows the whole header, and they are one mail."""
    for number in range(6):
        for half in (slice(0, 5), slice(5, 9)):
            shown = SHOPS[9 * number : 9 * number + 9]
            acted = await house.send(
                shown, name=f"m{number}", recipients=shown[half], sender=f"p{number % 2}@corp.example"
            )
            assert acted == set()


async def test_those_who_were_hidden_were_not_shown(house: House) -> None:
    """A mail that was rewritten showed nobody; that its author tried again is noted."""
    assert await house.send(SHOPS[:60]) == {"bulk-visible"}
    assert await house.send(SHOPS[60:65], at=MONDAY + HOUR) == set()
    assert await house.send(SHOPS[60:], at=MONDAY + 2 * HOUR) == {"bulk-visible"}
    (entry,) = [one for one in await house.journal.entries(Entries()) if one.observed]
    assert entry.observed == ("exposure.written",)


async def test_numbers_in_small_pieces(house: House) -> None:
    """Where one number may leave, the fifth within a day may not; the same one again is no further."""
    settings = "set: {identity-documents.count: 3}"

    async def number(last: int, at: datetime) -> set[str]:
        body = f"National Insurance number JG1037{last:02}A"
        return await house.send(("ben@office.example",), at=at, body=body, settings=settings)

    for last in (59, 59, 60, 61, 62):
        assert await number(last, MONDAY) == set()
    assert await number(63, MONDAY + HOUR) == {"exposure.identities"}
    assert await number(62, MONDAY + HOUR) == set()
    assert await number(63, MONDAY + 2 * DAY) == set()


async def test_numbers_one_a_mail_all_at_once(house: House) -> None:
    """Written down before they leave: the fifth is held however fast it comes."""
    settings = "set: {identity-documents.count: 3}"

    async def number(last: int) -> set[str]:
        body = f"National Insurance number JG1037{last}A"
        return await house.send(("ben@office.example",), body=body, settings=settings)

    acted = await asyncio.gather(*map(number, range(59, 67)))
    assert sorted(acted, key=len) == [set()] * 4 + [{"exposure.identities"}] * 4


async def test_numbers_that_leave_from_custody(house: House) -> None:
    """What was split or delayed counts at once, what was held when it leaves, and nothing of what never did."""
    rules = "set: {identity-documents.count: 3}\n"
    wait = "rules: [{id: later, when: {finding: identifier.UK_NINO}, then: wait}]"
    hold = "rules: [{id: look, when: {finding: identifier.UK_NINO}, then: review}]"

    async def number(last: int, *, at: datetime, to: tuple[str, ...] = SHOPS[:1], settings: str = "") -> set[str]:
        body = f"National Insurance number JG1037{last:02}A"
        return await house.send(to, at=at, body=body, settings=rules + settings)

    now = datetime.now(UTC)
    assert await number(59, at=now, to=SHOPS[:3], settings="actions: {hide: {do: rewrite, how: split}}\n") == set()
    assert await number(60, at=now, settings=wait) == {"later"}
    assert await number(61, at=now, settings=hold) == {"look"}
    await house.release(await house.held())
    assert await number(62, at=now, settings=hold) == {"look"}
    await house.store.discard(await house.held(), actor="eve", reason="", now=now)
    await house.journal.settle()
    assert await number(63, at=now) == set()
    assert await number(64, at=now) == {"exposure.identities"}


# --- working groups ---------------------------------------------------------------------------------------------------

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


# --- wrong recipients -------------------------------------------------------------------------------------------------

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
