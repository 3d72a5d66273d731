"""Whom the smarthost defers or refuses while it takes others, and mail that none of its hosts can take."""

import asyncio
from datetime import datetime, timedelta

import pytest

from dlp_gateway import deposits
from dlp_gateway.deposits import Transport
from dlp_gateway.mail.envelope import DsnRequest, Ret
from dlp_gateway.pipeline import Pipeline
from dlp_gateway.ports import Deferred, Forwarded, InCustody, Rejected, Why
from quarantine.memory import MemoryStore
from quarantine.model import Deposit, Query, State
from quarantine.store import Also, StoreError
from tests.fakes import LATER, NEVER, UNREACHABLE, MemoryJournal, ScriptedSmarthost
from tests.pipeline.line import CLEAN, InPlace, envelope, made
from tests.waiting import PATIENCE


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


async def test_the_250_stands_if_custody_fails_after_it(smarthost: ScriptedSmarthost, journal: MemoryJournal) -> None:
    """Some have the mail: the client must not send it again because a deposit could not be brought forward."""

    class Stuck(MemoryStore):
        async def reschedule(self, item: str, *, due_at: datetime) -> int:
            raise StoreError("locked")

    smarthost.rcpt = {"b@x.example": LATER}
    pipeline = made(smarthost, Stuck(), journal, InPlace())
    assert isinstance(await pipeline.process(envelope("a@x.example", "b@x.example"), CLEAN), Forwarded)
