"""What the smarthost says, cut into replies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.mail.reply import Reply
from dlp_gateway.smtp.connection import SmarthostOptions, parse_reply


@pytest.mark.parametrize(
    ("code", "lines", "expected"),
    [
        (250, ["2.0.0 Ok"], Reply(code=250, enhanced="2.0.0", text="Ok")),
        (250, ["Ok"], Reply(code=250, enhanced="", text="Ok")),
        (250, [""], Reply(code=250, enhanced="", text="")),
        (250, ["2.0.0"], Reply(code=250, enhanced="2.0.0", text="")),
        (550, ["5.1.1 one", "5.1.1 two"], Reply(code=550, enhanced="5.1.1", text="one two")),
        (550, ["2.0.0 other class"], Reply(code=550, enhanced="", text="2.0.0 other class")),
        (550, ["5.1.1234 no code"], Reply(code=550, enhanced="", text="5.1.1234 no code")),
        (550, ["5.1.1\x1b[31m red"], Reply(code=550, enhanced="", text="5.1.1?[31m red")),
    ],
)
def test_reply_is_read(code: int, lines: list[str], expected: Reply) -> None:
    """Lines joined, the enhanced code taken out if it is one (RFC 2034 4), control characters gone."""
    assert expected == parse_reply(code, lines)


@given(code=st.integers(200, 599), lines=st.lists(st.text(max_size=80), min_size=1, max_size=6))
def test_reply_is_always_printable(code: int, lines: list[str]) -> None:
    """Whatever a peer says is fit for a log, and bounded."""
    reply = parse_reply(code, lines)
    assert str(reply).isprintable()
    assert len(reply.text) <= 400


def test_password_is_not_shown() -> None:
    """Options may land in a traceback."""
    shown = repr(SmarthostOptions(host="h", port=25, hostname="g", user="u", password="xyzzy"))
    assert "xyzzy" not in shown
