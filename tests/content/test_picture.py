"""Pictures: codes, notes, print and photographs, and what looks like an identity document."""

import pytest
from PIL import Image

from dlp_gateway.content import barcode, machine_readable_zone, ocr, picture
from dlp_gateway.content.text import LOOKS, Account, UnreadableReason
from tests.formats import pictures

needs_ocr = pytest.mark.skipif(ocr.engine() is None, reason="the extra `ocr` or Tesseract's English data is missing")
NUMBER = "MORGA657054SM9IJ"


def seen(content: bytes) -> tuple[str, set[UnreadableReason]]:
    """Return the text that is read of a picture, and the reasons."""
    pieces = list(picture.read(content, Account()))
    reasons = {piece for piece in pieces if isinstance(piece, UnreadableReason)}
    return "\n".join(piece for piece in pieces if isinstance(piece, str) and piece not in reasons), reasons


@needs_ocr
@pytest.mark.parametrize("angle", [0, 4, -11, 90, 180])
def test_a_photographed_card_is_read(angle: int) -> None:
    """Level, at an angle, on its side or on its head, and it is said to be a document."""
    text, reasons = seen(pictures.saved(pictures.drawn(pictures.CARD, angle=angle), "JPEG", quality=70))
    assert NUMBER[:11] in text  # whether the rest is read right is chance: the document is held anyway
    assert reasons == {UnreadableReason.IDENTITY_PICTURE}


@needs_ocr
@pytest.mark.parametrize("options", [{"size": 16}, {"blur": 1.5}, {"background": 150}])
def test_a_poor_picture_of_a_card_is_read(options: dict[str, float]) -> None:
    """Small, out of focus, or dark."""
    assert NUMBER in seen(pictures.saved(pictures.drawn(pictures.CARD, **options)))[0]  # type: ignore[arg-type]


@needs_ocr
def test_a_poster_is_no_document() -> None:
    """Its text is read, and that is all."""
    text, reasons = seen(pictures.saved(pictures.drawn(pictures.CLEAN)))
    assert "bread" in text
    assert not reasons


@needs_ocr
def test_text_behind_transparency_is_read() -> None:
    """White paper is put behind a transparent picture."""
    card = pictures.drawn(pictures.CARD)
    clear = Image.new("RGBA", card.size, (0, 0, 0, 0))
    clear.putalpha(card.point(lambda level: 255 - level))
    assert NUMBER in seen(pictures.saved(clear))[0]


@needs_ocr
def test_a_passport_is_read_by_its_zone() -> None:
    """Number and date of birth, where their check digits are right."""
    text, reasons = seen(pictures.saved(pictures.drawn(pictures.PASSPORT, size=28)))
    assert "Passport number: L898902C3" in text
    assert UnreadableReason.IDENTITY_PICTURE in reasons


@needs_ocr
def test_only_so_many_pictures_are_read() -> None:
    """A mail full of pictures does not keep a worker for minutes."""
    account = Account(looks=0)
    pieces = list(picture.read(pictures.saved(pictures.drawn(("x y z",))), account))
    assert UnreadableReason.PICTURE in pieces
    assert LOOKS > 5


def test_the_code_of_a_licence_is_a_licence() -> None:
    """Without reading any letter."""
    text, reasons = seen(pictures.saved(pictures.code(pictures.aamva("D1234567"))))
    assert "Driver's license number: D1234567" in text
    assert "Date of birth: 01151970" in text
    assert UnreadableReason.IDENTITY_PICTURE in reasons


@pytest.mark.parametrize("text", ["", "hello", "@\n\x1e\rANSI 636014", "DAQ123"])
def test_other_codes_are_no_licences(text: str) -> None:
    """The form is what tells."""
    assert not barcode.card(text)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (pictures.PASSPORT[1:], "Passport number: L898902C3"),
        (
            ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<"),
            "Identity card number: D23145890",
        ),
        (
            ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6"),
            "Identity card number: D23145890",
        ),
        (("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<", "L898902C36UTO74O8122F1204159ZE184226B<<<<<1O"), "L898902C3"),
    ],
)
def test_zones_for_machines(lines: tuple[str, ...], expected: str) -> None:
    """The samples of Doc 9303, some of them as readers of pictures spoil them."""
    assert expected in machine_readable_zone.found("\n".join(("Some text", *lines, "more")))


def test_a_zone_with_wrong_check_digits_is_none() -> None:
    """Neither number nor date is proved."""
    assert not machine_readable_zone.found(f"{pictures.PASSPORT[1]}\nL898902C37UTO7408123F1204159ZE184226B<<<<<10")


@pytest.mark.parametrize(
    "place", ["png-text", "gif-comment", "jpeg-comment", "exif-description", "exif-comment", "exif-title"]
)
def test_notes_in_a_picture_are_read(place: str) -> None:
    """What cameras and people write into its fields leaves with it."""
    assert "MARKER-4711" in seen(pictures.with_notes("MARKER-4711", place))[0]


def test_a_picture_of_too_many_pixels_is_not_decoded() -> None:
    """Its header says enough."""
    huge = pictures.saved(Image.new("1", (20_000, 20_000)))
    assert seen(huge)[1] == {UnreadableReason.TOO_LARGE}


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n" + bytes(40), b"\xff\xd8\xff\xe0", b"GIF89a"])
def test_a_damaged_picture_is_one_that_nobody_sees(content: bytes) -> None:
    """Not damage that hides something: no program shows it."""
    assert seen(content)[1] == {UnreadableReason.PICTURE}
