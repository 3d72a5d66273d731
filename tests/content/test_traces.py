"""Runs of text in octets of a kind that nobody reads."""

import re

from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.content.traces import runs

PIECES = (
    b"licence",
    b"1234567",
    b"\t  ",
    b"ab",
    b"\0",
    b"\xff",
    "wide text".encode("utf-16-le"),
    b"x\0" * 7,
    b"\xe9\0" * 6,
)


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=9), max_size=30).map(b"".join))
def test_runs_are_those_of_the_expressions(content: bytes) -> None:
    """However they are looked for, they are the leftmost, longest ones, ASCII first."""
    narrow = [one[0].decode() for one in re.finditer(rb"[\t\x20-\x7e]{6,}", content)]
    wide = [one[0].decode("utf-16-le") for one in re.finditer(rb"(?:[\t\x20-\x7e\xa1-\xff]\x00){6,}", content)]
    assert runs(content) == "\n".join(one for one in (*narrow, *wide) if re.search(r"[A-Za-z]{3}|\d{4}", one))


def test_text_between_octets_is_shown() -> None:
    """In ASCII and in UTF-16, each run on a line of its own."""
    content = b"\x00\x01licence 1234567\xff" + "wide 7654321".encode("utf-16-le") + b"\x02short\x03"
    assert runs(content) == "licence 1234567\nwide 7654321"
