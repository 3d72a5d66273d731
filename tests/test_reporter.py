"""Which DSNs an author gets: those he asked for, to him alone, and none in answer to one."""

from datetime import UTC, datetime, timedelta

import pytest

from dlp_gateway.deposits import Transport
from dlp_gateway.mail.dsn import Action, Original
from dlp_gateway.mail.envelope import DsnRequest, Notify, RecipientRequest, Ret
from dlp_gateway.mail.reply import Reply
from dlp_gateway.reporter import Outcome, Reporter
from quarantine.model import Deposit, State
from tests.fakes import LATER, NEVER, TAKEN

NOW = datetime(2026, 11, 21, 22, 8, 57, tzinfo=UTC)
ACTIONS = {Action.FAILED: NEVER, Action.DELAYED: LATER, Action.RELAYED: TAKEN}
ANN = "ann@corp.example"


def reported(
    *outcomes: Outcome,
    asked: dict[str, RecipientRequest] | None = None,
    reverse_path: str = ANN,
    content: bytes = b"Subject: Hello\r\n\r\nHi\r\n",
    ret: Ret | None = None,
) -> tuple[Deposit, ...]:
    """Return the DSNs about some outcomes."""
    original = Original(content=content, reverse_path=reverse_path, arrived_at=NOW, envelope_id="e+2B1", ret=ret)
    request = DsnRequest(ret=ret, envelope_id="e+2B1", recipients=asked or {})
    return Reporter(hostname="gw.corp.example", smarthost="mta.example").deposits(
        "0000000000000000a1", original, request, outcomes, now=NOW, due_at=NOW
    )


def all_actions() -> list[Outcome]:
    """Return one recipient for each action, called as it is."""
    return [Outcome(recipient=f"{action}@x.example", action=action, reply=reply) for action, reply in ACTIONS.items()]


@pytest.mark.parametrize(
    ("notify", "expected"),
    [
        (None, {Action.FAILED, Action.DELAYED}),
        (Notify.NEVER, set()),
        (Notify.SUCCESS, {Action.RELAYED}),
        (Notify.FAILURE, {Action.FAILED}),
        (Notify.DELAY, {Action.DELAYED}),
        (Notify.SUCCESS | Notify.FAILURE | Notify.DELAY, set(ACTIONS)),
    ],
)
def test_what_was_asked_for_is_told(notify: Notify | None, expected: set[Action]) -> None:
    """Each recipient as was asked for him, a notification for each action (RFC 3461 5.2.2 to 5.2.6)."""
    asked = {f"{action}@x.example": RecipientRequest(notify=notify) for action in ACTIONS}
    found = reported(*all_actions(), asked=asked)
    told = {action for action in ACTIONS for one in found if f"\nAction: {action}\r\n".encode() in one.content}
    assert (told, len(found)) == (expected, len(expected))


def test_recipients_are_told_apart() -> None:
    """One notification names those whom it is about, and nobody for whom none was asked."""
    outcomes = [Outcome(recipient=f"{name}@x.example", action=Action.FAILED, reply=NEVER) for name in ("a", "b", "c")]
    (report,) = reported(*outcomes, asked={"b@x.example": RecipientRequest(notify=Notify.NEVER)})
    assert [f"{name}@x.example".encode() in report.content for name in ("a", "b", "c")] == [True, False, True]


def test_where_it_goes() -> None:
    """To the reverse-path, from the null reverse-path, and nobody is told what became of it (RFC 3461 6.1)."""
    (report,) = reported(all_actions()[0])
    (copy,) = report.copies
    assert (report.reverse_path, copy.reverse_path, copy.recipients, copy.state) == ("", "", (ANN,), State.DUE)
    assert report.subject == "Undelivered mail returned to its author"
    transport = Transport.from_json(copy.options)
    assert transport.dsn == DsnRequest(recipients={ANN: RecipientRequest(notify=Notify.NEVER)})


@pytest.mark.parametrize(
    "content",
    [
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b--\r\n",
        b"From: x\r\ncontent-type:\r\n Multipart/Report (a DSN);\r\n\tboundary=b\r\n\r\n--b--\r\n",
    ],
)
def test_none_in_answer_to_a_report(content: bytes) -> None:
    """Whatever reverse-path it came with."""
    assert reported(*all_actions(), content=content) == ()


@pytest.mark.parametrize("reverse_path", ["", "nobody", "ann@corp.example\r\nBcc: x@x.example"])
def test_none_where_nobody_can_be_told(reverse_path: str) -> None:
    """The null reverse-path, and what is no address."""
    assert reported(*all_actions(), reverse_path=reverse_path) == ()


@pytest.mark.parametrize(
    ("reply", "expected"),
    [(NEVER, b"5.1.1"), (LATER, b"4.4.7"), (Reply(code=554, enhanced="", text="no"), b"5.0.0")],
)
def test_the_status_of_a_failure(reply: Reply, expected: bytes) -> None:
    """The smarthost's own, or that the time is over for who was only deferred (RFC 3463)."""
    (report,) = reported(Outcome(recipient="a@x.example", action=Action.FAILED, reply=reply))
    assert b"\nStatus: " + expected + b"\r\n" in report.content


def test_the_fields_of_a_delay() -> None:
    """What the smarthost said, until when it is tried, and what the author called his mail and his recipient."""
    busy = Reply(code=450, enhanced="4.2.1", text="busy", remote=True)
    until = NOW + timedelta(days=5)
    (report,) = reported(
        Outcome(recipient="a@x.example", action=Action.DELAYED, reply=busy, retried_until=until),
        asked={"a@x.example": RecipientRequest(original="rfc822;A+2Btag@x.example", notify=Notify.DELAY)},
    )
    for field in (
        b"Original-Envelope-Id: e+1",
        b"Original-Recipient: rfc822;A+tag@x.example",
        b"Final-Recipient: rfc822; a@x.example",
        b"Status: 4.2.1",
        b"Remote-MTA: dns; mta.example",
        b"Diagnostic-Code: smtp; 450 4.2.1 busy",
        b"Will-Retry-Until: Thu, 26 Nov 2026 22:08:57 +0000",
    ):
        assert b"\r\n" + field + b"\r\n" in report.content


def test_what_we_say_ourselves_is_not_the_smarthosts() -> None:
    """No Remote-MTA where it could not even be reached (RFC 3464 2.3.5)."""
    (report,) = reported(Outcome(recipient="a@x.example", action=Action.FAILED, reply=LATER))
    assert b"Remote-MTA" not in report.content
    assert b"Diagnostic-Code" not in report.content
    assert b"450 4.2.0 greylisted" in report.content
