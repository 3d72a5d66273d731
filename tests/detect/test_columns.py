"""Columns of a table: what is left out because it cannot matter, and how rows are divided."""

from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.detect.layout import Rows, lay_out, table_at
from tests.detect.identifiers import RECOGNITION

LEAST = 0.3
HEADINGS = st.sampled_from(("account", "acct no", "licence", "DL", "license", "passport", "dob", "IBAN", "ID", "price"))
VALUES = st.one_of(
    st.from_regex(r"[1-9][0-9]{6,9}", fullmatch=True),
    st.from_regex(r"[A-Z]{1,2}[0-9]{6,8}", fullmatch=True),
    st.from_regex(r"[0-9]{3}[ -][0-9]{3,4}[ -][0-9]{3,4}", fullmatch=True),
    st.sampled_from(("MORGA657054SM9IJ", "DE89370400440532013000", "4111 1111 1111 1111", "078-05-1120", "Ada", "")),
)
ABOVE = st.sampled_from(
    ("", "Hello Bob,\n\n", "The bank transfer:\n", "Software seats sold:\n", "Plumbers, by trade:\n")
)
CELLS = st.sampled_from(("", "a", "1 2", 'b"', "'"))


@st.composite
def tables(draw: st.DrawFn) -> str:
    """Return a text with a table."""
    delimiter = draw(st.sampled_from((",", ";", "\t", "|")))
    header = draw(st.lists(HEADINGS, min_size=2, max_size=4))
    rows = draw(st.lists(st.lists(VALUES, min_size=len(header), max_size=len(header)), min_size=1, max_size=4))
    return draw(ABOVE) + "\n".join(map(delimiter.join, (header, *rows))) + "\n"


@settings(max_examples=150)
@given(tables())
def test_what_is_left_out_is_less_than_was_asked_for(text: str) -> None:
    """Asked for what reaches a score, the same is found that reaches it without being asked for."""
    found = [span for span in RECOGNITION.spans(text) if span.score >= LEAST]
    assert [span for span in RECOGNITION.each(text, least=LEAST) if span.score >= LEAST] == found


@given(st.sampled_from(",;\t"), st.lists(st.tuples(st.just("row"), CELLS, CELLS)))
def test_cells_are_what_stands_between_the_signs(delimiter: str, rows: list[tuple[str, str, str]]) -> None:
    """Each row's cells are its values, whether or not a stray quotation mark is among them."""
    text = "\n".join(map(delimiter.join, (("one", "two", "three"), *rows)))
    table = table_at(Rows(lay_out(text, frozenset())), 0)
    for row, cells in zip(rows, table.rows(len(rows)) if table else (), strict=False):
        if sum(value.count('"') for value in row) < 2:
            assert tuple(text[start:end] for start, end in cells) == row
