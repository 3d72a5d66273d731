"""Delivery status notifications, read back with the standard library."""

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from dlp_gateway.mail.dsn import Failed, failed
from dlp_gateway.mail.parse import parse
from dlp_gateway.mail.reply import Reply

ORIGINAL = (
    b"From: alice@corp.example\r\nTo: bob@example.org,\r\n carol@example.net\r\nSubject: x\r\n\r\nSECRET body\r\n"
)
NO_USER = Failed(recipient="bob@example.org", reply=Reply(code=550, enhanced="5.1.1", text="no such user"))
FULL = Failed(recipient="carol@example.net", reply=Reply(code=552, enhanced="", text="full\r\nX-Evil: \x1b[31m über"))


def compose(*failures: Failed, original: bytes = ORIGINAL, reverse_path: str = "alice@corp.example") -> bytes:
    """Compose a notification."""
    return failed(
        original=original,
        reverse_path=reverse_path,
        failures=failures,
        hostname="gateway.corp.example",
        postmaster="postmaster@corp.example",
        moment=datetime(2026, 11, 21, 22, 8, 57, tzinfo=UTC),
        message_id="0123@gateway.corp.example",
        smarthost="mx.corp.example",
    )


def read(raw: bytes) -> EmailMessage:
    """Read with the standard library, which must find nothing wrong."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert [defect for part in message.walk() for defect in part.defects] == []
    return message


def test_header() -> None:
    """It goes to the author, says that no one answered, and is a report."""
    message = read(compose(NO_USER))
    assert message["To"] == "alice@corp.example"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["Date"] == "Sat, 21 Nov 2026 22:08:57 +0000"
    assert message["Message-ID"] == "<0123@gateway.corp.example>"
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"


def test_status_of_each_recipient() -> None:
    """One group of fields for the message and one for each recipient (RFC 3464)."""
    status = read(compose(NO_USER, FULL)).get_payload(1)
    assert isinstance(status, EmailMessage)
    groups = status.get_payload()
    assert isinstance(groups, list)
    assert [dict(group.items()) for group in groups if isinstance(group, EmailMessage)] == [
        {"Reporting-MTA": "dns; gateway.corp.example"},
        {
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


def test_returns_the_header_section_only() -> None:
    """The author gets back the header section as written, and no body."""
    raw = compose(NO_USER)
    assert b"SECRET" not in raw
    parts = parse(raw).parts
    assert parts[2].media_type == "text/rfc822-headers"
    assert parts[2].content == ORIGINAL.partition(b"\r\n\r\n")[0] + b"\r\n"


def test_returns_whole_fields_of_a_long_header() -> None:
    """An endless header section is cut between fields."""
    parts = parse(compose(NO_USER, original=b"X-Long: 123456789\r\n" * 10_000 + b"\r\n")).parts
    assert 63_000 < len(parts[2].content) <= 64_000
    assert parts[2].content.endswith(b"X-Long: 123456789\r\n")


def test_names_only_who_failed() -> None:
    """The notification's own parts name no other recipient."""
    explanation, status, _ = parse(compose(NO_USER)).parts
    assert b"bob@example.org" in explanation.content
    assert b"carol" not in explanation.content + status.content


def test_is_ascii_where_it_can_be() -> None:
    """Only an address or header that is not ASCII makes the notification so, and it says so."""
    assert compose(NO_USER, FULL).isascii()
    international = Failed(recipient="jürgen@bücher.example", reply=NO_USER.reply)
    raw = compose(international)
    message = parse(raw)
    assert message.parts[1].media_type == "message/global-delivery-status"
    assert "Final-Recipient: utf-8; jürgen@bücher.example".encode() in message.parts[1].content
    assert b"8bit" in raw


def test_the_original_cannot_end_its_part() -> None:
    """A header that holds the boundary does not break the report."""
    boundary = parse(compose(NO_USER)).named("Content-Type")[0].body.partition(b'"')[2].rstrip(b'"')
    raw = compose(NO_USER, original=b"X: y\r\n--" + boundary + b"\r\nZ: z\r\n\r\n")
    assert [part.media_type for part in parse(raw).parts] == [
        "text/plain",
        "message/delivery-status",
        "text/rfc822-headers",
    ]


@pytest.mark.parametrize("reverse_path", ["", "<>", "alice@corp.example\r\nBcc: x@example.org", "alice"])
def test_tells_nobody_who_is_not_there(reverse_path: str) -> None:
    """No notification to the null reverse-path or to what is no address."""
    with pytest.raises(ValueError, match="dsn"):
        compose(NO_USER, reverse_path=reverse_path)


def test_tells_nothing_if_nobody_failed() -> None:
    """Without a failure there is no notification."""
    with pytest.raises(ValueError, match="dsn"):
        compose()
