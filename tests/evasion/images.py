"""Hiding places in pictures."""

from collections.abc import Iterator
from pathlib import Path

from tests.evasion.specimen import CLEAN, LICENCE, Specimen, file
from tests.formats import documents, pictures


def images() -> Iterator[Specimen]:
    """Yield every specimen."""
    yield from _pictures()
    yield from _phone_pictures()


def _pictures() -> Iterator[Specimen]:
    def qr(text: str) -> bytes:
        return pictures.saved(pictures.code(text, "QRCode"))

    def licence(text: str) -> bytes:
        number = "D1234567" if text == LICENCE else ""
        return pictures.saved(pictures.code(pictures.aamva(number) if number else text))

    yield file("picture-code-of-licence", licence, "back.png", "image/png")
    yield file(
        "picture-code-in-pdf",
        lambda text: pictures.scanned_pdf(pictures.code(text, "QRCode").resize((400, 400))),
        "scan.pdf",
    )
    yield file("picture-qr", qr, "code.png", "image/png")
    yield file("picture-qr-in-docx", lambda text: documents.docx("", "none", files={"image1.png": qr(text)}), "a.docx")
    yield file("picture-qr-in-zip", lambda text: documents.packed({"a.png": qr(text)}), "a.zip")
    for place in ("png-text", "gif-comment", "jpeg-comment", "exif-description", "exif-comment", "exif-title"):
        yield file(
            f"picture-{place}", lambda text, place=place: pictures.with_notes(text, place), "a.jpg", "image/jpeg"
        )


def _phone_pictures() -> Iterator[Specimen]:
    """Yield what phones take; nobody who is free to be used can write it, so these are files."""
    folder = Path(__file__).parents[1] / "formats" / "heic"
    for name, shown, harmless in (("qr", "licence", "chairs"), ("note", "noted-licence", "noted-chairs")):
        files = {LICENCE: folder / f"{shown}.heic", CLEAN: folder / f"{harmless}.heic"}
        yield file(f"picture-heic-{name}", lambda text, files=files: files[text].read_bytes(), "a.heic", "image/heic")
