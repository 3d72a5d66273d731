"""Two policies before the same mails: folders through real pipelines, and a journal that a real pipeline wrote."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from dlp_gateway import packs
from dlp_gateway.detect.base import Facts, Failure, FailureReason, Inspection
from dlp_gateway.inspection.inspector import InspectorOptions
from dlp_gateway.journal import SqlJournal, migrations, open_journal
from dlp_gateway.mail.envelope import Envelope, new_id
from dlp_gateway.mail.message import Message
from dlp_gateway.mail.parse import parse
from dlp_gateway.pipeline import Pipeline
from dlp_gateway.policy import pack
from dlp_gateway.policy.model import Policy
from dlp_gateway.policy.verdict import Disposition
from dlp_gateway.processes import policies
from dlp_gateway.simulation import comparison, filing, recorded
from dlp_gateway.simulation.difference import Difference, Kind
from quarantine.crypto import PrivateKey
from quarantine.memory import MemoryStore
from tests.fakes import ScriptedSmarthost
from tests.simulation.conftest import MONDAY, OUTSIDERS, mail, policy

URL: Final = "sqlite:///custody.db"
SEALED: Final = (b"text/calendar", b"multipart/signed", b"multipart/encrypted", b"pkcs7", b"begin pgp")
#: Packs that look at more than one mail: what they count depends on what a policy made of earlier mail.
LOOK_BACK: Final = frozenset({"answers", "exposure", "reply-all", "second-strike", "unfamiliar-recipient"})
#: In a folder this tells the envelope, and is an archive's own; in a mail that came by SMTP it betrays.
ENVELOPE: Final = b"x-envelope-to:"
LICENCE: Final = "my driver's license number is I1234562 (California)\n"


# --- folders ----------------------------------------------------------------------------------------------------------


async def compared(place: Path, before: Policy, after: Policy, **options: Any) -> tuple[Difference, int]:  # noqa: ANN401
    """Take all mails of a place through both policies."""
    mails = comparison.newest(place, limit=1000)
    bounds = {"costs": InspectorOptions(), "message_size": 1_000_000, "hops": 50} | options
    return await comparison.of_mails(mails, before, after, **bounds)


def changes(difference: Difference) -> list[tuple[str, str, str]]:
    """Return name, old and new disposition of each change."""
    return [(one.name, one.before.disposition.label, one.after.disposition.label) for one in difference.changes]


async def test_an_answer_to_a_mass_mail_is_recognised_under_each_policy(tmp_path: Path) -> None:
    """Mails are taken in order of time, and each policy remembers what it would have."""
    (tmp_path / "1.eml").write_bytes(mail(*OUTSIDERS[:4], number=5, answers="m0", sender="ben@corp.example"))
    (tmp_path / "2.eml").write_bytes(mail(*OUTSIDERS[:4], number=0))
    (tmp_path / "3.eml").write_bytes(mail("bob@shop.example", number=7, text=LICENCE))
    stricter = policy("set: {reply-all.audience: 4}\n")
    difference, left_out = await compared(tmp_path, policy(), stricter)
    assert (difference.mails, left_out) == (3, 0)
    assert changes(difference) == [("1.eml", "forward", "hold")]
    assert difference.changes[0].after.reasons == {"reply-all"}
    assert difference.after[Disposition.HOLD] == 2
    assert (difference.first, difference.last) == (MONDAY, MONDAY + timedelta(hours=7))


async def test_a_second_attempt_counts_where_the_first_was_stopped(tmp_path: Path) -> None:
    """What each policy remembers of the folder's earlier mails is what it made of them itself."""
    (tmp_path / "1.eml").write_bytes(mail(*OUTSIDERS[:12]))
    (tmp_path / "2.eml").write_bytes(mail(*OUTSIDERS[:4], number=3))
    milder = policy("set: {bulk-visible.outsiders: 20}\n")
    difference, _ = await compared(tmp_path, policy(), milder)
    assert changes(difference) == [("1.eml", "rewrite", "forward"), ("2.eml", "rewrite", "forward")]
    assert difference.changes[1].before.reasons == {"second-strike"}


