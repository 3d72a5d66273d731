"""The straight line: who has the mail after each outcome, and what was written down."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dlp_gateway import deposits, packs
from dlp_gateway.deposits import Transport
from dlp_gateway.detect.base import Facts, Failure, FailureReason, Finding, Inspection
from dlp_gateway.mail.edit import apply, from_json
from dlp_gateway.mail.envelope import DsnRequest, Envelope, Ret
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.parse import parse
from dlp_gateway.pipeline import Pipeline
from dlp_gateway.policy import load
from dlp_gateway.policy.copies import REWRITE_INCOMPLETE
from dlp_gateway.policy.verdict import Disposition
from dlp_gateway.ports import UNDER_WAY, Deferred, Forwarded, InCustody, Overloaded, Rejected, Repeated, Why
from dlp_gateway.processes import policies
from dlp_gateway.retries import Retries
from quarantine.memory import MemoryStore
from quarantine.model import Deposit, Query, State
from quarantine.store import Also, StoreError
from tests.fakes import LATER, NEVER, TAKEN, UNREACHABLE, MemoryJournal, ScriptedSmarthost
from tests.waiting import PATIENCE

POLICY = load.default(("corp.example",), builtin=packs.builtin())
CUSTOMERS = tuple(f"c{n}@shop{n}.example" for n in range(12))
BULK = (
    b"From: Ann <ann@corp.example>\r\nTo: " + b", ".join(c.encode() for c in CUSTOMERS) + b"\r\n"
    b"Bcc: boss@corp.example\r\nSubject: Offer\r\nMessage-ID: <bulk@corp.example>\r\n\r\nDear all\r\n.dot\r\n"
)
CLEAN = (
    b"From: ann@corp.example\r\nTo: ben@shop.example\r\nSubject: Hello\r\n"
    b"Message-ID: <m1@corp.example>\r\n\r\nHi Ben\r\n"
)


class InPlace:
    """The inspector of commands and tests, as the port."""

    async def inspect(self, envelope: Envelope, message: Message, facts: Facts) -> Inspection:
        """Measure here."""
        return policies.inspect(POLICY, envelope, message, facts)


class Broken:
    """An inspector whose worker is gone."""

    def __init__(self, outcome: Inspection | Overloaded) -> None:
        self.outcome = outcome

    async def inspect(self, envelope: Envelope, message: Message, facts: Facts) -> Inspection:
        """Fail as told."""
        if isinstance(self.outcome, Overloaded):
            raise self.outcome
        return self.outcome


def envelope(*recipients: str, **changes: object) -> Envelope:
    """Return an envelope of an insider."""
    made = Envelope(
        id="0000000000000000a1",
        reverse_path="ann@corp.example",
        recipients=recipients,
        client="127.0.0.1",
        login="",
        body_8bit=False,
        smtputf8=False,
        received_at=datetime(2026, 11, 2, 9, 30, tzinfo=UTC),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture
def smarthost() -> ScriptedSmarthost:
    """A next MTA that takes everything until told otherwise."""
    return ScriptedSmarthost()


@pytest.fixture
def custody() -> MemoryStore:
    """An empty custody."""
    return MemoryStore()


@pytest.fixture
def journal() -> MemoryJournal:
    """An empty journal."""
    return MemoryJournal()


@pytest.fixture
def pipeline(smarthost: ScriptedSmarthost, custody: MemoryStore, journal: MemoryJournal) -> Pipeline:
    """The pipeline with the default policy."""
    return made(smarthost, custody, journal, InPlace())


def made(
    smarthost: ScriptedSmarthost,
    custody: MemoryStore,
    journal: MemoryJournal,
    inspector: object,
    *,
    accept_unreachable: bool = False,
) -> Pipeline:
    """Return a pipeline of these parts."""
    return Pipeline(
        policy=POLICY,
        inspector=inspector,  # type: ignore[arg-type]
        smarthost=smarthost,
        custody=custody,
        journal=journal,
        hostname="gw.corp.example",
        smarthost_name="mta.example",
        hop_limit=50,
        accept_unreachable=accept_unreachable,
        retries=Retries(journal, patience=0),
    )


@pytest.mark.parametrize(
    ("accept", "put_off", "taken"), [(True, True, True), (True, False, False), (False, True, False)]
)
async def test_mail_that_no_host_can_take_now_is_kept_if_the_settings_say_so(
    custody: MemoryStore, journal: MemoryJournal, *, accept: bool, put_off: bool, taken: bool
) -> None:
    """In custody, due, with one row of the journal; what a host decided about stays with the client."""
    smarthost = ScriptedSmarthost(rcpt={"ben@shop.example": UNREACHABLE}, put_off=put_off)
    pipeline = made(smarthost, custody, journal, InPlace(), accept_unreachable=accept)
    outcome = await pipeline.process(envelope("ben@shop.example"), CLEAN)
    if not taken:
        assert outcome == Deferred(id="0000000000000000a1", why=Why.SMARTHOST, reply=UNREACHABLE)
        assert await custody.items(Query()) == ()
        return
    assert outcome == InCustody(id="0000000000000000a1", held=False)
    (item,) = await custody.items(Query())
    assert (item.state, item.reasons) == (State.DUE, ("smarthost-unreachable",))
    (copy,) = await custody.copies(item.id)
    assert deposits.outgoing(copy).startswith(b"Received: ")
    assert [one.outcome for one in journal.entries[0].passages] == ["custody"]


async def test_mail_that_nobody_keeps_is_told_so(journal: MemoryJournal) -> None:
    """Where custody cannot take it either, the client keeps it."""

    class Full(MemoryStore):
        async def take(self, deposits: tuple[Deposit, ...], also: Also | None = None) -> None:
            raise StoreError("disk full")

    smarthost = ScriptedSmarthost(rcpt={"ben@shop.example": UNREACHABLE}, put_off=True)
    outcome = await made(smarthost, Full(), journal, InPlace(), accept_unreachable=True).process(
        envelope("ben@shop.example"), CLEAN
    )
    assert outcome == Deferred(id="0000000000000000a1", why=Why.STORE)


async def test_what_was_measured_is_recorded_by_confidence(
    smarthost: ScriptedSmarthost, custody: MemoryStore, journal: MemoryJournal
) -> None:
    """As many values as a rule with low, medium or high confidence would count."""
    findings = tuple(
        Finding(kind="identifier.IBAN", detector="test", rule="", count=count, score=score, where="envelope")
        for count, score in ((4, 0.2), (1, 0.3), (2, 0.7), (3, 0.9))
    )
    inspector = Broken(Inspection(findings=findings, failures=(), unreadable=()))
    await made(smarthost, custody, journal, inspector).process(envelope("ben@shop.example"), CLEAN)
    (entry,) = journal.entries
    assert entry.findings == (("identifier.IBAN", 10),)
    assert entry.measured == (("identifier.IBAN", 6, 5, 3),)


async def test_clean_mail_leaves_with_our_trace_only(
    pipeline: Pipeline, smarthost: ScriptedSmarthost, journal: MemoryJournal
) -> None:
    """(b) An untouched message leaves with the same bytes behind one Received field without `for`."""
    outcome = await pipeline.process(envelope("ben@shop.example"), CLEAN)
    assert outcome == Forwarded(id="0000000000000000a1", reply=TAKEN)
    sent = smarthost.mails[0][2]
    trace = sent.removesuffix(CLEAN)
    assert trace.startswith(b"Received: ")
    assert b"ben@" not in trace
    assert [entry.disposition for entry in journal.entries] == [Disposition.FORWARD]
    assert [(one.recipient, one.shown, one.outcome) for one in journal.entries[0].passages] == [
        ("ben@shop.example", ("ben@shop.example",), "forwarded")
    ]


async def test_bulk_mail_leaves_rewritten_to_the_same_recipients(
    pipeline: Pipeline, smarthost: ScriptedSmarthost, journal: MemoryJournal
) -> None:
    """(e, f) Nobody outside sees another, Bcc is gone, the body is the same, everybody still gets it."""
    outcome = await pipeline.process(envelope(*CUSTOMERS, "boss@corp.example"), BULK)
    assert isinstance(outcome, Forwarded)
    _, recipients, sent = smarthost.mails[0]
    assert recipients == (*CUSTOMERS, "boss@corp.example")
    assert not any(customer.encode() in sent for customer in CUSTOMERS)
    assert b"bcc" not in sent.lower()
    assert sent.endswith(BULK[BULK.index(b"\r\n\r\n") :])
    assert journal.entries[0].reasons == ("bulk-visible",)


async def test_reply_all_to_a_mass_send_is_held_with_its_rewrite(
    pipeline: Pipeline, custody: MemoryStore, smarthost: ScriptedSmarthost
) -> None:
    """The first answer to all is recognised, held, and would leave with the outsiders hidden."""
    await pipeline.process(envelope(*CUSTOMERS), BULK)
    answer = BULK.replace(b"<bulk@corp", b"<answer@corp").replace(
        b"Subject: Offer", b"Subject: Re: Offer\r\nIn-Reply-To: <bulk@corp.example>"
    )
    outcome = await pipeline.process(envelope(*CUSTOMERS, id="0000000000000000a2"), answer)
    assert outcome == InCustody(id="0000000000000000a2")
    assert len(smarthost.mails) == 1
    item = (await custody.items(Query()))[0]
    assert item.state is State.HELD
    assert "reply-all" in item.reasons
    copy = (await custody.copies(item.id))[0]
    assert parse(apply(copy.content, from_json(copy.edits))).visible[0].address == "ann@corp.example"


async def test_a_newsletter_by_bcc_is_no_mass_send(pipeline: Pipeline, journal: MemoryJournal) -> None:
    """Nobody was shown to anybody: an answer to it, or the next issue, is ordinary mail."""
    await pipeline.process(envelope(*CUSTOMERS), CLEAN)
    assert journal.mass_sends == {}


async def test_deferred_and_refused_recipients_are_in_custody_before_the_250(
    pipeline: Pipeline, smarthost: ScriptedSmarthost, custody: MemoryStore, journal: MemoryJournal
) -> None:
    """(a) 4xx waits in custody, 5xx becomes a DSN to the author, the rest is at the smarthost."""
    smarthost.rcpt = {"b@x.example": LATER, "c@x.example": NEVER}
    outcome = await pipeline.process(envelope("a@x.example", "b@x.example", "c@x.example"), CLEAN)
    assert isinstance(outcome, Forwarded)
    items = {item.reasons: item for item in await custody.items(Query())}
    assert [one.address for one in items["deferred-by-smarthost",].recipients] == ["b@x.example"]
    report = items["dsn",]
    assert (report.reverse_path, report.recipients[0].address) == ("", "ann@corp.example")
    assert b"c@x.example" in await custody.content(report.id)
    assert [one.outcome for one in journal.entries[0].passages] == ["forwarded", "deferred", "refused"]


@pytest.mark.parametrize(
    ("author", "asked", "passed_on"),
    [
        ("ann@corp.example", None, None),
        ("ann@corp.example", Ret.FULL, Ret.FULL),
        ("ann@shop.example", None, Ret.HDRS),
        ("ann@shop.example", Ret.FULL, Ret.HDRS),
        ("", None, None),
        ("", Ret.FULL, Ret.HDRS),
    ],
)
async def test_a_mail_to_insiders_does_not_come_back_whole_to_an_outsider(
    pipeline: Pipeline, smarthost: ScriptedSmarthost, author: str, asked: Ret | None, passed_on: Ret | None
) -> None:
    """A rule that excuses mail to insiders looked at them alone, so nobody else may get it by way of a bounce."""
    await pipeline.process(envelope("bob@corp.example", reverse_path=author, dsn=DsnRequest(ret=asked)), CLEAN)
    assert [one.ret for one in smarthost.asked] == [passed_on]


@pytest.mark.parametrize(("author", "expected"), [("ann@corp.example", True), ("ann@shop.example", False), ("", False)])
async def test_a_mail_comes_back_whole_to_insiders_only(
    pipeline: Pipeline,
    smarthost: ScriptedSmarthost,
    custody: MemoryStore,
    author: str,
    expected: bool,  # noqa: FBT001  a parameter
) -> None:
    """RET=FULL is heeded for whom the mail may be shown to: the policy looked at the recipients alone."""
    smarthost.rcpt = {"b@x.example": LATER}
    asked = DsnRequest(ret=Ret.FULL)
    await pipeline.process(envelope("a@x.example", "b@x.example", reverse_path=author, dsn=asked), CLEAN)
    (item,) = await custody.items(Query())
    transport = Transport.from_json((await custody.copies(item.id))[0].options)
    passed_on = asked if expected else DsnRequest(ret=Ret.HDRS)
    assert (transport.dsn, transport.returnable) == (passed_on, expected)
    assert smarthost.asked == [passed_on]


async def test_no_dsn_for_the_null_reverse_path(
    pipeline: Pipeline, smarthost: ScriptedSmarthost, custody: MemoryStore
) -> None:
    """A DSN is never answered by a DSN (RFC 5321 4.5.5)."""
    smarthost.rcpt = {"c@x.example": NEVER}
    await pipeline.process(envelope("a@x.example", "c@x.example", reverse_path=""), CLEAN)
    assert await custody.items(Query()) == ()


async def test_when_custody_fails_before_the_dot_nobody_has_the_mail(
    smarthost: ScriptedSmarthost, journal: MemoryJournal
) -> None:
    """A deferred recipient that cannot be kept stops the transaction for all, and the client keeps the mail."""

    class Full(MemoryStore):
        async def take(self, deposits: object, also: object = None) -> None:
            raise StoreError("disk full")

    smarthost.rcpt = {"b@x.example": LATER}
    pipeline = made(smarthost, Full(), journal, InPlace())
    outcome = await pipeline.process(envelope("a@x.example", "b@x.example"), CLEAN)
    assert outcome == Deferred(id="0000000000000000a1", why=Why.STORE)
    assert smarthost.mails == []


async def test_a_refused_content_takes_the_deposit_back(
    pipeline: Pipeline, smarthost: ScriptedSmarthost, custody: MemoryStore
) -> None:
    """If nobody got the mail after all, nothing of it may leave custody later."""
    smarthost.rcpt = {"b@x.example": LATER}
    smarthost.final = NEVER
    outcome = await pipeline.process(envelope("a@x.example", "b@x.example"), CLEAN)
    assert isinstance(outcome, Deferred)
    assert [item.state for item in await custody.items(Query())] == [State.DISCARDED]


async def test_a_deposit_that_cannot_be_taken_back_now_is_taken_back_later(
    smarthost: ScriptedSmarthost, journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Custody is locked when the smarthost refuses the content: the client is told so, and nothing leaves later."""

    class Locked(MemoryStore):
        locked = True

        async def discard(
            self, item: str, *, actor: str, reason: str, now: datetime, recipients: tuple[str, ...] = ()
        ) -> int:
            if self.locked:
                self.locked = False
                raise StoreError("locked")
            return await super().discard(item, actor=actor, reason=reason, now=now, recipients=recipients)

    monkeypatch.setattr("dlp_gateway.forwarding._AGAIN", timedelta(milliseconds=10))
    smarthost.rcpt, smarthost.final, store = {"b@x.example": LATER}, NEVER, Locked()
    outcome = await made(smarthost, store, journal, InPlace()).process(envelope("a@x.example", "b@x.example"), CLEAN)
    assert isinstance(outcome, Deferred)
    async with asyncio.timeout(PATIENCE):
        while [item.state for item in await store.items(Query())] != [State.DISCARDED]:  # noqa: ASYNC110  a store sets no event
            await asyncio.sleep(0.01)


