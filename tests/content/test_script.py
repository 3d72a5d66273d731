"""Scripts in pages say what they would write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.content.html import text as page
from dlp_gateway.content.script import text


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("document.write(\"ab\" + 'cd')", "abcd", id="a sum"),
        pytest.param("f('ab'.concat('cd'))", "abcd", id="a sum by name"),
        pytest.param("var a='ab', b='cd'\ndocument.write(a+b)", "abcd", id="names"),
        pytest.param("x='ab'; x += 'cd'", "x: abcd", id="what is added"),
        pytest.param("x={licence: 'ab', \"full name\": 12}", "licence: ab\nfull name: 12", id="data"),
        pytest.param("['a','b'].join('')", "ab", id="a list that is joined"),
        pytest.param("'ba'.split('').reverse().join('')", "ab", id="turned round"),
        pytest.param(r"f('\x61\u0062\u{63}\144\'')", "abcd'", id="escapes"),
        pytest.param("f(unescape('%61%u0062'))", "ab", id="per cent signs"),
        pytest.param("f(atob('RDg3MDczODk='))", "D8707389", id="base64"),
        pytest.param("f(String.fromCharCode(97, 0x62))", "ab", id="code points"),
        pytest.param("const a='b'; f(`a ${a}`)", "a b", id="a template"),
        pytest.param("x = /['\"]/; f('ab')", "ab", id="a pattern with quotation marks"),
        pytest.param("/* it's */ f('ab') // don't", "ab", id="comments"),
    ],
)
def test_what_is_said(source: str, expected: str) -> None:
    """Sums, lists, names, escapes and the usual functions are undone; nothing is run."""
    said = text(source)
    assert all(line in said.splitlines() for line in expected.splitlines())


@pytest.mark.parametrize(
    "source",
    ["a='x';" + "a=a+a;" * 100, "f(a.b(c), d[1], !e)", "if (a) { b() }", ""],
    ids=["doubling", "calls", "blocks", "nothing"],
)
def test_what_is_not_said(source: str) -> None:
    """Programs without words say nothing, and doubling ends."""
    assert len(text(source)) < 1_000_000


@pytest.mark.parametrize(
    "source",
    [
        "x='" + "a b" * 20_000 + "';[" + "x," * 9_000 + "].join('')",
        "['a'," + "'b'," * 9_000 + "]" + ".join('')" * 20_000,
        "'" + "a b" * 20_000 + "'" + ".split('')" * 20_000,
        "['a'," + "'b'," * 9_000 + "]" + ".reverse()" * 20_000,
        "x='';" + "x+='a';" * 60_000,
        "x='" + "a b" * 20_000 + "';" + "x;" * 60_000,
        "'a'" + "+'a'" * 100_000,
    ],
    ids=["long items", "joins", "splits", "reverses", "additions", "sayings", "a sum"],
)
def test_hostile_scripts_take_no_time(source: str) -> None:
    """Calls on long lists and values, again and again, cost no product of both."""
    assert len(text(source)) < 2_000_000


@given(st.text(alphabet="'\"`+/\\=:,;.()[]{}$ax0 \n*", max_size=200))
def test_nothing_is_raised(source: str) -> None:
    """Whatever stands in a script, reading ends with text."""
    assert isinstance(text(source), str)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<p onclick=\"alert('ab'+'cd')\">x</p>", "x\nabcd"),
        ("<script>document.write('<b>ab</b>'+'cd')</script>x", "x\nabcd"),
        ("<script type='text/template'><p>ab</p></script>x", "x\n ab "),
    ],
    ids=["handler", "markup", "template"],
)
def test_scripts_in_pages(source: str, expected: str) -> None:
    """What scripts and handlers say stands behind the page."""
    assert page(source).replace(" ", "") == expected.replace(" ", "")
