"""Hiding places in other files that single programs make, or hardly anybody thinks of."""

import binascii
import json
import plistlib
import struct
import zlib
from collections.abc import Callable

from PIL import Image, ImageOps

from tests.evasion.specimen import attached
from tests.formats import archives, documents, legacy, pictures, sealed


def file_quirks() -> dict[str, tuple[str, Callable[[str], bytes]]]:
    """Return by name what the file is called and what makes it of a text."""
    return {**_files(), **_images()}


def _files() -> dict[str, tuple[str, Callable[[str], bytes]]]:
    """Files that people open and filters do not."""

    def shortcut(text: str) -> bytes:
        return b"L\0\0\0\x01\x14\x02\0" + bytes(68) + text.encode("utf-16-le")

    def unicode_path(text: str) -> bytes:
        """A ZIP archive with another name in the extra field for Unicode (APPNOTE 4.6.9)."""
        told = text.encode()
        extra = struct.pack("<HHBI", 0x7075, 5 + len(told), 1, zlib.crc32(b"a.txt")) + told
        local = (
            struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 0, 0, 33, zlib.crc32(b"x"), 1, 1, 5, len(extra))
            + b"a.txt"
            + extra
            + b"x"
        )
        central = (
            struct.pack(
                "<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, zlib.crc32(b"x"), 1, 1, 5, len(extra), 0, 0, 0, 0, 0
            )
            + b"a.txt"
            + extra
        )
        return local + central + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, len(central), len(local), 0)

    return {
        "property-list": ("a.webloc", lambda text: plistlib.dumps({"note": text}, fmt=plistlib.FMT_BINARY)),
        "shortcut": ("a.lnk", shortcut),
        "notebook": (
            "a.ipynb",
            lambda text: json.dumps(
                {"cells": [{"source": [text[:30], text[30:]], "outputs": [{"text": text}]}]}
            ).encode(),
        ),
        "svg-squeezed": ("a.svgz", lambda text: archives.gz(f"<svg><text>{text}</text></svg>".encode())),
        "spreadsheet-of-old": ("a.slk", lambda text: f'ID;PWXL\r\nC;Y1;X1;K"{text}"\r\nE\r\n'.encode()),
        "mhtml": (
            "a.mht",
            lambda text: (
                f"From: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>{text[:9]}=\r\n{text[9:]}</p>\r\n--b--\r\n".encode()
            ),
        ),
        "text-of-utf-16-without-mark": ("a.txt", lambda text: text.encode("utf-16-be")),
        "csv-of-excel": (
            "a.csv",
            lambda text: (
                "\ufeffName\tNumber\r\n".encode("utf-16-le") + f"{text[:-17]}\t{text[-16:]}\r\n".encode("utf-16-le")
            ),
        ),
        "card-of-outlook": (
            "a.vcf",
            lambda text: (
                f"BEGIN:VCARD\r\nVERSION:2.1\r\nNOTE;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:{text[:20]}=\r\n{text[20:]}\r\nEND:VCARD\r\n".encode()
            ),
        ),
        "zip-name-in-unicode": ("a.zip", unicode_path),
        "song": (
            "a.mp3",
            lambda text: (
                b"ID3\x03\0\0\0\0\x01\0TIT2"
                + struct.pack(">IH", len(text) * 2 + 3, 0)
                + b"\x01\xff\xfe"
                + text.encode("utf-16-le")
                + bytes(200)
            ),
        ),
        "pages": ("a.pages", _pages_document),
        "song-with-its-title-behind": (
            "a.mp3",
            lambda text: b"\xff\xfb\x90\0" + bytes(300_000) + b"TAG" + text.encode() + bytes(89),
        ),
        "winmail-in-zip": ("a.zip", lambda text: documents.packed({"winmail.dat": legacy.tnef(text)})),
        "signed-in-message-in-zip": (
            "a.zip",
            lambda text: documents.packed(
                {"a.eml": attached(sealed.signed(b"\r\n" + text.encode()), "smime.p7m", "application/pkcs7-mime")}
            ),
        ),
        "tar-in-docx": (
            "a.docx",
            lambda text: documents.docx("", "none", files={"a.tar": archives.tar({"a": text.encode()})}),
        ),
        "html-named-doc": (
            "a.doc",
            lambda text: f"<html xmlns:o='x'><body><p>{text[:9]}<b>{text[9:]}</b></body></html>".encode(),
        ),
        "xml-named-xls": (
            "a.xls",
            lambda text: (
                f"<?xml version='1.0'?><Workbook><Row><Cell><Data>{text}</Data></Cell></Row></Workbook>".encode()
            ),
        ),
        "encoded-file-in-text-file": (
            "a.txt",
            lambda text: b"begin 644 b.txt\r\n" + binascii.b2a_uu(text.encode()) + b"`\r\nend\r\n",
        ),
    }


