"""A lone CR ends a line to some clients, so headers are read both ways (RFC 5322 2.2)."""

import base64

import pytest

from dlp_gateway.mail.message import Part
from dlp_gateway.mail.parse import parse

SECRET = base64.b64encode(b"the secret is out").decode()
HEAD = "From: Ann <ann@corp.example>\r\nTo: ben@bakery.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"


def contents(parts: tuple[Part, ...]) -> list[bytes]:
    """Return what the parts hold."""
    return [part.content.strip() for part in parts]


@pytest.mark.parametrize("blank", ["\r\r", "\r\n\r\n", "\r\r\n\r\r\n", "\n\n"], ids=["cr", "crlf", "crcrlf", "lf"])
def test_a_part_whose_fields_end_with_lone_returns(blank: str) -> None:
    """The encoding that such a field tells of is undone, whatever the blank line is made of."""
    raw = f"{HEAD}--b\r\nContent-Type: text/plain\rContent-Transfer-Encoding: base64{blank}{SECRET}\r\n--b--\r\n"
    assert b"the secret is out" in contents(parse(raw.encode()).parts)


def test_a_message_without_any_other_line_end() -> None:
    """Recipients, fields and body are all there."""
    raw = f"{HEAD}--b\r\nContent-Transfer-Encoding: base64\r\n\r\n{SECRET}\r\n--b--\r\n".replace("\r\n", "\r")
    message = parse(raw.encode())
    assert b"the secret is out" in contents(message.parts)
    assert "ben@bakery.example" in {visible.address for visible in message.visible}
    assert any(part.content.startswith(b"From: Ann") for part in message.parts)


def test_a_message_within_a_message() -> None:
    """So it is in what was forwarded."""
    inner = f"Subject: x\rContent-Transfer-Encoding: base64\r\r{SECRET}"
    raw = f"{HEAD}--b\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--b--\r\n"
    assert b"the secret is out" in contents(parse(raw.encode()).parts)


def test_returns_in_a_body_change_nothing() -> None:
    """Only headers are read twice."""
    message = parse(b"From: a@corp.example\r\n\r\none\rtwo\r\rthree\r\n")
    assert contents(message.parts) == [b"one\rtwo\r\rthree"]


def test_nesting_does_not_multiply_the_work() -> None:
    """Each level could be read twice, and is, within the bounds that hold for all readings."""
    raw = b"From: a@corp.example\r\n"
    for level in range(40):
        raw += b"X-A: b\rX-C: d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
    assert len(parse(raw + b"\r\n\r\nend\r\n" + b"x" * 100_000).parts) < 2_000
