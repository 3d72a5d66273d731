"""A mail that is split: committed as a whole, delivered copy by copy, each recipient once and with his own truth."""

from datetime import UTC, datetime

from dlp_gateway import packs
from dlp_gateway.delivery import DeliveryWorker
from dlp_gateway.detect.base import Facts, Inspection
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.parse import parse
from dlp_gateway.pipeline import Pipeline
from dlp_gateway.policy import load
from dlp_gateway.ports import Deferred, Forwarded, InCustody, Why
from dlp_gateway.processes import policies
from quarantine.memory import MemoryStore
from quarantine.model import Query, State
from quarantine.store import StoreError
from tests.delivery.custody import OPTIONS
from tests.fakes import LATER, NEVER, MemoryJournal, ScriptedSmarthost
from tests.pipeline.line import envelope

CUSTOMERS = tuple(f"c{n}@shop{n}.example" for n in range(12))
BULK = (
    b"From: Ann <ann@corp.example>\r\nTo: "
    + b", ".join(c.encode() for c in CUSTOMERS)
    + b"\r\nCc: dora@corp.example\r\n"
    b"Subject: Offer\r\nMessage-ID: <bulk@corp.example>\r\n\r\nDear all\r\n"
)
EVERYBODY = (*CUSTOMERS, "dora@corp.example", "boss@corp.example", "blind@far.example", "blind@farther.example")
ID = "0000000000000000a1"


POLICY = load.parse(
    "version: 1\ninside: [corp.example]\nset: {bulk-visible.action: split}\n", "policy.yaml", builtin=packs.builtin()
)


class InPlace:
    """The inspector of commands and tests, as the port."""

    async def inspect(self, letter: Envelope, message: Message, facts: Facts) -> Inspection:
        """Measure here."""
        return policies.inspect(POLICY, letter, message, facts)


def made(smarthost: ScriptedSmarthost, custody: MemoryStore, journal: MemoryJournal) -> Pipeline:
    """Return a pipeline that splits."""
    return Pipeline(
        policy=POLICY,
        inspector=InPlace(),
        smarthost=smarthost,
        custody=custody,
        journal=journal,
        hostname="gw.corp.example",
        smarthost_name="mta.example",
        hop_limit=50,
    )


async def delivered(custody: MemoryStore, smarthost: ScriptedSmarthost) -> None:
    """Let the delivery worker do all that is due."""
    worker = DeliveryWorker(custody, smarthost, OPTIONS)
    while await worker.deliver_due():
        pass


async def test_everybody_gets_one_copy_without_the_others() -> None:
    """250 when all copies are committed; then each outsider sees himself and Dora, she sees all, the blind see Dora."""
    smarthost, custody, journal = ScriptedSmarthost(), MemoryStore(), MemoryJournal()
    outcome = await made(smarthost, custody, journal).process(envelope(*EVERYBODY), BULK)
    assert outcome == InCustody(id=ID, held=False)
    assert smarthost.mails == []
    await delivered(custody, smarthost)
    seen = {recipients: [one.address for one in parse(content).visible] for _, recipients, content in smarthost.mails}
    assert seen == {
        **{(one,): [one, "dora@corp.example"] for one in CUSTOMERS},
        ("dora@corp.example", "boss@corp.example"): [*CUSTOMERS, "dora@corp.example"],
        ("blind@far.example", "blind@farther.example"): ["ann@corp.example", "dora@corp.example"],
    }
    assert all(content.endswith(b"\r\n\r\nDear all\r\n") for _, _, content in smarthost.mails)
    assert all(content.startswith(b"Received: by gw.corp.example") for _, _, content in smarthost.mails)
    (item,) = await custody.items(Query())
    assert (item.state, item.reasons, len(item.recipients)) == (State.DELIVERED, ("bulk-visible",), 16)


async def test_the_journal_knows_what_each_copy_shows() -> None:
    """One row a recipient, with the addresses of his own copy."""
    journal = MemoryJournal()
    await made(ScriptedSmarthost(), MemoryStore(), journal).process(envelope(*EVERYBODY), BULK)
    shown = {one.recipient: one.shown for one in journal.entries[0].passages}
    assert shown["c3@shop3.example"] == ("c3@shop3.example", "dora@corp.example")
    assert shown["blind@far.example"] == ("ann@corp.example", "dora@corp.example")
    assert shown["boss@corp.example"] == (*CUSTOMERS, "dora@corp.example")
    assert {one.outcome for one in journal.entries[0].passages} == {"custody"}


async def test_a_copy_that_is_refused_costs_nobody_else_his() -> None:
    """4xx is tried again, 5xx is told to the author, the others have theirs."""
    smarthost, custody = ScriptedSmarthost(), MemoryStore()
    now = datetime.now(UTC)
    await made(smarthost, custody, MemoryJournal()).process(envelope(*CUSTOMERS, received_at=now), BULK)
    smarthost.rcpt = {CUSTOMERS[0]: LATER, CUSTOMERS[1]: NEVER}
    await delivered(custody, smarthost)
    (item,) = await custody.items(Query(reason="bulk-visible"))
    states = {one.address: one.state for one in item.recipients}
    assert states == {
        **dict.fromkeys(CUSTOMERS, State.DELIVERED),
        CUSTOMERS[0]: State.DUE,
        CUSTOMERS[1]: State.FAILED,
    }
    (report,) = await custody.items(Query(reason="dsn"))
    assert [one.address for one in report.recipients] == ["ann@corp.example"]


