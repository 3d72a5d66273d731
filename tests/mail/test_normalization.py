"""Normalization Form KC: as the standard library has it, in linear time."""

import unicodedata
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.mail.address import canonical
from dlp_gateway.mail.exposure import exposed
from dlp_gateway.mail.normalization import nfkc
from dlp_gateway.mail.parse import parse
from tests.work import LINEAR, growth

#: Marks of several classes, and characters that are decomposed to marks or begin with one.
_MARKS: Final = "\u0301\u0316\u0327\u0345\u05b0\u0f73\u0f81\u0344\u3099\uff9e\u1faf\u00a8\u0e38\u0e48"
_LETTERS: Final = "aÅ한中кがｶ=@ \u0915\u0041\u030a"


@given(st.lists(st.sampled_from(_MARKS + _LETTERS), max_size=40), st.text(_MARKS, min_size=60, max_size=300))
def test_is_what_the_standard_library_has(around: list[str], marks: str) -> None:
    """Marks in any order, by the dozen or by the hundred, before and behind letters of all scripts."""
    word = "".join(around)
    for text in (word, marks, word + marks, marks + word, word + marks + word, f"a{marks}"):
        assert nfkc(text) == unicodedata.normalize("NFKC", text)


def test_no_letter_without_marks_begins_with_one() -> None:
    """The ranges that are passed over hold nothing that is decomposed to something with a mark at its front."""
    passed_over = (
        *(range(0x300), range(0x370, 0x483), range(0x48A, 0x591), range(0x3041, 0x3097), range(0x30A0, 0x3100)),
        *(range(0x3400, 0xA000), range(0xAC00, 0xD7A4)),
    )
    fronts = (unicodedata.normalize("NFKD", chr(code))[0] for one in passed_over for code in one)
    assert not any(map(unicodedata.combining, fronts))


def _marks(count: int) -> str:
    return "\u0301" * (count // 2) + "\u0316" * (count // 2)


@pytest.mark.parametrize(
    "work",
    [
        nfkc,
        lambda marks: canonical(f"x{marks}@a.example"),
        lambda marks: parse(f"To: ann@a.example, x{marks}@b.example\r\n\r\n".encode()),
        lambda marks: exposed(f"X: @{marks}\r\n\r\n".encode(), ["ann@a.example"]),
    ],
    ids=["text", "address", "message", "field"],
)
def test_takes_linear_time(work: object) -> None:
    """A hundred kilobytes of marks in the wrong order took seconds, in which nobody else was served."""
    assert callable(work)
    assert growth(work, _marks, 16_000) < LINEAR
