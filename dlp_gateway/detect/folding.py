"""Text as detectors read it: plain ASCII of known offsets, whatever script, width or invisible marks it came in."""

import codecs
import re
import unicodedata
from array import array
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

# Nothing is seen where these stand, so a number written with them is still that number (UTS #39, default ignorable).
# Marks that are drawn over a character, and control characters, change nothing about the number either.
_CONTROLS: Final = bytes((*range(9), *range(14, 32), 127))
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u2064\u2066-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff\u0300-\u0338\u20d0-\u20f0\ufe20-\ufe2f]+"
)
_DASHES: Final = "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63\uff0d"
_APOSTROPHES: Final = "\u2018\u2019\u201a\u201b\u00b4\u02bc\u2032\uff07"
_FIXED: Final = {
    **dict.fromkeys(_DASHES, "-"),
    **dict.fromkeys(_APOSTROPHES, "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02", '"'),
    **dict.fromkeys("\u2022\u2023\u25cf\u25aa\u25e6\u00b7", "*"),
    **dict.fromkeys("\u2502\u2503\u2551\uff5c", "|"),
    **dict.fromkeys("\u2610\u25a1\u2b1c\u25fb", "~"),  # a box that is not ticked
    **dict.fromkeys("\u0085\u2028\u2029\u3002", "\n"),  # an ideographic full stop ends a sentence without a blank
    "\u3001": ",",
    **dict.fromkeys("\u2190\u21d0\u27f5", "<"),  # an arrow from what stands behind a number to the number
    # Letters without a decomposition, and the Cyrillic and Greek ones that cannot be told from Latin by eye.
    **dict(zip("ßøØłŁđĐæÆœŒıþðо", "soOlLdDaAoOitdo", strict=True)),
    **dict(zip("АВЕЗКМНОРСТУХІЈЅавекмнорстухіјѕ", "ABE3KMHOPCTYXIJSabekmhopctyxijs", strict=True)),
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABEZHIKMNOPTYXo", strict=True)),
    # One letter each for what the words for licence, passport, account and number are written with in Japanese, Korean
    # and Chinese; alike where they mean the same, and together like no Latin word. Labels are folded in the same way.
    **dict(zip("運転免許証番号旅券口座個人驾驶证身份号", "qxzjvw#vpgjyzqxvyq#", strict=True)),
    **dict(zip("운전면허증번호여권계좌주민등록", "qxzjvw#vpgjyvdq", strict=True)),
    "º": "#", "°": "#", **dict.fromkeys("£€¥¢₹₽₺₩", "$"), "ª": "a", "№": "#", "：": ":",
}  # fmt: skip

#: What most mail in Europe fits into, one octet a character: folded so it costs a twentieth.
_CODE_PAGES: Final = ("cp1252", "cp1250", "cp1251")


class Offsets:
    """Where the characters of a folded text stood; of each stretch without a gap, only where it begins is kept."""

    def __init__(self, text: str) -> None:
        """Take the text as it came."""
        self._folded, self._original = array("I"), array("I")
        self._size = last = 0
        for gap in _UNSEEN.finditer(text):
            self._add(last, gap.start())
            last = gap.end()
        self._add(last, len(text))

    def _add(self, start: int, end: int) -> None:
        if start < end:
            self._folded.append(self._size)
            self._original.append(start)
            self._size += end - start

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, place: int) -> int:
        if not 0 <= place < self._size:
            raise IndexError(place)
        index = bisect_right(self._folded, place) - 1
        return self._original[index] + place - self._folded[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """ASCII `text`; `offsets[i]` is the code point of the original at which character i stood (None: at i itself)."""

    text: str
    offsets: Offsets | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the half-open range of the original that `text[start:end]` came from."""
        if self.offsets is None:
            return start, end
        return self.offsets[start], self.offsets[end - 1] + 1 if end > start else self.offsets[start]


def fold(text: str) -> Folded:
    """Return `text` in ASCII, one character for one: digits and letters of any width or accent, one dash, one quote.

    Characters that nobody sees are left out; a character without a Latin counterpart becomes "?".
    """
    if text.isascii():
        plain = without_controls(text.encode("ascii"))
        if len(plain) == len(text):
            return Folded(text=text, offsets=None)
        return Folded(text=plain.decode("ascii"), offsets=Offsets(text))
    for codec in _CODE_PAGES:
        try:
            plain = text.encode(codec).translate(*_folding(codec))
        except UnicodeEncodeError:
            continue
        return Folded(text=plain.decode("ascii"), offsets=None if len(plain) == len(text) else Offsets(text))
    if _UNSEEN.search(text):
        return Folded(text=_ascii(_UNSEEN.sub("", text)), offsets=Offsets(text))
    return Folded(text=_ascii(text), offsets=None)


def without_controls(data: bytes) -> bytes:
    """Return `data` without the ASCII characters that show nothing and break nothing."""
    return data.translate(None, _CONTROLS)


def _ascii(text: str) -> str:
    return text.encode("ascii", "dlp_gateway.fold").decode("ascii")


@cache
def _folding(codec: str) -> tuple[bytes, bytes]:
    """Return what each octet of a code page becomes, and which are left out, as `bytes.translate` has them."""
    characters = [bytes((octet,)).decode(codec, "replace") for octet in range(256)]
    unseen = bytes(octet for octet, character in enumerate(characters) if _UNSEEN.fullmatch(character))
    return "".join(map(_counterpart, characters)).encode("ascii"), unseen


#: Letters in circles, squares and flags, and small capitals, which stand for themselves.
_LETTER: Final = re.compile(
    r"(?:LATIN (?:CAPITAL LETTER|SMALL LETTER|LETTER SMALL CAPITAL)|REGIONAL INDICATOR SYMBOL LETTER) ([A-Z])$"
)


@lru_cache(maxsize=1 << 15)  # a Chinese or a Korean writes with thousands
def _counterpart(character: str) -> str:
    fixed = _FIXED.get(character)
    if fixed:
        return fixed
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return str(digit)
    plain = unicodedata.normalize("NFKD", character)
    if plain[0].isascii():
        return plain[0]
    named = _LETTER.search(unicodedata.name(character, ""))
    if named:
        return named[1]
    return " " if character.isspace() else "?"


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_counterpart, error.object[error.start : error.end])), error.end


codecs.register_error("dlp_gateway.fold", _replace)