async def test_what_is_held_leaves_split_when_it_is_released() -> None:
    """A reviewer's release, for some or for all, sends each his own copy."""
    smarthost, custody = ScriptedSmarthost(), MemoryStore()
    licence = BULK.replace(b"Dear all", b"my driver's license number is I1234562 (California)")
    outcome = await made(smarthost, custody, MemoryJournal()).process(envelope(*CUSTOMERS), licence)
    assert outcome == InCustody(id=ID)
    now = datetime.now(UTC)
    assert await custody.release(ID, actor="ann", reason="", now=now, recipients=(CUSTOMERS[0],)) == 1
    await delivered(custody, smarthost)
    assert [recipients for _, recipients, _ in smarthost.mails] == [(CUSTOMERS[0],)]
    assert await custody.release(ID, actor="ann", reason="", now=now) == 11
    assert await custody.release(ID, actor="ann", reason="", now=now) == 0
    await delivered(custody, smarthost)
    assert sorted(recipients for _, recipients, _ in smarthost.mails) == sorted((one,) for one in CUSTOMERS)
    for _, recipients, content in smarthost.mails:
        assert [one.address for one in parse(content).visible] == [*recipients, "dora@corp.example"]


async def test_a_part_for_one_recipient_is_forwarded_at_once() -> None:
    """Nothing to split: the smarthost's reply is the client's, and custody stays empty."""
    smarthost, custody = ScriptedSmarthost(), MemoryStore()
    outcome = await made(smarthost, custody, MemoryJournal()).process(envelope(CUSTOMERS[4]), BULK)
    assert isinstance(outcome, Forwarded)
    assert [one.address for one in parse(smarthost.mails[0][2]).visible] == [CUSTOMERS[4], "dora@corp.example"]
    assert await custody.items(Query()) == ()


async def test_when_custody_fails_the_client_keeps_the_mail() -> None:
    """No copy leaves of a mail that could not be committed as a whole."""

    class Full(MemoryStore):
        async def take(self, deposits: object, also: object = None) -> None:
            raise StoreError("disk full")

    smarthost = ScriptedSmarthost()
    outcome = await made(smarthost, Full(), MemoryJournal()).process(envelope(*CUSTOMERS), BULK)
    assert outcome == Deferred(id=ID, why=Why.STORE)
    assert smarthost.mails == []


async def test_a_thousand_copies_keep_the_payload_once() -> None:
    """The content is one row however many copies there are, and each copy's edits are a few hundred octets."""
    people = tuple(f"guest{number}@home{number}.example" for number in range(1000))
    raw = f"From: ann@corp.example\r\nTo: {', '.join(people)}\r\n\r\nbody\r\n".encode()
    smarthost, custody = ScriptedSmarthost(), MemoryStore()
    assert isinstance(await made(smarthost, custody, MemoryJournal()).process(envelope(*people), raw), InCustody)
    copies = await custody.copies(ID)
    assert len(copies) == 1000
    assert max(len(copy.edits) for copy in copies) < 600
    assert len({id(copy.content) for copy in copies}) == 1
    await delivered(custody, smarthost)
    assert sorted(recipients for _, recipients, _ in smarthost.mails) == sorted((one,) for one in people)


async def test_the_journal_knows_whom_to_tell_of_an_outsiders_mail() -> None:
    """The author is not ours; the group's address is, and its owner can take the outsiders out of it."""
    custody, journal = MemoryStore(), MemoryJournal()
    answer = (
        b"Delivered-To: customers@corp.example\r\nFrom: kim@mail.example\r\nTo: customers@corp.example\r\n\r\nHi\r\n"
    )
    outcome = await made(ScriptedSmarthost(), custody, journal).process(
        envelope(*CUSTOMERS[:3], reverse_path="kim@mail.example"), answer
    )
    assert outcome == InCustody(id=ID)
    assert [(entry.reasons, entry.owner) for entry in journal.entries] == [
        (("redistribution",), "customers@corp.example")
    ]


async def test_blind_recipients_are_concealed_on_the_way_out() -> None:
    """A trace field that names her goes; another field that names her holds the mail."""
    smarthost, custody = ScriptedSmarthost(), MemoryStore()
    pipeline = made(smarthost, custody, MemoryJournal())
    named = b"X-Original-To: eve@home.example\r\nFrom: ann@corp.example\r\nTo: ben@shop.example\r\n\r\nHello\r\n"
    outcome = await pipeline.process(envelope("ben@shop.example", "eve@home.example"), named)
    assert isinstance(outcome, Forwarded)
    assert b"eve@" not in smarthost.mails[0][2]
    reported = named.replace(b"X-Original-To", b"X-Report")
    outcome = await pipeline.process(
        envelope("ben@shop.example", "eve@home.example", id="0000000000000000a2"), reported
    )
    assert outcome == InCustody(id="0000000000000000a2")
