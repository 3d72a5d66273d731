"""PDF (ISO 32000-2) → text, forms, annotations, attachments, properties (the only door to pypdfium2).

A page is read twice: in the order in which its text is drawn, and line by line as it is seen, where that differs.
"""

import ctypes
import re
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

import pypdfium2 as pdfium
from pypdfium2 import raw

from dlp_gateway.content import picture, traces, unpack, xml
from dlp_gateway.content.text import UNPACKED_OCTETS, Account, File, Piece, Refused, UnreadableReason

PAGES: Final = 2_000
_CHARACTERS: Final = 32_000_000
#: Characters whose places are asked for, a page and all in all; each costs two microseconds.
_PLACED: Final = 20_000
_ALL_PLACED: Final = 300_000
_ANNOTATIONS: Final = 2_000
_ATTACHMENTS: Final = 500
_LONGEST_VALUE: Final = 200_000
_VALUES: Final = (b"T", b"TU", b"V", b"DV", b"Subj", b"Contents", b"RC")
_STREAM: Final = re.compile(rb"stream\r?\n")
_STREAMS: Final = 20_000
#: Octets that the streams of one document may expand to, pictures included.
_EXPANDED: Final = 1_000_000_000
_NESTED: Final = 4  # filters on filters
_HEAD: Final = 4_096
_FEW: Final = 20  # characters of a page that is a picture with a stamp or a number on it
#: Between two words of one line and between two columns, in sizes of the font.
_WORD_GAP: Final = 0.22
_COLUMN_GAP: Final = 1.5
#: A page that is looked at is drawn with 200 dots an inch, and not larger than this.
_SCALE: Final = 200 / 72
_LONG_SIDE: Final = 2_400
#: Strings with a key of interest, in parentheses (those within balanced once) or in hexadecimal.
_NAMED: Final = re.compile(
    rb"/(?:JS|Alt|ActualText|E|TU|Desc)[\s]{0,8}"
    rb"(\((?:[^()\\]|\\.|\((?:[^()\\]|\\.){0,2000}\)){0,20000}+\)|<[0-9A-Fa-f\s]{2,40000}+>)",
    re.DOTALL,
)
_NO_DIGITS: Final = re.compile(rb"[^0-9A-Fa-f]+")
_ESCAPED: Final = re.compile(rb"\\([0-7]{1,3}|\r\n|.)", re.DOTALL)
_LETTERS: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"", b"f": b""}
#: Where a version ends whose table of objects is in it; the first section of a linearised file has none (annex F).
_VERSION: Final = re.compile(rb"startxref\s{1,4}[1-9]\d{0,11}\s{1,4}%%EOF")
_VERSIONS: Final = 3
_EARLIER_PAGES: Final = 50
_SPACE: Final = re.compile(r"\s+")


def read(content: bytes, account: Account) -> Iterator[Piece]:
    """Yield what can be read of the document."""
    told: list[str] = []
    for found in _streams(content):
        if isinstance(found, UnreadableReason):
            yield found
            return
        if xml.is_xml(found[:_HEAD]):
            told.append(xml.text(found))
        else:
            told += _named(found)
    told += _named(content)
    try:
        document = pdfium.PdfDocument(content)
    except pdfium.PdfiumError:
        is_locked = raw.FPDF_GetLastError() == raw.FPDF_ERR_PASSWORD
        yield from (UnreadableReason.ENCRYPTED_PDF,) if is_locked else _damaged(content)
        return
    try:
        told += _earlier(content)
        yield from _document(document, account, told)
    except pdfium.PdfiumError:
        yield UnreadableReason.BROKEN
    finally:
        document.close()


def _named(content: bytes) -> Iterator[str]:
    """Yield what scripts say, and what is said of pictures to those who cannot see (12.6.4.17, 14.9.3)."""
    for match in islice(_NAMED.finditer(content), _ANNOTATIONS):
        written = match[1]
        if written.startswith(b"<"):
            digits = _NO_DIGITS.sub(b"", written)
            octets = bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))
        else:
            octets = _ESCAPED.sub(_character, written[1:-1])
        is_wide = octets.startswith(b"\xfe\xff")
        yield octets[2:].decode("utf-16-be", "replace") if is_wide else octets.decode("latin-1")


