"""HTML as a reader sees it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.content import bidi
from dlp_gateway.content.html import is_excessive, loose, text
from tests.work import LINEAR, growth


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("<p>41<b>11</b> 11<i></i>11</p>", "4111 1111", id="tags inside a number"),
        pytest.param("41<!-- x -->11", "4111\nx", id="a comment inside a number is read behind the text"),
        pytest.param("45<?x?>39", "4539\nx ?", id="a processing instruction inside a number"),
        pytest.param("<iframe srcdoc='<p>41<b>11</b> &amp;amp; 1'></iframe>", "4111 & 1", id="a document in a frame"),
        pytest.param(
            "<a href='data:text/html;base64,PHA+NDE8Yj4xMTwvYj48L3A+'>x</a>", "x\n4111", id="a document in a link"
        ),
        pytest.param("<a href='data:text/plain,41%31+1'>x</a>", "x\n411+1", id="a text in a link"),
        pytest.param("41&#49;&#x31; &amp; &lt;b&gt; &quot;", '4111 & <b> "', id="entities"),
        pytest.param("41&shy;11&#8203;11\u200b11\ufeff&zwnj;", "41111111", id="invisible characters"),
        pytest.param("a&nbsp;b", "a\u00a0b", id="a no-break space stays"),
        pytest.param("<p>a</p><p>b</p>c<br>d<div>e</div>f", "a\nb\nc\nd\ne\nf", id="blocks and breaks"),
        pytest.param("a \r\n\t  b", "a b", id="white space collapses"),
        pytest.param("<pre>a\nb</pre>c\nd", "a\nb\nc d", id="preformatted lines stay"),
        pytest.param("<textarea>a\nb</textarea>", "a\nb", id="the text of a form"),
        pytest.param("<ul><li>a<li>b</ul>", "a\nb", id="items without end tags"),
        pytest.param(
            "<table><tr><th>Name<th>Licence<tr><td><p>Ann</p></td><td> <p>4111</p> </td></table>after",
            "Name\tLicence\nAnn\t4111\nafter",
            id="a table stays a table",
        ),
        pytest.param("<table><tr><td></td><td>b</td></tr></table>", "\tb", id="an empty cell at the start of all text"),
        pytest.param("x<table><tr><td></td><td>b</td></tr></table>", "x\n\tb", id="an empty cell keeps its column"),
        pytest.param("<script>x = '4111'</script><style>p { color: red }</style>a", "a\nx: 4111", id="scripts"),
        pytest.param("<style>a:before { content: '4111' }</style>b", "b\n4111", id="generated content"),
        pytest.param("<p style='display:none'>a</p><font color=white>b</font>", "a\nb", id="hidden text"),
        pytest.param("<img alt=4111><img alt=''>x", "4111 x", id="alternative text"),
        pytest.param("Card <input value='4111'>", "Card 4111", id="a filled form"),
        pytest.param("<b title='T &amp; t'>x</b>", "x\nT & t", id="a title"),
        pytest.param(
            "<a href='https://a.example/x?n=%34111+1&amp;m=2'>x</a>",
            "x\nhttps://a.example/x?n=4111 1&m=2",
            id="a link with a query",
        ),
        pytest.param("<a href='https://a.example/4111'>x</a>", "x", id="a link without a query"),
        pytest.param("<a href='mailto:a@b.example'>x</a>", "x\nmailto:a@b.example", id="a mail link"),
        pytest.param("<title>T</title>a", "T\na", id="the title of the page"),
        pytest.param("<!--[if mso]><p>41<b>1</b><![endif]-->a", "a\n411a\n[if mso]> 411<![endif]", id="for one client"),
        pytest.param("a <b x='>'>b</b> < c", "a b < c", id="angle brackets in attributes and text"),
        pytest.param("<p x\"y='z' a=b>t</p>", "t", id="quotes in attribute names"),
        pytest.param("<xmp>a<b></xmp>c", "a\nc", id="an old element with raw text"),
        pytest.param("<svg><text>4111</text></svg>", "4111", id="text in a drawing"),
        pytest.param("<template>4111</template>", "4111", id="a template"),
        pytest.param("<noscript>4111</noscript>", "4111", id="what is shown without scripts"),
        pytest.param("no markup < at > all", "no markup < at > all", id="plain text"),
        pytest.param("", "", id="nothing"),
        pytest.param("\x01\x02\x03\x04", "", id="characters that show nothing"),
        pytest.param("Führerschein <b>Ñ</b>", "Führerschein Ñ", id="other scripts"),
    ],
)  # fmt: skip
def test_what_is_seen(source: str, expected: str) -> None:
    """Inline markup vanishes, blocks make lines, cells make columns, and what stands elsewhere follows behind."""
    assert expected == text(source)


@pytest.mark.parametrize(
    "source",
    [
        "a <b x='4111",
        "a <!-- 4111",
        "a <script> 4111",
        "a <title>4111",
        "<a href='4111",
        "<select><option>4111",
        "<4111",
    ],
)
def test_unfinished_source_hides_nothing(source: str) -> None:
    """What a browser drops, because the source ends in the middle, a curious receiver still finds."""
    assert "4111" in text(source)


@pytest.mark.parametrize(
    ("before", "unit", "behind", "count"),
    [
        pytest.param("", "<", "", 200_000, id="angle brackets"),
        pytest.param("", "<!--", "", 50_000, id="comments in comments"),
        pytest.param("", "<!--a-->", "", 50_000, id="many comments"),
        pytest.param("", "<a x='", "", 50_000, id="quotes"),
        pytest.param("", "<pre>", "", 3_000, id="nested preformatted text"),
        pytest.param("", " ", "x", 1_000_000, id="blanks"),
        pytest.param("", "<br> ", "", 50_000, id="breaks"),
        pytest.param("", "<td>", "", 50_000, id="cells outside a table"),
        pytest.param("<style>", "content:'", "</style>", 50_000, id="styles"),
        pytest.param("", "&#49;", "", 200_000, id="entities"),
        pytest.param("<b ", "x=1 ", ">y", 100_000, id="one attribute many times"),
        pytest.param("<p>", "4<i hidden>1</i>", "</p>", 20_000, id="hidden pieces in one paragraph"),
    ],
)
def test_linear_time(before: str, unit: str, behind: str, count: int) -> None:
    """Sources made to be slow are read in time that grows as they do."""
    assert growth(text, lambda units: before + unit * units + behind, count) < LINEAR


PIECES = ("<", ">", "</", "<!--", "-->", '"', "'", "=", " ", "/", "a", "p", "td", "tr", "<table>", "<b", "</b", "<b x=")
ODD_PIECES = (
    "<script>",
    "</script>",
    "<style>",
    "<xmp>",
    "<svg>",
    "<![CDATA[",
    "]]>",
    "<?",
    "&lt;",
    "&",
    "\x00",
    "é",
    "\x01",
)


@settings(max_examples=200)
@given(st.lists(st.sampled_from(PIECES + ODD_PIECES), max_size=30), st.sampled_from(["<p>", " ", "\n", ">", "</b>"]))
def test_visible_text_survives_any_beginning(beginning: list[str], separator: str) -> None:
    """Whatever markup stands before it, text at the end is read, unless a script swallows it."""
    source = "".join(beginning) + separator + "needle"
    found = text(source)
    assert "needle" in found or "<script" in source


@settings(max_examples=100)
@given(st.text(max_size=200))
def test_any_text_is_read(source: str) -> None:
    """No input fails, and nothing that stands for a break is left in the result."""
    found = text(source)
    assert not {"\x01", "\x02", "\x03", "\x04"} & set(found)


@pytest.mark.parametrize(
    ("before", "unit", "behind", "count"),
    [
        ("<p ", "a%d ", ">4111", 60_000),
        ("<p ", "a='>' ", ">4111", 60_000),
        ("", "<div>", "4111", 40_000),
        ("", "<pre>", "4111", 40_000),
        ("", "<div/>", "4111", 40_000),
        ("", "<font a%d><p>", "4111", 10_000),
        ("", "<div></b>", "4111", 20_000),
        ("", "<rp>", "4111", 40_000),
        ("<ruby><object>", "<rt>", "4111", 40_000),
        ("<p>" + "".join(f"<b a={number}>" for number in range(800)), "<p>x", "4111", 8_000),
        ("4111<pre></pre>", "<!--<xmp>-->", "", 20_000),
        ("4111", "<!--", "", 100_000),
        ("4111", "<a ", "", 100_000),
        ("4111", "<a b='", "", 50_000),
        ("4111", "<script>", "", 50_000),
    ],
)
def test_games_with_markup_are_refused_or_cheap(before: str, unit: str, behind: str, count: int) -> None:
    """What takes a parser quadratic time is noticed in linear time, and read without the parser."""

    def source(units: int) -> str:
        return before + "".join(unit.replace("%d", str(number)) for number in range(units)) + behind

    def found(source: str) -> str:
        return loose(source) if is_excessive(source) else text(source)

    assert "4111" in found(source(count))
    assert growth(found, source, count) < LINEAR


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<p " + "a='1' " * 1_000 + ">", False),
        ("<p " + "a='1' " * 1_001 + ">", True),
        ("<p " + "a/" * 1_001 + ">", True),
        ("<p a='" + "b c " * 2_000 + "'>", False),
        ("<b>" * 1_000, False),
        ("<b>" * 1_001, True),
        ("<b>" * 1_001 + "</b>" * 1_001, True),
        ("<b></b>" * 3_000, False),
        ("<B></b>" * 3_000, False),
        ("<p>text<br>text" * 3_000, False),
        ("<table>" + "<tr><td>a<td>b" * 3_000 + "</table>", False),
        ("<svg>" + '<path d="M 0 0"/>' * 3_000 + "</svg>", False),
        ("<script>" + "if (a<b) { c }" * 3_000 + "</script>", False),
        ("<!-- " + "<div>" * 3_000 + " -->", False),
        ("1 < 2 " * 3_000, False),
        ("<ruby>a<rp>(<rt>b<rp>)</ruby>" * 1_000, False),
        ("<ruby><b>a<rt>b</ruby>" * 1_000, True),
        ("<rt>a" * 1_001, True),
        ("<p><font size=2>x" * 900, False),
        ("<p><b>" * 900 + "<p>x</p>" * 50_000, False),
        ("<p>" + "".join(f"<b a={number}>" for number in range(100)) + "<p>x</p>" * 3_000, False),
        ("<p>" + "".join(f"<b a={number}>" for number in range(100)) + "<p>x</p>" * 4_000, True),
        ("<td>a</td>" * 199_000, False),
        ("<td>a</td>" * 201_000, True),
    ],
    ids=range(24),
)
def test_bounds_of_markup(source: str, *, expected: bool) -> None:
    """A thousand attributes or open elements are no letter, nor are tags for a tree of 80 MB; others are read."""
    assert expected == is_excessive(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("no. 45<b hidden>1</b>39", "no. 4539"),
        ("no. 45<i style='display:none'>1</i>39", "no. 4539"),
        ("no. 45<i style='font-size: 0px'>1</i>39 <u>14</u>", "no. 4539 14"),
        ("no. 45<i style='display:none'>1</i>39<i style='display:none'>7</i>14", "no. 453914"),
    ],
)
def test_what_is_hidden_within_a_word_is_read_and_left_out(source: str, expected: str) -> None:
    """It leaves the house like the rest, and to people it is not there."""
    assert expected in text(f"<p>{source}</p>").splitlines()[1:]


def test_what_is_hidden_beside_words_is_read_once() -> None:
    """Such as the preview lines of newsletters."""
    assert text("<p>Hello <i style='display:none'>you</i> there</p>") == "Hello you there"


def test_text_that_runs_the_other_way() -> None:
    """The override of HTML is read as it is written and as it is seen, that of Unicode as well."""
    assert text("<p>no. <bdo dir='rtl'>9354</bdo> x</p>") == "no. 9354 x\nno. 4539 x"
    assert bidi.with_overrides("no. \u202e9354\u202c x") == "no. \u202e9354\u202c x\nno. 4539 x"


def test_two_cells_behind_a_label_are_one_number() -> None:
    """In the row of the label, or below it; a row of a table without one is none."""
    assert text("<table><tr><td>No.:</td><td>D123</td><td>4562</td></tr></table>").endswith("\nD1234562")
    assert text("<p>No.:</p><table><tr><td>D123</td><td>4562</td></tr></table>").endswith("\nD1234562")
    assert text("<table><tr><td>D123</td><td>4562</td></tr></table>") == "D123\t4562"


def test_a_long_column_of_signs_is_tried_once() -> None:
    """What is no number in boxes, because its last line is longer, takes no time for each of its lines."""
    assert text("<p>1" * 100_000 + "<p>12").endswith("1\n12")


def test_marks_in_the_source_show_nothing() -> None:
    """Control characters that have a meaning within the reader are dropped, written as they are or by their numbers."""
    assert text("<p>45\x05\x0f&#5;&#x0006;&#14&#x0E;39&#65;</p>") == "4539A"


def test_a_number_in_boxes_is_one() -> None:
    """A form has a cell for each digit."""
    row = "".join(f"<td>{digit}</td>" for digit in "453914")
    assert text(f"<table><tr>{row}</tr></table>").splitlines()[1] == "453914"


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("no. 45<del>77</del><ins>39</ins> 11", ["no. 457739 11", "no. 4539 11", "no. 4577 11"]),
        ("no. 45 <del>77 </del>39", ["no. 45 77 39", "no. 45 39"]),
        ("no. 45-<s>77</s>-39", ["no. 45-77-39", "no. 45--39"]),
        ("no. 45<strike>77</strike>39", ["no. 457739", "no. 4539"]),
        ("no. 45<span style='text-decoration: line-through'>77</span>39", ["no. 457739", "no. 4539"]),
        ("no. 45<b>39<del>77</del></b>11", ["no. 45397711", "no. 453911"]),
        ("no. 45<b style='position:relative'>39<del>77</del></b>11", ["no. 45397711", "no. 453911"]),
        ("no. 45<b style='position:relative'><del>77</del>39</b>11", ["no. 45773911", "no. 453911"]),
        ("no. <del>45</del><ins>39</ins>", ["no. 4539", "no. 39", "no. 45"]),
    ],
)
def test_changes_are_read_as_they_are_accepted_and_rejected(source: str, seen: list[str]) -> None:
    """What is struck out and what is put instead are seen together, and each by itself."""
    lines = [line.strip() for line in text(f"<p>{source}</p>").splitlines()]
    assert [one for one in seen if one not in lines] == []


@pytest.mark.parametrize(
    "css",
    [
        "position:absolute;width:1px;height:1px;overflow:hidden;clip:rect(0,0,0,0)",
        "position:absolute;clip:rect(1px, 1px, 1px, 1px)",
        "position:absolute;clip-path:inset(50%)",
        "clip-path:circle(0)",
        "-webkit-clip-path: polygon(0 0, 0 0, 0 0)",
        "font:0/0 a",
        "font: bold 0 a",
        "font: 1px / 1px a",
        "font-size:.0001em",
        "position:absolute;transform:scale(0)",
        "transform: rotate(3deg) scale(1, 0)",
        "transform:scale3d(0,0,0)",
        "transform:scaleX(.001)",
        "transform:rotateY(90deg)",
        "scale:0",
        "filter: opacity(0)",
        "filter:blur(2px) opacity(0%)",
        "filter:alpha(opacity=0)",
        "opacity:.01",
        "zoom:0",
        "content-visibility: hidden",
        "mask:linear-gradient(transparent,transparent)",
        "-webkit-mask-image:linear-gradient(transparent,transparent)",
        "content:url(data:image/gif;base64,R0lGODlhAQABAAAAACw=)",
    ],
)
def test_what_styles_hide_within_a_number_is_left_out(css: str) -> None:
    """However they do it, in a sheet and in the element."""
    for source in (f"<style>.s{{{css}}}</style>no. 45<i class=s>7</i>39", f"no. 45<i style='{css}'>7</i>39"):
        assert any("no. 4539" in line.replace("no.  ", "no. ") for line in text(source).splitlines()), source


@pytest.mark.parametrize(
    "css", ["font:12px/1.5 Arial", "font: 100 1em a", "transform:scale(1.05)", "clip:auto", "filter:none", "zoom:1"]
)
def test_styles_that_hide_nothing(css: str) -> None:
    """Ordinary styles are no reason to read anything twice."""
    assert text(f"<p>no. 45<i style='{css}'>7</i>39</p>") == "no. 45739"


@pytest.mark.parametrize(
    "aside",
    [
        "<template>7</template>",
        "<datalist><option>7</datalist>",
        "<dialog>7</dialog>",
        "<audio>7</audio>",
        "<video>7</video>",
        "<canvas>7</canvas>",
        "<iframe>7</iframe>",
        "<object>7</object>",
        "<noframes>7</noframes>",
        "<noembed>7</noembed>",
        "<noscript>7</noscript>",
        "<svg><title>7</title></svg>",
        "<svg><desc>7</desc></svg>",
        "<title>7</title>",
    ],
)
def test_what_no_browser_shows_is_read_and_left_out(aside: str) -> None:
    """It stands for what other programs show, or waits for a script."""
    lines = text(f"<div>no. 45{aside}39</div>").splitlines()
    assert "no. 4539" in lines
    assert any("7" in line for line in lines)


def test_a_dialog_that_is_open_is_shown() -> None:
    """Its words stand in their place."""
    assert text("<div>no. 45<dialog open>7</dialog>39</div>") == "no. 45\n7\n39"


def test_a_number_whose_label_is_hidden_beside_it() -> None:
    """What is hidden touches a number, so that it is another one."""
    assert "Passport no. 4539" in text("<p>Passport no. <i hidden>7</i>4539</p>").splitlines()


def test_the_preview_of_a_newsletter_and_its_old_prices() -> None:
    """What stands on lines of its own, and hidden words, tear nothing; the price is read again."""
    preview = "<div style='display:none;font-size:1px;max-height:0'>2 days only</div>"
    found = text(f"{preview}<h1>50 lamps</h1><p>Now 20 euros</p>")
    assert found == "2 days only\n50 lamps\nNow 20 euros"
