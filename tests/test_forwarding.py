"""DSNs about a mail that is handed over at once: who is refused, and who is taken by a smarthost that sends none."""

import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dlp_gateway.deposits import Transport
from dlp_gateway.forwarding import Forwarder, Outgoing
from dlp_gateway.mail.edit import AddTrace, RemoveBcc, apply
from dlp_gateway.mail.envelope import NOTHING_ASKED, DsnRequest, Envelope, Notify, RecipientRequest, Ret
from dlp_gateway.mail.parse import parse
from quarantine.memory import MemoryStore
from quarantine.model import Deposit, Query
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
    content = apply(MAIL, EDITS)
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
