"""Surnames that a number is made of: Soundex in seven American states, the first five letters in Great Britain.

A code of three figures fits one name in a few hundred by chance, so that it counts only beside other evidence.
"""

import re
from typing import Final

_NAME: Final = re.compile(r"\b[A-Z][A-Za-z'-]{1,24}\b")
_CODED: Final = re.compile(r"[A-Z][0-6]{3}\d{8,10}")  # FL, IL, WI, MD, MI, MN, and formerly NY
_BRITISH: Final = re.compile(r"[A-Z]{2}[A-Z9]{3}\d")
_CODES: Final = {
    **dict.fromkeys("BFPV", "1"),
    **dict.fromkeys("CGJKQSXZ", "2"),
    **dict.fromkeys("DT", "3"),
    "L": "4",
    **dict.fromkeys("MN", "5"),
    "R": "6",
}
_SILENT: Final = frozenset("HW")  # the letters on both sides count as neighbours
_NEAR: Final = 200  # characters before and behind the number


def soundex(name: str) -> str:
    """Return the code of a name as American offices make it.

    >>> soundex("Robert"), soundex("Ashcraft"), soundex("Lee")
    ('R163', 'A261', 'L000')
    """
    letters = [letter for letter in name.upper() if letter.isalpha()]
    code, last = letters[0], _CODES.get(letters[0], "")
    for letter in letters[1:]:
        if letter in _SILENT:
            continue
        figure = _CODES.get(letter, "")
        if figure and figure != last:
            code += figure
        last = figure
    return (code + "000")[:4]


def is_made_of(value: str, text: str, start: int, end: int) -> bool:
    """Tell whether a compact number begins with the code of a name that stands near `start` … `end`."""
    coded, british = _CODED.fullmatch(value), _BRITISH.match(value)
    if not (coded or british):
        return False
    around = f"{text[max(0, start - _NEAR) : start]} {text[end : end + _NEAR]}"
    names = {name[0] for name in _NAME.finditer(around) if name[0][0] == value[0]}
    if coded:
        return any(soundex(name) == value[:4] for name in names)
    return any(re.sub("[^A-Z]", "", name.upper())[:5].ljust(5, "9") == value[:5] for name in names)
