"""Our Received field."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dlp_gateway.mail.edit import AddTrace, from_json, to_json
from dlp_gateway.mail.envelope import Envelope, new_id
from dlp_gateway.mail.parse import parse
from dlp_gateway.mail.trace import GROWTH, hops, received

ENVELOPE = Envelope(
    id="0123456789abcdefgh",
    reverse_path="alice@corp.example",
    recipients=("blind@example.org",),
    client="192.0.2.77",
    login="alice-login",
    body_8bit=False,
    smtputf8=False,
    received_at=datetime(2026, 1, 5, 2, 8, 57, tzinfo=UTC),
)


def test_received() -> None:
    """Who, how, which, when; nothing else."""
    expected = (
        b"Received: by gw.corp.example with ESMTPSA id 0123456789abcdefgh;\r\n\tMon, 5 Jan 2026 02:08:57 +0000\r\n"
    )
    assert expected == received(ENVELOPE, "gw.corp.example", "ESMTPSA")


def test_finds_room_in_what_a_mail_may_grow_by() -> None:
    """With the longest host name and id, beside a To with the longest path."""
    longest = received(replace(ENVELOPE, id="i" * 64), "h" * 255, "UTF8ESMTPSA")
    assert len(longest) + len("To: \r\n") + 254 <= GROWTH


def test_betrays_nobody() -> None:
    """No recipient, no client and no login."""
    field = received(replace(ENVELOPE, id=new_id()), "gw.corp.example", "ESMTP")
    assert [word for word in (b"blind", b" for ", b"192.0.2", b"alice") if word in field] == []


def test_is_an_edit_that_custody_keeps() -> None:
    """The field passes the check of stored edits."""
    edits = (AddTrace(field=received(ENVELOPE, "gw.corp.example", "ESMTP")),)
    assert edits == from_json(to_json(edits))


@pytest.mark.parametrize(
    ("hostname", "protocol", "id_"),
    [
        ("gw\r\nX: y", "ESMTP", "1"),
        ("", "ESMTP", "1"),
        ("gw.example", "ESMTP; x", "1"),
        ("gw.example", "ESMTP", "1\r\n"),
    ],
)
def test_refuses_what_breaks_the_field(hostname: str, protocol: str, id_: str) -> None:
    """Nothing that is no host name, protocol or id gets into a field."""
    with pytest.raises(ValueError, match="trace"):
        received(replace(ENVELOPE, id=id_), hostname, protocol)


def test_hops() -> None:
    """Every Received field is a hop, in whatever case."""
    assert hops(parse(b"Received: a\r\nRECEIVED : b\r\nX-Received: c\r\n\r\nReceived: d")) == 2
