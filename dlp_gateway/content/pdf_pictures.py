"""Where the pictures of a PDF are on its pages (ISO 32000-2, 8.9), and which of them were there before."""

import ctypes
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import pypdfium2 as pdfium
from pypdfium2 import raw

from dlp_gateway.content.pdf_page import Box

#: The share of a page from which on a picture is looked at: a card on A4 in its own size has seven hundredths.
_SHARE: Final = 0.02
_DEPTH: Final = 4
#: Pictures that are told apart; more are the strips of one.
_APART: Final = 40
_TOUCHING: Final = 2.0
_MAY_BE: Final = frozenset({raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_FORM})
#: Pictures, and what is in forms, that are gone through in all pages, and octets by which pictures are known again.
_OBJECTS: Final = 200_000
_PICTURES: Final = 20_000
_OCTETS: Final = 500_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A part of a page that is a picture, the dots of it to a point of the page, and by what it is known."""

    box: Box
    dots: float
    marks: frozenset[tuple[int, int]]


class Album:
    """The pictures of one document, each once; `is_full` when there are more than are gone through."""

    def __init__(self) -> None:
        self.is_full = False
        self._known: set[tuple[int, int]] = set()
        self._objects, self._pictures, self._octets = _OBJECTS, _PICTURES, _OCTETS

    def new(self, page: pdfium.PdfPage, stamps: Sequence[Box]) -> list[Picture]:
        """Return the pictures that take more than a little of a page and were on none before; strips are one."""
        width, height = page.get_size()
        visible = page.get_bbox()
        found = [self._stamp(box) for box in stamps]
        for index in range(raw.FPDFPage_CountObjects(page)):
            one = raw.FPDFPage_GetObject(page, index)
            if raw.FPDFPageObj_GetType(one) in _MAY_BE:
                found += (self._picture(image, box) for image, box in self._images(one, ()))
        clipped = [
            Picture(box=box, dots=one.dots, marks=one.marks)
            for one in found
            if (box := _overlap(one.box, visible)) is not None
        ]
        large = (one for one in _joined(clipped) if _area(one.box) >= _SHARE * width * height)
        fresh = [one for one in large if not one.marks <= self._known]
        self._known.update(*(one.marks for one in fresh))
        return fresh

    def _images(self, one: object, forms: tuple[object, ...]) -> Iterator[tuple[object, Box]]:
        """Yield the pictures that an object is, or that a form within the page has (8.10), with their places."""
        self._objects -= 1
        if self._objects < 0 or self._pictures <= 0:
            self.is_full = True
            return
        kind = raw.FPDFPageObj_GetType(one)
        if kind == raw.FPDF_PAGEOBJ_IMAGE:
            box = _place(one, forms)
            if box is not None:
                self._pictures -= 1
                yield one, box
        elif kind == raw.FPDF_PAGEOBJ_FORM and len(forms) < _DEPTH:
            for index in range(raw.FPDFFormObj_CountObjects(one)):
                yield from self._images(raw.FPDFFormObj_GetObject(one, index), (one, *forms))

    def _picture(self, image: object, box: Box) -> Picture:
        columns, rows = ctypes.c_uint(), ctypes.c_uint()
        raw.FPDFImageObj_GetImagePixelSize(image, columns, rows)
        dots = max(columns.value, rows.value) / max(1.0, box[2] - box[0], box[3] - box[1])
        length = raw.FPDFImageObj_GetImageDataRaw(image, None, 0)
        self._octets -= length
        if self._octets < 0:
            return Picture(box=box, dots=dots, marks=self._mark())
        buffer = ctypes.create_string_buffer(length)
        raw.FPDFImageObj_GetImageDataRaw(image, buffer, length)
        return Picture(box=box, dots=dots, marks=frozenset({(length, zlib.crc32(buffer))}))

    def _stamp(self, box: Box) -> Picture:
        self._pictures -= 1
        return Picture(box=box, dots=0.0, marks=self._mark())

    def _mark(self) -> frozenset[tuple[int, int]]:
        """Return what no other picture is known by."""
        return frozenset({(-1, self._pictures)})


def has_drawing(page: pdfium.PdfPage) -> bool:
    """Return whether a page has pictures, or lines that may be the outlines of letters."""
    kinds = (raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_PATH)
    return any(True for _ in page.get_objects(filter=kinds, max_depth=_DEPTH))


def _place(image: object, forms: Sequence[object]) -> Box | None:
    """Return where a picture is on the page, that lies in these forms, the inmost first."""
    edges = [ctypes.c_float() for _ in range(4)]
    if not raw.FPDFPageObj_GetBounds(image, *edges):
        return None
    left, bottom, right, top = (edge.value for edge in edges)
    for form in forms:
        matrix = raw.FS_MATRIX()
        if not raw.FPDFPageObj_GetMatrix(form, matrix):
            return None
        corners = [(x, y) for x in (left, right) for y in (bottom, top)]
        across = [matrix.a * x + matrix.c * y + matrix.e for x, y in corners]
        up = [matrix.b * x + matrix.d * y + matrix.f for x, y in corners]
        left, bottom, right, top = min(across), min(up), max(across), max(up)
    box = (left, bottom, right, top)
    return box if all(map(math.isfinite, box)) else None


def _overlap(one: Box, other: Box) -> Box | None:
    left, bottom = max(one[0], other[0]), max(one[1], other[1])
    right, top = min(one[2], other[2]), min(one[3], other[3])
    return (left, bottom, right, top) if left < right and bottom < top else None


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _joined(found: Sequence[Picture]) -> list[Picture]:
    """Return pictures, those together that touch; so many that nobody tells them apart are one."""
    if len(found) > _APART:
        return [_together(found)]
    joined: list[Picture] = []
    for picture in found:
        whole = picture
        while True:
            touching = [one for one in joined if _touch(one.box, whole.box)]
            if not touching:
                break
            joined = [one for one in joined if one not in touching]
            whole = _together((whole, *touching))
        joined.append(whole)
    return joined


def _touch(one: Box, other: Box) -> bool:
    left, bottom, right, top = other
    return _overlap(one, (left - _TOUCHING, bottom - _TOUCHING, right + _TOUCHING, top + _TOUCHING)) is not None


def _together(several: Sequence[Picture]) -> Picture:
    lefts, bottoms, rights, tops = zip(*(one.box for one in several), strict=True)
    return Picture(
        box=(min(lefts), min(bottoms), max(rights), max(tops)),
        dots=max(one.dots for one in several),
        marks=frozenset().union(*(one.marks for one in several)),
    )
