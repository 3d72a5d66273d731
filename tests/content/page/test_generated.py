"""What styles add is read at its place: strings, variables, counters, quotation marks, marks of lists."""

import pytest

from dlp_gateway.content.html import text
from dlp_gateway.content.page import sheets
from tests.work import LINEAR, growth


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("<style>:root{--x:'4539'}i:before{content:var(--x)}</style>no. <i></i>", id="of the page"),
        pytest.param("<style>*{--x:'4539'}i:before{content:var(--x)}</style>no. <i></i>", id="of all"),
        pytest.param("<style>i{--x:'4539'}i:before{content:var(--x)}</style>no. <i></i>", id="of the element"),
        pytest.param("<style>i:before{--x:'4539';content:var(--x)}</style>no. <i></i>", id="of what is added"),
        pytest.param(
            "<style>i:before{content:var(--x)}</style>no. <i style=\"--x:'4539'\"></i>", id="in the element's style"
        ),
        pytest.param("<style>i:before{content:'45' var(--y)}</style><p style=\"--y:'39'\">no. <i></i>", id="inherited"),
        pytest.param("<style>i:before{content:var(--x,'4539')}</style>no. <i></i>", id="otherwise"),
        pytest.param(
            "<style>i:before{content:var( --x , var(--y, '4539'))}</style>no. <i></i>", id="otherwise in each"
        ),
        pytest.param(
            "<style>:root{--x:var(--y) var(--z);--y:'45';--z:'39'}i:before{content:var(--x)}</style>no. <i></i>",
            id="a variable of variables",
        ),
        pytest.param(
            "<style>.a{--x:'45'}.b{--x:'39'}i:before{content:var(--x)}</style>no. <i class=a></i><i class=b></i>",
            id="each element its own",
        ),
        pytest.param(
            "<style>@property --x{syntax:'*';inherits:true;initial-value:'4539'}i:before{content:var(--x)}</style>"
            "no. <i></i>",
            id="an initial value",
        ),
        pytest.param(
            "<style>b{counter-reset:a 45 b 39}i:before{content:counter(a) counter(b)}</style><b>no. <i></i></b>",
            id="two counters",
        ),
        pytest.param("<style>i{counter-increment:a 4539}i:after{content:counter(a)}</style>no. <i></i>", id="a step"),
        pytest.param("<style>i{counter-set:a 4539}i:after{content:counter(a)}</style>no. <i></i>", id="a counter set"),
        pytest.param(
            "<style>i:before{counter-increment:a 45;content:counter(a)}"
            "i:after{counter-increment:a -6;content:counter(a)}</style>no. <i></i>",
            id="a counter before and behind",
        ),
        pytest.param(
            "<style>u{counter-increment:a 39}p:after{content:counters(a,'.')}</style><p>no. 45<u></u></p>",
            id="a counter of what is within",
        ),
        pytest.param(
            "<style>b{counter-reset:a var(--n)}:root{--n:4539}i:before{content:counter(a)}</style><b>no. <i></i></b>",
            id="a counter by a variable",
        ),
        pytest.param("<ul style=\"list-style-type:'no. 4539 '\"><li>x</ul>", id="a mark of a list"),
        pytest.param("<style>li{list-style:'no. 4539 ' inside}</style><ul><li>x</ul>", id="its shorthand"),
        pytest.param("<style>ul{list-style:var(--x)}:root{--x:'no. 4539 '}</style><ul><li>x</ul>", id="by a variable"),
        pytest.param("<style>li::marker{content:'no. 4539'}</style><ul><li>x</ul>", id="a marker"),
        pytest.param(
            "<style>@counter-style z{system:cyclic;symbols:'no. 4539'}ul{list-style:z}</style><ul><li>x</ul>",
            id="a style of counters",
        ),
        pytest.param(
            "<style>@counter-style z{system:fixed;symbols:'45' '39'}i{counter-increment:a}"
            "i:before{content:counter(a,z)}</style>no. <i></i><i></i>",
            id="a counter in a style",
        ),
        pytest.param(
            "<style>@counter-style z{symbols:'39';prefix:'no. 45'}</style><ul style='list-style-type:z'><li>x</ul>",
            id="a style of counters with something before",
        ),
        pytest.param("<style>q{quotes:'4539' ''}</style>no. <q></q>", id="quotation marks"),
        pytest.param("<style>q{quotes:'45' '39'}</style>no. <q></q>", id="quotation marks on both sides"),
        pytest.param(
            "<style>q{quotes:'45' '' '39' ''}</style>no. <q><q></q></q>", id="quotation marks within each other"
        ),
        pytest.param(
            "<style>i{quotes:'45' '39'}i:before{content:open-quote}i:after{content:close-quote}</style>no. <i></i>",
            id="quotation marks of other elements",
        ),
        pytest.param("<style>p{& i{&::after{content:'4539'}}}</style><p>no. <i></i>", id="rules within rules"),
        pytest.param("<style>p{color:red;.a{&:after{content:'4539'}}}</style><p>no. <i class=a></i>", id="without &"),
        pytest.param(
            "<style>.a{@media screen{&:after{content:'4539'}}}</style>no. <i class=a></i>", id="a medium within"
        ),
        pytest.param("<style>i:after{x:'}';content:'4539'}</style>no. <i></i>", id="a bracket in a string"),
        pytest.param("<style>i:after{CONTENT:'4539'}</style>no. <i></i>", id="capitals"),
        pytest.param("<style>i:after{c\\6fntent:'4539'}</style>no. <i></i>", id="an escape in a name"),
        pytest.param("<style>i:after{content:attr(x, '4539')}</style>no. <i></i>", id="an attribute that is not there"),
        pytest.param(
            "<style>#z:after{content:'4539'}.a:after{content:'77'}</style>no. <i id=z class=a></i>", id="a special rule"
        ),
        pytest.param(
            "<style>i:after{content:'4539' !important}i:after{content:'77'}</style>no. <i></i>", id="an important rule"
        ),
    ],
)
def test_what_styles_add(source: str) -> None:
    """It stands where it is seen, beside the words around it."""
    assert "no. 4539" in text(source).replace("no.  ", "no. ")


