"""Pictures → codes and text in them, what cameras and people noted in them, and whether they show an identity document.

Pillow decodes (the door to it, with `barcode` and `ocr`), and libheif what phones make (the door to pi-heif, with the
extra `ocr` only); only formats that they decode themselves are opened.
"""

import io
import re
import time
from collections.abc import Iterator
from itertools import islice
from typing import Final

from PIL import ExifTags, Image, ImageOps, ImageSequence

from dlp_gateway.content import barcode, machine_readable_zone, ocr, traces, xml
from dlp_gateway.content.text import PIXELS, Account, File, Piece, Refused, UnreadableReason

try:
    import pi_heif
except ImportError:  # the extra `ocr` is not installed
    pi_heif = None
else:
    pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)

Image.init()  # all formats now, in a worker before it is confined
Image.MAX_IMAGE_PIXELS = None  # our own bound is below
_FORMATS: Final = ("JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP", "AVIF", "JPEG2000", "PPM", "ICO", "MPO", "HEIF")
_FRAMES: Final = 10
#: A picture with a shorter side than this is a bullet or a rule.
_SMALLEST: Final = 32
_FAULTS: Final = (OSError, ValueError, SyntaxError, LookupError, TypeError, AttributeError, ArithmeticError)
_TEXTS: Final = 200
#: How formats begin and end, and how long their end is.
_ENDS: Final = ((b"\x89PNG", b"IEND", 8), (b"\xff\xd8\xff", b"\xff\xd9", 2), (b"GIF8", b"\0;", 2))
_ARCHIVES: Final = (b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b\x08")
_LONGEST: Final = 100_000
_XP_TAGS: Final = range(0x9C9B, 0x9CA0)  # Windows' title, comment, author, keywords, subject in UTF-16
_CHARSET_MARK: Final = re.compile(rb"\A(?:ASCII\0\0\0|UNICODE\0|JIS\0{5}|\0{8})")

#: What such documents call themselves, and what else is printed on them.
_TITLES: Final = re.compile(
    r"driv(?:er'?s?|ing) licen[cs]e|operator licen[cs]e|f[uü]hrerschein|permis de conduire|rijbewijs|"
    r"permiso de conducci[oó]n|patente di guida|carta de condu[cç][aã]o|k[oö]rkort|prawo jazdy|"
    r"passport|reisepass|passeport|pasaporte|passaporto|paspoort|"
    r"identity card|identification card|personalausweis|carte (?:nationale )?d'identit[eé]|identiteitskaart|"
    r"documento nacional de identidad|carta d'identit[aà]|residence permit|aufenthaltstitel",
    re.IGNORECASE,
)
_FIELDS: Final = (
    re.compile(
        r"\b(?:dob|date of birth|birth date|geburts(?:datum|tag)|date de naissance|geboortedatum|nacimiento)\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:exp|expires?|expiry|expiration|valid until|g[uü]ltig bis|date d'expiration|geldig tot)\b", re.IGNORECASE
    ),
    re.compile(r"\b(?:iss|issued?|date of issue|authority|beh[oö]rde|autorit[eé])\b", re.IGNORECASE),
    re.compile(r"\b(?:sex|class|hgt|height|eyes|nationality|staatsangeh[oö]rigkeit|nationalit[eé])\b", re.IGNORECASE),
    re.compile(r"\b(?:surname|given names?|last name|first name|nachname|vornamen?|nom|pr[eé]noms?)\b", re.IGNORECASE),
)
_WORDS_ON_A_CARD: Final = 150


def read(content: bytes, account: Account) -> Iterator[Piece]:
    """Yield notes, codes and text of a picture; the reason, where nobody looked for its text."""
    try:
        picture = Image.open(io.BytesIO(content), formats=[name for name in _FORMATS if name in Image.OPEN])
    except _FAULTS:
        yield traces.runs(content)
        yield UnreadableReason.PICTURE
        return
    if picture.width * picture.height > PIXELS:  # before its notes are read, for which some formats are unpacked
        yield UnreadableReason.TOO_LARGE
        return
    yield from _behind(content)
    try:
        yield "\n".join(dict.fromkeys(filter(None, islice(_notes(picture), _TEXTS))))
        for frame in islice(ImageSequence.Iterator(picture), _FRAMES):
            if not account.develop(frame.width * frame.height):
                yield UnreadableReason.TOO_LARGE
                continue
            yield from looked_at(ImageOps.exif_transpose(frame), account)
        if getattr(picture, "n_frames", 1) > _FRAMES:
            is_pages = picture.format in {"TIFF", "HEIF"}  # and no film
            yield UnreadableReason.TOO_LARGE if is_pages else UnreadableReason.PICTURE
    except _FAULTS:
        yield UnreadableReason.PICTURE


def _behind(content: bytes) -> Iterator[Piece]:
    """Yield what stands behind the end of a picture, where programs stop: archives, and text."""
    for begin, end, size in _ENDS:
        place = content.rfind(end) + size if content.startswith(begin) else 0
        if size <= place < len(content):
            rest = content[place : place + _LONGEST]
            starts = [rest.find(sign) for sign in _ARCHIVES]
            yield from (File(name="", content=content[place + start :]) for start in starts if start >= 0)
            yield traces.runs(rest)


def reads_heif() -> bool:
    """Return whether what phones take can be read."""
    return pi_heif is not None


def looked_at(picture: Image.Image, account: Account) -> Iterator[Piece]:
    """Yield codes and text that are seen in one picture, and whether it looks like an identity document."""
    if min(picture.size) < _SMALLEST:
        return
    plain = _on_white(picture)
    codes = list(barcode.texts(plain))
    yield from codes
    if any(code.startswith("Driver's license number") for code in codes):
        yield UnreadableReason.IDENTITY_PICTURE
    if ocr.engine() is None:
        yield UnreadableReason.PICTURE
        return
    darkest, lightest = plain.getextrema()
    if darkest == lightest:  # a sheet of nothing
        return
    try:
        account.look()
    except Refused:
        yield UnreadableReason.PICTURE
        return
    begun = time.monotonic()
    text = ocr.text(plain, account.look_seconds)
    account.look_seconds -= time.monotonic() - begun
    zone = machine_readable_zone.found(text)
    yield "\n".join(filter(None, (text, zone)))
    if zone or is_identity_document(text):
        yield UnreadableReason.IDENTITY_PICTURE


def is_identity_document(text: str) -> bool:
    """Return whether the text in a picture is what stands on a licence, a passport or an identity card."""
    if not _TITLES.search(text) or len(text.split()) > _WORDS_ON_A_CARD:
        return False
    return sum(field.search(text) is not None for field in _FIELDS) >= 2


def _on_white(picture: Image.Image) -> Image.Image:
    """Without colours and without transparency, behind which text could hide."""
    if picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info:
        coloured = picture.convert("RGBA")
        paper = Image.new("RGBA", coloured.size, "white")
        return Image.alpha_composite(paper, coloured).convert("L")
    return picture.convert("L")


def _notes(picture: Image.Image) -> Iterator[str]:
    """Yield the texts in a picture's own fields: Exif, XMP, comments, and the text chunks of PNG."""
    for key, value in picture.info.items():
        if key in {"exif", "icc_profile", "Raw profile type exif"}:
            continue
        if key in {"xmp", "XML:com.adobe.xmp"}:
            octets = value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
            yield xml.text(octets)
        elif isinstance(value, (str, bytes)):
            yield f"{key}: {_text(value)}" if isinstance(key, str) else _text(value)
        elif isinstance(value, dict):  # Photoshop's, with captions of agencies
            yield from (traces.runs(one[:_LONGEST]) for one in value.values() if isinstance(one, bytes))
    exif = picture.getexif()
    directories = [exif, *(exif.get_ifd(ifd) for ifd in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo))]
    for tag, value in (pair for one in directories for pair in one.items()):
        if tag in _XP_TAGS and isinstance(value, (bytes, tuple)):
            yield bytes(value).decode("utf-16-le", "replace").strip("\0")
        elif isinstance(value, (str, bytes)):
            yield _text(value)


def _text(value: str | bytes) -> str:
    if isinstance(value, str):
        return value[:_LONGEST].strip("\0 ")
    mark = _CHARSET_MARK.match(value)
    body = value[mark.end() : _LONGEST] if mark else value[:_LONGEST]
    if mark and mark[0].startswith(b"UNICODE"):
        return body.decode("utf-16-be" if body[:1] == b"\0" else "utf-16-le", "replace").strip("\0 ")
    return traces.runs(body)