async def test_small_leaks_add_up_over_a_folder(tmp_path: Path) -> None:
    """Numbers of a day are added up as of the mails' time, be it long ago."""
    numbers = ("JG103759A", "JG103760A", "JG103761A")
    for place, number in enumerate(numbers):
        text = f"Her UK National Insurance number is {number}.\n"
        (tmp_path / f"{place}.eml").write_bytes(mail("agent@travel.example", number=place - 40_000, text=text))
    of_three, of_four = (policy(f"packs: [exposure]\nset: {{exposure.identities: {count}}}\n") for count in (3, 4))
    difference, _ = await compared(tmp_path, of_four, of_three)
    assert changes(difference) == [("2.eml", "forward", "hold")]
    assert difference.changes[0].after.reasons == {"exposure.identities"}


async def test_recipients_are_learned_from_a_folder(tmp_path: Path) -> None:
    """Who writes on enough days has his new recipients judged."""
    for place in range(12):
        for sender in ("ann@corp.example", "ben@corp.example", "cai@corp.example"):
            name = f"{place:02}-{sender}.eml"
            (tmp_path / name).write_bytes(mail("orders@acmecorp.example", number=24 * place, sender=sender))
    (tmp_path / "new.eml").write_bytes(mail("orders@acnecorp.example", number=24 * 12))
    learned, never = (policy(f"packs: [unfamiliar-recipient]\nmemory: {{learning: {days}}}\n") for days in (10, 60))
    difference, _ = await compared(tmp_path, never, learned)
    assert changes(difference) == [("new.eml", "forward", "hold")]
    assert difference.changes[0].after.reasons == {"unfamiliar-recipient.look-alike"}


async def test_teams_and_dates_count_when_the_mail_came(maildir: Path) -> None:
    """A scope for sales, from the second day on; each has customers of his own, so that nobody answers anybody."""
    for number, sender in enumerate(("ann", "ben") * 2):
        customers = (f"{sender}s-{one}" for one in OUTSIDERS[:12])
        content = mail(*customers, number=number * 24, sender=f"{sender}@corp.example")
        (maildir / "cur" / f"{number}:2,S").write_bytes(content)
    scoped = policy(
        "teams: {sales: [ann@corp.example]}\n"
        "scopes: [{only: {team: sales}, set: {bulk-visible.outsiders: 20}, from: 2026-11-03}]\n"
    )
    difference, _ = await compared(maildir, policy(), scoped)
    assert changes(difference) == [("cur/2:2,S", "rewrite", "forward")]
    assert difference.kinds[Kind.MILDER] == 1
    always, _ = await compared(maildir, policy(), scoped.at_any_time())
    assert [name for name, _, _ in changes(always)] == ["cur/0:2,S", "cur/2:2,S"]


async def test_what_cannot_be_judged_is_counted(tmp_path: Path) -> None:
    """Too large, to nobody; a loop is refused before it is judged."""
    (tmp_path / "large.eml").write_bytes(mail("bob@shop.example", text="x" * 2_000))
    (tmp_path / "nobody.eml").write_bytes(b"From: ann@corp.example\n\nHello\n")
    (tmp_path / "loop.eml").write_bytes(mail("bob@shop.example", fields="Received: from a by b; x\n" * 9))
    difference, left_out = await compared(tmp_path, policy(), policy(), message_size=1_000, hops=8)
    assert (difference.mails, left_out) == (1, 2)
    assert (dict(difference.rules_after), difference.changes) == ({"loop": 1}, [])


async def test_a_replay_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its journal is a file in a folder of its own, which goes; and no address or text ever stands in it."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("dlp_gateway.simulation.replay._IN_MEMORY", scratch)
    (tmp_path / "one.eml").write_bytes(mail(*OUTSIDERS[:12], text="a very secret sentence\n"))
    seen: list[bytes] = []

    def look() -> None:
        seen.extend(path.read_bytes() for path in scratch.rglob("*") if path.is_file())

    (tmp_path / "two.eml").write_bytes(mail(*OUTSIDERS[:12], number=1))
    mails = comparison.newest(tmp_path, limit=10)
    bounds: dict[str, Any] = {"costs": InspectorOptions(), "message_size": 1_000_000, "hops": 50}
    await comparison.of_mails(mails, policy(), policy(), step=look, **bounds)
    assert any(seen)
    assert not any(b"very secret" in octets or b"shop3" in octets for octets in seen)
    assert list(scratch.iterdir()) == []


