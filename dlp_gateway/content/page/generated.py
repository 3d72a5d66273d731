"""Text that styles add to a page (CSS Generated Content 3), put at its place in the tree.

Strings, attributes, counters and quotation marks before and behind elements, marks of lists, and what variables stand
for in all of them. Of several rules the most special one counts, as in browsers. Values are inherited by climbing to
the elements around, and steps of that are bounded by the size of the page.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import re2
from selectolax.lexbor import LexborHTMLParser, LexborNode

from dlp_gateway.content.page.counting import STRING, Counters, CounterStyle, counter_styles
from dlp_gateway.content.page.selecting import Lookup
from dlp_gateway.content.page.sheets import unescaped, without_comments

#: Without any of these in the source, styles add nothing.
_ADDS: Final = re2.compile(
    rb"(?i)(?:^|[^a-z-])content\s*:|[a-z{;]\s*\\[0-9a-f]|counter-(?:re|se|in)|quotes\s*:|@counter-style|list-style[a-z-]*\s*:[^;{}<>]*(?:[:\s]['\"&]|\(|\\)"
)
_DECLARATION: Final = re.compile(
    rf"(?:^|;)\s*((?:[\w-]|\\[0-9A-Fa-f]{{1,6}}\s?|\\.){{1,64}})\s*:((?:{STRING}|[^;\"'])*+)", re.DOTALL
)
_TELLS: Final = re2.compile(r"(?i)(?:^|[^a-z-])content|quotes|list-style|counter-|--|\\")
_PLACE: Final = re.compile(r"::?(before|after|marker)\b", re.IGNORECASE)
_PIECE: Final = re.compile(
    rf"({STRING})|attr\(\s*([\w-]{{1,64}})([^)]*)\)|(counters?)\(\s*([\w-]{{1,64}})([^)]*)\)|((?:open|close)-quote)",
    re.DOTALL | re.IGNORECASE,
)
_STRING: Final = re.compile(STRING, re.DOTALL)
_VARIABLE: Final = re.compile(
    rf"var\(\s*(--[\w-]{{1,64}})\s*(?:,((?:{STRING}|[^()\"']|\([^()]*\))*+))?\)", re.DOTALL | re.IGNORECASE
)
_NAME: Final = re.compile(r"--[\w-]{1,64}")
_INITIAL: Final = re.compile(r"@property\s+(--[\w-]{1,64})\s*\{[^{}]*?initial-value\s*:([^;{}]*)", re.IGNORECASE)
_IDENTIFIER: Final = re.compile(r"[A-Za-z_-][\w-]*")
_OF_ICONS: Final = re.compile("[\ue000-\uf8ff]")
_OF_SELECTORS: Final = (
    re.compile(r"#[\w-]"),
    re.compile(r"[.\[]|:(?!:)"),
    re.compile(r"(?:^|[\s>+~])[a-z]", re.IGNORECASE),
)
_LISTS: Final = frozenset({"list-style", "list-style-type"})

#: Characters that are put into a page: one string may be shown at thousands of places.
ADDED: Final = 200_000
#: Elements that are climbed to and variables that are replaced, beside those of twice the page.
_STEPS: Final = 100_000
_NESTED: Final = 32
_LONGEST: Final = 2_000


@dataclass(frozen=True, slots=True)
class _Rule:
    selector: str
    place: str  # "before", "after", "marker", or "" for the element itself
    told: Mapping[str, str]


@dataclass(slots=True)
class _Page:
    """What styles say of elements, by their identity, and what they inherit of it."""

    steps: int
    initial: dict[str, str]
    styles: dict[str, CounterStyle]
    counters: Counters = field(default_factory=Counters)
    nodes: dict[int, LexborNode] = field(default_factory=dict)  # before or behind which something is added
    own: defaultdict[str, dict[int, tuple[tuple[int, ...], str]]] = field(default_factory=lambda: defaultdict(dict))
    known: defaultdict[str, dict[int, str]] = field(default_factory=lambda: defaultdict(dict))

    def tell(self, node: LexborNode, name: str, value: str, rank: tuple[int, ...], place: str = "") -> None:
        """Note what a rule of a rank says of an element, or of what stands before or behind it."""
        if name.startswith("counter-"):
            self.counters.tell((node.mem_id, place), name, value)
            return
        values = self.own["list-style" if name in _LISTS else name]
        if node.mem_id not in values or rank >= values[node.mem_id][0]:
            values[node.mem_id] = rank, value.replace("!important", "")

    def inherited(self, node: LexborNode, name: str) -> str:
        """Return what is said of an element, or of the next around it of which anything is said."""
        own, known = self.own.get(name), self.known[name]
        passed: list[int] = []
        found = self.initial.get(name, "")
        at: LexborNode | None = node if own else None
        while at is not None and own and self.steps > 0:
            self.steps -= 1
            number = at.mem_id
            if number in own or number in known:
                found = own[number][1] if number in own else known[number]
                break
            passed.append(number)
            at = at.parent
        known.update(dict.fromkeys(passed, found))
        return found

    def replaced(self, value: str, node: LexborNode) -> str:
        """Return a value with what its variables stand for (CSS Variables 1, 3), the innermost first."""
        for _ in range(_NESTED):
            place = value.lower().rfind("var(")
            if place < 0 or self.steps <= 0:
                break
            self.steps -= 1 + len(value) // 32
            used = _VARIABLE.match(value, place)
            if used is None:
                value = value[:place] + value[place + 4 :]
                continue
            stands = self.inherited(node, used[1]) or used[2] or ""
            value = f"{value[:place]}{stands}{value[used.end() :]}"[:_LONGEST]
        return value


def put(tree: LexborHTMLParser, source: str, sheet: str, rules: list[tuple[str, str]], lookup: Lookup) -> Iterator[str]:
    """Put what styles add at its place, and yield it, and the values of counters."""
    if not _ADDS.search(source.encode("utf-8", "replace")):
        return
    found = [_Rule(_PLACE.sub("", selector) or "*", _place(selector), told) for selector, told in _telling(rules)]
    inline = [
        (node, _declared(node.attributes.get("style") or ""))
        for node in lookup.matched(
            '[style*="counter-" i],[style*="list-style" i],[style*="quotes" i],[style*="--"],[style*="\\\\"]'
        )
    ]
    values = [
        value for told in (*(rule.told for rule in found), *(own for _, own in inline)) for value in told.values()
    ]
    names = {name for value in values if "var(" in value.lower() for name in _NAME.findall(value)}
    page = _Page(_STEPS + 2 * len(lookup.finder.nodes), dict(_INITIAL.findall(sheet)), counter_styles(sheet))
    texts = _shown(found, inline, names, page, lookup)
    yield from page.counters.told()
    yield from (style.told for style in page.styles.values())
    yield from _strings(found, inline, names)
    _write(tree, texts, page, lookup)


def _telling(rules: list[tuple[str, str]]) -> Iterator[tuple[str, dict[str, str]]]:
    for selector, declarations in rules:
        if _TELLS.search(declarations) and (told := _declared(declarations)):
            yield selector, told


def _of_interest(name: str) -> bool:
    return name in {"content", "quotes", *_LISTS} or name.startswith(("--", "counter-"))


def _declared(declarations: str) -> dict[str, str]:
    """Return what declarations say of text that is added; of two the important or last one counts."""
    told: dict[str, str] = {}
    for written, value in _DECLARATION.findall(without_comments(declarations)):
        name = unescaped(written)
        name = name if name.startswith("--") else name.lower()
        if _of_interest(name) and not ("!" in told.get(name, "") and "!" not in value):
            told[name] = value.strip()
    return told


def _place(selector: str) -> str:
    found = _PLACE.search(selector)
    return found[1].lower() if found else ""


def _strings(found: list[_Rule], inline: list[tuple[LexborNode, dict[str, str]]], names: set[str]) -> Iterator[str]:
    """Yield the strings of all that is added, wherever it is shown."""
    for told in (*(rule.told for rule in found), *(told for _, told in inline)):
        for name, value in told.items():
            if (not name.startswith("--") or name in names) and ("'" in value or '"' in value):
                strings = "".join(map(_string, _STRING.findall(value)))
                if any(sign.isalnum() for sign in strings):
                    yield strings


def _shown(
    rules: list[_Rule],
    inline: list[tuple[LexborNode, dict[str, str]]],
    names: set[str],
    page: _Page,
    lookup: Lookup,
) -> dict[int, dict[str, tuple[tuple[int, ...], str]]]:
    """Tell the page what rules say of elements; return the contents of what is added, by element and place."""
    texts: dict[int, dict[str, tuple[tuple[int, ...], str]]] = defaultdict(dict)
    for order, rule in enumerate(rules):
        wanted = {name: value for name, value in rule.told.items() if not name.startswith("--") or name in names}
        if not wanted or (not rule.place and set(wanted) == {"content"}):
            continue
        rank = *(len(part.findall(rule.selector)) for part in _OF_SELECTORS), order
        for node in lookup.matched(rule.selector):
            for name, value in wanted.items():
                if name == "content":
                    page.nodes[node.mem_id] = node
                    known = texts[node.mem_id].get(rule.place)
                    if known is None or (("!" in value), *rank) >= known[0]:
                        texts[node.mem_id][rule.place] = (("!" in value), *rank), value
                else:
                    page.tell(node, name, value, (("!" in value), 0, *rank), rule.place)
    for node, told in inline:
        for name, value in told.items():
            page.tell(node, name, value, (("!" in value), 1))
    return texts


@dataclass(slots=True)
class _Quotes:
    """Quotation marks by how deep they stand in each other (CSS Generated Content 3, 3)."""

    depth: int = 0

    def next(self, keyword: str, marks: list[str]) -> str:
        """Return the mark that is written next."""
        is_open = keyword.lower().startswith("open")
        self.depth = max(0, self.depth - (not is_open))
        level = min(self.depth, max(0, len(marks) // 2 - 1))
        self.depth += is_open
        return marks[2 * level + (not is_open)] if len(marks) > 1 else ""


@dataclass(slots=True)
class _Writer:
    """Goes through the elements in their order and puts in what is added, as much of it as may be."""

    texts: Mapping[int, Mapping[str, tuple[tuple[int, ...], str]]]
    page: _Page
    left: int
    lists: Mapping[int, LexborNode]
    has_quotes: bool
    quotes: _Quotes = field(default_factory=_Quotes)
    numbers: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))

    def begin(self, node: LexborNode) -> None:
        """Write what stands before the content of an element."""
        number = node.mem_id
        self.count(node, "")
        contents = self.texts.get(number, {})
        marker = ""
        if "marker" in contents:
            marker = self.text(contents["marker"][1], node, "marker")
        elif number in self.lists:
            parent = node.parent.mem_id if node.parent is not None else 0
            self.numbers[parent] += 1
            style = self.page.replaced(self.page.inherited(node, "list-style"), node)
            marker = _marker(style, self.numbers[parent], self.page)[: max(0, self.left)]
            self.left -= len(marker)
        before = marker + self.placed("before", node)
        if _is_shown(before):
            if node.first_child is not None:
                node.first_child.insert_before(before)
            else:
                node.insert_child(before)

    def count(self, node: LexborNode, place: str) -> None:
        """Note what becomes of counters at an element, or before or behind it."""
        self.page.counters.pass_by((node.mem_id, place), lambda value: self.page.replaced(value, node))

    def end(self, node: LexborNode) -> None:
        """Write what stands behind the content of an element."""
        if _is_shown(after := self.placed("after", node)):
            node.insert_child(after)

    def placed(self, place: str, node: LexborNode) -> str:
        """Return what rules, or marks of a quotation, show before or behind an element."""
        contents = self.texts.get(node.mem_id, {})
        if place in contents:
            return self.text(contents[place][1], node, place)
        if self.has_quotes and node.tag == "q":
            return self.text("open-quote" if place == "before" else "close-quote", node, place)
        return ""

    def text(self, value: str, node: LexborNode, place: str) -> str:
        """Return what a value of `content` shows, of which as much as is left."""
        if self.left <= 0 or self.page.steps <= 0:
            return ""
        self.count(node, place)
        value = self.page.replaced(value, node)
        pieces = _pieces(value)
        self.page.steps -= 1 + len(pieces) // 8
        text = ""
        for string, attribute, instead, counter, name, behind, quote in pieces:
            if string:
                text += string
            elif attribute:
                text += node.attributes.get(attribute) or instead
            elif counter:
                text += self.page.counters.shown(name, self.page.styles.get(behind))
            elif quote:
                marks = [_string(one) for one in _STRING.findall(self.page.inherited(node, "quotes"))]
                text += self.quotes.next(quote, marks)
            if len(text) >= self.left:
                break
        text = text[: self.left]
        self.left -= len(text)
        return text


def _write(
    tree: LexborHTMLParser,
    texts: Mapping[int, Mapping[str, tuple[tuple[int, ...], str]]],
    page: _Page,
    lookup: Lookup,
) -> None:
    lists = {node.mem_id: node for node in tree.css("li, summary")} if page.own.get("list-style") else {}
    left = max(ADDED, lookup.finder.characters)
    writer = _Writer(texts, page, left, lists, has_quotes=bool(page.own.get("quotes")))
    if not page.counters.rules and not writer.has_quotes:  # so that it is the same in whatever order
        for node in {**lists, **page.nodes}.values():
            writer.begin(node)
            writer.end(node)
        return
    opened: list[LexborNode] = []
    for node in lookup.finder.nodes:
        parent = node.parent.mem_id if node.parent is not None else 0
        while opened and opened[-1].mem_id != parent:
            writer.end(opened.pop())
        writer.begin(node)
        opened.append(node)
    while opened:
        writer.end(opened.pop())


def _is_shown(text: str) -> bool:
    return any(not _OF_ICONS.fullmatch(sign) for sign in text)


@lru_cache(maxsize=256)
def _pieces(value: str) -> list[tuple[str, str, str, str, str, str, str]]:
    """Return what a value of `content` is made of, without empty strings."""
    found = []
    for string, attribute, instead, counter, name, behind, quote in _PIECE.findall(value[:_LONGEST]):
        style = _IDENTIFIER.findall(_STRING.sub("", behind))
        otherwise = "".join(map(_string, _STRING.findall(instead)))
        said = _string(string) if string else ""
        if said or not string:
            found.append((said, attribute, otherwise, counter, name, style[-1] if style else "", quote))
    return found


def _marker(value: str, number: int, page: _Page) -> str:
    """Return the mark of an item of a list by its style (CSS Lists 3, 3.1)."""
    if strings := _STRING.findall(value):
        return "".join(map(_string, strings))
    styles = [page.styles[name] for name in _IDENTIFIER.findall(value) if name in page.styles]
    return styles[-1].marker(number) if styles else ""


def _string(written: str) -> str:
    return unescaped(written[1:-1])
