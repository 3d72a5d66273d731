"""Runs of text in octets of a kind that nobody reads."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.content.traces import runs

PIECES = (
    b"licence",
    b"1234567",
    b"\t  ",
    b"ab",
    b"{=}",
    b"\0",
    b"\xff",
    "wide text".encode("utf-16-le"),
    b"x\0" * 7,
    b"\xe9\0" * 6,
    b"~" * 300,
)


def is_writing(run: str) -> bool:
    """Whether a run has letters of a word or digits of a number in it."""
    word = r"[A-Za-z]{3}|\d{4}" if len(run) >= 10 else r"[A-Z]?[a-z]{3}|[A-Z]{4}|\d{4}"
    return re.search(word, run) is not None


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=9), max_size=30).map(b"".join))
def test_runs_are_those_of_the_expressions(content: bytes) -> None:
    """However they are looked for, they are the leftmost, longest ones with writing in them, ASCII first."""
    narrow = [one[0].decode() for one in re.finditer(rb"[\t\x20-\x7e]{6,}", content)]
    narrow = [one for one in narrow if re.search(r"[A-Za-z0-9 .,:/'#()\t-]{6}", one)]
    wide = [one[0].decode("utf-16-le") for one in re.finditer(rb"(?:[\t\x20-\x7e\xa1-\xff]\x00){6,}", content)]
    assert runs(content) == "\n".join(filter(is_writing, (*narrow, *wide)))


def test_text_between_octets_is_shown() -> None:
    """In ASCII and in UTF-16, each run on a line of its own."""
    content = b"\x00\x01licence 1234567\xff" + "wide 7654321".encode("utf-16-le") + b"\x02short\x03"
    assert runs(content) == "licence 1234567\nwide 7654321"


@pytest.mark.parametrize(
    "run", [b'{"ssn":"123456789"}', b"password=<Tr0ub4dor>", b"DL No D1234562", b"D1234562", b"Licence", b"123-45-6789"]
)
def test_what_programs_write_is_shown_whole(run: bytes) -> None:
    """Keys, signs and short values of records belong to what stands around them."""
    assert runs(b"\x00\x9a" + run + b"\x01") == run.decode()


def test_what_is_packed_has_little_writing_in_it() -> None:
    """Of a hundred thousand octets by chance, few runs look like writing."""
    assert len(runs(random.Random(1).randbytes(100_000)).splitlines()) < 15
