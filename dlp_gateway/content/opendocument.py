"""OpenDocument (ISO/IEC 26300) → its text: content, headers and footers, notes, hidden sheets, properties."""

from collections.abc import Iterator
from typing import Final

from dlp_gateway.content import archive, views, xml, zip_archive
from dlp_gateway.content.spreadsheet import plain_number
from dlp_gateway.content.text import TOTAL_CHARACTERS, Account, File, Piece, UnreadableReason

_CHARACTERS: Final = TOTAL_CHARACTERS // 2
#: Repeats of a cell or of blanks that are written out; sheets repeat empty cells to their end.
_REPEATS: Final = 50
_LINES: Final = frozenset({"p", "h", "line-break", "date", "creator", "title", "desc"})
_CELLS: Final = frozenset({"table-cell", "covered-table-cell"})
_SHOWN: Final = frozenset(
    ("label", "current-value", "string-value", "title", "href", "help-message", "prompt", "description", "formula")
)
#: What stands within the text and is not seen there (6.3, 14.1, 7.7.4).
_ASIDE: Final = frozenset({"annotation", "note", "hidden-text", "ruby-text"})
_INNER: Final = ("#", "Pictures/", "./", "Object")
_ENCRYPTED: Final = b"encryption-data"


class _Passages:
    """Marks what not everybody sees: tracked changes (5.5), asides, and what styles hide (20.377) or strike out."""

    def __init__(self) -> None:
        self._marks_of: dict[str, str] = {}  # a style's
        self._style = ""
        self._spans: list[str] = []  # the marks of each that is open
        self._change = ""
        self._inserted: set[str] = set()
        self._deleted: dict[str, str] = {}  # texts by their changes
        self._nowhere: list[str] = []  # and those that had the name of a later one

    def start(self, name: str, told: dict[str, str]) -> str:
        """Return the marks that an element begins with."""
        if name in _ASIDE:
            return views.UNSEEN
        if name == "span":
            self._spans.append(self._marks_of.get(told.get("style-name", ""), ""))
            return self._spans[-1]
        if name == "style":
            self._style = told.get("name", "")
        elif name == "text-properties":
            hidden = views.UNSEEN if told.get("display") == "none" else ""
            struck = views.DELETED if told.get("text-line-through-style", "none") != "none" else ""
            self._marks_of[self._style] = hidden + struck
        elif name == "changed-region":
            self._change = told.get("id", "")
        elif name == "insertion":
            self._inserted.add(self._change)
        elif name == "change":  # where a text was deleted, which is seen once
            deleted = self._deleted.pop(told.get("change-id", ""), "")
            return f"{views.DELETED}{deleted}{views.END_DELETED}" if deleted else ""
        elif told.get("change-id") in self._inserted:
            return {"change-start": views.INSERTED, "change-end": views.END_INSERTED}.get(name, "")
        return ""

    def delete(self, text: str) -> None:
        """Note what a change deleted, which stands where the change is named."""
        self._nowhere.append(self._deleted.get(self._change, ""))
        self._deleted[self._change] = text.strip("\n")

    @property
    def left(self) -> str:
        """What was deleted, and nobody named."""
        return "\n".join(filter(None, (*self._nowhere, *self._deleted.values())))

    def end(self, name: str) -> str:
        """Return the marks that an element ends with."""
        if name in _ASIDE:
            return views.END_UNSEEN
        if name == "span" and self._spans:
            return "".join(views.ENDS[mark] for mark in self._spans.pop())
        return ""


