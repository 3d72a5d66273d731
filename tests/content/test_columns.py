"""Characters at places: lines, tables and columns as people see them."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.content import columns
from dlp_gateway.content.glyphs import Glyph

SIZE = 10.0
WIDTH = 5.0


def typed(left: float, bottom: float, text: str) -> list[Glyph]:
    """Return the characters of a text in a font whose letters are half as wide as high."""
    places = ((left + WIDTH * number, character) for number, character in enumerate(text))
    return [(bottom, place, place + WIDTH * 0.9, SIZE, character) for place, character in places if character != " "]


def test_a_table_is_read_by_rows() -> None:
    """Whatever order its cells are drawn in."""
    cells = [
        (0, 90, "Name"),
        (100, 90, "Number"),
        (0, 70, "Ann Lee"),
        (100, 70, "D123"),
        (0, 50, "Bo"),
        (100, 50, "E45"),
    ]
    for order in (cells, cells[::-1]):
        (block,) = columns.blocks(glyph for cell in order for glyph in typed(*cell))
        assert block.is_table
        assert block.lines == ("Name\tNumber", "Ann Lee\tD123", "Bo\tE45")


def test_columns_of_running_text_are_read_one_after_the_other() -> None:
    """A sentence goes on below, and not on the other side of the page."""
    left = ["this is the first column of", "a page with running text, in", "which a licence is spoken of"]
    right = ["and here goes the second one", "in which order 1234567 stands", "and everything else as well"]
    glyphs = [
        glyph
        for place, column in ((0, left), (200, right))
        for number, line in enumerate(column)
        for glyph in typed(place, 90 - 12 * number, line)
    ]
    assert [block.lines for block in columns.blocks(glyphs)] == [tuple(left), tuple(right)]


def test_a_list_is_no_table() -> None:
    """Bullets and numbers have paper behind them as well."""
    for bullets in ("••", ("1.", "2.")):
        glyphs = (
            typed(0, 90, bullets[0]) + typed(30, 90, "one thing") + typed(0, 78, bullets[1]) + typed(30, 78, "more")
        )
        assert not any(block.is_table for block in columns.blocks(glyphs))


def test_what_is_far_below_is_another_table() -> None:
    """Its head is not that of the first."""
    glyphs = [
        glyph
        for top, word in ((190, "Licence"), (100, "Order"))
        for row, cells in enumerate((("Name", word), ("Ann", "D123"), ("Bo", "E456")))
        for place, cell in enumerate(cells)
        for glyph in typed(100 * place, top - 15 * row, cell)
    ]
    assert [block.lines[0] for block in columns.blocks(glyphs)] == ["Name\tLicence", "Name\tOrder"]


def test_bold_that_is_drawn_twice_is_read_once() -> None:
    """Half a point beside itself."""
    glyphs = typed(0, 90, "D1234567") + typed(0.5, 90, "D1234567")
    assert [block.lines for block in columns.blocks(glyphs)] == [("D1234567",)]


PLACES = st.floats(-1e4, 1e4, allow_nan=False) | st.sampled_from((0.0, 100.0, 112.0, 200.0))


@given(st.lists(st.tuples(PLACES, PLACES, PLACES, st.floats(1, 1e3), st.sampled_from("abc1")), max_size=60))
def test_no_character_is_lost(glyphs: list[Glyph]) -> None:
    """Wherever they stand, but for those on top of their like."""
    seen = Counter("".join("".join(line.split()) for block in columns.blocks(glyphs) for line in block.lines))
    assert seen <= Counter(sign for *_, sign in glyphs)
    assert set(seen) == {sign for *_, sign in glyphs}


@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 8), st.text("abcd123", min_size=1, max_size=9)),
        max_size=40,
        unique_by=lambda one: one[:2],
    ),
    st.sampled_from((6.0, 11.0, 18.0, 40.0)),
)
def test_cells_of_a_grid_stay_whole(cells: list[tuple[int, int, str]], leading: float) -> None:
    """However many of them are empty, and however close the rows are."""
    glyphs = [glyph for row, place, text in cells for glyph in typed(80.0 * place, -leading * row, text)]
    seen = [word for block in columns.blocks(glyphs) for line in block.lines for word in line.split()]
    assert Counter(seen) == Counter(text for *_, text in cells)
