"""Blind recipients: who is one, and which fields betray him."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dlp_gateway.mail.blind import betrayed, blind
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.parse import parse

ENVELOPE = Envelope(
    id="0" * 18,
    reverse_path="ann@corp.example",
    recipients=("one@shop.example", "eve@home.example"),
    client="192.0.2.1",
    login="",
    body_8bit=True,
    smtputf8=False,
    received_at=datetime(2026, 11, 2, tzinfo=UTC),
)

INSIDE = ("corp.example",)


def mail(*fields: str) -> bytes:
    """Return a mail to one@shop.example with more fields."""
    return "\r\n".join(["From: Ann <ann@corp.example>", "To: One@shop.example", *fields, "", "body", ""]).encode()


@pytest.mark.parametrize(
    ("recipients", "fields", "expected"),
    [
        (("one@shop.example", "eve@home.example"), (), ("eve@home.example",)),
        (("one@shop.example", "EVE+x@home.example"), (), ("eve@home.example",)),
        (("eve@home.example",), (), ()),
        (("eve@home.example", "eve+lists@home.example"), (), ()),
        (("one@shop.example", "ann@corp.example"), (), ()),
        (("one@shop.example", "desk@corp.example"), ("Reply-To: desk@corp.example",), ()),
        (("one@shop.example", "boss@corp.example"), ("Sender: boss@corp.example",), ()),
        (("one@shop.example", "eve@home.example"), ("Cc: eve@home.example",), ()),
        (("one@shop.example", "eve@home.example"), ("Bcc: eve@home.example",), ("eve@home.example",)),
    ],
)
def test_knows_who_is_blind(recipients: tuple[str, ...], fields: tuple[str, ...], expected: tuple[str, ...]) -> None:
    """In the envelope, in no field of recipients or originators, and not alone with his copy."""
    assert blind(replace(ENVELOPE, recipients=recipients), parse(mail(*fields)), INSIDE) == expected


GUESTS = tuple(f"p{number}@firm{number % 3}.example" for number in range(10))


@pytest.mark.parametrize(
    ("field", "named"),
    [
        (f"Reply-To: {', '.join(GUESTS)}", 10),
        (f"Reply-To: all: {', '.join(GUESTS[:3])};", 3),
        (f"Reply-To: ann@corp.example, desk@corp.example, {', '.join(GUESTS[:3])}", 3),
        (f"Resent-Reply-To: {', '.join(GUESTS[:4])}", 4),
        (f"Reply-To: {', '.join(GUESTS[:2])}", 0),
        (f"Reply-To: {GUESTS[0]}", 0),
        ("Reply-To: list@lists.example", 0),
        ("Reply-To: desk@corp.example, boss@corp.example, ann@corp.example, sales@corp.example", 0),
        (f"Reply-To: desk@corp.example, boss@corp.example, {GUESTS[0]}", 0),
        ("Reply-To: a@agency.example, b@agency.example, c@agency.example", 0),
        (f"Reply-To: {', '.join(GUESTS)}\r\nCc: {', '.join(GUESTS)}", 0),
        (f"From: {', '.join(GUESTS)}\r\nReply-To: {', '.join(GUESTS)}", 0),
    ],
)
def test_readers_to_whom_answers_go(field: str, named: int) -> None:
    """One who answers sees them all; the author's desk, two helpers, and who gets no copy are where answers go."""
    inside = ("ann@corp.example", "desk@corp.example", "boss@corp.example", "sales@corp.example")
    envelope = replace(ENVELOPE, recipients=("one@shop.example", *GUESTS, *inside))
    found = betrayed(envelope, parse(mail(field)), INSIDE)
    assert len(found) == named


@pytest.mark.parametrize(
    "field",
    [
        "Received: from a by b for <eve@home.example>; Mon, 2 Nov 2026 09:30:00 +0000",
        "X-Envelope-To: <eve@home.example>",
        "X-Original-To: eve+news@home.example",
        "Delivered-To: Eve@Home.example",
        "Resent-Comments: to eve@home.example",
        "Thread-Topic: for eve@home.example",
        "List-Unsubscribe: <mailto:leave-eve=home.example@corp.example>",
        "X-Spamd-Result: default; FORGED_RECIPIENTS[m:one@shop.example,s:eve@home.example]",
        "X-Report: =?utf-8?q?eve=40home=2Eexample?=",
        "Mail-Followup-To: eve@home.example",
    ],
)
def test_every_field_can_betray(field: str) -> None:
    """Traces, fields of lists, of reports and of threads, whatever they are written in."""
    assert betrayed(ENVELOPE, parse(mail(field)), INSIDE) == {"eve@home.example": field.partition(":")[0]}