async def test_none_taken_leaves_the_mail_with_the_client(pipeline: Pipeline, smarthost: ScriptedSmarthost) -> None:
    """All deferred: deferred; all refused: rejected with the smarthost's reply; lost after the dot: deferred."""
    smarthost.rcpt = {"a@x.example": UNREACHABLE}
    assert await pipeline.process(envelope("a@x.example"), CLEAN) == Deferred(
        id="0000000000000000a1", why=Why.SMARTHOST, reply=UNREACHABLE
    )
    smarthost.rcpt = {"a@x.example": NEVER}
    assert await pipeline.process(envelope("a@x.example"), CLEAN) == Rejected(
        id="0000000000000000a1", why=Why.SMARTHOST, reply=NEVER
    )
    smarthost.rcpt, smarthost.final = {}, None
    assert isinstance(await pipeline.process(envelope("a@x.example"), CLEAN), Deferred)


@pytest.mark.parametrize("reason", list(FailureReason))
async def test_a_failure_is_held_never_forwarded(
    reason: FailureReason, smarthost: ScriptedSmarthost, custody: MemoryStore, journal: MemoryJournal
) -> None:
    """(c) Whatever could not be measured is no clean mail."""
    broken = Inspection(findings=(), failures=(Failure(detector="worker", reason=reason),), unreadable=())
    pipeline = made(smarthost, custody, journal, Broken(broken))
    assert isinstance(await pipeline.process(envelope("a@x.example"), CLEAN), InCustody)
    assert smarthost.mails == []