def _character(escape: re.Match[bytes]) -> bytes:
    """Undo one escape of a string (7.3.4.2)."""
    if escape[1].isdigit():
        return bytes((int(escape[1], 8) & 0xFF,))
    return _LETTERS.get(escape[1], b"" if escape[1][:1] in b"\r\n" else escape[1])


def _earlier(content: bytes) -> Iterator[str]:
    """Yield the text of the versions that a document had before it was changed, which stay in it (7.5.6)."""
    ends = [match.end() for match in islice(_VERSION.finditer(content), _VERSIONS + 1)]
    for end in ends[:-1]:
        try:
            document = pdfium.PdfDocument(content[:end])
        except pdfium.PdfiumError:
            continue
        try:
            for number in range(min(len(document), _EARLIER_PAGES)):
                page = document[number]
                shown = page.get_textpage()
                if shown.count_chars() > 0:
                    yield shown.get_text_range().replace("\r\n", "\n")
                shown.close()
                page.close()
        except pdfium.PdfiumError:
            continue
        finally:
            document.close()


def _damaged(content: bytes) -> Iterator[Piece]:
    """Yield the traces of text in what is no document to PDFium; without streams there is nothing else in it."""
    streams = [found for found in _streams(content) if isinstance(found, bytes)]
    yield "\n".join(filter(None, map(traces.runs, (content, *streams))))
    if _STREAM.search(content):
        yield UnreadableReason.BROKEN


def _streams(content: bytes) -> Iterator[bytes | UnreadableReason]:
    """Yield the streams that are compressed or XML (properties, forms); a reason, if any expands beyond measure."""
    left = _EXPANDED
    for count, match in enumerate(_STREAM.finditer(content)):
        if count > _STREAMS or left < 0:
            yield UnreadableReason.TOO_LARGE
            return
        start = match.end()
        octets = content[start : start + 2]
        if octets[:1] == b"<":
            end = content.find(b"endstream", start, start + UNPACKED_OCTETS)
            octets = content[start:end]
        for _ in range(_NESTED):
            if len(octets) < 2 or octets[0] & 0x0F != 8 or int.from_bytes(octets[:2], "big") % 31:  # RFC 1950 2.2
                break
            packed = memoryview(content)[start:] if len(octets) == 2 else memoryview(octets)
            try:
                octets, _ = unpack.unpacked(packed, unpack.zlib_stream(), Account())
            except unpack.Damaged as damaged:
                octets = damaged.so_far
            except Refused as refusal:
                yield refusal.reason
                return
            left -= len(octets)
        if len(octets) > 2:
            yield octets


def _document(document: pdfium.PdfDocument, account: Account, told: list[str]) -> Iterator[Piece]:
    document.init_forms()
    told += (value for value in document.get_metadata_dict().values() if value)
    told += (bookmark.get_title() for bookmark in islice(document.get_toc(), _ANNOTATIONS))
    pages = len(document)
    size = 0
    budget = _ALL_PLACED
    for number in range(min(pages, PAGES)):
        try:
            page = document[number]
        except pdfium.PdfiumError:
            yield UnreadableReason.BROKEN
            continue
        text, placed = _page(page, budget)
        budget -= placed
        size += len(text)
        told += [text, *_annotations(page, document)]
        if len(text.strip()) < _FEW and _has_picture(page):
            yield from _looked_at(page, account, told)
        page.close()
        if size > _CHARACTERS:
            break
    yield "\n\n".join(filter(None, told))
    if pages > PAGES or size > _CHARACTERS:
        yield UnreadableReason.TOO_LARGE
    for number in range(min(document.count_attachments(), _ATTACHMENTS)):
        attachment = document.get_attachment(number)
        account.count()
        octets = bytes(attachment.get_data())
        account.spend(len(octets))
        yield File(name=attachment.get_name(), content=octets)


def _has_picture(page: pdfium.PdfPage) -> bool:
    return any(True for _ in page.get_objects(filter=(raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_PATH), max_depth=4))


def _looked_at(page: pdfium.PdfPage, account: Account, told: list[str]) -> Iterator[UnreadableReason]:
    """Look at a page as at a picture; its text is added to `told`."""
    width, height = page.get_size()
    scale = min(_SCALE, _LONG_SIDE / max(width, height, 1.0))
    shown = page.render(scale=scale, grayscale=True, may_draw_forms=True).to_pil()
    for piece in picture.looked_at(shown, account):
        if isinstance(piece, UnreadableReason):  # which is a string as well
            yield piece
        elif isinstance(piece, str):
            told.append(piece)


