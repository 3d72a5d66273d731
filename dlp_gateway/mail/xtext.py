"""Text in parameters of MAIL and RCPT: xtext (RFC 3461 4), and addresses beyond ASCII in it (RFC 6533 3)."""

import re
from typing import Final

_XTEXT: Final = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+")
_HEX: Final = re.compile(r"\+([0-9A-F]{2})")
_TYPED: Final = re.compile(r"([!#-'*+./0-9?A-Z^_`a-z{|}~-]{1,60});(.+)")  # RFC 3461 4.2: an atom, and the address
_UNICODE: Final = re.compile(r"\\x\{([0-9A-F]{2,6})\}")
_UNENCODED: Final = frozenset(map(chr, range(0x21, 0x7F))) - {"+", "="}


def decode(text: str) -> str | None:
    """Return what `text` stands for; None if it is no xtext, or more than printable ASCII (RFC 3461 4.4)."""
    if not _XTEXT.fullmatch(text):
        return None
    decoded = _HEX.sub(lambda match: chr(int(match[1], 16)), text)
    return decoded if decoded.isascii() and decoded.isprintable() else None


def encode(text: str) -> str:
    """Write ASCII as xtext; raises ValueError for what is not ASCII."""
    if not text.isascii():
        raise ValueError("xtext: not ASCII")
    return "".join(character if character in _UNENCODED else f"+{ord(character):02X}" for character in text)


def original_recipient(text: str) -> tuple[str, str] | None:
    r"""Return an ORCPT's type of address, lower case, and the address; None if malformed.

    In an address of type "utf-8" a character may stand as itself or as \x{HEX} (RFC 6533 3); both come out as itself.
    """
    match = _TYPED.fullmatch(text)
    if match is None:
        return None
    kind, written = match[1].lower(), match[2]
    if kind != "utf-8":
        address = decode(written)
        return None if address is None else (kind, address)
    ascii_only = "".join(character for character in written if character.isascii())
    if ascii_only and decode(ascii_only) is None:
        return None
    plain = _HEX.sub(lambda match: chr(int(match[1], 16)), written)
    if "\\" in _UNICODE.sub("", plain) or not all(map(_is_character, _UNICODE.findall(plain))):
        return None
    shown = _UNICODE.sub(lambda match: chr(int(match[1], 16)), plain)
    return (kind, shown) if shown.isprintable() else None


def without_unicode(text: str) -> str:
    r"""Return an ORCPT, or what holds addresses, in ASCII: other characters as \x{HEX} (RFC 6533 3)."""
    return "".join(character if character.isascii() else f"\\x{{{ord(character):X}}}" for character in text)


def _is_character(digits: str) -> bool:
    number = int(digits, 16)
    return number <= 0x10FFFF and not 0xD800 <= number < 0xE000
