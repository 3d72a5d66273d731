"""What styles make of HTML: words that they hide, text that they add, and the order in which they show it.

No page is laid out here. Elements that may be seen elsewhere than where they are written get marks (`marking.py`), and
what stands around the places where the order is another one is read once more, behind the text (`arranged.py`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Final

import re2
from selectolax.lexbor import LexborHTMLParser, LexborNode

from dlp_gateway.content.page import generated, sheets
from dlp_gateway.content.page.box import HIDING, INSERTED, Box
from dlp_gateway.content.page.marking import Styled, marked
from dlp_gateway.content.page.piece import FROM_RIGHT
from dlp_gateway.content.page.selecting import RULES, Finder, Lookup

#: Without any of these in the source, styles change nothing; said of octets, which costs a tenth of looking.
_STYLED: Final = re2.compile(
    rb"(?i)display\s*:\s*(?:none|inline|flex|grid|table-|contents|-)|visibility\s*:\s*(?:hidden|collapse)|mso-hide"
    rb"|(?:font-size|opacity|max-height|max-width)\s*:\s*0|font-size\s*:\s*1p|(?:^|[^a-z-])(?:height|width)\s*:\s*0"
    rb"|(?:^|[^a-z-])color\s*:\s*tra|indent\s*:\s*-[0-9]{3}|margin[a-z-]*\s*:[^;{}\"']*-[.0-9]|position\s*:|content\s*:"
    rb"|counter-|float\s*:|-reverse|direction\s*:\s*(?:rev|rtl)|(?:^|[^a-z])order\s*:\s*-?[0-9]|ordinal-group|unicode-bidi"
    rb"|grid-(?:row|col|area|temp|auto)|(?:scale|rotate|translate)[xyz3d]*\s*[:(]|matrix(?:3d)?\(|column(?:s|-count)\s*:"
    rb"|writing-mode|caption-side|--[a-z0-9_-]+\s*:|[\s'\"]hidden[\s>=/]|[\s'\"]dir\s*=\s*['\"]?(?:rtl|auto|&)|<bdo|<tfoot"
    rb"|<table[^>]*\salign\s*=\s*[\"']?(?:left|right)|(?:font-size|opacity|zoom)\s*:\s*(?:\.0|0)|line-through|content-vis"
    rb"|(?:^|[^a-z-])font\s*:\s*(?:[^;{}<>]{0,80}\s)?(?:0|\.0|[01](?:\.[0-9]+)?p[xt])|clip\s*:\s*rect|clip-path\s*:\s*[a-z]+\("
    rb"|quotes\s*:|@counter-style|list-style[a-z-]*\s*:[^;{}<>]*(?:[:\s]['\"&]|\(|\\)|[{;]\s*\\[0-9a-f]"
    rb"|mask(?:-image)?\s*:|filter\s*:[^;{}<>]*opacity"
    rb"|<(?:del|ins|s|strike|template|datalist|dialog|audio|video|canvas|no(?:frames|embed|script)|iframe|object|svg)[\s/>]"
    rb"|style\s*=[^>]*(?:/\*|\\[0-9a-f]|&(?:#|colon|semi|lpar|rpar|period|tab|newline))|[{;:]\s*/\*|[a-z:-]\\[0-9a-f]"
)
#: Elements that show nothing, their words standing for what they show in other programs or later, and those by which
#: pages say what was deleted or inserted.
_UNSEEN_ELEMENTS: Final = (
    "template datalist audio video canvas noframes noembed noscript iframe object title desc dialog"
)
_SAID_BY: Final = {
    **dict.fromkeys(_UNSEEN_ELEMENTS.split(), "display:none"),
    **dict.fromkeys(("del", "s", "strike"), "text-decoration:line-through"),
    "ins": INSERTED,
}
_BY_THEMSELVES: Final = "[style], [hidden], [dir=rtl i], [dir=auto i], bdo, tfoot, thead, table[align], " + ", ".join(
    _SAID_BY
)
#: A title within the text, which no browser shows there.
_TITLE_ASTRAY: Final = re2.compile(rb"(?is)<(?:body|div|p|span|td|h[1-6])[\s>].*<title[\s>]")
#: A run of blanks is looked at from its beginning only, so that a long one takes linear time.
_JOINT: Final = re.compile(r"(?:(?<!\s)\s++)?([:;,])\s*+")
_IMPORTANT: Final = re.compile(r"(?:^|;)([^;]{1,400})!\s*important", re.IGNORECASE)
#: Nodes within an element that are looked at for its first letter.
_NODES: Final = 50
_DIRECTED: Final = re.compile(f"[A-Za-z\u200f\u061c{FROM_RIGHT}]")

#: What makes a box of interest: it is hidden or turned, its children stand in an order of their own, or it does.
_INTERESTING: Final = re2.compile(
    rf"(?:^|;)(?:{HIDING}|display:(?:inline|contents|table-(?:cell|header|footer))|display:(?:-webkit-|-ms-)?(?:flex|grid|box)"
    r"|text-indent:-\d\d\d|margin[a-z-]*:[^;]*-[.\d]|text-decoration[a-z-]*:[^;]*line-through|-change:"
    r"|float:(?:left|right|inline)|position:(?:absolute|relative|fixed|sticky)|grid-|unicode-bidi:|direction:rtl"
    r"|caption-side:bottom|(?:-[a-z]+-)?(?:(?:flex-direction|flex-flow|flex-wrap|box-direction):[^;]*reverse"
    r"|writing-mode:[^;]*-(?:rl|lr)|(?:flex-)?order:|box-ordinal|column(?:s|-count):|transform:|translate:|scale:|rotate:))"
)
#: What makes a box stand beside its place, or its neighbours; then margins and ends of floats count.
_DRAWN_ELSEWHERE: Final = re2.compile(r"position:|margin[a-z-]*:[^;]*-[.\d]|float:|translate|matrix")
_BESIDE: Final = re2.compile(r"(?:^|;)(?:clear:|margin(?:-left|-right|-inline[a-z-]*)?:[^;]*\d\d)")
_VARIABLE: Final = re.compile(r"(--[\w-]{1,64}):([^;]{1,200})")
_USED: Final = re.compile(r"var\((--[\w-]{1,64})(?:,([^()]{0,200}))?\)")

_MOST_RULES: Final = 1_000  # in small pages
_VISITS: Final = 300_000
_STYLES: Final = 6_000


@dataclass(frozen=True, slots=True)
class Applied:
    """What styles add to a page elsewhere, and the boxes whose marks stand in the page now."""

    told: list[str]
    boxes: list[Box]


NOTHING: Final = Applied([], [])


def is_styled(source: str) -> bool:
    """Return whether styles may change what is read."""
    octets = source.encode("utf-8", "replace")
    return _STYLED.search(octets) is not None or _TITLE_ASTRAY.search(octets) is not None


def applied(tree: LexborHTMLParser, source: str) -> Applied:
    """Put what styles add into the `tree` of a source, and marks around what is shown elsewhere than it is written."""
    sheet = sheets.without_comments("\n".join(node.text() for node in tree.css("style"))[: sheets.SHEET])
    rules = list(dict.fromkeys(filter(_of_interest, sheets.rules(sheet))))
    nodes = tree.css("*")
    finder = Finder(tree, nodes, asides=source.count("<!") + source.count("<?"), characters=len(source))
    lookup = Lookup(finder, rules=max(RULES, min(_MOST_RULES, _VISITS // max(1, len(nodes)))))
    told = list(generated.put(tree, source, sheet, rules, lookup))
    inline = tree.css(_BY_THEMSELVES)[:_STYLES]
    return Applied(list(dict.fromkeys(filter(None, told))), marked(tree, _styled(lookup, rules, inline)))


def _styled(lookup: Lookup, rules: list[tuple[str, str]], inline: list[LexborNode]) -> Styled:
    """Return all elements of interest: by rules, by their own styles, and by rules that are more important."""
    normal = [(selector, _normal(declarations)) for selector, declarations in rules]
    normalised = cache(_normal)
    own = [(node, _declared(node, normalised)) for node in inline]
    variables = {
        name: value
        for declarations in (*(told for _, told in normal), *(told for _, told in own))
        if "--" in declarations
        for name, value in _VARIABLE.findall(declarations)
    }
    is_beside = any(map(_DRAWN_ELSEWHERE.search, {*(told for _, told in normal), *(told for _, told in own)}))

    @cache
    def of_interest(declarations: str) -> str:
        """Return declarations with the values of their variables, if they are of any interest."""
        if "var(" in declarations:
            declarations = _USED.sub(lambda used: str(variables.get(used[1], used[2] or "")), declarations)
        is_one = _INTERESTING.search(declarations) or (is_beside and _BESIDE.search(declarations))
        return declarations if is_one else ""

    styled = Styled()
    last: list[tuple[LexborNode, str]] = []
    for (selector, declarations), (_, written) in zip(normal, rules, strict=True):
        if found := of_interest(declarations):
            important = _normal(";".join(_IMPORTANT.findall(written))) if "!important" in written else ""
            for node in lookup.matched(selector):
                styled.add(node, found)
                if important:
                    last.append((node, of_interest(important)))
    for node, declarations in own:
        if found := of_interest(declarations):
            styled.add(node, found)
    for node, declarations in last:
        styled.add(node, declarations)
    return styled


def _declared(node: LexborNode, normalised: Callable[[str], str]) -> str:
    """Return what an element says of itself."""
    attributes = node.attributes
    found = [normalised(attributes.get("style") or "")]
    if "hidden" in attributes:
        found.append("display:none")
    direction = (attributes.get("dir") or "").strip().lower()
    if direction == "auto":
        direction = _direction(node)
    if direction:
        found.append(f"direction:{direction}")
    if node.tag in _SAID_BY and not (node.tag == "dialog" and "open" in attributes):
        found.append(_SAID_BY[node.tag])
    elif node.tag == "bdo":
        found.append("unicode-bidi:bidi-override")
    elif node.tag in {"thead", "tfoot"} and _is_misplaced(node):
        found.append(f"display:table-{'header' if node.tag == 'thead' else 'footer'}-group")
    elif node.tag == "table" and (attributes.get("align") or "").lower() in {"left", "right"}:
        found.append(f"float:{(attributes['align'] or '').lower()}")
    return ";".join(reversed(found)) if len(found) > 1 else found[0]


def _is_misplaced(node: LexborNode) -> bool:
    """Return whether the head of a table does not begin it, or its foot does not end it."""
    beside = node.prev if node.tag == "thead" else node.next
    while beside is not None and beside.tag in {"-text", "caption", "colgroup"}:
        beside = beside.prev if node.tag == "thead" else beside.next
    return beside is not None


def _direction(node: LexborNode) -> str:
    """Return the direction of the first letter (HTML standard, 3.2.6.4)."""
    for child in islice(node.traverse(include_text=True), _NODES):
        letter = _DIRECTED.search(child.text_content or "") if child.tag == "-text" else None
        if letter:
            return "ltr" if letter[0].isascii() else "rtl"
    return "ltr"


def _of_interest(rule: tuple[str, str]) -> bool:
    """Return whether a rule may change what is read."""
    return (
        any(name in rule[1] for name in ("margin", "clear", "list-style", "quotes"))
        or _STYLED.search(rule[1].encode("utf-8", "replace")) is not None
    )


def _normal(declarations: str) -> str:
    declarations = sheets.unescaped(sheets.without_comments(declarations))
    return _JOINT.sub(r"\1", declarations.lower().replace("!important", "").strip())