async def test_overload_is_told_to_the_client(
    smarthost: ScriptedSmarthost, custody: MemoryStore, journal: MemoryJournal
) -> None:
    """Too much at once: the client comes back, nothing is kept."""
    pipeline = made(smarthost, custody, journal, Broken(Overloaded()))
    assert await pipeline.process(envelope("a@x.example"), CLEAN) == Deferred(id="0000000000000000a1", why=Why.OVERLOAD)


async def test_a_rewrite_that_leaves_an_address_somewhere_is_held(
    pipeline: Pipeline, smarthost: ScriptedSmarthost, custody: MemoryStore
) -> None:
    """(g) The whole header is searched again after a rewrite; a half-made one never leaves."""
    leaky = BULK.replace(b"Subject: Offer", b"Subject: Offer for c3@shop3.example")
    assert isinstance(await pipeline.process(envelope(*CUSTOMERS), leaky), InCustody)
    assert smarthost.mails == []
    assert REWRITE_INCOMPLETE in (await custody.items(Query()))[0].reasons


async def test_a_held_rewrite_is_kept_without_what_it_would_show(pipeline: Pipeline, custody: MemoryStore) -> None:
    """Reply-To names one of those who are hidden: what a reviewer releases leaves without it."""
    leaky = BULK.replace(b"Subject: Offer", b"Reply-To: c3@shop3.example\r\nSubject: Offer")
    assert isinstance(await pipeline.process(envelope(*CUSTOMERS), leaky), InCustody)
    (item,) = await custody.items(Query())
    now = datetime.now(UTC)
    await custody.release(item.id, actor="eve", reason="", now=now)
    (claim,) = await custody.claim(owner="test", now=now, lease=timedelta(hours=1), limit=1)
    assert b"c3@shop3.example" not in deposits.outgoing(claim)


