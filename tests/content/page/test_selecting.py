"""Selectors find what they mean, and take no longer than their page is long."""

from functools import partial

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from dlp_gateway.content.html import text
from dlp_gateway.content.page.selecting import Finder
from tests.work import LINEAR, growth

_PAGE = (
    "<div id=a><p id=b class=x>1<i id=c></i><p id=d>2<i id=e><b id=f></b></i></div>"
    "<div id=g title='p > i, b'><p id=h class='x y'><!-- --><i id=j></i><i id=k></i></div>"
)


def _ids(source: str, selector: str) -> str:
    tree = LexborHTMLParser(source)
    return "".join(node.attributes.get("id") or "" for node in Finder(tree, tree.css("*")).found(selector))


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("p", "bdh"),
        ("p i", "cejk"),
        ("div\n>\tp", "bdh"),
        ("p + p", "d"),
        ("p~p", "d"),
        ("div ~ div i+i", "k"),
        ("i > b, .y > i:first-child , #a", "afj"),
        ("[title='p > i, b'] i", "jk"),
        ('[title="p > i, b"]', "g"),
        ("div > :is(p, b):not(.y) i", "ce"),
        ("p:nth-child( 2n + 1 ) > i", "cjk"),
        ("div p:nth-last-child(1)", "dh"),
        (":not(i) b", "f"),
        ("div:has(> p > i > b) i", "ce"),
        (":has(b) p ~ p", "d"),
        ("p:not(div .x) i", "e"),
        ("#\\61  > p", "bd"),
        ("", ""),
        ("> p", ""),
        ("p >", ""),
        ("p ~ ~ p", ""),
        ("p)(, i", ""),
        ("p:has(", ""),
        ("p::foo i", ""),
        ("[ > p", ""),
        ("'", ""),
    ],
)
def test_selectors_find_their_elements(selector: str, expected: str) -> None:
    """Lists, combinators, and what looks like one within brackets; nothing where a selector is wrong."""
    assert _ids(_PAGE, selector) == expected


_COMPOUNDS = st.sampled_from(("p", "b", "*", ".x", "[a]", "b.x", "b:first-child", "p:nth-child(2n+1)", ":empty"))
_SELECTORS = st.lists(
    st.tuples(_COMPOUNDS, st.sampled_from((" ", ">", " + ", "~", ", "))).map("".join), max_size=3
).flatmap(lambda first: _COMPOUNDS.map(lambda last: "".join((*first, last))))
_PAGES = st.recursive(
    st.sampled_from(("", "x", "<!-- -->")),
    lambda inner: st.lists(
        st.tuples(st.sampled_from(("<b>", "<i>", "<b class=x>", "<i a=1>", "<b a=1 class=x>")), inner).map(
            lambda both: f"{both[0]}{both[1]}</{both[0][1]}>"
        ),
        max_size=4,
    ).map("".join),
    max_leaves=30,
)


@settings(max_examples=200)
@given(source=_PAGES, selector=_SELECTORS)
@example(source="<b><i></i></b>", selector="b>i")
def test_they_find_what_lexbor_finds(source: str, selector: str) -> None:
    """Where that is asked for the whole of a selector, on pages so small that it ends; it errs with `:not(b) b`."""
    tree = LexborHTMLParser(source)
    found = [node.mem_id for node in Finder(tree, tree.css("*")).found(selector)]
    assert {*found} == {node.mem_id for node in tree.css(selector)}
    assert len(found) == len({*found})


@pytest.mark.parametrize("page", ["<p>x", "<p>x<!-- -->", "<p><b>x</b></p>", "<div><p>x</p></div>"])
@pytest.mark.parametrize(
    "selector",
    [
        "q ~ p",
        "q ~ p ~ p ~ p",
        "p:nth-child(2n+1) ~ p ~ p ~ p",
        "p:nth-last-child(2n)",
        "p:nth-of-type(3n)",
        "p:nth-child(2n of b)",
        "q:last-of-type, p:last-of-type",
        "p:has(~ q)",
        "p:h\\61s(~ q)",
        "p:not(q~\\70)",
        "p:not(|q~|p)",
        ":not(:has(* > * *))",
        ":has(:has(q))",
        "q + p + p + p",
    ],
)
def test_siblings_take_linear_time(page: str, selector: str) -> None:
    """However many there are, with comments beside them."""

    def found(source: str) -> list[object]:
        tree = LexborHTMLParser(source)
        nodes = tree.css("*")
        return [*Finder(tree, nodes, asides=source.count("<!")).found(selector)]

    assert growth(found, lambda count: page * count, 24_000) < LINEAR


@pytest.mark.parametrize(
    "selector", ["q div div div p", "* * * * * *", "q > div div > p", "div:has(q)", "p:not(q div p)"]
)
def test_depth_takes_linear_time(selector: str) -> None:
    """Each descendant of descendants is looked for once."""

    def found(source: str) -> list[object]:
        tree = LexborHTMLParser(source)
        return [*Finder(tree, tree.css("*")).found(selector)]

    assert (
        growth(found, lambda count: ("<div>" * 300 + "<p>x</p>" * 50 + "</div>" * 300) * (count // 350), 22_400)
        < LINEAR
    )


def test_many_selectors_visit_no_more_than_may_be() -> None:
    """Each of a list counts, and so do the attributes that each is compared with."""
    lists = "".join(f"{','.join(f'b{rule}x{one}' for one in range(60))}{{float:left}}" for rule in range(300))
    strings = "".join(f'[a*="x{number}"]{{float:left}}' for number in range(1_000))
    alternatives = "".join(f"{','.join(['p p'] * 90)}{{order:{rule}}}" for rule in range(60))
    for rules, page in (alternatives, "<p>x"), (lists, "<p>x"), (strings, f"<p a='{'x9' * 20}'>x"):
        sheet = f"<style>{rules}</style>"
        assert growth(text, partial(_repeated, sheet, page), 32_000) < LINEAR


def _repeated(sheet: str, page: str, count: int) -> str:
    return sheet + page * count


@pytest.mark.parametrize(
    "selector",
    ["q ~ p > i", "p:nth-child(40001) i", "i:has(~ b ~ b)", "p > i:not(:has(:has(q)))", "p:nth-last-of-type(1) > i"],
)
def test_what_may_be_hidden_is_read_in_both_ways(selector: str) -> None:
    """Where it would take too long to know whether a selector means an element, that is taken to be so."""
    before, behind = f"{'<b>x</b>' * 20_000}<q></q>{'<b>x</b>' * 20_000}", "<b></b>" * 20_000
    found = text(f"<style>{selector}{{display:none}}</style>{before}<p>no. 45<i>77</i>39{behind}")
    assert "457739" in found
    assert "no. 4539" in found