def _snappy(octets: bytes) -> bytes:
    """Pack octets as Snappy does: literals of up to sixty octets each."""
    packed = bytes((len(octets) & 0x7F | 0x80, len(octets) >> 7))
    for at in range(0, len(octets), 60):
        piece = octets[at : at + 60]
        packed += bytes(((len(piece) - 1) << 2,)) + piece
    return packed


def _pages_document(text: str) -> bytes:
    """A document as Pages writes it: objects in a packed archive."""
    value = text.encode()
    packed = _snappy(b"\x0a" + bytes((len(value),)) + value)
    return documents.packed({"Index/Document.iwa": b"\0" + len(packed).to_bytes(3, "little") + packed})


def _images() -> dict[str, tuple[str, Callable[[str], bytes]]]:
    """Pictures with more in them than is seen at once."""

    def qr(text: str) -> Image.Image:
        code = pictures.code(text, "QRCode")
        return code.resize((code.width * 2, code.height * 2))

    def second_frame(text: str) -> bytes:
        code = qr(text)
        return pictures.saved(Image.new("L", code.size, 255), "GIF", save_all=True, append_images=[code])

    def iptc(text: str) -> bytes:
        """A JPEG with a caption as agencies write it (IPTC-IIM 2:120 in Photoshop's resource 0404)."""
        data = b"\x1c\x02\x78" + struct.pack(">H", len(text)) + text.encode()
        block = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(data)) + data + b"\0" * (len(data) % 2)
        jpeg = pictures.saved(Image.new("L", (64, 64), 200), "JPEG")
        return jpeg[:2] + b"\xff\xed" + struct.pack(">H", len(block) + 2) + block + jpeg[2:]

    return {
        "code-inverted": ("a.png", lambda text: pictures.saved(ImageOps.invert(qr(text)))),
        "code-turned": ("a.png", lambda text: pictures.saved(qr(text).rotate(33, expand=True, fillcolor=255))),
        "code-of-matrix": ("a.png", lambda text: pictures.saved(pictures.code(text, "DataMatrix").resize((240, 240)))),
        "code-of-aztec": ("a.png", lambda text: pictures.saved(pictures.code(text, "Aztec").resize((240, 240)))),
        "code-in-second-frame": ("a.gif", second_frame),
        "code-in-webp": ("a.webp", lambda text: pictures.saved(qr(text), "WEBP", lossless=True)),
        "code-in-avif": ("a.avif", lambda text: pictures.saved(qr(text).convert("RGB"), "AVIF", quality=90)),
        "caption-of-agencies": ("a.jpg", iptc),
        "text-behind-picture": ("a.png", lambda text: pictures.saved(Image.new("L", (64, 64), 200)) + text.encode()),
        "text-behind-jpeg": (
            "a.jpg",
            lambda text: pictures.saved(Image.new("L", (64, 64), 200), "JPEG") + f"\n{text}\n".encode(),
        ),
        "notes-of-tiff": (
            "a.tif",
            lambda text: pictures.saved(Image.new("L", (64, 64), 200), "TIFF", description=text),
        ),
    }
