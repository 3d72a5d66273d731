"""DSNs about a mail that is handed over at once: who is refused, and who is taken by a smarthost that sends none."""

import asyncio
import email
import email.policy
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dlp_gateway import forwarding
from dlp_gateway.deposits import Transport
from dlp_gateway.forwarding import NOT_BEFORE_THE_REPLY, Forwarder, Outgoing
from dlp_gateway.mail.edit import AddTrace, RemoveBcc, edited
from dlp_gateway.mail.envelope import NOTHING_ASKED, DsnRequest, Envelope, Notify, RecipientRequest, Ret
from dlp_gateway.mail.parse import parse
from quarantine.memory import MemoryStore
from quarantine.model import Deposit, Query, State
from quarantine.store import Also, StoreError
from tests.fakes import LATER, NEVER, ScriptedSmarthost

MAIL = b"From: ann@corp.example\r\nTo: a@x.example\r\nBcc: b@x.example\r\nSubject: Hello\r\n\r\nHi\r\n"
EDITS = (AddTrace(field=b"Received: by gw.corp.example;\r\n\tSat, 21 Nov 2026 22:08:57 +0000\r\n"), RemoveBcc())
SUCCESS = RecipientRequest(notify=Notify.SUCCESS)


def outgoing(
    *recipients: str, dsn: DsnRequest = NOTHING_ASKED, reverse_path: str = "ann@corp.example", returnable: bool = True
) -> Outgoing:
    """Return a mail that may leave."""
    envelope = Envelope(
        id="0000000000000000a1",
        reverse_path=reverse_path,
        recipients=recipients,
        client="127.0.0.1",
        login="",
        body_8bit=False,
        smtputf8=False,
        received_at=datetime(2026, 11, 2, 9, 30, tzinfo=UTC),
        dsn=dsn,
    )
    content = edited(MAIL, EDITS)
    return Outgoing(envelope=envelope, message=parse(MAIL), edits=EDITS, content=content, returnable=returnable)


def forwarder(smarthost: ScriptedSmarthost, custody: MemoryStore) -> Forwarder:
    """Return a forwarder over these."""
    return Forwarder(smarthost, custody, hostname="gw.corp.example", smarthost_name="mta.example")


async def reports(custody: MemoryStore) -> list[bytes]:
    """Return the DSNs in custody."""
    return [await custody.content(item.id) for item in await custody.items(Query(reason="dsn"))]


def asked(**wishes: Notify) -> DsnRequest:
    """Return what was asked for a@x.example and the like."""
    return DsnRequest(recipients={f"{name}@x.example": RecipientRequest(notify=wish) for name, wish in wishes.items()})


async def test_the_request_reaches_the_smarthost() -> None:
    """As it came; and a deferred recipient takes his part of it into custody."""
    smarthost, custody = ScriptedSmarthost(rcpt={"b@x.example": LATER}, notifies=True), MemoryStore()
    request = replace(asked(a=Notify.SUCCESS, b=Notify.DELAY), ret=Ret.FULL, envelope_id="x")
    await forwarder(smarthost, custody).forward(outgoing("a@x.example", "b@x.example", dsn=request))
    assert smarthost.asked == [request]
    (item,) = await custody.items(Query())
    (copy,) = await custody.copies(item.id)
    transport = Transport.from_json(copy.options)
    assert (transport.dsn, transport.returnable) == (request.only(("b@x.example",)), True)


async def test_success_is_told_where_the_smarthost_does_not() -> None:
    """For whom it was asked, once the smarthost has said 250, each for himself (RFC 3461 5.2.2)."""
    smarthost, custody = ScriptedSmarthost(rcpt={"d@x.example": NEVER}), MemoryStore()
    request = asked(a=Notify.SUCCESS, b=Notify.NEVER, d=Notify.FAILURE | Notify.SUCCESS)
    people = [f"{name}@x.example" for name in "abcd"]
    await forwarder(smarthost, custody).forward(outgoing(*people, dsn=request))
    failed, relayed = sorted(await reports(custody), key=lambda report: b"Action: relayed" in report)
    assert [person.encode() in relayed for person in people] == [True, False, False, False]
    assert b"Action: failed" in failed
    assert [person.encode() in failed.partition(b"text/rfc822-headers")[0] for person in people] == [False] * 3 + [True]