@pytest.mark.parametrize(
    "source",
    [
        "<style>:root{--font:'Some Face'}ul{list-style-type:disc}li{margin:0 0 3px}</style><ul><li>x</ul>",
        "<style>.c{justify-content:center;list-style:none inside}q{quotes:none}</style><p class=c>x",
        "<style>.i:before{content:'\ue001'}</style><i class=i></i>x",
        "<style>p{&.a{margin:-1px}}</style><p>x",
    ],
)
def test_ordinary_sheets_add_nothing(source: str) -> None:
    """What they say of fonts and marks is no text."""
    assert text(source) == "x"


def test_rules_within_rules() -> None:
    """Each is told with what it is nested in, at its place."""
    assert sheets.rules("a, b{x:1;& i, u{y:2}z:3}@media screen{p{w:4;&:hover{v:5}}}") == [
        ("a,b", "x:1;z:3;"),
        ("a i,b i,a u,b u", "y:2;"),
        ("p", "w:4;;"),
        ("p:hover", "v:5;"),
    ]


@pytest.mark.parametrize(
    ("before", "unit", "behind", "count"),
    [
        pytest.param(
            "<style>:root{--a:var(--b) var(--b);--b:var(--c) var(--c);--c:var(--a) var(--a) '1'}"
            "i:before{content:var(--a)}</style>",
            "<i></i>",
            "",
            16_000,
            id="variables of each other",
        ),
        pytest.param(
            "<style>:root{--a:'1'}i:before{content:" + "var(--a) " * 30 + "}</style>" + "<b>" * 400,
            "<i></i>",
            "",
            16_000,
            id="variables of a deep page",
        ),
        pytest.param(
            "<style>i:before{content:" + "'' " * 600 + "}</style>", "<i></i>", "", 16_000, id="strings without anything"
        ),
        pytest.param(
            f"<style>i{{counter-reset:{'a 1 b 2 ' * 100}}}i:after{{content:counter(a)}}</style>",
            "<i></i>",
            "",
            16_000,
            id="counters",
        ),
        pytest.param("<style>", "a,b{", "</style><a>x", 16_000, id="rules within rules"),
        pytest.param("<style>", "a{&,&{x:'}'}", "</style><a>x", 8_000, id="rules with themselves"),
        pytest.param("<style>a{'{", "'x' {", "</style><a>x", 16_000, id="strings and brackets"),
        pytest.param("<style>q{quotes:'1' '2' '3' '4'}</style>", "<q>", "", 900, id="quotations"),
        pytest.param(
            "<style>@counter-style z{symbols:'1' '2'}ul{list-style:z}</style><ul>", "<li>x", "", 16_000, id="items"
        ),
        pytest.param("", "<i>4<del>7</del></i>", "", 16_000, id="changes"),
        pytest.param("<p>", "4<b hidden>7</b>", "", 16_000, id="hidden within a number"),
    ],
)
def test_time_grows_with_the_page(before: str, unit: str, behind: str, count: int) -> None:
    """Whatever styles refer to."""
    assert growth(text, lambda count: before + unit * count + behind, count) < LINEAR