def _page(page: pdfium.PdfPage, budget: int) -> tuple[str, int]:
    """Return the text of a page, and of how many characters the place was asked for."""
    shown = page.get_textpage()
    count = shown.count_chars()
    drawn = shown.get_text_range().replace("\r\n", "\n").replace("\ufffe", "").replace("\x02", "") if count > 0 else ""
    placed = count if 0 < count <= min(_PLACED, budget) else 0
    lines = _as_seen(shown, placed) if placed else []
    shown.close()
    compact = _SPACE.sub("", drawn)
    new = [line for line in lines if _SPACE.sub("", line) not in compact]
    return "\n".join((drawn, *new)), placed


def _as_seen(shown: pdfium.PdfTextPage, count: int) -> list[str]:
    """Return the lines of a page from top to bottom, each from left to right, whatever order they are drawn in."""
    handle, box = shown.raw, raw.FS_RECTF()
    place = ctypes.byref(box)
    code_of, box_of = raw.FPDFText_GetUnicode, raw.FPDFText_GetLooseCharBox  # which are asked for each character
    characters = []
    for index in range(count):
        code = code_of(handle, index)
        if code > 0x20 and box_of(handle, index, place):
            bottom = box.bottom
            characters.append((bottom, _Glyph(box.left, box.right, max(1.0, box.top - bottom), chr(code))))
    characters.sort(key=lambda one: -one[0])
    lines: list[list[_Glyph]] = []
    level = 0.0
    for height, glyph in characters:
        if not lines or level - height > max(1.0, glyph.size * 0.3):
            lines.append([])
            level = height
        lines[-1].append(glyph)
    return ["".join(_spaced(sorted(line))) for line in lines]


class _Glyph(NamedTuple):
    """A character on its line."""

    left: float
    right: float
    size: float
    character: str


def _spaced(line: list[_Glyph]) -> Iterator[str]:
    """Yield the characters of a line with a blank for each gap, and a tab where a column ends."""
    edge = line[0].left
    for glyph in line:
        gap = glyph.left - edge
        if gap > glyph.size * _WORD_GAP:
            yield "\t" if gap > glyph.size * _COLUMN_GAP else " "
        yield glyph.character
        edge = glyph.right


def _annotations(page: pdfium.PdfPage, document: pdfium.PdfDocument) -> Iterator[str]:
    """Yield what notes, links and fields of forms hold (12.5, 12.7)."""
    for index in range(min(raw.FPDFPage_GetAnnotCount(page), _ANNOTATIONS)):
        annotation = raw.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        values = dict.fromkeys(_string(raw.FPDFAnnot_GetStringValue, annotation, key) for key in _VALUES)
        if document.formenv:
            for ask in (raw.FPDFAnnot_GetFormFieldName, raw.FPDFAnnot_GetFormFieldValue):
                values[_string(ask, document.formenv, annotation)] = None
        raw.FPDFPage_CloseAnnot(annotation)
        yield ": ".join(filter(None, values))
    start = ctypes.c_int(0)
    link = raw.FPDF_LINK()
    for _ in range(_ANNOTATIONS):
        if not raw.FPDFLink_Enumerate(page, start, link):
            return
        action = raw.FPDFLink_GetAction(link)
        length = raw.FPDFAction_GetURIPath(document, action, None, 0) if action else 0
        if 0 < length < _LONGEST_VALUE:
            buffer = ctypes.create_string_buffer(length)
            raw.FPDFAction_GetURIPath(document, action, buffer, length)
            yield buffer.value.decode("utf-8", "replace")


def _string(ask: "ctypes._FuncPointer", *arguments: object) -> str:
    """Return a string that PDFium writes into a buffer, in UTF-16 with its length first asked for."""
    length = ask(*arguments, None, 0)
    if not 2 < length < _LONGEST_VALUE:
        return ""
    buffer = ctypes.create_string_buffer(length)
    ask(*arguments, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), length)
    return buffer.raw[: length - 2].decode("utf-16-le", "replace")