@pytest.mark.parametrize(
    ("smarthost", "reverse_path"),
    [
        (ScriptedSmarthost(notifies=True), "ann@corp.example"),
        (ScriptedSmarthost(), ""),
        (ScriptedSmarthost(final=LATER), "ann@corp.example"),
        (ScriptedSmarthost(final=NEVER), "ann@corp.example"),
        (ScriptedSmarthost(final=None), "ann@corp.example"),
        (ScriptedSmarthost(rcpt={"a@x.example": NEVER}), "ann@corp.example"),
    ],
)
async def test_success_that_is_not_ours_to_tell(smarthost: ScriptedSmarthost, reverse_path: str) -> None:
    """The smarthost tells it, nobody can be told, or there was none: then the client has the mail still."""
    custody = MemoryStore()
    mail = outgoing("a@x.example", dsn=asked(a=Notify.SUCCESS), reverse_path=reverse_path)
    await forwarder(smarthost, custody).forward(mail)
    assert await custody.items(Query()) == ()


class Full(MemoryStore):
    """A custody that takes nothing."""

    async def take(self, deposits: tuple[Deposit, ...], also: Also | None = None) -> None:
        """Fail."""
        raise StoreError("no space left on device")


async def test_a_success_that_cannot_be_told_is_a_success() -> None:
    """(a) The smarthost has the mail: its 250 stands though custody takes no notification."""
    smarthost = ScriptedSmarthost()
    delivery = await forwarder(smarthost, Full()).forward(outgoing("a@x.example", dsn=asked(a=Notify.SUCCESS)))
    assert [reply.code for _, reply in delivery.replies] == [250]


@pytest.mark.parametrize(
    ("notify", "expected"),
    [
        (Notify.NEVER, 0),
        (Notify.SUCCESS, 0),
        (Notify.DELAY, 0),
        (Notify.FAILURE, 1),
        (Notify.FAILURE | Notify.DELAY, 1),
    ],
)
async def test_a_refusal_is_told_where_it_was_asked_for(notify: Notify, expected: int) -> None:
    """NOTIFY without FAILURE: the author does not want to hear of it."""
    smarthost, custody = ScriptedSmarthost(rcpt={"b@x.example": NEVER}, notifies=True), MemoryStore()
    await forwarder(smarthost, custody).forward(outgoing("a@x.example", "b@x.example", dsn=asked(b=notify)))
    assert len(await reports(custody)) == expected


@pytest.mark.parametrize(
    ("ret", "returnable", "expected"),
    [
        (Ret.FULL, True, "message/rfc822"),
        (Ret.FULL, False, "text/rfc822-headers"),
        (Ret.HDRS, True, "text/rfc822-headers"),
    ],
)
async def test_what_comes_back(ret: Ret, returnable: bool, expected: str) -> None:  # noqa: FBT001  a parameter
    """What left, never what did not: no Bcc field, and to an outsider not even the subject."""
    smarthost, custody = ScriptedSmarthost(rcpt={"b@x.example": NEVER}), MemoryStore()
    mail = outgoing("a@x.example", "b@x.example", dsn=DsnRequest(ret=ret), returnable=returnable)
    await forwarder(smarthost, custody).forward(mail)
    (report,) = await reports(custody)
    returned = list(email.message_from_bytes(report, policy=email.policy.default).iter_parts())[2]
    assert returned.get_content_type() == expected
    assert (b"\r\nHi\r\n" in report) is (expected == "message/rfc822")
    assert (b"\r\nFrom: ann@corp.example\r\n" in report) is returnable
    assert b"Bcc" not in report


class Locked(MemoryStore):
    """A custody that takes deposits, and is locked whenever one is to be taken back."""

    locked = True

    async def discard(
        self, item: str, *, actor: str, reason: str, now: datetime, recipients: tuple[str, ...] = ()
    ) -> int:
        """Fail, or discard."""
        if self.locked:
            raise StoreError("database is locked")
        return await super().discard(item, actor=actor, reason=reason, now=now, recipients=recipients)


