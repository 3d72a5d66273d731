"""What styles make of HTML is read once more, as it is seen."""

from collections.abc import Callable

import pytest

from dlp_gateway.content.html import text
from tests.work import LINEAR, growth


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        pytest.param(
            "<p>no. <span style='float:right'>39</span><span style='float:right'>45</span></p>", "4539", id="float"
        ),
        pytest.param("<p><b>39</b><i style='float: left'>45</i></p>", "4539", id="floats to the left come first"),
        pytest.param(
            "<div style='display:flex;flex-direction:row-reverse'><i>39</i><i>45</i></div>",
            "4539",
            id="a row in reverse",
        ),
        pytest.param(
            "<div style='display:flex'><i style='order:2'>39</i><i style='order:1'>45</i></div>", "4539", id="order"
        ),
        pytest.param(
            "<p><i style='position:absolute;left:40px'>39</i><i style='position:absolute;left:10px'>45</i></p>",
            "4539",
            id="places",
        ),
        pytest.param("<p style='unicode-bidi:bidi-override; direction:rtl'>9354</p>", "4539", id="the other way"),
        pytest.param("<p style='transform: scaleX(-1)'>9354</p>", "4539", id="in a mirror"),
        pytest.param(
            "<div dir=rtl><i style='display:inline-block'>39</i><i style='display:inline-block'>45</i></div>",
            "4539",
            id="right to left",
        ),
        pytest.param(
            "<style>.r{float:right}</style><p><i class=r>39</i><i class=r>45</i></p>", "4539", id="in a sheet"
        ),
        pytest.param(
            "<style>@media screen{.x{display:none !important}}</style><p>no. 45<i class=x>77</i>39</p>",
            "no. 4539",
            id="hidden by a sheet",
        ),
        pytest.param("<p>45<i style='color:transparent'>77</i>39</p>", "4539", id="transparent"),
        pytest.param("<p>45<i style='max-height:0;overflow:hidden'>77</i>39</p>", "4539", id="without height"),
        pytest.param("<style>.a::before{content:'45'}</style><p class=a>39</p>", "4539", id="content before"),
        pytest.param("<style>.a::after{content:'39'}</style><p class=a>45</p>", "4539", id="content after"),
        pytest.param(
            "<style>i::before{content:attr(data-id)}</style><i data-id=45></i><i data-id=39></i>",
            "4539",
            id="attributes",
        ),
        pytest.param("<style>i::after{content:'\\34 \\000035'}</style><i></i>39", "4539", id="escapes"),
        pytest.param(
            "<style>.a:after{content:'4' '5' attr(x)}</style><p class=a x=39></p>", "4539", id="several strings"
        ),
        pytest.param(
            "<style>b{counter-reset:n 4539}b:after{content:counter(n)}</style><b></b>", "4539", id="a counter"
        ),
        pytest.param("<p>no. 45<!--[if mso]>39<![endif]--></p>", "no. 4539", id="for Outlook"),
        pytest.param("<ol start=4539><li>x</ol>", "4539", id="the number of an item"),
        pytest.param("<p data-card-number='4539'>x", "card number: 4539", id="data"),
        pytest.param(
            '<script type="application/ld+json">{"number": "4539"}</script>', "number: 4539", id="data for Gmail"
        ),
        pytest.param("".join(f"<div>{digit}</div>" for digit in "45391488"), "45391488", id="a column of digits"),
    ],
)
def test_it_is_read_as_it_is_seen(source: str, seen: str) -> None:
    """Whatever order it is written in, and whatever stands between."""
    assert any(seen in line.split("\t")[-1] for line in text(source).split("\n"))


@pytest.mark.parametrize(
    "source",
    [
        "<p style='font-size:11.0pt;font-family:Arial'>One 45</p><p style='margin:0 0 10px'>39 two</p>",
        "<style>p{color:red} .x{display:block}</style><p>a</p><p class=x>b</p>",
        "<div><p style='display:none'>preheader</p><p>text</p></div>",
        "<p data-id='4539148803436467' data-outlook-trace='F:1'>x</p>",
    ],
)
def test_ordinary_styles_add_nothing(source: str) -> None:
    """A mail of an ordinary composer is read once."""
    found = text(source)
    assert "4539" not in found
    assert len(found.split("\n")) <= 3


def test_sheets_without_end_take_no_time() -> None:
    """Rules, elements and texts that are looked at are bounded."""
    rules = "".join(f".c{number}{{float:right}}" for number in range(5_000))
    assert "x" in text(f"<style>{rules}</style>" + "<p class=c1 style='float:right'>x</p>" * 900)
    assert "x" in text("<style>" + "a{" * 50_000 + "</style>x")
    assert "x" in text("<style>*{float:right}</style>" + "<i>x</i>" * 5_000)
    assert "x" in text("<div style='float:left'>" * 400 + "x" * 5_000)


def test_broken_selectors_are_left_out() -> None:
    """What no parser knows hides nothing."""
    assert text("<style>..{float:right} a:::b{content:'z'} [{order:1}</style>x").startswith("x")


def _distinct(sheet: str, unit: str) -> Callable[[int], str]:
    return lambda count: f"<style>{sheet}</style>{''.join(unit.replace('%d', str(at)) for at in range(count))}"


_LONG = "".join(f"p{{float:left;{'margin:var(--a);' * 100}left:{at}px}}" for at in range(4))


@pytest.mark.parametrize(
    ("made", "count"),
    [
        pytest.param(
            lambda count: "<table>" + "<thead><tr><td>4</thead><tfoot><tr><td>5</tfoot>" * count, 1_600, id="heads"
        ),
        pytest.param(
            _distinct("p::before{content:'" + "4 " * 900 + "'}", "<p>x"), 16_000, id="a string at many places"
        ),
        pytest.param(
            _distinct(f":root{{--a:{'margin:-1px ' * 16}}}{_LONG}", "<p style='left:%dpx;float:left'>x"),
            8_000,
            id="long declarations of many elements",
        ),
    ],
)
def test_styles_take_linear_time(made: Callable[[int], str], count: int) -> None:
    """What a short rule says of many elements, or many of one, is told as long as the page is."""
    assert growth(text, made, count) < LINEAR


@pytest.mark.parametrize(
    "source",
    [
        f"<style>p::before{{content:'{'4 ' * 900}'}}</style>{'<p>x' * 16_000}",
        f"<style>p::before{{content:{'attr(a)' * 200}}}</style><p a='{'4 ' * 50_000}'>",
    ],
    ids=["a string", "an attribute"],
)
def test_what_is_shown_at_many_places_is_bounded(source: str) -> None:
    """A page of a hundred kilobytes does not become one of ten megabytes."""
    found = text(source)
    assert "4 4 4" in found
    assert len(found) < 10 * len(source)
