"""Bytes and a declared charset → text: every reading that a mail client would plausibly show, the likeliest first."""

import codecs
import re
import unicodedata
from functools import lru_cache
from typing import Final

from dlp_gateway.mail.charset import codec

#: Charsets that hide any text behind plain ASCII octets: what is good ASCII must be read the declared way too.
_SHIFTING: Final = frozenset(
    (
        "utf_7",
        "hz",
        "iso2022_jp_ext",
        "iso2022_jp_1",
        "iso2022_jp_2",
        "iso2022_jp_2004",
        "iso2022_jp_3",
        "iso2022_kr",
    )
)
_WIDE: Final = frozenset(
    (
        "utf_16",
        "utf_16_le",
        "utf_16_be",
        "utf_32",
        "utf_32_le",
        "utf_32_be",
    )
)
_MARKS: Final = (  # longest first: the mark of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF8, "utf_8"),
    (codecs.BOM_UTF32_LE, "utf_32_le"),
    (codecs.BOM_UTF32_BE, "utf_32_be"),
    (codecs.BOM_UTF16_LE, "utf_16_le"),
    (codecs.BOM_UTF16_BE, "utf_16_be"),
)
#: Tried where the label is missing, unknown or plainly wrong.
_GUESSES: Final = ("gb18030", "cp932", "cp949", "big5hkscs", "euc_jp", "cp037")
_NO_HINT: Final = frozenset(("", "ascii", "utf_8"))
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_STRANGE: Final = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x80-\x9f\ufffd]")
_SAMPLE: Final = 4_096
#: Octets of a text that is decoded in pieces, and of a piece.
_LARGE: Final = 1_000_000
_PIECE: Final = 65_536
#: Characters beyond the sixteen bits in which nearly all are written.
_LETTER: Final = re.compile(r"(?:LATIN (?:CAPITAL|SMALL) LETTER|REGIONAL INDICATOR SYMBOL LETTER) ([A-Z])$")
_UNSEEN: Final = re.compile("[\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]")
_BEYOND: Final = re.compile("[\U00010000-\U0010ffff]")


def readings(content: bytes, label: str) -> tuple[str, ...]:
    """Return the plausible readings of `content`, without duplicates, the likeliest first; () if none makes sense."""
    declared = codec(label)
    if content.isascii() and b"\x00" not in content:
        plain = content.decode("ascii")
        hidden = _shifted(content, declared)
        shifted = _strict(content, hidden)
        if not declared:  # base64 has the sign of UTF-7, too, and makes none
            shifted = tuple(text for text in shifted if "\ufffd" not in text and not strange(text))
        return _distinct((*shifted, plain))
    for mark, name in _MARKS:
        if content.startswith(mark):
            return (_lossy(content[len(mark) :], name),)
    if declared in _WIDE or _looks_wide(content):
        found = _wide(content, declared)
        if found:  # clients that drop every NUL see something else in what is not said to be wide
            narrow = () if declared in _WIDE else _strict(content.replace(b"\0", b""), ("utf_8",))
            return _distinct((*found, *narrow))
    unlikely = () if declared in _NO_HINT else (declared,)
    plain_utf_8 = _strict(content, ("utf_8",))
    if plain_utf_8:
        return _distinct((*plain_utf_8, *(text for text in _strict(content, unlikely) if not strange(text))))
    if unlikely:
        return _strict(content, unlikely) or (_lossy(content, declared),)
    guesses = _distinct((_western(content), *_strict(content, _GUESSES)))
    return tuple(text for text in guesses if not strange(text))


def _shifted(content: bytes, declared: str) -> tuple[str, ...]:
    """The ways in which ASCII octets may stand for other characters: as declared, or what their escapes suggest."""
    if declared in _SHIFTING or declared in _WIDE:
        return (declared,)
    if b"\x1b" in content:
        return ("iso2022_jp_ext", "iso2022_kr")
    if not declared:
        return tuple(name for name, sign in (("utf_7", b"+"), ("hz", b"~{")) if sign in content)
    return ()


def _strict(content: bytes, names: tuple[str, ...]) -> tuple[str, ...]:
    texts = []
    for name in names:
        try:
            text = _in_pieces(content) if name == "utf_8" and len(content) > _LARGE else content.decode(name)
        except UnicodeError:
            continue
        texts.append(_SURROGATE.sub("\ufffd", text) if name == "utf_7" else text)  # yields lone halves
    return tuple(texts)


def _in_pieces(content: bytes) -> str:
    """Read a large text as UTF-8, with what detectors see of characters such as emojis in their places.

    Python gives each character the width of the widest: with one emoji a text takes four times its octets.
    """
    decoder = codecs.getincrementaldecoder("utf_8")()
    pieces: list[str] = []
    for start in range(0, len(content), _PIECE):
        piece = decoder.decode(content[start : start + _PIECE], start + _PIECE >= len(content))
        pieces.append(piece if piece.isascii() else _BEYOND.sub(_narrow, piece))
    return "".join(pieces)


def _narrow(beyond: re.Match[str]) -> str:
    return narrow(beyond[0])


@lru_cache(maxsize=4096)
def narrow(character: str) -> str:
    """Return a character of sixteen bits at most that says the same to detectors: see `detect.folding`.

    Letters that are like no other stay, for somebody's name may be written with them (Han characters of later blocks).

    >>> narrow("\U0001f4a9"), narrow("\U0001d400"), narrow("\U0001f1e9"), narrow("\U00020bb7") == "\U00020bb7"
    ('¤', 'A', 'D', True)
    """
    digit = unicodedata.digit(character, None)
    plain = unicodedata.normalize("NFKD", character)[0]
    named = _LETTER.search(unicodedata.name(character, ""))
    if _UNSEEN.match(character):
        return "\u200b"
    if digit is not None:
        return str(digit)
    if plain.isascii():
        return plain
    if named:
        return named[1]
    return character if character.isalpha() else "¤"


def _lossy(content: bytes, name: str) -> str:
    return content.decode(name, "replace")


def _western(content: bytes) -> str:
    """Windows-1252 with its five holes filled as Latin-1, as browsers do."""
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _looks_wide(content: bytes) -> bool:
    """Whether a third or more of the first octets are NUL, as in UTF-16 and UTF-32 of most scripts."""
    sample = content[:_SAMPLE]
    return sample.count(0) * 3 >= len(sample)


def _wide(content: bytes, declared: str) -> tuple[str, ...]:
    """Read UTF-16 or UTF-32 in either octet order; an odd tail is cut off, as clients do."""
    names = ("utf_32_le", "utf_32_be") if declared.startswith("utf_32") else ("utf_16_le", "utf_16_be")
    width = 4 if declared.startswith("utf_32") else 2
    whole = content[: len(content) // width * width]
    return _distinct(tuple(text for text in _strict(whole, names) if text and not strange(text)))


def strange(text: str) -> bool:
    """Return whether more than a tenth of the beginning are control or replacement characters."""
    sample = text[:_SAMPLE]
    return len(_STRANGE.findall(sample)) * 10 > len(sample)


def _distinct(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts)) if len(texts) > 1 else texts  # the digest of a large text takes its time
