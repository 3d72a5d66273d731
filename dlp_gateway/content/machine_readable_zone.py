"""The lines for machines on passports, visas and identity cards → number, date and name, proved by check digits.

ICAO Doc 9303 parts 3 to 7: two lines of 44 or 36 characters, or three of 30. What they have in common is the middle:
date of birth, sex and date of expiry, each date with its check digit. There the search begins, in the text without
blanks, line ends and marks of quotation, so that it does not matter how a mail or a reader of pictures broke the lines.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from dlp_gateway.mail.normalization import nfkc

#: What is drawn or read for the filler, and for a seven.
_FILLERS: Final = str.maketrans({**dict.fromkeys("＜﹤‹〈❮❬«《≪£€({[", "<"), "/": "7"})
_DOUBLE: Final = str.maketrans({"«": "<<", "《": "<<", "≪": "<<"})
_ENTITIES: Final = re.compile(r"&(?:lt|#0*60|#x0*3c);?", re.IGNORECASE)
#: How fillers in a row begin: most texts have neither of their first signs.
_SIGNS: Final = ("<<", "< <", "&lt", "&LT", "&#")
_WIDE_SIGNS: Final = ("«", "‹", "＜", "﹤", "〈", "《")
_OTHER: Final = re.compile(r"[^A-Z0-9<]++")
#: Letters that readers of pictures take for digits, and the other way round.
_AS_DIGITS: Final = str.maketrans("OQDUIJLZSGB", "00001112568")
_PAIRS: Final = (
    ("0", "D"),
    ("0", "Q"),
    ("0", "O"),
    ("1", "L"),
    ("1", "I"),
    ("2", "Z"),
    ("5", "S"),
    ("6", "G"),
    ("8", "B"),
)
_MISTAKEN: Final = {**dict(_PAIRS), **{letter: digit for digit, letter in _PAIRS}}
_DIGIT: Final = "[0-9OQDUIJLZSGB]"
#: Overlapping matches: what looks like one may begin within another's check digits.
_MIDDLE: Final = re.compile(rf"(?=({_DIGIT}{{6}})({_DIGIT})[MFXH<]({_DIGIT}{{6}})({_DIGIT}?))")
_MIDDLE_SIZE: Final = 15
#: Number, check digit and nationality stand before the middle in a zone of two lines.
_BEFORE: Final = 13
#: The first line of three: document, state, number, check digit and what the state likes, before the middle.
_FIRST_LINE: Final = re.compile(r"(?=([ACI1][A-Z0-9<][A-Z0<]{3})([A-Z0-9<]{9})([A-Z0-9<])([A-Z0-9<]{11,19})\Z)")
_FIRST_LINE_SIZE: Final = 36
#: The line before in a zone of two: document, state, names.
_NAMES: Final = r"([A-Z]+(?:<[A-Z]+)*(?:<<[A-Z]+(?:<[A-Z]+)*)?)<[A-Z<]*"
#: Nearly all have a filler behind the letter of the document.
_DOCUMENTS: Final = "ACIPV"
_NAMES_BEFORE: Final = (
    re.compile(rf"([{_DOCUMENTS}])<<?[A-Z0<]{{3}}{_NAMES}\Z"),
    re.compile(rf"([{_DOCUMENTS}])[A-Z][A-Z0<]{{3}}{_NAMES}\Z"),
)
#: Where it may begin, the usual places first; readers of pictures lose and double fillers.
_NAMES_BEGIN: Final = sorted(range(30, 49), key=lambda place: min(abs(place - 44), abs(place - 36)))
_NAMES_BEHIND: Final = re.compile(rf"[A-Z0<]{{3}}[A-Z0-9<]{{10,12}}{_NAMES}")
_NAMES_SIZE: Final = 50
_FILLED: Final = re.compile(r"<.*")
_WORDS: Final = {"P": "Passport number", "V": "Travel document number"}
_CARD: Final = "Identity card number"
#: Check digits that are right in any zone.
_LEAST: Final = 2
_WEIGHTS: Final = (7, 3, 1)
_ZONES: Final = 500


class _Dates(NamedTuple):
    birth: str
    proved: int  # how many of the two dates have the right check digit


def may_hold(text: str) -> bool:
    """Return whether a closer look is worth while: all zones have fillers in a row."""
    if ("<" in text or "&" in text) and any(sign in text for sign in _SIGNS):
        return True
    return not text.isascii() and any(sign in text for sign in _WIDE_SIGNS)


def found(text: str) -> str:
    """Return what the zones in a text say, "name: value" a line; "" if there is none whose check digits are right."""
    if not text.isascii():
        text = nfkc(text.translate(_DOUBLE))
    if "&" in text:
        text = _ENTITIES.sub("<", text)
    line = _OTHER.sub("", text.translate(_FILLERS).upper())
    return "\n".join(dict.fromkeys(_zones(line)))


def _zones(line: str) -> Iterator[str]:
    told = 0
    for middle in _MIDDLE.finditer(line):
        dates = _dates(*middle.groups())
        if dates.proved and (zone := _of_two(line, middle.start(), dates) or _of_three(line, middle.start(), dates)):
            yield zone
            told += 1
            if told == _ZONES:
                return


def _dates(birth: str, birth_check: str, expiry: str, expiry_check: str) -> _Dates:
    dates = [
        (one.translate(_AS_DIGITS), check.translate(_AS_DIGITS))
        for one, check in ((birth, birth_check), (expiry, expiry_check))
    ]
    proved = sum(check == _digit(one) and _is_date(one) for one, check in dates)
    return _Dates(dates[0][0], proved)


def _is_date(date: str) -> bool:
    """YYMMDD; of unknown ones month or day may be noughts (part 3, 4.8)."""
    return int(date[2:4]) <= 12 and int(date[4:]) <= 31 and date != "000000"


def _of_two(line: str, middle: int, dates: _Dates) -> str:
    """Return what a zone of two lines says; two check digits must be right, and without the line of names all three."""
    start = middle - _BEFORE
    if start < 0:
        return ""
    number, is_right = _proved(line[start : start + 9], line[start + 9], _LEAST - dates.proved)
    if not number:
        return ""
    begins = [start - place for place in _NAMES_BEGIN if place <= start and line[start - place] in _DOCUMENTS]
    lines = (names.match(line, begin, start) for names in _NAMES_BEFORE for begin in begins)
    before = next(filter(None, lines), None)
    if not before and dates.proved + is_right < 3:
        return ""
    return _told(
        _WORDS.get(before[1], _CARD) if before else _WORDS["P"], number, dates.birth, before[2] if before else ""
    )


def _of_three(line: str, middle: int, dates: _Dates) -> str:
    """Return what a zone of three lines says; the number stands at a distance from the middle that readers change."""
    behind = _NAMES_BEHIND.match(line, middle + _MIDDLE_SIZE, middle + _MIDDLE_SIZE + _NAMES_SIZE)
    head = line[max(0, middle - _FIRST_LINE_SIZE) : middle]
    for first in _FIRST_LINE.finditer(head):
        number, is_right = _proved(*_long(first[2], first[3], first[4]), _LEAST - dates.proved)
        if number and dates.proved + is_right >= (2 if behind else 3):
            return _told(_CARD, number, dates.birth, behind[1] if behind else "")
    return ""


def _long(number: str, check: str, behind: str) -> tuple[str, str]:
    """A number of more than nine characters goes on behind a filler, and its check digit ends it (part 5, 4.2.4)."""
    rest = _FILLED.sub("", behind)
    return (number + rest[:-1], rest[-1]) if check == "<" and rest else (number, check)


def _proved(number: str, check: str, least: int) -> tuple[str, bool]:
    """Return a number as it was meant, and whether its check digit is right as it was read, which `least` may ask for.

    "" for what is none.
    """
    check = check.translate(_AS_DIGITS)
    if not any(map(str.isdigit, number.translate(_AS_DIGITS))):
        return "", False
    is_right = _digit(number) == check
    if is_right < least:
        return "", False
    meant = number if is_right else next((one for one in _candidates(number) if _digit(one) == check), number)
    return meant.strip("<"), is_right


def _candidates(number: str) -> Iterator[str]:
    """Yield a number as it may have been meant: digits behind its first sign, or one sign mistaken."""
    yield number[0] + number[1:].translate(_AS_DIGITS)
    for place, sign in enumerate(number):
        if sign in _MISTAKEN:
            yield number[:place] + _MISTAKEN[sign] + number[place + 1 :]


def _told(word: str, number: str, birth: str, names: str) -> str:
    surname, _, given = names.partition("<<")
    holder = " ".join((*given.replace("<", " ").split(), *surname.replace("<", " ").split()))
    return f"{word}: {number}\nDate of birth: {birth}" + (f"\nName: {holder}" if holder else "")


def _digit(value: str) -> str:
    """Return the check digit: weights 7, 3, 1; letters count from ten, fillers nothing (part 3, 4.9)."""
    total = sum((0 if sign == "<" else int(sign, 36)) * _WEIGHTS[place % 3] for place, sign in enumerate(value))
    return str(total % 10)