async def test_a_retry_is_answered_without_a_second_copy(pipeline: Pipeline, smarthost: ScriptedSmarthost) -> None:
    """(i) The same transaction again, after a reply that the client never read, sends nothing."""
    first = envelope("a@x.example")
    await pipeline.process(first, CLEAN)
    await pipeline.unanswered(first, CLEAN, TAKEN, written=True)
    again = await pipeline.process(envelope("a@x.example", id="0000000000000000a2"), CLEAN)
    assert again == Repeated(reply=TAKEN)
    assert len(smarthost.mails) == 1
    other = await pipeline.process(envelope("b@x.example", id="0000000000000000a3"), CLEAN)
    assert isinstance(other, Forwarded)


async def test_an_alert_that_looks_like_the_last_one_is_sent(
    pipeline: Pipeline, smarthost: ScriptedSmarthost, journal: MemoryJournal
) -> None:
    """A device hangs up after our reply and sends the same bytes again, without Message-ID: that is another mail."""
    alert = CLEAN.replace(b"Message-ID: <m1@corp.example>\r\n", b"")
    await pipeline.unanswered(envelope("a@x.example"), alert, TAKEN, written=True)
    assert journal.answers == {}
    await pipeline.unanswered(envelope("a@x.example"), alert, TAKEN, written=False)
    assert list(journal.answers.values()) == [TAKEN]