# --- the journal ------------------------------------------------------------------------------------------------------


class InPlace:
    """The inspector of commands and tests, as the port; fails where it is told to."""

    def __init__(self, of: Policy) -> None:
        self.policy = of

    async def inspect(self, envelope: Envelope, message: Message, facts: Facts) -> Inspection:
        """Measure here."""
        measured = policies.inspect(self.policy, envelope, message, facts)
        if b"X-Fail" not in message.raw:
            return measured
        return replace(measured, failures=(Failure(detector="worker", reason=FailureReason.DEADLINE),))


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqlJournal]:
    """An empty journal that can be read."""
    key = PrivateKey.generate()
    await migrations.migrate(URL, folder=tmp_path)
    opened = await open_journal(URL, key.public, key, folder=tmp_path)
    yield opened
    await opened.close()


async def passed(journal: SqlJournal, of: Policy, *mails: bytes) -> int:
    """Take mails through a pipeline under a policy; return how many there were with recipients."""
    count = 0
    pipeline = Pipeline(
        policy=of,
        inspector=InPlace(of),
        smarthost=ScriptedSmarthost(),
        custody=MemoryStore(),
        journal=journal,
        hostname="gw.corp.example",
        smarthost_name="mta.example",
        hop_limit=50,
    )
    for number, raw in enumerate(mails):
        content = raw if b"\r\n" in raw else raw.replace(b"\n", b"\r\n")
        found = filing.envelope(parse(content), MONDAY + timedelta(hours=number))
        if found is not None:
            count += 1
            await pipeline.process(replace(found, id=new_id()), content)
    await journal.flush()
    return count


def corpus() -> tuple[bytes, ...]:
    """Return every whole mail of the built-in packs' cases, and some that are odd."""
    files = sorted(packs.builtin().glob("*/cases/*.eml"))
    whole = [file.read_bytes() for file in files if not file.name.endswith(".expected.eml")]
    odd = (
        mail(*OUTSIDERS, fields="X-Fail: yes\n"),
        mail("bob@shop.example", fields="X-Fail: yes\n"),
        mail("bob@shop.example", fields="X-Many: x\n" * 1_100),
        mail(*OUTSIDERS, fields=f"X-Other: {OUTSIDERS[3]}\n"),  # the rewrite is incomplete
        mail(*OUTSIDERS, text=LICENCE),
    )
    return (*whole, *odd)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mode: observe\n",
        "set: {bulk-visible.mode: observe, payment.accounts: 2}\n",
        "set: {bulk-visible.action: review, reply-all.audience: 2}\n",
        (
            "packs: [bulk-visible]\nrules:\n- {id: low, when: {finding: 'identifier.*', confidence: low}, then: wait}\n"
            "- {id: high, when: {finding: 'identifier.*', confidence: high, count: 2}, then: refuse}\n"
        ),
    ],
    ids=["default", "observe", "partly", "stricter", "confidence"],
)
async def test_the_journal_under_the_same_policy_changes_nothing(journal: SqlJournal, text: str) -> None:
    """What was recorded of every mail of the corpus tells the same verdict again."""
    of = policy(text)
    count = await passed(journal, of, *corpus())
    difference, without = await comparison.of_journal(journal, None, of, then=of, limit=1000)
    assert difference.mails == count > 40
    assert [(one.before, one.after) for one in difference.changes] == []
    assert without == 0
    assert len([one for one in Disposition if difference.after[one]]) > (1 if "mode: observe" not in text else 0)


