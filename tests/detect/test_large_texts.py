"""Of a large text, what is found takes little memory, and is the same as if the text were a short one."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.content.reader import read
from dlp_gateway.detect import identifiers, labels, shapes
from dlp_gateway.detect.base import Material
from dlp_gateway.detect.identifiers import IdentifierDetector
from dlp_gateway.detect.proof import ASKED_EACH, REMEMBERED, Seen
from dlp_gateway.detect.span import Span, Spans
from dlp_gateway.detect.validators import luhn
from dlp_gateway.mail.parse import parse
from tests.detect.identifiers import BOOK, RECOGNITION
from tests.pipeline.line import envelope
from tests.resident import growing
from tests.work import LINEAR, growth

CORPUS = tuple(
    json.loads(line).get("text", "")
    for path in sorted(Path(__file__).parent.glob("corpus/lot_*.jsonl"))
    for line in path.read_text(encoding="utf-8").splitlines()
)

DETECTOR = IdentifierDetector(BOOK)
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
        "ssn,",
        'ssn,"",',
    ],
)
def test_what_is_found_takes_little_memory(unit: str) -> None:
    """Labels, lines, tables, talks and links by the ten thousand take less than ten times the text."""
    text = "".join(unit.format(number) for number in range(1_600_000 // len(unit))) + "\n1,123-45-6789\n"
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


def test_no_flood_of_one_value_hides_others() -> None:
    """However many rows of one licence stand before them, and whatever stands over these."""
    value, others = "D1234567", [f"D{number:07d}" for number in range(300)]
    header = "Name,Driver licence\n"
    text = header + f"Jo,{value}\n" * 20_000 + f"\nAgain.\n\n{header}" + f"Jo,{value}\n" * 100
    text += f"\nThe others are below.\n\n{header}"
    spans = RECOGNITION.spans(text + "".join(f"Jo,{other}\n" for other in others))
    assert {span.sort for span in spans} == {spans[0].sort}
    assert len(spans) == 20_100 + len(others)


def _card(number: int) -> str:
    return next(f"4{number:014d}{digit}" for digit in range(10) if luhn(f"4{number:014d}{digit}"))


def test_so_do_identifiers_themselves() -> None:
    """All of them are told, one after another."""
    text = "\n".join(map(_card, range(80_000)))
    RECOGNITION.spans(text[:10_000])
    with growing() as growth:
        assert sum(1 for _ in RECOGNITION.each(text)) == 80_000
    assert growth.peak < 10 * len(text)


def _found(*bodies: str) -> tuple[list[str], bool]:
    """Return the kinds of the findings of a message of such parts, and whether it was told that there are more."""
    head = 'From: a@x.example\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    parts = "".join(f"--b\r\nContent-Type: text/plain\r\n\r\n{body}\r\n" for body in bodies)
    message = parse(f"{head}{parts}--b--\r\n".encode())
    found = []
    findings = DETECTOR.detect(Material(envelope=envelope(), message=message, texts=read(message)[0]))
    try:
        found.extend(finding.kind for finding in findings)
    except MemoryError:
        return found, True
    return found, False


def test_of_values_that_nothing_tells_apart_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are more than are reported; one of another sort is kept wherever it stands."""
    monkeypatch.setattr(identifiers, "SAME_SORT", 20)
    cards = "\n".join(map(_card, range(30)))
    assert _found(cards, "IBAN: GB29NWBK60161331926819") == (
        ["identifier.CREDIT_CARD"] * 20 + ["identifier.IBAN"],
        False,
    )


def test_it_is_told_where_values_that_are_kept_hide_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that turn out to be surer leave none of the sort that they were, though there were more of it."""
    monkeypatch.setattr(identifiers, "SAME_SORT", 20)
    cards = list(map(_card, range(30)))
    surer = "\n".join(f"Credit card number: {card}" for card in cards[:20])
    assert _found("\n".join(cards), surer) == (["identifier.CREDIT_CARD"] * 20, True)


def test_values_beyond_those_remembered_are_counted_as_well() -> None:
    """Whichever of them, and in whatever order."""
    seen = Seen()
    values = [str(number) for number in range(REMEMBERED + 20_000)]
    assert {seen.add(value) for value in values} == {1}
    assert {seen.add(value) for value in reversed(values)} == {2}
    assert seen.distinct == len(values)
    assert [seen.add(values[-1]) for _ in range(ASKED_EACH)] == list(range(3, 3 + ASKED_EACH))
    assert seen.distinct == len(values)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            lambda start, size, score, rule: Span(
                start=start, end=start + size, type="T", country="", score=score, rule=rule, why=""
            ),
            st.integers(0, 40),
            st.integers(1, 9),
            st.sampled_from([0.1, 0.3, 0.7]),
            st.sampled_from(["a", "b"]),
        ),
        max_size=20,
    )
)
def test_of_spans_that_overlap_the_surer_is_kept_then_the_longer(spans: list[Span]) -> None:
    """Whatever is left out overlaps one that goes before it."""
    order = sorted((span for span in spans if span.score > 0.1), key=lambda s: (-s.score, s.start - s.end, s.start))
    kept: list[Span] = []
    for span in order:
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    assert list(Spans(spans).settled()) == sorted(kept, key=lambda span: span.start)
