"""The straight line: who has the mail after each outcome, and what was written down."""

from datetime import UTC, datetime, timedelta

import pytest

from dlp_gateway import deposits
from dlp_gateway.detect.base import Facts, Failure, FailureReason, Finding, Inspection
from dlp_gateway.mail.edit import apply, from_json
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.parse import parse
from dlp_gateway.pipeline import Pipeline
from dlp_gateway.policy.copies import REWRITE_INCOMPLETE
from dlp_gateway.policy.verdict import Disposition
from dlp_gateway.ports import Deferred, Forwarded, InCustody, Overloaded, Rejected, Why
from quarantine.memory import MemoryStore
from quarantine.model import Query, State
from tests.fakes import TAKEN, MemoryJournal, ScriptedSmarthost
from tests.pipeline.line import BULK, CLEAN, CUSTOMERS, Broken, InPlace, envelope, made


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


async def test_the_parts_of_a_large_mail_are_not_kept(
    smarthost: ScriptedSmarthost, custody: MemoryStore, journal: MemoryJournal
) -> None:
    """Whoever inspects it gets the whole of it, and it leaves as it came."""
    seen: list[Message] = []

    class Watching(InPlace):
        async def inspect(self, envelope: Envelope, message: Message, facts: Facts) -> Inspection:
            seen.append(message)
            return await super().inspect(envelope, message, facts)

    large = CLEAN + b"more of it\r\n" * 50_000
    await made(smarthost, custody, journal, Watching()).process(envelope("ben@shop.example"), large)
    assert seen[0].raw == large
    assert sum(len(part.content) for part in seen[0].parts) < 10_000
    assert smarthost.mails[0][2].endswith(large)


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
