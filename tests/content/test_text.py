"""What all readers yield."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.content.text import with_newlines


@pytest.mark.parametrize(
    ("text", "expected"), [("", ""), ("a\r\nb\rc", "a\nb\rc"), ("\r\n\r", "\n\r"), ("é\r\n", "é\n"), ("a\n", "a\n")]
)
def test_ends_of_lines(text: str, expected: str) -> None:
    """CRLF becomes LF, and a CR alone stays what it is."""
    assert expected == with_newlines(text)


@given(st.text(alphabet="a\r\né", max_size=40))
def test_they_are_replaced_whatever_the_text(text: str) -> None:
    """The quick way changes what the simple one changes."""
    assert text.replace("\r\n", "\n") == with_newlines(text)