@pytest.mark.parametrize(
    "line", ["Bcc eve@home.example", "eve@home.example", ": eve@home.example", "X-Unicod\xe9: eve@home.example"]
)
def test_a_line_that_is_no_field_betrays_her(line: str) -> None:
    """A program that forgets a colon, or writes a letter that no name has, shows it to everybody all the same."""
    assert betrayed(ENVELOPE, parse(mail(line)), INSIDE) == {"eve@home.example": "other"}
    assert betrayed(ENVELOPE, parse(mail("Subject: x", line, "X-Mailer: y")), INSIDE) == {"eve@home.example": "other"}


@pytest.mark.parametrize(
    "field",
    [
        "Bcc: eve@home.example",
        "B\x00cc: eve@home.example",
        "X-Notes\r\nB cc: eve@home.example",
        "Subject: news of home.example",
        "X-Report: eve@home.example.org",
        "Received: from a by b for <one@shop.example>; Mon, 2 Nov 2026 09:30:00 +0000",
    ],
)
def test_what_betrays_nobody(field: str) -> None:
    """Bcc leaves no mail; another address is another address."""
    assert betrayed(ENVELOPE, parse(mail(field)), INSIDE) == {}


def test_a_copy_of_her_own_betrays_nobody() -> None:
    """A newsletter with her address in its fields shows her to herself."""
    alone = replace(ENVELOPE, recipients=("eve@home.example",))
    assert betrayed(alone, parse(mail("List-Unsubscribe: <mailto:leave-eve=home.example@corp.example>")), INSIDE) == {}


@pytest.mark.parametrize("recipients", [("one@shop.example", "bob@corp.example"), ("one@shop.example",)])
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (("X-Envelope-To: one@shop.example, eve@home.example",), {"eve@home.example": "X-Envelope-To"}),
        (("X-Original-To: eve@home.example",), {"eve@home.example": "X-Original-To"}),
        (("X-RCPT-TO: <Eve+news@home.example>",), {"eve@home.example": "X-RCPT-TO"}),
        (("X-Envelope-To: one@shop.example", "Delivered-To: team@corp.example"), {}),
        (("X-Envelope-To: eve@home.example", "Cc: eve@home.example"), {}),
        (("X-Envelope-To: eve@home.example", "Reply-To: eve@home.example"), {}),
        (("Received: from a by b for <eve@home.example>; Mon, 2 Nov 2026 09:30:00 +0000",), {}),
    ],
)
def test_who_gets_another_part(recipients: tuple[str, ...], fields: tuple[str, ...], expected: dict[str, str]) -> None:
    """A server that splits a long envelope leaves the traces of all recipients in every part."""
    part = replace(ENVELOPE, recipients=recipients)
    assert betrayed(part, parse(mail(*fields)), INSIDE) == expected


def test_the_way_of_an_outsiders_mail_is_his_own() -> None:
    """Traces of the hosts that it passed before it came here are nobody's parts."""
    raw = mail("Delivered-To: kim@far.example").replace(b"ann@corp.example", b"kim@home.example")
    assert betrayed(replace(ENVELOPE, recipients=("one@shop.example",)), parse(raw), INSIDE) == {}


@pytest.mark.parametrize("step", [0, 1], ids=["one of them", "each of them"])
def test_many_are_looked_for_in_each_line_at_once(step: int) -> None:
    """Hundreds of blind recipients, and as many lines that betray one, cost no product of both."""
    many = tuple(f"b{number}@home.example" for number in range(900))
    raw = mail(*(f"X-Sent-To: b{number * step}@home.example" for number in range(900)))
    assert len(betrayed(replace(ENVELOPE, recipients=many), parse(raw), INSIDE)) == (900 if step else 1)


def test_a_line_that_nobody_can_read_betrays_all() -> None:
    """What is too odd to be read to its end may name anybody."""
    both = ("eve@home.example", "kim@home.example")
    raw = mail("X-Sent-To: " + "<" * 40_000 + "eve@home.example")
    assert set(betrayed(replace(ENVELOPE, recipients=both), parse(raw), INSIDE)) <= set(both)
