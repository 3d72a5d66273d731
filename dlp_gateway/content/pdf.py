"""PDF (ISO 32000-2) → text, forms, annotations, attachments, pictures (with `pdf_…` the door to pypdfium2).

A page is read twice: in the order in which its text is drawn, and as it is seen, line by line and in tables.
"""

import ctypes
import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

import pypdfium2 as pdfium
from pypdfium2 import raw

from dlp_gateway.content import pdf_octets, pdf_page, pdf_pictures, picture, xml
from dlp_gateway.content.columns import Block
from dlp_gateway.content.pdf_page import Box
from dlp_gateway.content.pdf_pictures import Album, Picture
from dlp_gateway.content.text import Account, File, Piece, UnreadableReason

PAGES: Final = 2_000
_CHARACTERS: Final = 32_000_000
#: Characters whose places are asked for, all in all.
_ALL_PLACED: Final = 400_000
_BOOKMARKS: Final = 2_000
_ATTACHMENTS: Final = 500
_HEAD: Final = 4_096
_FEW: Final = 20  # characters of a page that is a picture with a stamp or a number on it
#: A page that is looked at is drawn with at least 200 dots an inch, the part that is looked at not larger than this.
_SCALE: Final = 200 / 72
_LONG_SIDE: Final = 2_400
_LONGEST_SIDE: Final = 4_000
#: Where a version ends whose table of objects is in it; the first section of a linearised file has none (annex F).
_VERSION: Final = re.compile(rb"startxref\s{1,4}[1-9]\d{0,11}\s{1,4}%%EOF")
_VERSIONS: Final = 3
_EARLIER_PAGES: Final = 50
_DATE: Final = re.compile(r"D:(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?[Z\d+'-]{0,7}\Z")


def read(content: bytes, account: Account) -> Iterator[Piece]:
    """Yield what can be read of the document."""
    told: list[str] = []
    for found in pdf_octets.streams(content):
        if isinstance(found, UnreadableReason):
            yield found
            return
        if xml.is_xml(found[:_HEAD]):
            told.append(xml.text(found))
        else:
            told += pdf_octets.named(found)
    told += pdf_octets.named(content)
    try:
        document = pdfium.PdfDocument(content)
    except pdfium.PdfiumError:
        is_locked = raw.FPDF_GetLastError() == raw.FPDF_ERR_PASSWORD
        yield from (UnreadableReason.ENCRYPTED_PDF,) if is_locked else pdf_octets.damaged(content)
        return
    try:
        told += _earlier(content)
        yield from _document(document, account, told)
    except pdfium.PdfiumError:
        yield UnreadableReason.BROKEN
    finally:
        document.close()


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


def _document(document: pdfium.PdfDocument, account: Account, told: list[str]) -> Iterator[Piece]:
    document.init_forms()
    told += (_date(value) for value in document.get_metadata_dict().values() if value)
    told += (bookmark.get_title() for bookmark in islice(document.get_toc(), _BOOKMARKS))
    pages = len(document)
    size = 0
    budget = _ALL_PLACED
    table: Block | None = None
    album = Album()
    for number in range(min(pages, PAGES)):
        try:
            page = document[number]
        except pdfium.PdfiumError:
            yield UnreadableReason.BROKEN
            continue
        notes = pdf_page.notes(page, document)
        words = pdf_page.words(page, notes.fields, budget, table)
        table = words.table
        budget -= words.placed
        size += len(words.text)
        told += [words.text, *notes.told]
        yield from _pictures(page, words.text, notes.stamps, album, account, told)
        page.close()
        if size > _CHARACTERS:
            break
    yield "\n\n".join(filter(None, told))
    if album.is_full:
        yield UnreadableReason.PICTURE
    if pages > PAGES or size > _CHARACTERS:
        yield UnreadableReason.TOO_LARGE
    for number in range(min(document.count_attachments(), _ATTACHMENTS)):
        attachment = document.get_attachment(number)
        account.count()
        octets = bytes(attachment.get_data())
        account.spend(len(octets))
        yield File(name=attachment.get_name(), content=octets)


def _date(value: str) -> str:
    """Return a date as people write it (7.9.4), and no number of fourteen digits."""
    match = _DATE.match(value)
    return "-".join(match.groups()[:3]) if match else value


def _pictures(
    page: pdfium.PdfPage,
    text: str,
    stamps: tuple[Box, ...],
    album: Album,
    account: Account,
    told: list[str],
) -> Iterator[UnreadableReason]:
    """Look at a page without text as at a picture, and at the pictures of any other, at each once."""
    if len(text.strip()) < _FEW:
        if pdf_pictures.has_drawing(page):
            yield from _looked_at(page, [], account, told)
        return
    found = album.new(page, stamps)
    if found:
        yield from _looked_at(page, found, account, told)


def _looked_at(
    page: pdfium.PdfPage, pictures: list[Picture], account: Account, told: list[str]
) -> Iterator[UnreadableReason]:
    """Look at some pictures on a page, or at all of it; the text in them is added to `told`."""
    longest = max(*page.get_size(), 1.0)
    scale = min(_SCALE, _LONG_SIDE / longest)
    for one in pictures:
        side = max(one.box[2] - one.box[0], one.box[3] - one.box[1])
        scale = max(scale, min(one.dots, _LONG_SIDE / side, _LONGEST_SIDE / longest))
    width, height = page.get_size()
    if not account.develop(int(width * scale) * int(height * scale)):
        yield UnreadableReason.PICTURE
        return
    drawn = page.render(scale=scale, grayscale=True, may_draw_forms=True).to_pil()
    for part in [drawn.crop(_place(page, drawn.size, one.box)) for one in pictures] or [drawn]:
        for piece in picture.looked_at(part, account):
            if isinstance(piece, UnreadableReason):  # which is a string as well
                yield piece
            elif isinstance(piece, str):
                told.append(piece)


def _place(page: pdfium.PdfPage, size: tuple[int, int], box: Box) -> tuple[int, int, int, int]:
    """Return where a box is on the drawn page: left, upper, right, lower."""
    left, bottom, right, top = box
    across, down = ctypes.c_int(), ctypes.c_int()
    corners = []
    for corner in ((left, bottom), (right, top)):
        raw.FPDF_PageToDevice(page, 0, 0, *size, 0, *corner, across, down)
        corners.append((across.value, down.value))
    (one, upper), (other, lower) = corners
    return min(one, other), min(upper, lower), max(one, other), max(upper, lower)