async def refused(custody: MemoryStore) -> Forwarder:
    """Return who has told the client that nobody has its mail, and could not take back a deposit and a DSN."""
    ours = forwarder(ScriptedSmarthost(rcpt={"b@x.example": LATER, "d@x.example": NEVER}, final=NEVER), custody)
    delivery = await ours.forward(outgoing("a@x.example", "b@x.example", "d@x.example"))
    assert not any(reply.positive for _, reply in delivery.replies)
    return ours


def logged(log_lines: io.StringIO) -> list[tuple[str, str, str]]:
    """Return level, event and id of what was logged."""
    lines = [json.loads(line) for line in log_lines.getvalue().splitlines()]
    return [(line["level"], line["event"], line.get("id", "")) for line in lines]


async def test_what_is_to_be_taken_back_is_taken_back_at_the_end() -> None:
    """The receiver ends before the next attempt: it makes that attempt now."""
    custody = Locked()
    ours = await refused(custody)
    custody.locked = False
    await ours.close()
    assert [item.state for item in await custody.items(Query())] == [State.DISCARDED, State.DISCARDED]


async def test_what_cannot_be_taken_back_at_the_end_is_told(log_lines: io.StringIO) -> None:
    """It will leave, though the client was told that nobody has the mail: an error says which mail it is."""
    custody = Locked()
    await (await refused(custody)).close()
    assert logged(log_lines)[-1] == ("error", "not_taken_back", "0000000000000000a1")


async def test_the_end_does_not_wait_for_custody(monkeypatch: pytest.MonkeyPatch, log_lines: io.StringIO) -> None:
    """A database that does not answer at all is left after a while, and that is told."""

    class Silent(Locked):
        silent = False

        async def discard(self, *arguments: Any, **named: Any) -> int:  # noqa: ANN401
            if self.silent:
                await asyncio.Event().wait()
            return await super().discard(*arguments, **named)

    monkeypatch.setattr(forwarding, "_LAST_ATTEMPT", timedelta(milliseconds=20))
    custody = Silent()
    ours = await refused(custody)
    custody.silent = True
    await ours.close()
    assert logged(log_lines)[-1] == ("error", "not_taken_back", "0000000000000000a1")


async def test_what_cannot_be_taken_back_in_time_is_told(
    monkeypatch: pytest.MonkeyPatch, log_lines: io.StringIO
) -> None:
    """Custody stays locked until the deposit leaves."""
    monkeypatch.setattr(forwarding, "_AGAIN", timedelta(milliseconds=5))
    monkeypatch.setattr(forwarding, "NOT_BEFORE_THE_REPLY", timedelta(milliseconds=50))
    ours = await refused(Locked())
    async with asyncio.timeout(5):
        while ours._unfinished:  # noqa: ASYNC110  a task sets no event
            await asyncio.sleep(0.01)
    assert logged(log_lines)[-1] == ("error", "not_taken_back", "0000000000000000a1")


async def test_what_left_before_it_could_be_taken_back_is_told(log_lines: io.StringIO) -> None:
    """Custody was locked for so long that delivery had it first."""
    custody = Locked()
    ours = await refused(custody)
    now = datetime.now(UTC) + NOT_BEFORE_THE_REPLY
    await custody.claim(owner="test", now=now, lease=timedelta(hours=1), limit=10)
    custody.locked = False
    await ours.close()
    assert logged(log_lines)[-1] == ("error", "not_taken_back", "0000000000000000a1")


async def test_a_dsn_alone_is_no_deferral(log_lines: io.StringIO) -> None:
    """Nobody was deferred, one was refused: the log tells of no recipient in custody."""
    smarthost, custody = ScriptedSmarthost(rcpt={"b@x.example": NEVER}), MemoryStore()
    await forwarder(smarthost, custody).forward(outgoing("a@x.example", "b@x.example"))
    assert len(await reports(custody)) == 1
    assert [event for _, event, _ in logged(log_lines)] == []
