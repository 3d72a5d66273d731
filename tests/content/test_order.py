"""Numbers whose halves styles put together are read as they are seen, beside what is said of them."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.content.html import text

LABEL = "Driver's licence number:"
HALVES = "<span>4562</span><span>D123</span>"
#: The label, and behind it the number: whole, or with a blank between its halves.
WHOLE = re.compile(r"number:[\s\u200f]*D123\s?4562(?!\d)")


def _line(number: str) -> str:
    return f"<p>{LABEL} {number}</p><p>State: California</p>"


def _below(number: str) -> str:
    return f"<p>{LABEL}</p>{number}<p>State: California</p>"


def _with(styles: str, *children: str) -> str:
    return f"<span style='{styles}'>{''.join(children) or HALVES}</span>"


def _placed(one: str, other: str, tag: str = "span") -> str:
    return f"<{tag} style='{one}'>4562</{tag}><{tag} style='{other}'>D123</{tag}>"


#: Each was looked at in Chromium, which shows the number behind (or below) its label.
SEEN = {
    "a row in reverse": _line(_with("display:inline-flex;flex-direction:row-reverse")),
    "a row in reverse to the end": _line(_with("display:flex;flex-direction:row-reverse;justify-content:flex-end")),
    "flex-flow": _line(_with("display:inline-flex;flex-flow:row-reverse nowrap")),
    "a row of four": _below(
        "<div style='display:flex;flex-direction:row-reverse;justify-content:flex-end'>"
        "<i>62</i><i>45</i><i>23</i><i>D1</i></div>"
    ),
    "rows within rows": _line(
        _with(
            "display:inline-flex;flex-direction:row-reverse",
            _with("display:inline-flex;flex-direction:row-reverse", "<i>62</i><i>45</i>"),
            _with("display:inline-flex;flex-direction:row-reverse", "<i>23</i><i>D1</i>"),
        )
    ),
    "a sheet": "<style>.r{display:inline-flex;flex-direction:row-reverse}</style>" + _line(f"<b class=r>{HALVES}</b>"),
    "a sheet for screens": "<style>@media screen{.r{display:inline-flex;flex-direction:row-reverse}}"
    "@media (max-width:10px){.r{flex-direction:row}}</style>" + _line(f"<b class=r>{HALVES}</b>"),
    "a sheet that is important": "<style>.r{flex-direction:row-reverse!important;display:inline-flex}</style>"
    + _line(f"<b class=r style='flex-direction:row'>{HALVES}</b>"),
    "a sheet in capitals": "<STYLE>.F{DISPLAY:FLEX}.A{ORDER:2}</STYLE>"
    + _below("<div class=F><i class=A>4562</i><i>D123</i></div>"),
    "a sheet of many rules": f"<style>{''.join(f'.x{one}{{order:1}}' for one in range(500))}"
    ".f{display:flex}.a{order:2}</style>" + _below("<div class=f><i class=a>4562</i><i>D123</i></div>"),
    "a variable": "<style>:root{--d:row-reverse}.r{display:inline-flex;flex-direction:var(--d)}</style>"
    + _line(f"<b class=r>{HALVES}</b>"),
    "a comment in a style": _line(_with("display:inline-flex;flex-direction:/**/row-reverse")),
    "an escape in a style": _line(_with("display:inline-flex;flex-direction:\\72ow-rever\\73 e")),
    "entities in a style": _line(_with("display:inline-flex;flex-direction&colon;row&#45;reverse")),
    "a line end in a style": _line(_with("display:inline-flex;flex-direction:\n row-reverse")),
    "order": _below(f"<div style='display:flex'>{_placed('order:2', 'order:1')}</div>"),
    "order of blocks": _below(f"<div style='display:flex'>{_placed('order:2', 'order:1', 'div')}</div>"),
    "order by names": "<style>#a{order:2}#b{order:1}.f{display:flex}</style>"
    + _below("<div class=f><p id=a>4562</p><p id=b>D123</p></div>"),
    "order of the label": f"<div style='display:flex'>{_placed('order:2', 'order:1').replace('D123', f'{LABEL} D123')}",
    "order in a grid": _line(_with("display:inline-grid;grid-auto-flow:column", "<i style='order:1'>4562</i><i>D123")),
    "columns of a grid": _below(
        f"<div style='display:inline-grid'>{_placed('grid-column:2;grid-row:1', 'grid-column:1;grid-row:1')}</div>"
    ),
    "areas of a grid": _below(f"<div style='display:inline-grid'>{_placed('grid-area:1/2', 'grid-area:1/1')}</div>"),
    "named areas of a grid": _below(
        f"<div style='display:inline-grid;grid-template-areas:\"a b\"'>{_placed('grid-area:b', 'grid-area:a')}</div>"
    ),
    "the free cell of a grid": _below("<div style='display:inline-grid'><i style='grid-area:1/2'>4562</i><i>D123</i>"),
    "a column in reverse": "<div style='display:flex;flex-direction:column-reverse'>"
    f"<span>D1234562</span><span>{LABEL}</span></div>",
    "lines that wrap upwards": _below(
        "<div style='display:flex;flex-wrap:wrap-reverse;width:40px'><div>4562</div><div>D123</div></div>"
    ),
    "a table from the right": _below("<table dir=rtl><tr><td>4562</td><td>D123</td></tr></table>"),
    "a table from the right by style": _below(
        "<table style='direction:rtl'><tr><td>4562</td><td>D123</td></tr></table>"
    ),
    "a table in what runs from the right": _below("<div dir=rtl><table><tr><td>4562</td><td>D123</td></tr></table>"),
    "cells of a letter": _below(
        f"<table dir=rtl><tr>{''.join(f'<td>{sign}</td>' for sign in '2654321D')}</tr></table>"
    ).replace("State: ", ""),
    "boxes from the right": _below("<div dir=rtl style='display:flex'><div>4562</div><div>D123</div></div>"),
    "a page from the right": f"<html dir=rtl><p dir=ltr>{LABEL}</p>"
    "<div style='display:flex'><div>4562</div><div>D123</div></div>",
    "a list from the right": _below(
        "<ul dir=rtl><li style='display:inline-block'>4562</li><li style='display:inline-block'>D123</li></ul>"
    ),
    "a list in a line from the right": _below(
        "<ul dir=rtl><li style='display:inline'>4562</li> <li style='display:inline'>D123</li></ul>"
    ),
    "words from the right": _line("<span dir=rtl>4562 D123</span>"),
    "words from the right by their first letter": _below("<p dir=auto>\u200f4562 D123</p>"),
    "bdo": _line("<bdo dir=rtl>2654321D</bdo>"),
    "bdo with elements": _line("<bdo dir=rtl><b>2654</b><i>321D</i></bdo>"),
    "bdo by style": _line("<bdo style='direction:rtl'>2654321D</bdo>"),
    "an override": _line(_with("unicode-bidi:bidi-override;direction:rtl", "2654321D")),
    "an override within": _line(f"<span dir=rtl>{_with('unicode-bidi:bidi-override', '2654321D')}</span>"),
    "a mirror": _line(_with("display:inline-block;transform:scaleX(-1)", "2654321D")),
    "a mirror by scale": _line(_with("display:inline-block;scale:-1 1", "2654321D")),
    "a float": _line("<span style='float:right'>4562</span><span>D123</span>"),
    "two floats": _line(_placed("float:right", "float:right")),
    "a float to the left": f"<div>{LABEL}</div><div>4562<span style='float:left'>D123</span></div>",
    "floats on both sides": _below(_placed("float:right;width:50%", "float:left;width:50%;text-align:right", "div")),
    "floats of a list": f"<p>{LABEL}</p><ul>{_placed('float:right', 'float:right', 'li')}</ul>",
    "tables beside each other": f"<p>{LABEL}</p><table align=right><tr><td>4562</td></tr></table>"
    "<table align=left><tr><td>D123</td></tr></table>",
    "relative places": _line(_placed("position:relative;left:60px", "position:relative;left:-40px")),
    "relative places from the right": _line(
        _placed("position:relative;left:5ch;font-family:monospace", "position:relative;right:4ch;font-family:monospace")
    ),
    "a sum of lengths": _line(
        _placed("position:relative;left:calc(100px - 40px)", "position:relative;left:calc(0px - 40px)")
    ),
    "a place before in the line": f"<p style='font-family:monospace'>{LABEL} {'&nbsp;' * 8}4562"
    "<span style='position:relative;left:-9ch'>D123</span></p>",
    "a place above": f"<div style='position:relative;top:20px'>D1234562</div>"
    f"<div style='position:relative;top:-20px'>{LABEL}</div>",
    "absolute places": f"<div style='position:relative'>{LABEL} "
    f"{_placed('position:absolute;left:240px', 'position:absolute;left:200px')}</div>",
    "absolute places, each in its block": _below(
        "<div style='position:relative;height:20px'><div><i style='position:absolute;left:50px'>4562</i></div>"
        "<div><i style='position:absolute;left:10px'>D123</i></div></div>"
    ),
    "absolute places within boxes in a row": _below(
        "<div style='position:relative;height:20px;display:flex'><div><i style='position:absolute;left:50px'>4562</i>"
        "</div><div><i style='position:absolute;left:10px'>D123</i></div></div>"
    ),
    "absolute places of letters": _below(
        "<div style='position:relative;height:20px'>"
        + "".join(
            f"<i style='position:absolute;top:0;left:{x * 10}px'>{'D1234562'[x]}</i>" for x in (3, 1, 7, 0, 6, 2, 5, 4)
        )
        + "</div>"
    ),
    "absolute places from the right": _below(
        "<div style='position:relative;height:20px;width:200px'>"
        f"{_placed('position:absolute;right:0', 'position:absolute;right:34px')}</div>"
    ),
    "inset": _below(
        "<div style='position:relative;height:20px'>"
        f"{_placed('position:absolute;inset:0 auto auto 50px', 'position:absolute;inset:0 auto auto 10px')}</div>"
    ),
    "margins": _line(_placed("margin-left:40px", "margin-left:-80px")),
    "margins in a sheet": "<style>.a{margin-left:40px}.b{margin-left:-80px}</style>"
    + _line("<span class=a>4562</span><span class=b>D123</span>"),
    "margins on both sides": _line(_placed("display:inline-block;margin:0 -80px 0 40px", "display:inline-block")),
    "translate": _line(
        _placed("display:inline-block;transform:translate(40px)", "display:inline-block;transform:translateX(-2.5em)")
    ),
    "translate as a property": _line(
        _placed("display:inline-block;translate:40px", "display:inline-block;translate:-40px")
    ),
    "a matrix": _line(
        _placed(
            "display:inline-block;transform:matrix(1,0,0,1,40,0)",
            "display:inline-block;transform:matrix(1,0,0,1,-40,0)",
        )
    ),
    "columns of text": _below("<div style='columns:2;width:100px;column-gap:0'><div>D123</div><div>4562</div></div>"),
    "lines from above": _below(
        "<div style='writing-mode:vertical-rl;text-orientation:upright'>"
        + "".join(f"<div>{sign}</div>" for sign in "2654321D")
        + "</div>"
    ),
    "boxes beside each other": _below("<div style='display:flex'><div>D123</div><div>4562</div></div>"),
    "floats beside each other": _below("<div style='float:left'>D123</div><div style='float:left'>4562</div>"),
    "the foot of a table": f"<table><tfoot><tr><td>D1234562</td></tr></tfoot><tbody><tr><td>{LABEL}</td></tr></tbody>",
    "a foot by style": "<div style='display:table'><div style='display:table-footer-group'>D1234562</div>"
    f"<div style='display:table-row-group'>{LABEL}</div></div>",
    "in a long paragraph": f"<p>{'The offer stands until the end of the month. ' * 100}{LABEL} "
    f"{_with('display:inline-flex;flex-direction:row-reverse')} {'Please tell us what you think. ' * 100}</p>",
    "with marks of its own": _line(
        _with("display:inline-flex;flex-direction:row-reverse", "<i>4562&#6;</i>&#x5;<i>D123</i>")
    ),
}


@pytest.mark.parametrize("source", SEEN.values(), ids=SEEN)
def test_halves_are_read_as_they_are_seen(source: str) -> None:
    """By styles and sheets, in rows, grids, tables and lists, by floats, places, margins, directions and mirrors."""
    assert WHOLE.search(text(source))


ORDINARY = {
    "paragraphs of Outlook": "<p class=MsoNormal style='margin-left:36.0pt;text-indent:-18.0pt;mso-list:l0'>One 45</p>"
    "<p class=MsoNormal style='margin:0cm'>39 two</p>",
    "blocks of Gmail": "<div dir='ltr'>One 45<div style='margin-left:40px'>39 two</div></div>",
    "blocks of Gmail on a phone": "<div dir='auto'>One 45</div><div dir='auto'>39 two</div>",
    "tables of a newsletter": "<table dir=ltr align=center style='border:0;margin:0 auto'><tr>"
    "<td style='padding:5px;position:relative'>One 45</td><td style='width:50%'>39 two</td></tr></table>",
    "floats of a newsletter": "<div style='float:left;width:50%'>One</div><div style='float:left;width:50%'>two</div>",
    "a head above its table": "<table><thead><tr><td>One</td></tr></thead><tbody><tr><td>45</td></tr></tbody></table>",
    "a row of prices": "<style>.r{display:flex}.c{flex:1}</style><div class=r><div class=c>Price</div>"
    "<div class=c>45.00</div></div>",
    "Hebrew": "<div dir=rtl><p>שלום 45</p><table><tr><td>מחיר</td><td>39</td></tr></table></div>",
    "a hidden first line": "<div style='display:none;max-height:0'>45</div><p>One</p><p>39</p>",
    "scale in prose": "<p>on a large scale: 45, position: 39, order: two</p>",
}


@pytest.mark.parametrize("source", ORDINARY.values(), ids=ORDINARY)
def test_ordinary_pages_are_read_once(source: str) -> None:
    """What is seen as it is written stands in the reading once, and nothing is put together."""
    found = text(source)
    assert "4539" not in found
    assert "3945" not in found
    assert found.count("\n") < 4
    assert all(found.count(word) <= 1 for word in ("One", "two", "39", "45"))


def _shuffled(places: list[int]) -> dict[str, str]:
    """Return pages that show pieces by their places, whatever order these are in."""
    pieces = [(place, f"{place:02d}") for place in places]
    return {
        "order": "<div style='display:flex'>"
        + "".join(f"<b style='order:{place}'>{piece}</b>" for place, piece in pieces),
        "left": "<div style='position:relative'>"
        + "".join(f"<b style='position:absolute;left:{place * 20}px'>{piece}</b>" for place, piece in pieces),
        "grid": "<div style='display:grid'>"
        + "".join(f"<b style='grid-area:1/{place + 1}'>{piece}</b>" for place, piece in pieces),
        "top": "<div style='position:relative'>"
        + "".join(f"<p style='position:absolute;top:{place * 20}px'>{piece}</p>" for place, piece in pieces),
    }


@given(st.permutations(range(12)))
def test_any_order_is_undone(places: list[int]) -> None:
    """Pieces with places are read by them."""
    wanted = "".join(f"{place:02d}" for place in sorted(places))
    for page in _shuffled(places).values():
        assert wanted in re.sub(r"\s", "", text(page))


@given(st.text(alphabet="<>/ab12 \x05\x06\x0e", max_size=60), st.sampled_from(["float:right", "order:1", "left:-9px"]))
def test_what_is_written_is_never_lost(inner: str, style: str) -> None:
    """Whatever stands within elements that are moved, the words as written come first."""
    plain = text(f"<div>{inner}</div>")
    assert text(f"<div style='position:relative;{style}'>{inner}</div>").startswith(plain)


def test_long_boxes_are_read_at_their_seams() -> None:
    """However long a box is, and wherever in it halves are put together."""
    filler = "<p>The offer stands until the end of the month.</p>" * 400
    for before, behind in pairwise(("", filler, "", filler, filler)):
        row = _with("display:inline-flex;flex-direction:row-reverse")
        page = f"<div style='float:left'>{before}<p>{LABEL} {row}</p>{behind}</div><div style='float:left'>x</div>"
        found = text(page)
        assert WHOLE.search(found)
        assert len(found) < 2 * len(page)


@pytest.mark.parametrize(
    "page",
    [
        "<div style='float:right'>" * 900 + "x 12 " * 200_000,
        "<div style='transform:scaleX(-1)'>" * 900 + "x 12 " * 100_000,
        "<p>" + "word 12 " * 100_000 + "<i style='left:-3px;position:relative'>4562</i>",
        "<p>" + "<i style='left:3px;top:9px;position:absolute'>4562</i>" * 20_000,
        "<p dir=rtl>" + "12 13 " * 100_000,
        "<div dir=auto>" * 900 + " " * 500_000,
        "<style>" + "".join(f".a{{--x{one}:var(--x{one + 1})}}" for one in range(3_000)) + "</style><p class=a>x",
        "<p style='a:" + "/*" * 200_000 + "'>x",
        "<p style='position:absolute;left:calc(a" + " " * 200_000 + "b)'>x",
        "<table dir=rtl><tr><td>" + "a" * 200_000 + "\u05d0<td>b</table>",
        "x<!--[if" + " x" * 200_000,
        "<!--[i" * 900 + "<!--[if x]>" + "f x]>" * 900 + " x" * 100_000,
        "<style>" + ("@mediamax-" * 40 + "{" + "a{}" * 6_000) * 10 + "a{</style><p style='float:left'>x",
    ],
)
def test_hostile_pages_take_no_time(page: str) -> None:
    """Boxes in boxes, pieces by the thousand and styles without end are read in linear time."""
    assert text(page) is not None
