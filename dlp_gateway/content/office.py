"""Office Open XML (ECMA-376): every part of a document, workbook or presentation, by its content and not by its name.

Nothing is looked up in the relationships: what a program shows today it may hide, and what it hides (a sheet, a note, a
deleted line) leaves the house all the same. Where such things stand within words, it is read as it is seen, too.
"""

import re
from collections.abc import Iterator
from io import StringIO
from typing import Final

from dlp_gateway.content import archive, boxes, spreadsheet, views, xml, zip_archive
from dlp_gateway.content.text import Account, File, Piece, UnreadableReason

#: Elements after whose end a line ends.
_LINES: Final = frozenset({"p", "si", "comment", "br", "cr"})
_RUNS: Final = frozenset({"t", "delText", "instrText", "delInstrText"})
#: Attributes that people see or write: descriptions of pictures, choices of forms, prompts.
_SHOWN: Final = frozenset(
    (
        "descr",
        "title",
        "displayText",
        "instr",
        "tooltip",
        "alt",
        "string",
        "prompt",
        "promptTitle",
        "error",
        "errorTitle",
        "author",
        "caption",
        "display",
        "location",
        "result",
        "Target",
        "UnicodeString",  # XPS
    )
)
#: Attributes that are shown of some elements only: names, values of forms and fields, what a pivot table remembers.
_VALUES_OF: Final = {
    "name": frozenset({"sheet", "definedName", "table", "tableColumn", "docPr", "cNvPr", "docVar", "bookmarkStart"}),
    "val": frozenset({"default", "docVar", "alias", "tag", "docPartGallery", "helpText", "statusText", "title"}),
    "v": frozenset({"s", "n", "d"}),
}
#: Passages that not everybody sees (17.13.5, 17.16.23, 20.4.2.37), and what says so of a run of text (17.3.2).
_PASSAGES: Final = {
    **dict.fromkeys(("del", "moveFrom"), views.DELETED),
    **dict.fromkeys(("ins", "moveTo"), views.INSERTED),
    **dict.fromkeys(("instrText", "delInstrText", "txbxContent", "rt"), views.UNSEEN),
}
_OF_RUNS: Final = {
    **dict.fromkeys(("vanish", "specVanish"), views.UNSEEN),
    **dict.fromkeys(("strike", "dstrike"), views.DELETED),
}
_OFF: Final = frozenset({"0", "false", "off"})
#: What programs put beside the text for themselves: settings of printers, fonts.
_FURNITURE: Final = ("printersettings", ".odttf", ".fntdata")
_BINARY_SHEET: Final = re.compile(r"xl/(?:work|macro|dialog)sheets/[^/]{1,200}\.bin\Z", re.IGNORECASE)


#: Pages, and drawings, whose texts are read by their places.
_PAGE: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?\s{0,64}(?:<\?xml[^>]{0,256}>\s{0,64})?<(?:!doctype\s{1,8}html|html|svg)\b", re.IGNORECASE
)


