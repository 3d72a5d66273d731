"""Text with marks where boxes begin and end → what is read around each place where it is seen in another order.

Places are guessed (`placing.py`). Where texts meet that are no neighbours in the source there is a *seam* (`seams.py`),
and what stands around it is read once more. Each box hands on its text, of a long one both ends, so that the time is
linear, however deep boxes lie in each other.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from dlp_gateway.content import views
from dlp_gateway.content.page.box import Box, Layout
from dlp_gateway.content.page.piece import (
    BLANKS,
    BREAK,
    BREAKS,
    CLOSE,
    GLUE,
    LINE,
    OPEN,
    RIGHT_TO_LEFT,
    SEAM,
    Item,
    Node,
    Piece,
)
from dlp_gateway.content.page.placing import LETTERS, is_drawn_elsewhere, pieces_of
from dlp_gateway.content.page.seams import TURNS, from_right, in_columns, lines, rows, touch

#: Behind a mark its box is named by a character of a plane for private use.
_FIRST: Final = 0xF_0000
#: Boxes of a page that are marked.
MOST: Final = 20_000
_SPACE: Final = re.compile(f"[{BLANKS}]+")
_SEAMS: Final = re.compile(f"[{GLUE}{SEAM}]")
#: Characters that are read on either side of a seam, and of which a box hands on both ends.
_AROUND: Final = 240
_ENDS: Final = 2_000
#: Characters of a box that are put together for several widths of letters.
_SEVERAL_WAYS: Final = 50_000
_LONGEST_WORD: Final = 40
#: Characters before and behind what is not seen, by which it is told whether it cuts a word.
_GAP: Final = 4
#: A page of up to so many characters is read as a whole with its changes accepted, and rejected.
_WHOLE: Final = 5_000
CLOSED: Final = CLOSE


def opened(number: int) -> str:
    """Return the mark before the box that is the nth of those given to `readings`."""
    return f"{OPEN}{chr(_FIRST + number)}"


def unmarked(text: str) -> str:
    """Return a text without its marks."""
    first, *others = text.split(OPEN)
    return "".join((first, *(other[1:] for other in others))).replace(CLOSE, "")


def of_boxes(text: str) -> str:
    """Return the part of a text that has boxes, with what is read before and behind them."""
    return text[max(0, text.find(OPEN) - _ENDS) : text.rfind(CLOSE) + _ENDS]


def readings(flow: str, boxes: Sequence[Box]) -> list[str]:
    """Return what is read around the seams of a text with marks, breaks not yet turned into white space."""
    found: list[str] = []
    nodes = [Node(Box(position="relative"), is_rtl=False)]
    for count, opening in enumerate(flow.split(OPEN)):
        if count:
            number = ord(opening[0]) - _FIRST if opening else -1
            box = boxes[number] if 0 <= number < len(boxes) else Box()
            nodes.append(Node(box, is_rtl=box.direction == "rtl" if box.direction else nodes[-1].is_rtl))
        inner, *outer = opening[1 if count else 0 :].split(CLOSE)
        if inner:
            nodes[-1].children.append(inner)
        for text in outer:
            if len(nodes) > 1:
                nodes[-2].children.append(_closed(nodes.pop(), found))
            if text:
                nodes[-1].children.append(text)
    while len(nodes) > 1:
        nodes[-2].children.append(_closed(nodes.pop(), found))
    page = _closed(nodes[0], found).text
    found += _around(page, 0, len(page))
    if any(box.is_deleted or box.is_inserted for box in boxes):
        found += views.others(_with_passages(flow, boxes), _WHOLE)
    return list(dict.fromkeys(found))


def _with_passages(flow: str, boxes: Sequence[Box]) -> str:
    """Return a text with marks around what was deleted or inserted, and what is hidden, instead of those of boxes."""
    first, *openings = flow.split(OPEN)
    found = [first]
    opened: list[str] = []
    for opening in openings:
        number = ord(opening[0]) - _FIRST if opening else -1
        opened.append(_passage(boxes[number]) if 0 <= number < len(boxes) else "")
        text, *outer = opening[1:].split(CLOSE)
        found += (opened[-1], text)
        for behind in outer:
            found += (views.ENDS.get(opened.pop(), "") if opened else "", behind)
    return _SPACE.sub(" ", "".join(found))


def _passage(box: Box) -> str:
    if box.is_hidden:
        return views.UNSEEN
    if box.is_deleted:
        return views.DELETED
    return views.INSERTED if box.is_inserted else ""


def _around(text: str, start: int, end: int) -> Iterator[str]:
    """Yield what stands around the seams between two places; with boxes that touch, and with a blank between them."""
    spans: list[list[int]] = []
    for seam in _SEAMS.finditer(text, start, end):
        first, last = max(0, seam.start() - _AROUND), min(len(text), seam.end() + _AROUND)
        if spans and first <= spans[-1][1]:
            spans[-1][1] = last
        else:
            spans.append([first, last])
    for first, last in spans:
        read = text[first:last].replace(SEAM, "")
        if first:
            read = _behind_first_blank(read)
        if last < len(text):
            read = _behind_first_blank(read[::-1])[::-1]
        yield read.replace(GLUE, "")
        if GLUE in read:
            yield read.replace(GLUE, " ")


def _behind_first_blank(text: str) -> str:
    """Leave out the rest of a word at the beginning, which might look like a number of its own."""
    for place, sign in enumerate(text[:_LONGEST_WORD]):
        if sign in BLANKS or sign in BREAKS:
            return text[place:]
    return text


def _closed(node: Node, found: list[str]) -> Item:
    """Put the text of a box together; what is read in the middle of a long one is added to `found`."""
    children = node.children
    before = after = ""
    if children and isinstance(children[0], str):
        rest = children[0].lstrip(BREAKS + BLANKS)
        before = children[0][: len(children[0]) - len(rest)]
        before, children[0] = (before, rest) if BREAK.search(before) else ("", children[0])
    if children and isinstance(children[-1], str):
        rest = children[-1].rstrip(BREAKS + BLANKS)
        after = children[-1][len(rest) :]
        after, children[-1] = (after, rest) if BREAK.search(after) else ("", children[-1])
    text, placed = _text(node)
    if node.box.is_mirrored != (node.box.is_override and node.is_rtl):
        text = _mirrored(text)
    if len(text) > 2 * _ENDS:
        found += _around(text, _ENDS - _AROUND, len(text) - _ENDS + _AROUND)
        first, last = _SEAMS.sub("", text[_ENDS - _AROUND : _ENDS]), _SEAMS.sub("", text[-_ENDS : _AROUND - _ENDS])
        text = f"{text[: _ENDS - _AROUND]}{first}{LINE}{last}{text[_AROUND - _ENDS :]}"
    return Item(node.box, before, text, after, placed)


def _mirrored(text: str) -> str:
    """Return each line of a text backwards."""
    parts = enumerate(BREAK.split(text))
    return "".join(part if at % 2 or not part.strip() else SEAM + part[::-1] for at, part in parts)


def _text(node: Node) -> tuple[str, list[Piece]]:
    """Return the text of a box as it is seen, and the pieces of it that are placed by a box further out."""
    if _is_plain(node):
        return _as_written(node), []
    is_by_words = any(isinstance(child, Item) and is_drawn_elsewhere(child.box) for child in node.children)
    texts: dict[str, None] = {}
    placed: list[Piece] = []
    length = sum(len(child if isinstance(child, str) else child.text) for child in node.children)
    for letter in LETTERS if is_by_words and length < _SEVERAL_WAYS else LETTERS[:1]:
        pieces, placed = pieces_of(node, letter)
        if node.box.layout is Layout.COLUMNS:
            pieces = in_columns(pieces, node.box.count)
        seen = rows(pieces)
        if node.is_rtl:
            seen = [from_right(row) for row in seen]
        text = "".join(lines(seen))
        if _SEAMS.search(text) or placed:
            texts[text] = None
    return (LINE.join(texts) if texts else _as_written(node)), placed


def _is_plain(node: Node) -> bool:
    """Return whether nothing in a box can be seen in another order than it is written."""
    if node.box.layout is Layout.COLUMNS:
        return False
    if node.box.layout is Layout.CELLS:
        if not node.is_rtl:
            return True
        turned = (child for child in node.children if isinstance(child, Item) and child.text.strip(BLANKS))
        return sum(not RIGHT_TO_LEFT.search(child.text) for child in turned) < 2
    items = [child for child in node.children if isinstance(child, Item)]
    if node.is_rtl:
        return not items and not any(TURNS.search(child) for child in node.children if isinstance(child, str))
    if not all(item.box.is_still and not item.placed for item in items):
        return False
    if node.box.layout is Layout.FLOW:
        return not any(item.box.is_hidden for item in items) or not _is_cut(node.children)
    if node.box.is_reversed or any(item.box.is_hidden for item in items):
        return False
    texts = [child.strip(BLANKS + BREAKS) if isinstance(child, str) else child.text for child in node.children]
    return not any(touch(*both) for both in pairwise(filter(None, texts)))


def _is_cut(children: "Sequence[str | Item]") -> bool:
    """Return whether something that is not seen stands within a word or a number."""
    before = removed = behind = ""
    for child in children:
        if isinstance(child, Item) and child.box.is_hidden:
            removed += child.whole
            continue
        text = child if isinstance(child, str) else child.whole
        if not removed:
            before = (before + text[-_GAP:])[-_GAP:]
            continue
        behind += text
        if len(behind) < _GAP and not behind.strip(BLANKS):
            continue
        if views.is_torn(before, removed[0], removed[-1], behind[:_GAP]):
            return True
        before, removed, behind = (before + behind[-_GAP:])[-_GAP:], "", ""
    return bool(removed) and views.is_torn(before, removed[0], removed[-1], behind)


def _as_written(node: Node) -> str:
    return "".join(child if isinstance(child, str) else _shown(child) for child in node.children)


def _shown(item: Item) -> str:
    return "" if item.box.is_hidden else item.whole
