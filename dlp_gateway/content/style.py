"""What styles make of HTML: words that they hide, text that they add, and the order in which they show it.

No page is laid out here. Where styles may change what is read, the text is read once more as they show it: behind
the text, a line each, and only for elements that hold as much text as a number and what is said of it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import re2
from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

#: Without any of these in the source, styles change nothing; said of octets, which costs a tenth of looking.
_STYLED: Final = re2.compile(
    rb"(?i)display[ \t]*:[ \t]*(?:none|inline|flex|grid|table|contents)|visibility[ \t]*:[ \t]*(?:hidden|collapse)"
    rb"|(?:font-size|opacity|height|width)[ \t]*:[ \t]*0|font-size[ \t]*:[ \t]*1p|mso-hide|color[ \t]*:[ \t]*tra"
    rb"|(?:left|right|indent|top)[ \t]*:[ \t]*-?[0-9]|content[ \t]*:|counter-|float[ \t]*:|row-reverse|column-reverse"
    rb"|[;{'\"\s]order[ \t]*:|grid-(?:column|row|area)|unicode-bidi|direction[ \t]*:[ \t]*rtl|scalex|rotate"
    rb"|[\s'\"]hidden[\s>=/]|[\s'\"]dir[ \t]*=[ \t]*['\"]?rtl"
)
_COMMENT: Final = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_RULE: Final = re.compile(r"([^{};]{1,400}+)\{([^{}]{0,2000}+)\}")
_JOINT: Final = re.compile(r"\s*([:;,])\s*")
_PLACE: Final = re.compile(r"::?(before|after)\b", re.IGNORECASE)
_CONTENT: Final = re.compile(
    r"(?:^|;)\s*content\s*:((?:\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'|[^;\"'])*+)", re.DOTALL
)
_PIECE: Final = re.compile(
    r"\"((?:[^\"\\]|\\.)*+)\"|'((?:[^'\\]|\\.)*+)'|attr\(\s*([\w-]{1,64})[^)]*\)|counters?\(\s*([\w-]{1,64})[^)]*\)",
    re.DOTALL | re.IGNORECASE,
)
_OF_ICONS: Final = re.compile("[\ue000-\uf8ff]")
_ESCAPE: Final = re.compile(r"\\(?:([0-9A-Fa-f]{1,6})\s?|(.))", re.DOTALL)
_COUNTER: Final = re.compile(r"counter-(?:reset|set|increment):([\w-]{1,64}) (-?\d{1,20})")

_HIDES: Final = re.compile(
    r"(?:^|;)(?:display:none|visibility:(?:hidden|collapse)|opacity:0?(?:\.0+)?(?:;|$)|font-size:[01](?:\.\d+)?(?:p[xt]|;|$)"
    r"|font-size:0|(?:max-)?(?:height|width):0|mso-hide:all|color:transparent|(?:text-indent|left|top|margin-left):-\d{3})"
)
_MIRRORS: Final = re.compile(r"scalex\(-1|rotatey?\(180")
_OVERRIDES: Final = re.compile(r"unicode-bidi:(?:bidi|isolate)-override")
_REVERSES: Final = re.compile(r"(?:row|column)-reverse|direction:rtl")
_MOVED: Final = re.compile(
    r"(?:^|;)(?:float:(?:left|right)|order:-?\d|position:(?:absolute|relative|fixed)|grid-(?:column|row|area):"
    r"|display:(?:inline|table-cell)|margin-left:|left:|transform:translate)"
)
_NUMBER: Final = re.compile(
    r"(?:^|;)(order|left|right|margin-left|grid-column|grid-column-start|grid-area|transform):(?:translatex?\()?(-?\d+(?:\.\d+)?)"
)
_INTERESTING: Final = re.compile("|".join(one.pattern for one in (_HIDES, _MIRRORS, _OVERRIDES, _REVERSES, _MOVED)))

_SHEET: Final = 200_000
#: Selectors that are looked up, each of which visits every element, and elements that they find in all.
_RULES: Final = 60
_MATCHES: Final = 6_000
_STYLES: Final = 3_000
_PARENTS: Final = 300
#: Characters that are looked at in another order: a number and what is said of it, no page.
_LONGEST: Final = 1_000
_TOTAL: Final = 200_000


@dataclass(slots=True)
class _Styled:
    """Elements with styles of interest, by identity; the text that is still read once more."""

    nodes: dict[int, LexborNode] = field(default_factory=dict)
    styles: dict[int, str] = field(default_factory=dict)
    left: int = _TOTAL

    def add(self, node: LexborNode, declarations: str) -> None:
        self.nodes[node.mem_id] = node
        self.styles[node.mem_id] = f"{self.styles.get(node.mem_id, '')};{declarations}"

    def text(self, node: LexborNode) -> str:
        """Return an element's text if it is short."""
        if self.left <= 0:
            return ""
        found = node.text_content if node.tag == "-text" else node.text()
        self.left -= len(found or "") + 10
        return found or ""


