"""The envelope that a header still tells."""

import pytest
from hypothesis import given

from dlp_gateway.mail.parse import parse
from dlp_gateway.simulation import filing
from tests import strategies
from tests.simulation.conftest import MONDAY


@pytest.mark.parametrize(
    ("header", "sender", "recipients"),
    [
        (
            "From: Ann <ann@corp.example>\nTo: Bob <bob@shop.example>\nCc: eve@home.example\nBcc: pat@far.example\n",
            "ann@corp.example",
            ("bob@shop.example", "eve@home.example", "pat@far.example"),
        ),
        (
            "Return-Path: <bounce@corp.example>\nDelivered-To: bob@shop.example\nTo: list@x.example\n",
            "bounce@corp.example",
            ("list@x.example", "bob@shop.example"),
        ),
        (
            (
                "X-Envelope-From: <env@corp.example>\nX-Envelope-To: one@shop.example, two@shop.example\n"
                "Return-Path: <other@corp.example>\nTo: list@x.example\n"
            ),
            "env@corp.example",
            ("one@shop.example", "two@shop.example"),
        ),
        ("Return-Path: <>\nFrom: Mailer <mailer@corp.example>\nTo: a@b.example\n", "", ("a@b.example",)),
        ("Sender: desk@corp.example\nFrom: ann@corp.example\nTo: a@b.example\n", "desk@corp.example", ("a@b.example",)),
        ("From: ann@corp.example\nTo: a@b.example, A <a@b.example>\n", "ann@corp.example", ("a@b.example",)),
        ("From: nobody\nTo: a@b.example\n", "", ("a@b.example",)),
    ],
)
def test_who_wrote_to_whom(header: str, sender: str, recipients: tuple[str, ...]) -> None:
    """What software wrote of the envelope comes first, then what the author wrote."""
    found = filing.envelope(parse(f"{header}\nHello\n".replace("\n", "\r\n").encode()), MONDAY)
    assert found is not None
    assert (found.reverse_path, found.recipients, found.received_at) == (sender, recipients, MONDAY)
    assert (found.client, found.login) == ("", "")


def test_what_told_the_envelope_was_not_in_the_mail() -> None:
    """An archive's own fields betray nobody to those who got the mail."""
    filed = b"X-Envelope-From: <a@x.example>\r\nX-Envelope-To: b@y.example\r\nTo: c@z.example\r\n\r\nHello\r\n"
    assert filing.as_sent(parse(filed)) == b"To: c@z.example\r\n\r\nHello\r\n"
    plain = b"X-Original-To: b@y.example\r\nTo: c@z.example\r\n\r\nHello\r\n"
    assert filing.as_sent(parse(plain)) == plain


@pytest.mark.parametrize("header", ["", "From: ann@corp.example\n", "To: undisclosed-recipients:;\n", "To: nobody\n"])
def test_a_mail_to_nobody_has_no_envelope(header: str) -> None:
    """It cannot be judged; it is counted as left out."""
    assert filing.envelope(parse(f"{header}\nHello\n".replace("\n", "\r\n").encode()), MONDAY) is None


@given(strategies.messages)
def test_whatever_stands_in_a_header_is_borne(raw: bytes) -> None:
    """Recipients are addresses that could be written into RCPT, each once."""
    found = filing.envelope(parse(raw), MONDAY)
    if found is not None:
        assert found.recipients == tuple(dict.fromkeys(found.recipients))
        assert all("@" in one and one.isprintable() for one in found.recipients)
