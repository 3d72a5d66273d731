"""PDF pages with words, fields of forms and pictures at places that are told. The same input makes the same octets."""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PIL import Image

from tests.formats.documents import pdf_objects, pdf_stream

Box = tuple[float, float, float, float]  # left, bottom, right, top
Words = tuple[float, float, str]  # left, bottom, text
Rows = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What is on a page of A4; `rotate` is by how many degrees it is turned when it is shown."""

    words: Sequence[Words] = ()
    fields: Sequence[tuple[Box, str]] = ()
    notes: Sequence[tuple[Box, str]] = ()
    pictures: Sequence[tuple[Box, Image.Image]] = ()
    is_in_form: bool = False  # the pictures are drawn by an object of their own, which is moved
    rotate: int = 0
    size: float = 11


def pdf(pages: Iterable[Page]) -> bytes:
    """Return a PDF of these pages."""
    sheets = [*pages]
    objects: list[bytes] = [b"", b"", b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    kids: list[int] = []
    fields: list[int] = []

    def add(one: bytes) -> int:
        objects.append(one)
        return len(objects)

    for page in sheets:
        names, drawing = [], b""
        for number, ((left, bottom, right, top), picture) in enumerate(page.pictures):
            names.append(b"/I%d %d 0 R" % (number, add(_picture(picture))))
            move = 100 if page.is_in_form else 0
            place = b"%g 0 0 %g %g %g" % (right - left, top - bottom, left - move, bottom)
            drawing += b"q %s cm /I%d Do Q\n" % (place, number)
        if page.is_in_form:
            own = b"/Type/XObject/Subtype/Form/BBox[-595 -842 595 842]/Resources<</XObject<<%s>>>>" % b"".join(names)
            names = [b"/X %d 0 R" % add(pdf_stream(drawing, own))]
            drawing = b"q 1 0 0 1 100 0 cm /X Do Q\n"
        drawing += b"".join(_drawn(words, page) for words in page.words)
        annotations = [
            add(b"<</Type/Annot/Subtype/Widget/FT/Tx/T(f%d)/V%s/Rect[%g %g %g %g]>>" % (number, _literal(value), *box))
            for number, (box, value) in enumerate(page.fields)
        ]
        fields += annotations
        annotations += [
            add(b"<</Type/Annot/Subtype/FreeText/Contents%s/Rect[%g %g %g %g]>>" % (_literal(text), *box))
            for box, text in page.notes
        ]
        content = add(pdf_stream(drawing, filtered=True))
        references = b" ".join(b"%d 0 R" % one for one in annotations)
        kids.append(
            add(
                b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Rotate %d/Contents %d 0 R/Annots[%s]"
                b"/Resources<</Font<</F 3 0 R>>/XObject<<%s>>>>>>" % (page.rotate, content, references, b"".join(names))
            )
        )
    references = b" ".join(b"%d 0 R" % one for one in fields)
    objects[0] = b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[%s]>>>>" % references
    objects[1] = b"<</Type/Pages/Kids[%s]/Count %d>>" % (b" ".join(b"%d 0 R" % one for one in kids), len(kids))
    return pdf_objects(objects)


def table(rows: Rows, lefts: Sequence[float], *, top: float = 700, leading: float = 18) -> list[Words]:
    """Return the words of a table; a cell may have lines, which stand eleven points below each other."""
    found = []
    for row in rows:
        lines = 1
        for left, cell in zip(lefts, row, strict=True):
            lines = max(lines, cell.count("\n") + 1)
            found += [(left, top - 11 * number, line) for number, line in enumerate(cell.split("\n")) if line]
        top -= leading + 11 * (lines - 1)
    return found


def by_column(words: Sequence[Words]) -> list[Words]:
    """Return words in the order in which some programs draw them: column by column."""
    return sorted(words, key=lambda one: (one[0], -one[1]))


def _drawn(words: Words, page: Page) -> bytes:
    """Words are upright where the page is turned, too."""
    left, bottom, text = words
    turn = {
        0: b"1 0 0 1 %g %g" % (left, bottom),
        90: b"0 1 -1 0 %g %g" % (595 - bottom, left),
        180: b"-1 0 0 -1 %g %g" % (595 - left, 842 - bottom),
        270: b"0 -1 1 0 %g %g" % (bottom, 842 - left),
    }[page.rotate]
    return b"BT /F %g Tf %s Tm %s Tj ET\n" % (page.size, turn, _literal(text))


def _literal(text: str) -> bytes:
    return b"(" + text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)").encode("latin-1") + b")"


def _picture(picture: Image.Image) -> bytes:
    entries = b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8" % picture.size
    packed = zlib.compress(picture.convert("L").tobytes())
    return b"<</Length %d%s/Filter/FlateDecode>>stream\n%s\nendstream" % (len(packed), entries, packed)
