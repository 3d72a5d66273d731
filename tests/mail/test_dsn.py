"""Delivery status notifications, read back with the standard library; one of each action lies in tests/eml."""

import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from dlp_gateway.mail.dsn import Action, Explanation, Original, Report, compose, status
from dlp_gateway.mail.envelope import Ret
from dlp_gateway.mail.parse import parse
from dlp_gateway.mail.reply import Reply

HEADER = b"From: alice@corp.example\r\nTo: bob@example.org,\r\n carol@example.net\r\nSubject: x\r\n"
MOMENT = datetime(2026, 11, 21, 22, 8, 57, tzinfo=UTC)
ORIGINAL = Original(
    content=HEADER + b"\r\nSECRET body\r\n",
    reverse_path="alice@corp.example",
    arrived_at=MOMENT - timedelta(hours=5),
    envelope_id="QQ+2B314159",
)
NO_USER = Report(
    recipient="bob@example.org",
    action=Action.FAILED,
    status="5.1.1",
    original_recipient="rfc822;robert+40example.org",
    remote="mx.corp.example",
    reply=Reply(code=550, enhanced="5.1.1", text="no such user"),
    attempted_at=MOMENT,
)
FULL = Report(
    recipient="carol@example.net",
    action=Action.FAILED,
    status="5.0.0",
    remote="mx.corp.example",
    reply=Reply(code=552, enhanced="", text="full\r\nX-Evil: \x1b[31m über"),
    attempted_at=MOMENT,
)
DELAYED = replace(
    NO_USER,
    action=Action.DELAYED,
    status="4.2.2",
    reply=Reply(code=452, enhanced="4.2.2", text="mailbox full"),
    retried_until=MOMENT + timedelta(days=4),
)
RELAYED = replace(NO_USER, action=Action.RELAYED, status="2.0.0", reply=Reply(code=250, enhanced="2.0.0", text="ok"))
EXPIRED = Report(recipient="bob@example.org", action=Action.FAILED, status="5.7.1")
INTERNATIONAL = replace(NO_USER, recipient="jürgen@bücher.example", original_recipient="utf-8;j\\x{FC}rgen+40b.example")


def written(*reports: Report, original: Original = ORIGINAL, explanation: Explanation | None = None) -> bytes:
    """Compose a notification."""
    return compose(
        original,
        reports,
        hostname="gateway.corp.example",
        postmaster="postmaster@corp.example",
        moment=MOMENT,
        message_id="0123@gateway.corp.example",
        explanation=explanation,
    )


