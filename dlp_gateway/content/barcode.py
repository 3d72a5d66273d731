"""Codes in a picture → their text; the code on the back of North American licences as a card (the door to zxing-cpp).

AAMVA DL/ID Card Design Standard, annex D: a PDF417 code that begins with "@", "ANSI" and the issuer, and holds an
element a line, three letters and a value.
"""

import re
from collections.abc import Iterator
from typing import Final

import zxingcpp
from PIL import Image

_CODES: Final = 20
_CARD: Final = re.compile(r"@[\s\x1c-\x1f]{1,6}(?:ANSI |AAMVA)\s?(\d{6})")
_ELEMENT: Final = re.compile(r"(?:^|[\r\n\x1e]|(?:DL|ID|EN)(?=D[A-Z]{2}))(D[A-Z]{2})([^\r\n\x1c-\x1f]{0,200})")
_WORDS: Final = {
    "DAQ": "Driver's license number",
    "DCS": "Last name",
    "DAB": "Last name",
    "DAC": "First name",
    "DCT": "First name",
    "DAD": "Middle name",
    "DAA": "Name",
    "DBB": "Date of birth",
    "DBA": "Expires",
    "DBD": "Issued",
    "DAG": "Street",
    "DAI": "City",
    "DAJ": "State",
    "DAK": "Postal code",
    "DCF": "Document discriminator",
}


def texts(picture: Image.Image) -> Iterator[str]:
    """Yield the text of each code in a picture, whatever its kind."""
    for found in zxingcpp.read_barcodes(picture, text_mode=zxingcpp.TextMode.Plain)[:_CODES]:
        if found.text:
            yield card(found.text) or found.text


def card(text: str) -> str:
    """Return what a licence's code says, "name: value" a line; "" if it is another code."""
    if not _CARD.search(text[:40]):
        return ""
    elements = {name: value.strip() for name, value in _ELEMENT.findall(text) if value.strip()}
    if "DAQ" not in elements:
        return ""
    lines = [f"{words}: {elements[name]}" for name, words in _WORDS.items() if name in elements]
    return "\n".join((*lines, *(value for name, value in elements.items() if name not in _WORDS)))
