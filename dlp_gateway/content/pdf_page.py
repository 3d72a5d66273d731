"""One page of a PDF (ISO 32000-2): its text as drawn and as seen, its form and its notes."""

import ctypes
import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import unquote

import pypdfium2 as pdfium
from pypdfium2 import raw

from dlp_gateway.content import columns
from dlp_gateway.content.columns import Block
from dlp_gateway.content.glyphs import Glyph

#: Characters of a page whose places are asked for; each costs a microsecond.
_PLACED: Final = 20_000
_FIELD_COST: Final = 20  # as many characters as take the time of a field
ANNOTATIONS: Final = 2_000
_LONGEST_VALUE: Final = 200_000
_VALUES: Final = (b"T", b"TU", b"V", b"DV", b"Subj", b"Contents", b"RC")
#: Fields whose value is shown as it is.
_WRITTEN: Final = frozenset({raw.FPDF_FORMFIELD_TEXTFIELD, raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX})
#: Annotations that are seen where they are.
_IN_PLACE: Final = frozenset({raw.FPDF_ANNOT_WIDGET, raw.FPDF_ANNOT_FREETEXT, raw.FPDF_ANNOT_STAMP})
#: What is printed where a field is to be filled in, and how far beside it, in heights of the field.
_LEADERS: Final = {"_": 1.0, "…": 1.0, ".": 0.0, "·": 0.0}
_NEAR: Final = 1_000
_FIELD_SIZE: Final = 12.0
_CHARACTER_WIDTH: Final = 0.5
_TALL: Final = 2.5  # a field with room for several lines
_SAMPLES: Final = 24
_HYPHENS: Final = "\ufffe\x02"  # what PDFium makes of a hyphen at the end of a line
_WITHOUT_HYPHENS: Final = str.maketrans("", "", _HYPHENS)

Box = tuple[float, float, float, float]  # left, bottom, right, top


class Field(NamedTuple):
    """A value that is shown in a place of its own."""

    box: Box
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What annotations say, and where on the page they say it; `stamps` may be pictures."""

    told: tuple[str, ...]
    fields: tuple[Field, ...]
    stamps: tuple[Box, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The text of a page, what finding the places cost in characters, and the table at its end."""

    text: str
    placed: int
    table: Block | None


def words(page: pdfium.PdfPage, fields: Sequence[Field], budget: int, before: Block | None) -> Words:
    """Return the text of a page, `fields` in their places; `before` is the table at the end of the page before."""
    shown = page.get_textpage()
    count = shown.count_chars()
    drawn = shown.get_text_range() if count > 0 else ""
    placed = max(0, count) + _FIELD_COST * len(fields)
    seen: list[Block] = []
    if 0 < placed <= min(_PLACED, budget):
        for group in _groups(shown, max(0, count), drawn, fields):
            seen += columns.blocks(group)
    else:
        placed = 0
    shown.close()
    tables = [index for index, block in enumerate(seen) if block.is_table]
    if tables:
        seen[tables[0]] = seen[tables[0]].under(before)
    text = columns.merged(drawn.replace("\r\n", "\n").translate(_WITHOUT_HYPHENS), seen, is_whole=bool(fields and seen))
    return Words(text=text, placed=placed, table=seen[tables[-1]] if tables else None)


