"""Pictures: cards that are drawn, turned and shaken, codes, notes in fields, scanned pages."""

import io
import zlib

import zxingcpp
from PIL import ExifTags, Image, ImageDraw, ImageFilter, ImageFont, PngImagePlugin

from tests.formats.documents import pdf_objects, pdf_stream

CARD = (
    "DRIVING LICENCE",
    "1. Surname MORGAN",
    "2. Given names SARAH MEREDYTH",
    "3. Date of birth 11.03.1976",
    "4b. Expires 01.01.2031",
    "Driving licence no. MORGA657054SM9IJ",
)
CLEAN = ("BAKERY OPEN DAY", "Fresh bread from 7 to 12", "Cakes and coffee all day", "Come and bring friends")
PASSPORT = ("PASSPORT", "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")


def drawn(
    lines: tuple[str, ...], *, angle: float = 0, size: int = 34, blur: float = 0, background: int = 235
) -> Image.Image:
    """Return a picture with these lines, turned by some degrees on a dark table."""
    font = ImageFont.load_default(size=size)
    width = max(int(font.getlength(line)) for line in lines) + 80
    card = Image.new("L", (width, size * 2 * len(lines) + 80), background)
    pen = ImageDraw.Draw(card)
    for number, line in enumerate(lines):
        pen.text((40, 40 + number * size * 2), line, fill=20, font=font)
    if angle:
        card = card.rotate(angle, expand=True, fillcolor=background, resample=Image.Resampling.BICUBIC)
    return card.filter(ImageFilter.GaussianBlur(blur)) if blur else card


def saved(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """Return a picture as a file."""
    target = io.BytesIO()
    picture.save(target, kind, **options)
    return target.getvalue()


def aamva(number: str) -> str:
    """Return what the code on the back of a licence says."""
    elements = (
        f"DAQ{number}\nDCSSAMPLE\nDACALEX\nDBB01151970\nDBA01152031\nDAG1 MAIN ST\nDAIANYTOWN\nDAJCA\nDAK900010000\n"
    )
    return f"@\n\x1e\rANSI 636014080002DL00410200ZC02410010DL{elements}\rZCZCAx\r"


def code(text: str, kind: str = "PDF417") -> Image.Image:
    """Return a picture of a code."""
    made = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind))
    return Image.fromarray(zxingcpp.write_barcode_to_image(made, scale=3)).convert("L")


def with_notes(text: str, place: str) -> bytes:
    """Return a picture with a text in one of its fields."""
    picture = Image.new("L", (64, 64), 200)
    if place == "png-text":
        notes = PngImagePlugin.PngInfo()
        notes.add_text("Comment", text, zip=True)
        return saved(picture, pnginfo=notes)
    if place == "gif-comment":
        return saved(picture, "GIF", comment=text.encode())
    if place == "jpeg-comment":
        return saved(picture, "JPEG", comment=text.encode())
    exif = Image.Exif()
    if place == "exif-description":
        exif[ExifTags.Base.ImageDescription] = text
    elif place == "exif-comment":
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"ASCII\0\0\0" + text.encode()
    elif place == "exif-title":
        exif[ExifTags.Base.XPTitle] = text.encode("utf-16-le")
    return saved(picture, "JPEG", exif=exif)


def scanned_pdf(picture: Image.Image) -> bytes:
    """Return a PDF of one page that is a picture."""
    width, height = picture.size
    entries = b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8" % picture.size
    content = b"q 540 0 0 %d 36 100 cm /I Do Q" % (540 * height // width)
    return pdf_objects(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</XObject<</I 5 0 R>>>>>>",
            pdf_stream(content),
            b"<</Length %d%s/Filter/FlateDecode>>stream\n%s\nendstream"
            % (len(zlib.compress(picture.tobytes())), entries, zlib.compress(picture.tobytes())),
        ]
    )