def is_styled(source: str) -> bool:
    """Return whether styles may change what is read."""
    return _STYLED.search(source.encode("utf-8", "replace")) is not None


def applied(tree: LexborHTMLParser) -> list[str]:
    """Put what styles add into `tree`, and return what is seen otherwise than it is written."""
    rules = list(_rules(tree))
    lookup = _Lookup(tree)
    told = list(_generated(lookup, rules))
    styled = _Styled()
    for node in tree.css("[style], [hidden], [dir=rtl i]")[:_STYLES]:
        attributes = node.attributes
        declarations = _normal(attributes.get("style") or "")
        declarations += ";display:none" if "hidden" in attributes else ""
        declarations += ";direction:rtl" if "dir" in attributes else ""
        if _INTERESTING.search(declarations):
            styled.add(node, declarations)
    for selector, declarations in rules:
        if _INTERESTING.search(normal := _normal(declarations)):
            for node in lookup.matched(selector):
                styled.add(node, normal)
    told += _seen(styled)
    return list(dict.fromkeys(filter(None, told)))


def _rules(tree: LexborHTMLParser) -> list[tuple[str, str]]:
    """Return selectors and declarations of all rules of interest, each once."""
    sheet = _COMMENT.sub(" ", "\n".join(node.text() for node in tree.css("style"))[:_SHEET])
    return list(
        dict.fromkeys(
            (selector.strip(), declarations)
            for selector, declarations in _RULE.findall(sheet)
            if _STYLED.search(declarations.encode("utf-8", "replace"))
        )
    )


def _normal(declarations: str) -> str:
    return _JOINT.sub(r"\1", declarations.lower().replace("!important", "").strip())


@dataclass(slots=True)
class _Lookup:
    """Finds elements by selectors, as many as may be."""

    tree: LexborHTMLParser
    rules: int = _RULES
    nodes: int = _MATCHES

    def matched(self, selector: str) -> list[LexborNode]:
        """Return the elements of a selector; none for one that Lexbor does not know, or when there were too many."""
        self.rules -= 1
        if self.rules < 0 or self.nodes <= 0:
            return []
        try:
            found = self.tree.css(selector)
        except (SelectolaxError, ValueError):
            return []
        self.nodes -= len(found)
        return list(found[:_MATCHES])


# --- text that styles add ---------------------------------------------------------------------------------------------


def _generated(lookup: _Lookup, rules: list[tuple[str, str]]) -> Iterator[str]:
    """Put what `content` adds (CSS Generated Content 3) at its place, and yield it, and the values of counters."""
    inline = [node.attributes.get("style") or "" for node in lookup.matched('[style*="counter-" i]')]
    counters = [found for told in (*(told for _, told in rules), *inline) for found in _COUNTER.findall(_normal(told))]
    if counters:
        values = [value for _, value in counters]
        yield f"{' '.join(values)}\n{''.join(values)}"
    values_by_name = dict(counters)
    for selector, declarations in rules:
        content = _CONTENT.search(declarations)
        if content is None:
            continue
        pieces = _PIECE.findall(content[1])
        strings = "".join(_unescaped(first or second) for first, second, _, _ in pieces)
        if any(sign.isalnum() for sign in strings):
            yield strings
        place = _PLACE.search(selector)
        for node in lookup.matched(_PLACE.sub("", selector) or "*") if place else []:
            text = "".join(
                _unescaped(first or second) or (node.attributes.get(name) or "") or values_by_name.get(counter, "")
                for first, second, name, counter in pieces
            )
            if any(not _OF_ICONS.fullmatch(sign) for sign in text):
                if place and place[1].lower() == "before" and node.first_child is not None:
                    node.first_child.insert_before(text)
                else:
                    node.insert_child(text)


