"""Declarations say how a box stands; lengths are pixels of an ordinary mail."""

import pytest

from dlp_gateway.content.page.box import Box, Layout, parsed


@pytest.mark.parametrize(
    ("declarations", "box"),
    [
        ("", Box()),
        ("color:red;margin:auto;left:auto;order:first", Box()),
        ("position:relative;left:calc(100px - 2em)", Box(position="relative", left=68.0)),
        ("position:fixed;inset:1px 2px", Box(position="absolute", top=1.0, right=2.0, bottom=1.0, left=2.0)),
        ("inset:1px 2px 3px;inset-inline-start:9px", Box(top=1.0, right=2.0, bottom=3.0, left=9.0)),
        ("margin:0 0 0 -80px", Box(before=-80.0)),
        ("margin:4px;margin-inline-start:-1in", Box(before=-96.0, after=4.0, above=4.0)),
        ("transform:translate(-40px,2em) rotate(3deg)", Box(across=-40.0, down=32.0)),
        ("transform:matrix(-1,0,0,1,7,0)", Box(across=7.0, is_mirrored=True)),
        ("translate:5px;scale:-1", Box(across=5.0, is_mirrored=True)),
        ("-webkit-flex-direction:row-reverse;-webkit-order:2", Box(layout=Layout.ROW, is_reversed=True, order=2.0)),
        ("display:inline-flex;flex-flow:column wrap", Box(layout=Layout.COLUMN, display="atomic")),
        ("display:grid;grid-area:1 / 2", Box(layout=Layout.GRID, row=1.0, column=2.0)),
        ("grid-column:-1", Box(column=9_999.0)),
        ("grid-area:head", Box(area="head")),
        ("grid-template-areas:'a b' 'c d'", Box(layout=Layout.GRID, areas=(("a", "b"), ("c", "d")))),
        ("columns:3 auto", Box(layout=Layout.COLUMNS, count=3)),
        ("float:none;float:inline-end;clear:both", Box(floats="right", clears=True)),
        ("left:-9999px;position:absolute", Box(position="absolute", left=-9_999.0, is_hidden=True)),
        ("left:-120px;position:relative", Box(position="relative", left=-120.0)),
    ],
)
def test_what_declarations_say(declarations: str, box: Box) -> None:
    """Shorthands, sums, units, prefixes of vendors; what is unknown says nothing."""
    assert parsed(declarations) == box


@pytest.mark.parametrize("digits", ["9" * 400, "1" * 10_000, "1." * 5_000])
def test_numbers_without_end(digits: str) -> None:
    """Are lengths like others."""
    assert parsed(f"left:{digits}px;order:{digits};columns:{digits};margin:-{digits}") is not None