class _Flow:
    """Puts spans together, paragraphs on lines, and the cells of a row on one line."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._behind: dict[str, None] = {}
        self._cells: list[tuple[int, str]] = []  # where each open cell begins in `_pieces`, and its number
        self._repeats = 1
        self._size = 0
        self._is_leaf = False
        self._passages = _Passages()
        self._deleted = 0  # where a deleted text begins

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = xml.local(tag)
        self._is_leaf = False
        told = {xml.local(key): value for key, value in attributes.items()}
        if marks := self._passages.start(name, told):
            self._pieces.append(marks)
        if name == "deletion":
            self._deleted = len(self._pieces)
        if name in _CELLS:
            self._cells.append((len(self._pieces), told.get("value", "")))
            self._repeats = _count(told.get("number-columns-repeated", ""))
        elif name == "tab":
            self._pieces.append("\t")
        elif name == "s":
            self._pieces.append(" " * _count(told.get("c", "")))
        elif name == "table" and told.get("name"):
            self._pieces.append(f"{told['name']}\n")
        self._behind.update(
            dict.fromkeys(value for key, value in told.items() if key in _SHOWN and not value.startswith(_INNER))
        )

    def end(self, tag: str) -> None:
        name = xml.local(tag)
        if name in _CELLS and self._cells:
            start, number = self._cells.pop()
            shown = "".join(self._pieces[start:]).strip()
            if number and plain_number(number) != shown:
                shown = f"{shown} {plain_number(number)}".strip()
            repeats, self._repeats = (self._repeats, 1)
            self._pieces[start:] = [f"{shown}\t" * repeats]
            self._count(len(shown) * repeats)
        elif name == "table-row":
            self._pieces.append("\n")
        elif name in _LINES or self._is_leaf:
            self._pieces.append(" " if self._cells else "\n")
        if name == "change-info":  # who deleted what follows
            self._deleted = len(self._pieces)
        elif name == "deletion":
            self._passages.delete("".join(self._pieces[self._deleted :]))
            del self._pieces[self._deleted :]
        elif marks := self._passages.end(name):
            self._pieces.append(marks)
        self._is_leaf = False

    def data(self, text: str) -> None:
        self._pieces.append(text if self._cells or not text.isspace() else " ")
        self._is_leaf = False
        self._count(len(text))

    def _count(self, characters: int) -> None:
        self._size += characters
        if self._size > _CHARACTERS:
            raise _Full

    def close(self) -> str:
        """Return the flow of text, and what stands in attributes behind it."""
        lines = (line.rstrip() for line in views.readings("".join(self._pieces)).split("\n"))
        behind = views.readings(self._passages.left)
        return "\n".join((*filter(None, lines), *filter(None, (behind,)), *self._behind))


class _Full(Exception):  # noqa: N818 - more text than is read
    """A document has more text than is read."""


def _count(written: str) -> int:
    return min(int(written), _REPEATS) if written.isdecimal() and len(written) < 9 and written != "0" else 1


def read(content: bytes, account: Account) -> Iterator[Piece]:
    """Yield the text of every XML part as one, and the files within."""
    listing = zip_archive.listing(content)
    texts: list[str] = []
    for member in listing.members:
        for piece in archive.opened(content, member, account):
            if not isinstance(piece, File):
                yield piece
            elif piece.name == "META-INF/manifest.xml" and _ENCRYPTED in piece.content:
                yield UnreadableReason.ENCRYPTED_OFFICE
                return
            elif piece.name in {"mimetype", "META-INF/manifest.xml", "layout-cache"}:
                pass
            elif xml.is_xml(piece.content):
                text, reasons = _flow(piece.content)
                texts.append(text)
                yield from reasons
            elif piece.content:
                yield piece
    if any(texts):
        yield "\n\n".join(filter(None, texts))
    yield from listing.oddities


def read_flat(content: bytes, _: Account) -> Iterator[Piece]:
    """Yield the text of a document that is a single XML file."""
    text, reasons = _flow(content)
    yield text
    yield from reasons


def _flow(content: bytes) -> tuple[str, tuple[UnreadableReason, ...]]:
    flow = _Flow()
    try:
        whole = xml.tell(content, flow)
    except _Full:
        return flow.close(), (UnreadableReason.BOMB,)
    return flow.close(), () if whole else (UnreadableReason.BROKEN,)