def read(raw: bytes) -> EmailMessage:
    """Read with the standard library, which must find nothing wrong."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert [defect for part in message.walk() for defect in part.defects] == []
    return message


def groups(raw: bytes) -> list[dict[str, str]]:
    """Return the fields for the message and those for each recipient."""
    part = read(raw).get_payload(1)
    assert isinstance(part, EmailMessage)
    found = part.get_payload()
    assert isinstance(found, list)
    return [dict(group.items()) for group in found if isinstance(group, EmailMessage)]


@pytest.mark.parametrize(
    ("name", "reports"),
    [
        ("failed", (NO_USER, FULL)),
        ("delayed", (DELAYED,)),
        ("relayed", (RELAYED,)),
        ("expanded", (replace(RELAYED, action=Action.EXPANDED),)),
        ("delivered", (replace(RELAYED, action=Action.DELIVERED),)),
        ("mixed", (RELAYED, FULL)),
        ("expired", (EXPIRED,)),
        ("international", (INTERNATIONAL,)),
    ],
)
def test_every_octet(name: str, reports: tuple[Report, ...]) -> None:
    """One of each action, as it lies in tests/eml: what is changed here is seen there."""
    expected = (Path(__file__).parents[1] / "eml" / f"dsn-{name}.eml").read_bytes()
    assert expected == written(*reports)
    read(expected)


def test_header() -> None:
    """It goes to the author, says that no one answered, and is a report."""
    message = read(written(NO_USER))
    assert message["To"] == "alice@corp.example"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["Date"] == "Sat, 21 Nov 2026 22:08:57 +0000"
    assert message["Message-ID"] == "<0123@gateway.corp.example>"
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"


def test_status_of_each_recipient() -> None:
    """One group of fields for the message and one for each recipient (RFC 3464), what was xtext decoded."""
    assert groups(written(NO_USER, FULL)) == [
        {
            "Original-Envelope-Id": "QQ+314159",
            "Reporting-MTA": "dns; gateway.corp.example",
            "Arrival-Date": "Sat, 21 Nov 2026 17:08:57 +0000",
        },
        {
            "Original-Recipient": "rfc822;robert@example.org",
            "Final-Recipient": "rfc822; bob@example.org",
            "Action": "failed",
            "Status": "5.1.1",
            "Remote-MTA": "dns; mx.corp.example",
            "Diagnostic-Code": "smtp; 550 5.1.1 no such user",
            "Last-Attempt-Date": "Sat, 21 Nov 2026 22:08:57 +0000",
        },
        {
            "Final-Recipient": "rfc822; carol@example.net",
            "Action": "failed",
            "Status": "5.0.0",
            "Remote-MTA": "dns; mx.corp.example",
            "Diagnostic-Code": "smtp; 552 full??X-Evil: ?[31m ?ber",
            "Last-Attempt-Date": "Sat, 21 Nov 2026 22:08:57 +0000",
        },
    ]


def test_only_a_delay_says_until_when() -> None:
    """Will-Retry-Until belongs to what is tried again (RFC 3464 2.3.9)."""
    assert groups(written(DELAYED))[1]["Will-Retry-Until"] == "Wed, 25 Nov 2026 22:08:57 +0000"
    assert "Will-Retry-Until" not in groups(written(replace(DELAYED, action=Action.FAILED)))[1]


def test_what_no_other_server_said_names_none() -> None:
    """Nobody was asked: no Remote-MTA, no Diagnostic-Code, no Last-Attempt-Date."""
    assert list(groups(written(EXPIRED))[1]) == ["Final-Recipient", "Action", "Status"]


@pytest.mark.parametrize(
    ("ret", "action", "body", "expected"),
    [
        (None, Action.FAILED, b"short", "text/rfc822-headers"),
        (Ret.HDRS, Action.FAILED, b"short", "text/rfc822-headers"),
        (Ret.FULL, Action.FAILED, b"short", "message/rfc822"),
        (Ret.FULL, Action.FAILED, "tschüß".encode(), "message/rfc822"),
        (Ret.FULL, Action.FAILED, b"long " * 10_000, "text/rfc822-headers"),
        (Ret.FULL, Action.DELAYED, b"short", "text/rfc822-headers"),
        (Ret.FULL, Action.RELAYED, b"short", "text/rfc822-headers"),
    ],
)
def test_how_much_comes_back(ret: Ret | None, action: Action, body: bytes, expected: str) -> None:
    """All of it where RET=FULL asked, for a failure, and where it is not too long; else the header section."""
    content = HEADER + b"\r\n" + body + b"\r\n"
    original = replace(ORIGINAL, content=content, ret=ret)
    raw = written(replace(NO_USER, action=action), original=original)
    assert [part.get_content_type() for part in read(raw).iter_parts()][2] == expected
    assert (content in raw) is (expected == "message/rfc822")
    assert (body in raw) is (expected == "message/rfc822")


@pytest.mark.parametrize("ret", [None, Ret.FULL, Ret.HDRS])
@pytest.mark.parametrize("action", list(Action))
def test_to_an_outsider_comes_back_what_he_knows_the_mail_by(ret: Ret | None, action: Action) -> None:
    """No rule let the subject, or any field of it, go to who reads the reverse-path: a date and an id, both short."""
    known = b"Date: Fri, 20 Nov 2026 08:00:00 +0000\r\nMessage-ID:\r\n <1@corp.example>\r\n"
    more = b"Date: SECRET\r\nmessage-id: <SECRET@corp.example>\r\nX-Data: SECRET\r\n"
    content = HEADER.replace(b"Subject: x", b"Subject: SECRET") + known + more + b"\r\nSECRET body\r\n"
    original = replace(ORIGINAL, content=content, ret=ret, returnable=False)
    raw = written(replace(NO_USER, action=action), original=original)
    assert known in raw
    assert b"SECRET" not in raw
    long = b"Message-ID: <" + b"SECRET" * 100 + b"@corp.example>\r\n\r\n"
    assert b"SECRET" not in written(NO_USER, original=replace(original, content=long))


@pytest.mark.parametrize("ret", [Ret.FULL, Ret.HDRS])
def test_blind_copies_do_not_come_back(ret: Ret) -> None:
    """Who reads the reverse-path need not be who wrote the mail."""
    content = b"bcc: dave@example.com\r\n" + HEADER + b"Resent-Bcc:\r\n erin@example.com\r\n\r\nbody\r\n"
    raw = written(NO_USER, original=replace(ORIGINAL, content=content, ret=ret))
    assert b"dave" not in raw
    assert b"erin" not in raw


def test_returns_whole_fields_of_a_long_header() -> None:
    """An endless header section is cut between fields."""
    original = replace(ORIGINAL, content=b"X-Long: 123456789\r\n" * 10_000 + b"\r\n")
    parts = parse(written(NO_USER, original=original)).parts
    assert 63_000 < len(parts[2].content) <= 64_000
    assert parts[2].content.endswith(b"X-Long: 123456789\r\n")


def test_names_only_who_is_concerned() -> None:
    """The notification's own parts name no other recipient."""
    explanation, fields, _ = parse(written(NO_USER)).parts
    assert b"bob@example.org" in explanation.content
    assert b"carol" not in explanation.content + fields.content


def test_is_ascii_where_it_can_be() -> None:
    """Only an address beyond ASCII makes the notification so; other text is encoded."""
    odd = replace(ORIGINAL, content="Subject: tschüß\r\n\r\n".encode())
    explanation = Explanation(subject="Ärger", text="Ging nicht.\nSchöne Grüße", sender="Schutz für alle")
    raw = written(NO_USER, FULL, original=odd, explanation=explanation)
    assert raw.isascii()
    message = read(raw)
    assert message["Subject"] == "Ärger"
    assert message["From"].addresses[0].display_name == "Schutz für alle"
    text, _, returned = message.iter_parts()
    assert text.get_content() == "Ging nicht.\r\nSchöne Grüße\r\n"
    assert returned.get_payload(decode=True) == "Subject: tschüß\r\n".encode()