def _groups(shown: pdfium.PdfTextPage, count: int, drawn: str, fields: Sequence[Field]) -> Iterator[list[Glyph]]:
    """Yield the characters of a page, upright; those that stand another way than most are a group of their own."""
    handle, box = shown.raw, raw.FS_RECTF()
    place = ctypes.byref(box)
    code_of, box_of, angle_of = raw.FPDFText_GetUnicode, raw.FPDFText_GetLooseCharBox, raw.FPDFText_GetCharAngle
    samples = range(0, count, max(1, count // _SAMPLES))
    # Nearly always the text has as many characters as the page, and need not be asked for once more.
    is_same = len(drawn) == count and all(code_of(handle, index) == ord(drawn[index]) for index in samples)
    characters = drawn if is_same else [chr(code_of(handle, index)) for index in range(count)]
    turns = Counter(_quarter(angle_of(handle, index)) for index in samples if characters[index] > " ")
    most = turns.most_common(1)[0][0] if turns else 0
    groups: dict[int, list[Glyph]] = {most: []}
    upright = groups[most].append
    is_plain = len(turns) < 2 and not most
    for index, character in enumerate(characters):
        if character <= " " or character in _HYPHENS or not box_of(handle, index, place):
            continue
        left, right, bottom = box.left, box.right, box.bottom
        if is_plain:
            size = box.top - bottom
            upright((bottom, left, right, size if size > 1.0 else max(1.0, right - left), character))
        else:
            quarter = most if len(turns) < 2 else _quarter(angle_of(handle, index))
            start, low, end, high = _turned((left, bottom, right, box.top), quarter)
            size = high - low if high - low > 1.0 else max(1.0, end - start)  # some fonts have no height
            groups.setdefault(quarter, []).append((low, start, end, size, character))
    if fields:
        groups[most] = _filled_in(groups[most], [Field(_turned(field.box, most), field.value) for field in fields])
    yield from groups.values()


def _quarter(angle: float) -> int:
    """Return the quarter turns to the left that come nearest to an angle, which PDFium tells to the right."""
    return round(-angle / (math.pi / 2)) % 4


def _turned(box: Box, quarter: int) -> Box:
    """Return where a box is when the page is turned so that its text is upright."""
    left, bottom, right, top = box
    return (
        box,
        (bottom, -right, top, -left),
        (-right, -top, -left, -bottom),
        (-top, left, -bottom, right),
    )[quarter]


def _filled_in(page: list[Glyph], fields: Sequence[Field]) -> list[Glyph]:
    """Return the characters of a page with values in their places, each on the line that stands beside it."""
    ordered = sorted(page)
    bottoms = [glyph[0] for glyph in ordered]
    covered: set[int] = set()
    values: list[Glyph] = []
    for (left, bottom, right, top), value in fields:
        height = top - bottom
        low = bisect_left(bottoms, bottom - height)
        near = range(low, min(low + _NEAR, bisect_left(bottoms, top)))
        beside = [
            ordered[index] for index in near if bottom - 1 <= ordered[index][0] + ordered[index][3] / 2 <= top + 1
        ]
        covered.update(
            index
            for index in near
            if (margin := _LEADERS.get(ordered[index][4])) is not None
            and left - margin * height <= ordered[index][1] <= right + margin * height
        )
        if beside:
            size = beside[0][3]
            aim = top - size if height > size * _TALL else (bottom + top - size) / 2
            level = min(
                (glyph[0] for glyph in beside if glyph[4] not in _LEADERS),
                default=bottom,
                key=lambda one: abs(one - aim),
            )
        else:
            size = min(height, _FIELD_SIZE)
            level = max(bottom, top - _TALL * size) if height > size * _TALL else bottom
        end = right if len(value) == 1 else min(right, left + _CHARACTER_WIDTH * size * len(value))
        values.append((level, left, max(left, end), max(1.0, size), " ".join(value.split())))
    return [*(glyph for index, glyph in enumerate(ordered) if index not in covered), *values]


def notes(page: pdfium.PdfPage, document: pdfium.PdfDocument) -> Notes:
    """Return what notes, links and fields of forms hold (12.5, 12.7)."""
    told: list[str] = []
    fields: list[Field] = []
    stamps: list[Box] = []
    for index in range(min(raw.FPDFPage_GetAnnotCount(page), ANNOTATIONS)):
        annotation = raw.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        values = dict.fromkeys(_string(raw.FPDFAnnot_GetStringValue, annotation, key) for key in _VALUES)
        shown = _string(raw.FPDFAnnot_GetStringValue, annotation, b"Contents")
        kind = raw.FPDFAnnot_GetSubtype(annotation)
        if document.formenv:
            for ask in (raw.FPDFAnnot_GetFormFieldName, raw.FPDFAnnot_GetFormFieldValue):
                values[_string(ask, document.formenv, annotation)] = None
            if kind == raw.FPDF_ANNOT_WIDGET:
                is_written = raw.FPDFAnnot_GetFormFieldType(document.formenv, annotation) in _WRITTEN
                shown = _string(raw.FPDFAnnot_GetFormFieldValue, document.formenv, annotation) if is_written else ""
        rectangle = raw.FS_RECTF()
        if kind in _IN_PLACE and raw.FPDFAnnot_GetRect(annotation, ctypes.byref(rectangle)):
            box = (rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)
            if kind == raw.FPDF_ANNOT_STAMP:
                stamps.append(box)
            elif shown.strip():
                fields.append(Field(box, shown))
        raw.FPDFPage_CloseAnnot(annotation)
        told.append(": ".join(filter(None, values)))
    return Notes(told=(*told, *_links(page, document)), fields=tuple(fields), stamps=tuple(stamps))


def _links(page: pdfium.PdfPage, document: pdfium.PdfDocument) -> Iterator[str]:
    start = ctypes.c_int(0)
    link = raw.FPDF_LINK()
    for _ in range(ANNOTATIONS):
        if not raw.FPDFLink_Enumerate(page, start, link):
            return
        action = raw.FPDFLink_GetAction(link)
        length = raw.FPDFAction_GetURIPath(document, action, None, 0) if action else 0
        if 0 < length < _LONGEST_VALUE:
            buffer = ctypes.create_string_buffer(length)
            raw.FPDFAction_GetURIPath(document, action, buffer, length)
            target = buffer.value.decode("utf-8", "replace")
            yield target
            if "%" in target:
                yield unquote(target)


def _string(ask: "ctypes._FuncPointer", *arguments: object) -> str:
    """Return a string that PDFium writes into a buffer, in UTF-16 with its length first asked for."""
    length = ask(*arguments, None, 0)
    if not 2 < length < _LONGEST_VALUE:
        return ""
    buffer = ctypes.create_string_buffer(length)
    ask(*arguments, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), length)
    return buffer.raw[: length - 2].decode("utf-16-le", "replace")
