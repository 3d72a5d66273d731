"""Of a large text, what is found takes little memory, and is the same as if the text were a short one."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.detect import labels, shapes
from dlp_gateway.detect.proof import REMEMBERED, Seen
from dlp_gateway.detect.span import SAME_SORT, Span, of_each_sort
from tests.detect.identifiers import RECOGNITION
from tests.resident import growing
from tests.work import LINEAR, growth

CORPUS = tuple(
    json.loads(line).get("text", "")
    for path in sorted(Path(__file__).parent.glob("corpus/lot_*.jsonl"))
    for line in path.read_text(encoding="utf-8").splitlines()
)

#: Nothing in quotation marks, which is looked at when a row is divided.
QUOTED = '""'


def _take_for_large(patch: pytest.MonkeyPatch) -> None:
    """Take every text for one that is too large to keep what is found in it as it is."""
    patch.setattr(labels, "_FEW", 1)
    patch.setattr(shapes, "_LARGE", 0)


@pytest.mark.parametrize("every", range(8))
def test_in_a_large_text_the_same_is_found(every: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each text of the corpus: the same places, types, rules and confidences."""
    texts = CORPUS[every::8]
    found = [RECOGNITION.spans(text) for text in texts]
    _take_for_large(monkeypatch)
    assert [RECOGNITION.spans(text) for text in texts] == found


@settings(max_examples=40, deadline=None)
@given(
    parts=st.lists(st.sampled_from(CORPUS), min_size=1, max_size=6),
    joint=st.sampled_from(["\n", "\n\n", " ", "\u200b", "\tlicence no.\t"]),
)
def test_so_it_is_in_texts_put_together(parts: list[str], joint: str) -> None:
    """Tables, talks and quotations that go over into one another."""
    text = joint.join(parts)
    found = RECOGNITION.spans(text)
    with pytest.MonkeyPatch.context() as patched:
        _take_for_large(patched)
        assert RECOGNITION.spans(text) == found


@pytest.mark.parametrize(
    "unit",
    [
        "Line {0} of the contract 555-{0:06d}\n",
        "speaker{0}: licence\n",
        "Name,Driver licence\nJo,D{0:07d}\n",
        "licence D{0:07d}\u200b\n",
    ],
)
def test_what_is_found_takes_little_memory(unit: str) -> None:
    """Labels, lines, tables, talks and links by the ten thousand take less than ten times the text."""
    text = "".join(unit.format(number) for number in range(1_600_000 // len(unit)))
    RECOGNITION.spans(text[:10_000])
    with growing() as growth:
        RECOGNITION.spans(text)
    assert growth.peak < 10 * len(text)


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        ("Name,Driver licence,Card number", "{0:03d}-{1:02d}-{2:04d} "),
        ("Name|Driver licence|SSN", "{0:03d}-{1:02d}-{2:04d} "),
        ("Order no.;Parcel no.;Name", "licence {0:03d}{1:02d}{2:04d} "),
    ],
)
def test_a_long_row_below_headings_is_divided_once(header: str, unit: str) -> None:
    """It may have as many numbers as it likes, each of which asks for its heading."""
    mark = next(sign for sign in header if sign in ",|;")

    def made(count: int) -> str:
        cell = "".join(unit.format(100 + n % 500, 10 + n % 89, 1000 + n % 8999) + QUOTED * 8 for n in range(count))
        return f"{header}\nJo{mark}x{mark}{cell}\n"

    assert growth(RECOGNITION.spans, made, 1_600) < LINEAR


def test_a_row_is_divided_once_for_all_columns() -> None:
    """Not once for each heading of an identifier."""

    def made(count: int) -> str:
        return "Driver licence," * count + "Name\nD1234567" + "," * count + QUOTED * 3_000 * count + "\n"

    assert growth(RECOGNITION.spans, made, 48) < LINEAR


def test_of_spans_that_only_their_place_tells_apart_so_many_are_kept() -> None:
    """One of another sort is kept wherever it stands."""
    same = [
        Span(start=place, end=place + 8, type="PASSPORT", country="", score=0.7, rule="passport", why="")
        for place in range(SAME_SORT + 100)
    ]
    surer = Span(start=900_000, end=900_008, type="PASSPORT", country="", score=0.9, rule="passport", why="")
    assert of_each_sort([*same, surer]) == [*same[:SAME_SORT], surer]


def test_values_beyond_those_remembered_count_as_new() -> None:
    """Those that are remembered are counted on, however many come between."""
    seen = Seen()
    assert {seen.add(str(number)) for number in range(REMEMBERED + 5)} == {1}
    assert (seen.add("0"), seen.add(str(REMEMBERED)), seen.distinct) == (2, 1, REMEMBERED + 6)