def test_addresses_beyond_ascii() -> None:
    """They make it a report of RFC 6533, and it says that it is 8-bit."""
    original = replace(ORIGINAL, content="Subject: tschüß\r\n\r\n".encode())
    raw = written(INTERNATIONAL, original=original)
    message = parse(raw)
    assert [part.media_type for part in message.parts[1:]] == [
        "message/global-delivery-status",
        "message/global-headers",
    ]
    assert "Original-Recipient: utf-8;jürgen@b.example".encode() in message.parts[1].content
    assert "Final-Recipient: utf-8; jürgen@bücher.example".encode() in message.parts[1].content
    assert message.named("Content-Transfer-Encoding")[0].body == b"8bit"
    whole = written(INTERNATIONAL, original=replace(original, ret=Ret.FULL))
    assert b"Content-Type: message/global\r\n" in whole


@pytest.mark.parametrize("code", ["5.6.3", "5.6.7"])
def test_a_next_hop_that_is_ascii_only_can_carry_it(code: str) -> None:
    """Else the author would never hear why: addresses in the form of RFC 6533 3, no 8-bit body."""
    original = replace(ORIGINAL, content="Subject: tschüß\r\n\r\ntschüß\r\n".encode(), ret=Ret.FULL)
    raw = written(replace(INTERNATIONAL, status=code), original=original)
    assert raw.isascii()
    assert groups(raw)[1]["Final-Recipient"] == "utf-8; j\\x{FC}rgen@b\\x{FC}cher.example"
    assert groups(raw)[1]["Original-Recipient"] == "utf-8;j\\x{FC}rgen@b.example"


def test_an_address_is_no_host_name() -> None:
    """A smarthost that is named by its IP address (RFC 3464 2.1.2)."""
    assert groups(written(replace(NO_USER, remote="192.0.2.1")))[1]["Remote-MTA"] == "dns; [192.0.2.1]"
    assert groups(written(replace(NO_USER, remote="2001:DB8::1")))[1]["Remote-MTA"] == "dns; [2001:db8::1]"


@pytest.mark.parametrize("ret", [Ret.FULL, Ret.HDRS])
def test_the_original_cannot_end_its_part(ret: Ret) -> None:
    """A mail that holds the boundary does not break the report."""
    boundary = parse(written(NO_USER)).named("Content-Type")[0].body.partition(b'"')[2].rstrip(b'"')
    content = b"X: y\r\n--" + boundary + b"\r\nZ: z\r\n\r\n--" + boundary + b"--\r\n--" + boundary + b"1\r\n"
    raw = written(NO_USER, original=replace(ORIGINAL, content=content, ret=ret))
    assert len(list(email.message_from_bytes(raw, policy=email.policy.default).iter_parts())) == 3


@pytest.mark.parametrize("reverse_path", ["", "<>", "alice@corp.example\r\nBcc: x@example.org", "alice"])
def test_tells_nobody_who_is_not_there(reverse_path: str) -> None:
    """No notification to the null reverse-path or to what is no address."""
    with pytest.raises(ValueError, match="dsn"):
        written(NO_USER, original=replace(ORIGINAL, reverse_path=reverse_path))


def test_tells_nothing_if_nothing_happened() -> None:
    """Without a report there is no notification."""
    with pytest.raises(ValueError, match="dsn"):
        written()


@pytest.mark.parametrize("change", [{"remote": "mx\r\nX: y"}, {"status": "3.1.1"}, {"status": "5.1.1\r\n"}])
def test_fields_cannot_be_broken(change: dict[str, str]) -> None:
    """What would end a field ends the attempt."""
    with pytest.raises(ValueError, match="dsn"):
        written(replace(NO_USER, **change))  # type: ignore[arg-type]


@pytest.mark.parametrize("odd", ["+", "a+0Db", "+C3+BC", "a=b", "\r\nX: y", "é"])
def test_parameters_that_are_no_xtext_are_left_out(odd: str) -> None:
    """The door lets none in; what custody gives back is looked at once more."""
    raw = written(replace(NO_USER, original_recipient=f"rfc822;{odd}"), original=replace(ORIGINAL, envelope_id=odd))
    assert b"Original-" not in raw


@pytest.mark.parametrize(
    ("code", "enhanced", "expected"),
    [(550, "5.1.1", "5.1.1"), (550, "", "5.0.0"), (451, "4.4.1", "4.4.1"), (250, "", "2.0.0"), (550, "4.1.1", "5.0.0")],
)
def test_the_status_of_a_reply(code: int, enhanced: str, expected: str) -> None:
    """The peer's own code, or the general one of its class (RFC 3463 3.1)."""
    assert expected == status(Reply(code=code, enhanced=enhanced, text=""))
