"""The lines for machines on passports and identity cards → number, names and dates, proved by check digits.

ICAO Doc 9303 parts 3 to 6: two lines of 44 (passports) or 36 characters, or three of 30.
"""

import re
from typing import Final

_LINE: Final = re.compile(r"[A-Z0-9<]{28,46}")
_FILLER: Final = re.compile(r"[«‹£€({\[]|(?<=<)[KLC](?=<)")
_FORMS: Final = {44: 2, 36: 2, 30: 3}
_LETTERS: Final = str.maketrans("OQDIZSB", "0001258")
_WEIGHTS: Final = (7, 3, 1)


def found(text: str) -> str:
    """Return what the zones in a text say, "name: value" a line; "" if there is none whose check digits are right."""
    lines = [_tidy(line) for line in text.splitlines()]
    told = []
    for size, count in _FORMS.items():
        for at in range(len(lines) - count + 1):
            group = [_fitted(line, size) for line in lines[at : at + count]]
            if all(group):
                told.append(_passport(group) if count == 2 else _card(group))
    return "\n".join(filter(None, told))


def _tidy(line: str) -> str:
    return _FILLER.sub("<", line.upper().replace(" ", ""))


def _fitted(line: str, size: int) -> str:
    """A line that is nearly as long as it must be: readers of pictures lose or double a filler at the end."""
    if not _LINE.fullmatch(line) or "<" not in line or abs(len(line) - size) > 2:
        return ""
    return line[:size].ljust(size, "<")


def _passport(lines: list[str]) -> str:
    first, second = lines
    word = "Passport number" if first[0] == "P" else "Identity card number"
    return _told(word, second[:9], second[9], second[13:19], second[19], first[5:])


def _card(lines: list[str]) -> str:
    first, second, third = lines
    return _told("Identity card number", first[5:14], first[14], second[:6], second[6], third)


def _told(word: str, number: str, check: str, birth: str, birth_check: str, names: str) -> str:
    birth = birth.translate(_LETTERS)
    proved = _digit(number) == check.translate(_LETTERS), _digit(birth) == birth_check.translate(_LETTERS)
    if not any(proved) or not number.strip("<"):
        return ""
    surname, _, given = names.partition("<<")
    holder = " ".join(filter(None, (given.replace("<", " ").strip(), surname.replace("<", " ").strip())))
    return f"{word}: {number.strip('<')}\nDate of birth: {birth}\nName: {holder}"


def _digit(value: str) -> str:
    """Return the check digit: weights 7, 3, 1; letters count from ten, fillers nothing (part 3, 4.9)."""
    total = sum((0 if sign == "<" else int(sign, 36)) * _WEIGHTS[place % 3] for place, sign in enumerate(value))
    return str(total % 10)