async def test_a_negative_reply_is_not_remembered(pipeline: Pipeline, journal: MemoryJournal) -> None:
    """A retry after a refusal that was not read is a new attempt."""
    await pipeline.unanswered(envelope("a@x.example"), CLEAN, LATER, written=False)
    assert journal.answers == {}


async def test_a_retry_during_the_hand_over_is_told_to_wait(
    pipeline: Pipeline, smarthost: ScriptedSmarthost, journal: MemoryJournal
) -> None:
    """(i) The client came back before the smarthost answered: 451 until it did, then the answer or a new try."""
    first = envelope("a@x.example")
    await pipeline.abandoned(first, CLEAN)
    assert await pipeline.process(envelope("a@x.example", id="0000000000000000a2"), CLEAN) == Repeated(reply=UNDER_WAY)
    await pipeline.unanswered(first, CLEAN, LATER, written=False)
    assert isinstance(await pipeline.process(envelope("a@x.example", id="0000000000000000a3"), CLEAN), Forwarded)
    assert len(smarthost.mails) == 1


async def test_a_retry_that_hangs_up_too_leaves_the_first_attempt_known(
    pipeline: Pipeline, smarthost: ScriptedSmarthost
) -> None:
    """(i) Nobody read that it is under way: that is no end of the first attempt, and a third one must not pass."""
    first, second = envelope("a@x.example"), envelope("a@x.example", id="0000000000000000a2")
    await pipeline.abandoned(first, CLEAN)
    assert await pipeline.process(second, CLEAN) == Repeated(reply=UNDER_WAY)
    await pipeline.unanswered(second, CLEAN, UNDER_WAY, written=True)
    third = await pipeline.process(envelope("a@x.example", id="0000000000000000a3"), CLEAN)
    assert third == Repeated(reply=UNDER_WAY)
    assert smarthost.mails == []