class _Flow:
    """Puts the runs of a paragraph together again, and the cells of a row on one line."""

    def __init__(self) -> None:
        self._written = StringIO()  # a list of short pieces takes several times what they say
        self._write = self._written.write
        self._behind: dict[str, None] = {}
        self._open: list[str] = []
        self._cells = 0
        self._is_leaf = False
        self._of_run = ""  # passages that the properties of a run begin
        self._of_end = ""  # and those of a paragraph, of which only its end is part

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = xml.local(tag)
        self._open.append(name)
        self._is_leaf = False
        if name == "tc":
            self._cells += 1
        elif name in {"tab", "ptab"}:
            self._write("\t")
        elif name == "noBreakHyphen":
            self._write("-")
        elif name == "property":  # one that people made: its name says what the value is (22.3.2.2)
            self._write("".join(f"{value}: " for key, value in attributes.items() if key == "name"))
        elif name == "sym":
            self._write(_symbol(attributes))
        elif name in _PASSAGES and "rPr" in self._open[-2:-1]:
            self._of_end += _PASSAGES[name]
        elif name in _PASSAGES:
            self._write(_PASSAGES[name])
        elif name in _OF_RUNS and self._open[-3:-1] == ["r", "rPr"] and _is_on(attributes):
            self._of_run += _OF_RUNS[name]
            self._write(_OF_RUNS[name])
        for written, value in attributes.items():
            key = xml.local(written)
            is_shown = key in _SHOWN or name in _VALUES_OF.get(key, ())
            if is_shown and not value.isspace():
                self._behind[value] = None

    def end(self, tag: str) -> None:
        name = xml.local(tag)
        self._open.pop()
        if name == "r" and self._of_run:
            self._write("".join(views.ENDS[mark] for mark in self._of_run))
            self._of_run = ""
        if name == "tc":
            self._cells -= 1
            self._write("\t")
        elif name == "tr":
            self._write("\n")
        elif name in _LINES:
            end = " " if self._cells else "\n"
            if name == "p" and self._of_end:
                end = f"{self._of_end}{end}{''.join(views.ENDS[mark] for mark in self._of_end)}"
                self._of_end = ""
            self._write(end)
        elif self._is_leaf:
            self._write("\n")
        if name in _PASSAGES and "rPr" not in self._open[-1:]:
            self._write(views.ENDS[_PASSAGES[name]])
        self._is_leaf = False

    def data(self, text: str) -> None:
        if self._open[-1] in _RUNS:
            self._write(text)
        elif not text.isspace():
            self._write(text)
            self._is_leaf = True

    def close(self) -> None:
        """Nothing is left to do."""

    @property
    def text(self) -> str:
        """The flow of text, and what stands in attributes behind it."""
        flow, behind = views.readings(self._written.getvalue().strip(" \n")), "\n".join(self._behind)
        return f"{flow}\n{behind}" if flow and behind else flow or behind


def _is_on(attributes: dict[str, str]) -> bool:
    """Return whether a property without a value, or with one, holds (17.17.4)."""
    return all(value not in _OFF for key, value in attributes.items() if xml.local(key) == "val")


def _symbol(attributes: dict[str, str]) -> str:
    """A character of a symbol font, which is drawn from F000 on (17.3.3.30)."""
    code = next((value for key, value in attributes.items() if xml.local(key) == "char"), "")
    try:
        number = int(code, 16)
    except ValueError:
        return ""
    number -= 0xF000 if 0xF020 <= number <= 0xF0FF else 0
    return chr(number) if 0x20 <= number < 0xD800 or 0xE000 <= number <= 0x10FFFF else ""


def read(content: bytes, account: Account) -> Iterator[Piece]:
    """Yield the text of every part as one, so that labels stay near, and the files within."""
    listing = zip_archive.listing(content)
    texts: list[str] = []
    sheets: list[bytes] = []
    workbook = spreadsheet.Workbook()
    binary_cells = 0
    for member in listing.members:
        pieces = archive.opened(content, member, account)
        while (piece := next(pieces, None)) is not None:
            if not isinstance(piece, File):
                yield piece
            elif _BINARY_SHEET.search(piece.name):
                binary_cells = max(binary_cells, 1, spreadsheet.span_of_binary_part(piece.content))
            elif not xml.is_xml(piece.content) or _PAGE.match(piece.content):  # an altChunk (17.17.2) is no XML
                if piece.content and not any(word in piece.name.lower() for word in _FURNITURE):
                    yield piece
            elif spreadsheet.is_sheet(piece.content):
                sheets.append(piece.content)
            elif not spreadsheet.is_inner(piece.content) and not workbook.learn(piece.content):
                flow = _Flow()
                whole = xml.tell(piece.content, flow)
                del piece  # its content is larger than its text, of which there are two for a moment
                texts.append(flow.text)
                del flow
                if not whole:
                    yield UnreadableReason.BROKEN
    sheets.reverse()
    while sheets:
        text, reasons = workbook.text(sheets.pop())
        texts.append(text)
        yield from reasons
    texts.append(workbook.unused())
    if binary_cells:
        yield from spreadsheet.binary(content, binary_cells)
    if any(texts):
        yield boxes.with_wholes("\n\n".join(filter(None, texts)))
    yield from listing.comments
    yield from listing.oddities
