"""Files and mails that are made to hurt: each expands, nests or repeats beyond all measure."""

import base64
import io
import random
from collections.abc import Callable
from typing import Final

from PIL import Image

from tests.formats import archives, documents, foreign_archives, legacy, pictures

_HUGE: Final = bytes(150_000_000)


def _sparse_xls() -> bytes:
    """A workbook of two cells, in its first and its last corner."""
    cells = b"".join(
        b"\x03\x02\x0e\x00" + row.to_bytes(2, "little") + column.to_bytes(2, "little") + bytes(10)
        for row, column in ((0, 0), (65_535, 255))
    )
    begin = b"\x09\x08\x10\x00\x00\x06\x10\x00" + bytes(12)
    return legacy.compound({"Workbook": begin + cells + b"\x0a\x00\x00\x00"})


def _pdf(content: bytes, box: bytes = b"[0 0 9 9]") -> bytes:
    return documents.pdf_objects(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox%s/Contents 4 0 R>>" % box,
            documents.pdf_stream(content, filtered=True),
        ]
    )


def _pdf_of_many_pages() -> bytes:
    kids = b" ".join(b"3 0 R" for _ in range(20_000))
    return documents.pdf_objects(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[%s]/Count 20000>>" % kids,
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]>>",
        ]
    )


def _picture(side: int) -> bytes:
    return pictures.saved(Image.new("1", (side, side)))


def _pages(count: int, side: int) -> bytes:
    target = io.BytesIO()
    page = Image.new("1", (side, side))
    page.save(target, "TIFF", save_all=True, append_images=[page] * (count - 1), compression="group4")
    return target.getvalue()


def _noise(count: int, side: int) -> bytes:
    chance = random.Random(5)
    pages = [Image.frombytes("L", (side, side), chance.randbytes(side * side)) for _ in range(count)]
    return documents.packed(
        {f"{number}.png": pictures.saved(page, compress_level=1) for number, page in enumerate(pages)}
    )


def _table() -> bytes:
    cells = '<c t="s"><v>0</v></c>' * 200_000
    return documents.packed(
        {
            "[Content_Types].xml": "<Types/>",
            "xl/sharedStrings.xml": f"<sst><si><t>{'a' * 30_000}</t></si></sst>",
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="x"><sheetData><row>{cells}</row></sheetData></worksheet>',
        }
    )


def _entities() -> bytes:
    entities = "".join(f'<!ENTITY a{level} "{f"&a{level - 1};" * 10}">' for level in range(1, 10))
    return f'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a0 "lol">{entities}]><l>&a9;</l>'.encode()


#: Files by what they are; each ends as `bomb` or `too-large`, unless `DAMAGED` has it.
FILES: Final[dict[str, Callable[[], bytes]]] = {
    "zip": lambda: documents.packed({"a": _HUGE}),
    "gzip": lambda: archives.gz(_HUGE),
    "bzip2": lambda: archives.bz(_HUGE),
    "xz": lambda: archives.xz(_HUGE),
    "zstandard": lambda: archives.zst(_HUGE),
    "7z": lambda: archives.seven_zip({"a": _HUGE}),
    "lzip": lambda: foreign_archives.lzip(_HUGE),
    "many large members": lambda: documents.packed({str(number): bytes(9_000_000) for number in range(60)}),
    "many members": lambda: documents.packed({str(number): "x" for number in range(9_000)}),
    "members that overlap": lambda: archives.zip_overlapping(2_000, bytes(5_000_000)),
    "archives in archives": lambda: archives.zip_nested(b"x", 60),
    "gzip in gzip": lambda: archives.gz(archives.gz(archives.gz(_HUGE))),
    "document": lambda: documents.packed({"[Content_Types].xml": "<Types/>", "word/document.xml": _HUGE}),
    "one string in every cell": _table,
    "sheet of two cells": _sparse_xls,
    "pdf": lambda: _pdf(_HUGE),
    "pdf of many pages": _pdf_of_many_pages,
    "rtf": lambda: b"{\\rtf1" + b"{" * 1_000_000,
    "xml of entities": _entities,
    "picture": lambda: _picture(20_000),
    "many pages of a picture": lambda: _pages(40, 6_000),
    "pictures of noise": lambda: _noise(14, 900),
}
#: What the parser's own bounds end, which call it broken.
DAMAGED: Final = frozenset({"xml of entities"})
#: What is left unread with `picture`, since other pictures took the time for it.
UNSEEN: Final = frozenset({"pictures of noise"})


def _parts() -> bytes:
    return b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 30_000 + b"--b--\r\n"


def _levels() -> bytes:
    head = "".join(f"Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n" for level in range(2_000))
    return f"{head}\r\n\r\nx\r\n".encode()


def _html(body: bytes) -> bytes:
    return b"Content-Type: text/html\r\n\r\n" + body + b"\r\n"


#: Mails that need no file to hurt.
MAILS: Final[dict[str, Callable[[], bytes]]] = {
    "many parts": _parts,
    "many levels": _levels,
    "many fields": lambda: b"X-A: b\r\n" * 30_000 + b"\r\nx\r\n",
    "many recipients": lambda: b"Cc: " + b",\r\n ".join(b"a%d@b.example" % n for n in range(30_000)) + b"\r\n\r\nx\r\n",
    "deep html": lambda: _html(b"<b><i>" * 100_000),
    "attributes": lambda: _html(b"<p " + b" ".join(b"a%d" % number for number in range(100_000)) + b">"),
    "styles": lambda: _html(b"<style>" + b"*{float:left}" * 20_000 + b"</style>" + b"<i>x</i>" * 20_000),
    "numbers": lambda: b"\r\n" + b"4539148803436467 " * 200_000 + b"\r\n",
    "one long line": lambda: b"\r\n" + b"x" * 5_000_000 + b"\r\n",
    "encoded words": lambda: b"Subject: " + b"=?utf-8?q?=41?=\r\n " * 14_000 + b"x\r\n\r\nx\r\n",
}


def mail(content: bytes) -> bytes:
    """Return a mail with one file."""
    head = b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head + base64.encodebytes(content).replace(b"\n", b"\r\n")