async def test_the_journal_under_another_policy_is_as_the_mails_are(journal: SqlJournal, tmp_path: Path) -> None:
    """Where `inside`, detection and memory stay the same, counts tell what the mails do, sealed ones aside."""
    packs_of_one_mail = f"packs: [{', '.join(sorted(set(pack.names(packs.builtin())) - LOOK_BACK))}]\n"
    before = policy(packs_of_one_mail)
    after = policy(
        f"{packs_of_one_mail}"
        "set: {identity-documents.action: refuse, bulk-visible.outsiders: 5, payment.cards: 2}\n"
        "teams: {all: [corp.example]}\n"
        "rules: [{id: team, when: {finding: 'recipients.outsiders', count: 2}, only: {team: all}, then: wait}]\n"
    )
    mails = tuple(raw for raw in corpus() if not any(word in raw.lower() for word in (*SEALED, ENVELOPE)))
    for number, raw in enumerate(mails):
        (tmp_path / f"{number:03}.eml").write_bytes(b"Received: by x; " + _date(number) + b"\n" + raw)
    await passed(journal, before, *mails)
    of_counts, _ = await comparison.of_journal(journal, before, after, then=before, limit=1000)
    of_mails, _ = await compared(tmp_path, before, after)
    failing = {one.at for one in of_counts.changes if "inspection-failed" in one.before.reasons}
    told = {one.at: (one.before.disposition, one.after.disposition) for one in of_counts.changes}
    expected = {one.at: (one.before.disposition, one.after.disposition) for one in of_mails.changes}
    assert len(expected) > 3
    assert {at: pair for at, pair in told.items() if at not in failing} == {
        at: pair for at, pair in expected.items() if at not in failing
    }


async def test_the_journal_does_not_replay_what_was_remembered(journal: SqlJournal) -> None:
    """A second attempt stays one though the other policy would have let the first pass; this is said."""
    await passed(journal, policy(), mail(*OUTSIDERS[:12]), mail(*OUTSIDERS[:4], number=1))
    milder = policy("set: {bulk-visible.outsiders: 20}\n")
    difference, _ = await comparison.of_journal(journal, None, milder, then=policy(), limit=10)
    assert [(one.before.disposition, one.after.disposition) for one in difference.changes] == [
        (Disposition.REWRITE, Disposition.FORWARD)
    ]
    assert difference.rules_after == {"second-strike": 1}
    assert any("is not replayed" in note for note in recorded.untold(0, policy(), milder))
    looks_at_one = policy("packs: [payment]\n")
    assert not any("is not replayed" in note for note in recorded.untold(0, looks_at_one, looks_at_one))


def _date(number: int) -> bytes:
    return f"{MONDAY + timedelta(hours=number):%a, %d %b %Y %H:%M:%S} +0000".encode()


async def test_confidence_is_replayed_as_it_was_measured(journal: SqlJournal) -> None:
    """A rule with another confidence counts what was found with it; entries that do not say it count as sure."""
    await passed(journal, policy("packs: []\n"), mail("bob@shop.example", text=LICENCE))
    (entry,) = [one async for one in journal.newest(1)]
    low, high = (
        policy(f"packs: []\nrules: [{{id: x, when: {{finding: identifier.X, confidence: {word}}}, then: review}}]\n")
        for word in ("low", "high")
    )
    measured = replace(entry, findings=(("identifier.X", 3),), measured=(("identifier.X", 2, 1, 0),))
    assert recorded.judged(low, measured, low).disposition is Disposition.HOLD
    assert recorded.judged(high, measured, low).disposition is Disposition.FORWARD
    assert recorded.judged(high, replace(measured, measured=()), low).disposition is Disposition.HOLD


async def test_what_the_journal_cannot_tell_is_said(journal: SqlJournal) -> None:
    """Other domains, other engines, entries of an older version, signatures."""
    before, after = (
        policy(),
        policy("partners: [p.example]\nactions: {hide: {do: rewrite, signed: hold}}\n", inside="x.example"),
    )
    told = " ".join(recorded.untold(3, before, after))
    assert "3 entries are from a version" in told
    assert "Other `inside`, `partners` would have changed" in told
    assert "Whether a rewrite has to wait" in told
    assert len(tuple(recorded.untold(0, policy("packs: [payment]\n"), policy("packs: [payment]\n")))) == 1


async def test_the_newest_entries_alone(journal: SqlJournal) -> None:
    """As many as are asked for, of the time that is asked for; the journal itself is as it was."""
    await passed(journal, policy(), *(mail("bob@shop.example", number=number) for number in range(6)))
    before = [one async for one in journal.newest(100)]
    stricter = policy("rules: [{id: x, when: {finding: recipients.outsiders}, then: review}]\n")
    difference, _ = await comparison.of_journal(
        journal, None, stricter, then=policy(), limit=4, since=MONDAY + timedelta(hours=3)
    )
    assert [change.name for change in difference.changes] == [one.id for one in before[3:]]
    assert [one async for one in journal.newest(100)] == before