def _unescaped(string: str) -> str:
    """Undo the escapes of a string (CSS Syntax 3, 4.3.7)."""
    if "\\" not in string:
        return string
    return _ESCAPE.sub(lambda found: _character(found[1]) if found[1] else found[2].strip("\n"), string)


def _character(digits: str) -> str:
    number = int(digits, 16)
    return chr(number) if 0 < number < 0x11_0000 and not 0xD800 <= number < 0xE000 else "\ufffd"


# --- what is seen otherwise than it is written ------------------------------------------------------------------------


def _seen(styled: _Styled) -> Iterator[str]:
    parents: dict[int, LexborNode] = {}
    hidden = {number for number, declarations in styled.styles.items() if _HIDES.search(declarations)}
    for number, node in styled.nodes.items():
        declarations = styled.styles[number]
        is_overridden = _OVERRIDES.search(declarations) and "direction:rtl" in declarations
        if is_overridden or _MIRRORS.search(declarations):
            yield styled.text(node)[:_LONGEST][::-1]
        if _REVERSES.search(declarations):
            yield from _in_order(styled, node, hidden, is_reversed=True)
        has_siblings = node.next is not None or node.prev is not None
        if has_siblings and (_cuts_a_word(node) if number in hidden else _MOVED.search(declarations)):
            parent = node.parent
            if parent is not None:
                parents[parent.mem_id] = parent
    for node in list(parents.values())[:_PARENTS]:
        yield from _in_order(styled, node, hidden, is_reversed=False)


def _in_order(styled: _Styled, node: LexborNode, hidden: set[int], *, is_reversed: bool) -> Iterator[str]:
    """Yield the text of an element with its children where they are seen, without those that are not."""
    shown: list[tuple[float, str]] = []
    length = 0
    is_moved, is_cut = is_reversed, False
    for place, child in enumerate(node.iter(include_text=True)):
        if child.mem_id in hidden:
            is_cut = is_cut or _cuts_a_word(child)
            continue
        text = styled.text(child)
        length += len(text)
        if length > _LONGEST:
            return
        declarations = styled.styles.get(child.mem_id, "")
        is_moved = is_moved or bool(declarations and _MOVED.search(declarations))
        if text:
            shown.append((_position(declarations, place), text))
    if is_moved and len(shown) > 1:
        texts = [text for _, text in sorted(shown, key=lambda one: one[0], reverse=is_reversed)]
        yield f"{''.join(texts)}\n{' '.join(texts)}"
    elif is_cut:
        yield "".join(text for _, text in shown)


def _cuts_a_word(node: LexborNode) -> bool:
    """Whether an element that is not seen stands within a word: "45<i hidden>x</i>39" is 4539 to people."""
    before, after = node.prev, node.next
    left = before.text_content if before is not None and before.tag == "-text" else ""
    right = after.text_content if after is not None and after.tag == "-text" else ""
    return bool(left and right and left[-1].isalnum() and right[0].isalnum())


def _position(declarations: str, place: int) -> float:
    """Return by what a child is sorted: where it stands, unless styles say otherwise."""
    if not declarations:
        return place
    if "float:right" in declarations:  # the first of them is the farthest
        return 1e6 - place
    if "float:left" in declarations:
        return place - 1e6
    numbers = {name: float(value) for name, value in _NUMBER.findall(declarations)}
    for name in ("order", "left", "transform", "margin-left", "grid-column", "grid-column-start", "grid-area"):
        if name in numbers:
            return numbers[name] * 1e3 + place * 1e-3
    return -numbers["right"] * 1e3 + place * 1e-3 if "right" in numbers else place
