"""Octets of a message as DATA carries them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.smtp.transaction import stuffed


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", b""),
        (b"\r\n", b"\r\n"),
        (b".\r\n", b"..\r\n"),
        (b"a\r\n.b\r\n..\r\n", b"a\r\n..b\r\n...\r\n"),
        (b"no end", b"no end\r\n"),
        (b".", b"..\r\n"),
    ],
)
def test_dots_are_doubled(content: bytes, expected: bytes) -> None:
    """RFC 5321 4.5.2; only a missing last line end is added."""
    assert expected == stuffed(content)


@given(lines=st.lists(st.sampled_from([b"", b".", b"..", b".a", b"a.", b"a"]), max_size=20))
def test_no_line_is_a_lone_dot(lines: list[bytes]) -> None:
    """Nothing in a message can end it."""
    octets = stuffed(b"".join(line + b"\r\n" for line in lines))
    assert b"\r\n.\r\n" not in b"\r\n" + octets
