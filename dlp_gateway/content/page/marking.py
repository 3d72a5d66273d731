"""Marks around the elements of a page that may be seen elsewhere than where they are written."""

import re
from dataclasses import dataclass, field
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from dlp_gateway.content.page.arranged import CLOSED, MOST, opened
from dlp_gateway.content.page.box import LAST, Box, Layout, parsed
from dlp_gateway.content.page.piece import FROM_RIGHT

#: Elements that stand on lines of their own, unless styles say otherwise.
_BLOCKS: Final = (
    "address article aside blockquote center dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 header li main "
    "nav ol p pre section table td th ul"
)
_BLOCK_TAGS: Final = frozenset(_BLOCKS.split())
#: Drawings have places of their own (`drawing.py`).
_NEVER_MARKED: Final = frozenset(("-undef", "-document", "head", "text", "tspan", "option", "style", "script"))
_ROWS: Final = 6_000
#: Characters of declarations that are read, a rule once for each element; then what an element's last one begins with.
_DECLARED: Final = 2_000_000
_SHORT: Final = 200
_BETWEEN: Final = "\x1f"
#: A text that is read from the left.
_FROM_LEFT: Final = re.compile(f"[^{FROM_RIGHT}A-Za-z0-9]*+[A-Za-z0-9][^{FROM_RIGHT}]*+$")
#: Two texts that may be halves of a number.
_CUT: Final = re.compile(rf"[^\W_][^\S{_BETWEEN}]*+{_BETWEEN}\s*+[^\W_]")
_PLAIN: Final = Box()


@dataclass(slots=True)
class Styled:
    """Elements with styles of interest, by identity, and what styles say of each; what is said last counts."""

    nodes: dict[int, LexborNode] = field(default_factory=dict)
    styles: dict[int, list[str]] = field(default_factory=dict)

    def add(self, node: LexborNode, declarations: str) -> None:
        """Note declarations of an element."""
        self.nodes[node.mem_id] = node
        self.styles.setdefault(node.mem_id, []).append(declarations)


def marked(tree: LexborHTMLParser, styled: Styled) -> list[Box]:
    """Put marks around elements that may be seen elsewhere, those around them and beside them; return their boxes."""
    is_rtl = any("direction:rtl" in declarations for told in styled.styles.values() for declarations in told)
    if is_rtl:
        _add_directed(tree, styled)
    boxes = _boxes(styled)
    groups = [node for number, node in styled.nodes.items() if abs(boxes[number].order) == LAST]
    for table in {node.parent.mem_id: node.parent for node in groups if node.parent is not None}.values():
        # a head or foot of it is not written where it is seen
        styled.add(table, "display:flex;flex-direction:column")
        boxes[table.mem_id] = parsed(";".join(styled.styles[table.mem_id]))
    found: list[Box] = []
    for number, node in _chosen(styled, boxes, is_rtl=is_rtl).items():
        if len(found) >= MOST:
            break
        if not _is_never_marked(node) and _mark(node, len(found)):
            found.append(boxes.get(number) or _PLAIN)
    return found


def _is_never_marked(node: LexborNode) -> bool:
    if node.tag == "title":  # of a page; those of drawings, and astray, stand in the flow of its text
        return node.parent is None or node.parent.tag == "head"
    return node.tag in _NEVER_MARKED


def _add_directed(tree: LexborHTMLParser, styled: Styled) -> None:
    """Note what matters only where text may run from the right: rows of tables, and what runs from the left."""
    for row in tree.css("tr")[:_ROWS]:
        if sum(_FROM_LEFT.match(text) is not None for text in row.text(separator=_BETWEEN).split(_BETWEEN)) > 1:
            styled.add(row, "display:cells")
    for node in tree.css("[dir=ltr i]")[:_ROWS]:
        styled.add(node, "direction:ltr")


def _boxes(styled: Styled) -> dict[int, Box]:
    """Return the boxes of elements; many have the same styles."""
    known: dict[tuple[str, ...], Box] = {}
    left = _DECLARED
    for told in map(tuple, styled.styles.values()):
        if told not in known:
            left -= sum(map(len, told))
            known[told] = parsed(";".join(told)) if left > 0 else parsed(told[-1][:_SHORT])
    return {number: known[tuple(told)] for number, told in styled.styles.items()}


def _chosen(styled: Styled, boxes: dict[int, Box], *, is_rtl: bool) -> dict[int, LexborNode]:
    """Return the elements to be marked, by identity."""
    has_places = any(box.position == "absolute" for box in boxes.values())
    cuts = _Cuts().may_be_in
    found: dict[int, LexborNode] = {}
    for number, node in styled.nodes.items():
        box, parent = boxes[number], node.parent
        if box.layout is not Layout.FLOW and (is_rtl or box.layout is not Layout.ROW or box.is_reversed or cuts(node)):
            found[number] = node
            found.update((child.mem_id, child) for child in node.iter())
        if _is_turned(box, is_rtl=is_rtl) or _is_left_out(box) or (has_places and box.position):
            found[number] = node
        if parent is not None and _is_moved(box, node, is_rtl=is_rtl):
            found[number] = node
            around = boxes.get(parent.mem_id, _PLAIN)
            if around.layout is not Layout.FLOW and parent.mem_id not in found:
                found.update((child.mem_id, child) for child in parent.iter())
            found[parent.mem_id] = parent
        if len(found) > MOST:
            break
    for number, node in styled.nodes.items():
        box = boxes[number]
        if (box.before or box.after or box.clears) and node.parent is not None and node.parent.mem_id in found:
            found[number] = node
    return found


@dataclass(slots=True)
class _Cuts:
    """Looks for words that may be cut by the boxes in an element, in as much text as may be."""

    left: int = 1_000_000

    def may_be_in(self, node: LexborNode) -> bool:
        """Return whether two texts in an element touch; to be sure, also where there was too much to look at."""
        if self.left <= 0:
            return True
        text = node.text(separator=_BETWEEN)
        self.left -= len(text) + 10
        return _CUT.search(text) is not None


def _is_left_out(box: Box) -> bool:
    """Return whether not everybody sees an element."""
    return box.is_hidden or box.is_deleted or box.is_inserted


def _is_turned(box: Box, *, is_rtl: bool) -> bool:
    return box.is_mirrored or box.is_override or (is_rtl and bool(box.direction))


def _is_moved(box: Box, node: LexborNode, *, is_rtl: bool) -> bool:
    """Return whether an element may stand elsewhere among its siblings; boxes in a line do so from right to left."""
    if node.next is None and node.prev is None:
        return box.position == "absolute"
    return box.is_moved or (bool(box.display) and (is_rtl or node.tag in _BLOCK_TAGS))


def _mark(node: LexborNode, number: int) -> bool:
    """Put marks around an element, or within those that nothing may stand beside; return whether that could be."""
    if node.tag not in {"html", "body"}:
        node.insert_before(opened(number))
        node.insert_after(CLOSED)
        return True
    first = node.first_child
    if first is None:
        return False
    first.insert_before(opened(number))
    node.insert_child(CLOSED)
    return True
