"""Whose mail a message says it is, and which logins may say so."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dlp_gateway.mail.author import may_send, misnamed
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.parse import parse

ENVELOPE = Envelope(
    id="0000000000000000a1",
    reverse_path="ann@corp.example",
    recipients=("bob@example.org",),
    client="127.0.0.1",
    login="ann",
    body_8bit=False,
    smtputf8=False,
    received_at=datetime(2026, 11, 2, 9, 30, tzinfo=UTC),
    bound_to=("ann@corp.example", "sales.example", "*.shop.example"),
)


@pytest.mark.parametrize(
    ("reverse_path", "allowed"),
    [
        ("ann@corp.example", True),
        ("Ann+tag@CORP.example", True),
        ("anybody@sales.example", True),
        ("anybody@eu.shop.example", True),
        ("", True),
        ("bob@corp.example", False),
        ("anybody@shop.example", False),
        ("ann@corp.example.evil.example", False),
    ],
)
def test_reverse_paths_of_a_bound_login(reverse_path: str, *, allowed: bool) -> None:
    """Addresses, domains, what lies below a domain, and the null reverse-path for receipts."""
    assert may_send(reverse_path, ENVELOPE.bound_to) is allowed
    assert may_send(reverse_path, None)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"From: ann@corp.example\r\n", False),
        (b"From: Ann <ANN@corp.example>, x@sales.example\r\nSender: ann@corp.example\r\n", False),
        (b"Subject: no author\r\n", False),
        (b"From: boss@corp.example\r\n", True),
        (b"From: ann@corp.example, boss@corp.example\r\n", True),
        (b"From: ann@corp.example\r\nfrom: boss@corp.example\r\n", True),
        (b"From: ann@corp.example\r\nSender: boss@corp.example\r\n", True),
        (b'From: "boss@corp.example, ann@corp.example" <ann@corp.example>\r\n', True),
        (b"From: The Boss\r\n", True),
        (b"From:\r\n", True),
        (b"From: " + b"ann@corp.example, " * 101 + b"boss@corp.example\r\n", True),
        (b"From\xa0: boss@corp.example\r\nFrom: ann@corp.example\r\n", True),
        (b"From: ann@corp.example\r\n" + b"X-Junk: y\r\n" * 1000 + b"From: boss@corp.example\r\n", True),
        (b"From: ann@corp.example\r\nX-Junk: " + b"y" * 300_000 + b"\r\nFrom: boss@corp.example\r\n", True),
    ],
)
def test_authors_of_a_bound_login(header: bytes, *, expected: bool) -> None:
    """Every address of every From and Sender, in every reading, must be the login's."""
    message = parse(header + b"\r\ntext\r\n")
    assert misnamed(ENVELOPE, message) is expected
    assert not misnamed(replace(ENVELOPE, bound_to=None), message)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"From: ann@corp.example\r\n", False),
        (b"From: boss@corp.example\r\n", True),
        (b"Subject: nobody's\r\n", True),
        (b"Sender: ann@corp.example\r\n", True),
    ],
)
def test_without_a_reverse_path_from_must_tell(header: bytes, *, expected: bool) -> None:
    """A receipt is its author's; mail without reverse-path and without From would be nobody's."""
    message = parse(header + b"\r\ntext\r\n")
    assert misnamed(replace(ENVELOPE, reverse_path=""), message) is expected
    assert not misnamed(replace(ENVELOPE, reverse_path="", bound_to=None), message)


def test_a_login_without_addresses_writes_as_nobody() -> None:
    """Bound to nothing, as by a directory that has none: not even one's own name passes."""
    bound = replace(ENVELOPE, bound_to=())
    assert not may_send("ann@corp.example", ())
    assert misnamed(bound, parse(b"From: ann@corp.example\r\n\r\n"))
