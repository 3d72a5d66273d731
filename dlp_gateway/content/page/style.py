"""What styles make of HTML: words that they hide, text that they add, and the order in which they show it.

No page is laid out here. Elements that may be seen elsewhere than where they are written get marks (`marking.py`), and
what stands around the places where the order is another one is read once more, behind the text (`arranged.py`).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Final

import re2
from selectolax.lexbor import LexborHTMLParser, LexborNode

from dlp_gateway.content.page.box import HIDING, INSERTED, Box
from dlp_gateway.content.page.marking import Styled, marked
from dlp_gateway.content.page.piece import FROM_RIGHT
from dlp_gateway.content.page.selecting import Finder

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
    rb"|mask(?:-image)?\s*:|filter\s*:[^;{}<>]*opacity"
    rb"|<(?:del|ins|s|strike|template|datalist|dialog|audio|video|canvas|no(?:frames|embed|script)|iframe|object|svg)[\s/>]"
    rb"|style\s*=[^>]*(?:/\*|\\[0-9a-f]|&(?:#|colon|semi|lpar|rpar|period|tab|newline))|[{;:]\s*/\*|[a-z:-]\\[0-9a-f]"
)
#: Elements that show nothing, their words standing for what they show in other programs or later, and those by which
#: pages say what was deleted or inserted.
_UNSEEN_ELEMENTS: Final = "template datalist audio video canvas noframes noembed noscript iframe object title desc dialog"
_SAID_BY: Final = {
    **dict.fromkeys(_UNSEEN_ELEMENTS.split(), "display:none"),
    **dict.fromkeys(("del", "s", "strike"), "text-decoration:line-through"),
    "ins": INSERTED,
}
_BY_THEMSELVES: Final = (
    "[style], [hidden], [dir=rtl i], [dir=auto i], bdo, tfoot, thead, table[align], " + ", ".join(_SAID_BY)
)
#: A title within the text, which no browser shows there.
_TITLE_ASTRAY: Final = re2.compile(rb"(?is)<(?:body|div|p|span|td|h[1-6])[\s>].*<title[\s>]")
_COMMENT: Final = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_RULE: Final = re.compile(r"([^{};]{1,400}+)\{([^{}]{0,2000}+)\}")
#: A run of blanks is looked at from its beginning only, so that a long one takes linear time.
_JOINT: Final = re.compile(r"(?:(?<!\s)\s++)?([:;,])\s*+")
_PLACE: Final = re.compile(r"::?(before|after)\b", re.IGNORECASE)
_CONTENT: Final = re.compile(
    r"(?:^|;)\s*content\s*:((?:\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'|[^;\"'])*+)", re.DOTALL
)
_PIECE: Final = re.compile(
    r"\"((?:[^\"\\]|\\.)*+)\"|'((?:[^'\\]|\\.)*+)'|attr\(\s*([\w-]{1,64})[^)]*\)|counters?\(\s*([\w-]{1,64})[^)]*\)",
    re.DOTALL | re.IGNORECASE,
)
_OF_ICONS: Final = re.compile("[\ue000-\uf8ff]")
_IMPORTANT: Final = re.compile(r"(?:^|;)([^;]{1,400})!\s*important", re.IGNORECASE)
#: Nodes within an element that are looked at for its first letter.
_NODES: Final = 50
_DIRECTED: Final = re.compile(f"[A-Za-z\u200f\u061c{FROM_RIGHT}]")
_ESCAPE: Final = re.compile(r"\\(?:([0-9A-Fa-f]{1,6})\s?|(.))", re.DOTALL)
_COUNTER: Final = re.compile(r"counter-(?:reset|set|increment):([\w-]{1,64}) (-?\d{1,20})")

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
#: Rules for other screens than a reader's: those that are wide count. What stands before the bracket is taken in one
#: way only, or each of its words would be a new attempt at all rules within.
_ELSEWHERE: Final = re.compile(
    r"@media(?=[^{}]{0,200}?(?:max-|print|prefers|resolution|orientation))[^{}]{0,411}+\{(?:[^{}]*+\{[^{}]*+\})*+[^{}]*+\}",
    re.IGNORECASE,
)

_SHEET: Final = 200_000
#: Selectors that are looked up, each of which visits every element, and elements that they find in all.
_RULES: Final = 60
_MOST_RULES: Final = 1_000  # in small pages
_VISITS: Final = 300_000
_MATCHES: Final = 6_000
_STYLES: Final = 6_000
#: Characters that are put into a page: one string may be shown at thousands of places.
_ADDED: Final = 200_000


@dataclass(frozen=True, slots=True)
class Applied:
    """What styles add to a page elsewhere, and the boxes whose marks stand in the page now."""

    told: list[str]
    boxes: list[Box]


@dataclass(slots=True)
class _Lookup:
    """Finds elements by selectors, as many as may be."""

    finder: Finder
    rules: int = _RULES
    nodes: int = _MATCHES

    def matched(self, selector: str) -> list[LexborNode]:
        """Return the elements of a selector; none for one that is wrong, or when there were too many."""
        self.rules -= 1
        if self.rules < 0 or self.nodes <= 0:
            return []
        found = self.finder.found(selector)
        self.nodes -= len(found)
        return found[:_MATCHES]


NOTHING: Final = Applied([], [])


def is_styled(source: str) -> bool:
    """Return whether styles may change what is read."""
    octets = source.encode("utf-8", "replace")
    return _STYLED.search(octets) is not None or _TITLE_ASTRAY.search(octets) is not None


def applied(tree: LexborHTMLParser, source: str) -> Applied:
    """Put what styles add into the `tree` of a source, and marks around what is shown elsewhere than it is written."""
    rules = _rules(tree)
    nodes = tree.css("*")
    finder = Finder(tree, nodes, asides=source.count("<!") + source.count("<?"), characters=len(source))
    lookup = _Lookup(finder, rules=max(_RULES, min(_MOST_RULES, _VISITS // max(1, len(nodes)))))
    told = list(_generated(lookup, rules))
    inline = tree.css(_BY_THEMSELVES)[:_STYLES]
    return Applied(list(dict.fromkeys(filter(None, told))), marked(tree, _styled(lookup, rules, inline)))


def _styled(lookup: _Lookup, rules: list[tuple[str, str]], inline: list[LexborNode]) -> Styled:
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


def _rules(tree: LexborHTMLParser) -> list[tuple[str, str]]:
    """Return selectors and declarations of all rules of interest, each once; those for other screens come first."""
    sheet = _COMMENT.sub(" ", "\n".join(node.text() for node in tree.css("style"))[:_SHEET])
    if "@" in sheet:
        sheet = "\n".join((*_ELSEWHERE.findall(sheet), _ELSEWHERE.sub(" ", sheet)))
    return list(
        dict.fromkeys(
            (selector.strip(), declarations)
            for selector, declarations in _RULE.findall(sheet)
            if "margin" in declarations
            or "clear" in declarations
            or _STYLED.search(declarations.encode("utf-8", "replace"))
        )
    )


def _normal(declarations: str) -> str:
    if "/*" in declarations:
        declarations = _COMMENT.sub(" ", declarations)
    if "\\" in declarations:
        declarations = _unescaped(declarations)
    return _JOINT.sub(r"\1", declarations.lower().replace("!important", "").strip())


# --- text that styles add ---------------------------------------------------------------------------------------------


def _generated(lookup: _Lookup, rules: list[tuple[str, str]]) -> Iterator[str]:
    """Put what `content` adds (CSS Generated Content 3) at its place, and yield it, and the values of counters."""
    inline = [node.attributes.get("style") or "" for node in lookup.matched('[style*="counter-" i]')]
    counters = [found for told in (*(told for _, told in rules), *inline) for found in _COUNTER.findall(_normal(told))]
    if counters:
        values = [value for _, value in counters]
        yield f"{' '.join(values)}\n{''.join(values)}"
    values_by_name = dict(counters)
    left = max(_ADDED, lookup.finder.characters)
    for selector, declarations in rules:
        content = _CONTENT.search(declarations)
        if content is None:
            continue
        pieces = [
            (_unescaped(first or second), name, counter) for first, second, name, counter in _PIECE.findall(content[1])
        ]
        strings = "".join(string for string, _, _ in pieces)
        if any(sign.isalnum() for sign in strings):
            yield strings
        place = _PLACE.search(selector)
        for node in lookup.matched(_PLACE.sub("", selector) or "*") if place and left > 0 else []:
            text = _added(node.attributes, pieces, values_by_name, left)
            left -= len(text)
            if any(not _OF_ICONS.fullmatch(sign) for sign in text):
                if place and place[1].lower() == "before" and node.first_child is not None:
                    node.first_child.insert_before(text)
                else:
                    node.insert_child(text)


def _added(
    attributes: Mapping[str, str | None], pieces: list[tuple[str, str, str]], counters: Mapping[str, str], left: int
) -> str:
    """Return as much of what stands before or behind an element as may be added."""
    text = ""
    for string, name, counter in pieces:
        text += string or (attributes.get(name) or "") or counters.get(counter, "")
        if len(text) > left:
            return text[:left]
    return text


def _unescaped(string: str) -> str:
    """Undo the escapes of a string (CSS Syntax 3, 4.3.7)."""
    if "\\" not in string:
        return string
    return _ESCAPE.sub(lambda found: _character(found[1]) if found[1] else found[2].strip("\n"), string)


def _character(digits: str) -> str:
    number = int(digits, 16)
    return chr(number) if 0x1F < number < 0x11_0000 and not 0xD800 <= number < 0xE000 else "\ufffd"