async def test_a_client_that_only_stops_talking_is_not_its_own_retry(
    smarthost: ScriptedSmarthost, custody: MemoryStore
) -> None:
    """(i) Exim ends its side behind the final dot and waits for the reply: that is told while the mail is looked up."""

    class Slow(MemoryJournal):
        async def any_unanswered(self) -> bool:
            for _ in range(5):
                await asyncio.sleep(0)
            return await super().any_unanswered()

    journal, first = Slow(), envelope("a@x.example")
    pipeline = made(smarthost, custody, journal, InPlace())
    taking = asyncio.create_task(pipeline.process(first, CLEAN))
    await asyncio.sleep(0)
    await pipeline.abandoned(first, CLEAN)
    assert isinstance(await taking, Forwarded)
    assert len(smarthost.mails) == 1


async def test_the_250_stands_if_custody_fails_after_it(smarthost: ScriptedSmarthost, journal: MemoryJournal) -> None:
    """Some have the mail: the client must not send it again because a deposit could not be brought forward."""

    class Stuck(MemoryStore):
        async def reschedule(self, item: str, *, due_at: datetime) -> int:
            raise StoreError("locked")

    smarthost.rcpt = {"b@x.example": LATER}
    pipeline = made(smarthost, Stuck(), journal, InPlace())
    assert isinstance(await pipeline.process(envelope("a@x.example", "b@x.example"), CLEAN), Forwarded)


async def test_a_loop_is_refused(pipeline: Pipeline, smarthost: ScriptedSmarthost) -> None:
    """More Received fields than any way of a mail has."""
    looping = b"Received: from a by b; Mon, 2 Nov 2026 09:00:00 +0000\r\n" * 51 + CLEAN
    assert await pipeline.process(envelope("a@x.example"), looping) == Rejected(id="0000000000000000a1", why=Why.LOOP)
    assert smarthost.mails == []


async def test_what_a_notice_will_need_is_written_down(pipeline: Pipeline, journal: MemoryJournal) -> None:
    """How many are hidden, in which language the author reads, and whether he is a program; of other mail nothing."""
    german = BULK.replace(b"Subject:", b"Accept-Language: de-DE\r\nAuto-Submitted: auto-generated\r\nSubject:")
    await pipeline.process(envelope(*CUSTOMERS), german)
    await pipeline.process(envelope("ben@shop.example"), b"Accept-Language: de-DE\r\nPrecedence: bulk\r\n" + CLEAN)
    assert [(entry.hidden, entry.language, entry.automatic) for entry in journal.entries] == [
        (12, "de", True),
        (0, "", False),
    ]


async def test_a_bound_login_writes_as_itself(pipeline: Pipeline, smarthost: ScriptedSmarthost) -> None:
    """A From that is not the login's is refused before anything is inspected; with its own, the mail passes."""
    bound = envelope("a@x.example", login="ann", bound_to=("someone.example",))
    assert await pipeline.process(bound, CLEAN) == Rejected(id="0000000000000000a1", why=Why.AUTHOR)
    assert smarthost.mails == []
    own = envelope("a@x.example", login="ann", bound_to=("corp.example",))
    assert isinstance(await pipeline.process(own, CLEAN), Forwarded)


@pytest.mark.parametrize(
    ("recipients", "refused"),
    [
        (("a@shop.example", "ben@corp.example"), True),
        (("ann@corp.example", "ben@corp.example"), False),
    ],
)
async def test_a_notice_for_people_inside_goes_to_nobody_else(
    pipeline: Pipeline, smarthost: ScriptedSmarthost, recipients: tuple[str, ...], *, refused: bool
) -> None:
    """A group that passes on everything would hand it to those of whom it tells."""
    notice = b"X-DLP-Gateway-Inside-Only: yes\r\nFrom: postmaster@corp.example\r\n\r\nA mail was stopped.\r\n"
    outcome = await pipeline.process(envelope(*recipients), notice)
    assert (outcome == Rejected(id="0000000000000000a1", why=Why.INSIDE_ONLY)) is refused
    assert bool(smarthost.mails) is not refused
