"""Values in the one form in which they are compared, the same for the cell of a file and for what stands in a mail."""

import re
import unicodedata
from datetime import date
from functools import lru_cache
from typing import Final

from dlp_gateway.detect.folding import fold
from dlp_gateway.mail.address import canonical

#: The kinds of digests: values of one are never taken for values of another.
CODE: Final = "code"
DATE: Final = "date"
NAME: Final = "name"
ADDRESS: Final = "address"

#: Which digest the values of a column have.
DOMAINS: Final = {
    "code": CODE,
    "digits": CODE,
    "name": NAME,
    "address": ADDRESS,
    "own-address": ADDRESS,
    **dict.fromkeys(("date", "date-dmy", "date-mdy"), DATE),
}

LONGEST_CODE: Final = 64
MOST_WORDS: Final = 6
_LONGEST_NAME: Final = 120
_ALTERNATIONS: Final = 4

_NOT_CODE: Final = re.compile(r"[^A-Za-z0-9]+")
_NOT_DIGITS: Final = re.compile(r"[^0-9]+")
_WORD: Final = re.compile(r"[^\W\d_]+")
_KINDS: Final = str.maketrans("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", "9" * 10 + "A" * 26)
_TIME: Final = re.compile(r"[T ]\d{1,2}:\d\d.*\Z", re.DOTALL)

_MONTH_NAMES: Final = (
    ("jan", "ene", "gen", "sty"),
    ("feb", "fev", "lut"),
    ("mar", "mrt", "mrz"),
    ("apr", "avr", "abr", "kwi"),
    ("may", "mai", "maj", "mei", "mag"),
    ("jun", "juin", "giu", "cze"),
    ("jul", "juil", "lug", "lip"),
    ("aug", "aou", "ago", "sie"),
    ("sep", "set", "wrz"),
    ("oct", "okt", "out", "ott", "paz"),
    ("nov", "lis"),
    ("dec", "dez", "dic", "des", "gru"),
)
MONTHS: Final = {name: number for number, names in enumerate(_MONTH_NAMES, 1) for name in names}

_MONTH: Final = "|".join(sorted(MONTHS, key=len, reverse=True))
YEAR_FIRST: Final = r"(?P<y1>\d{4})(?P<s>[-/. ?]) ?(?P<m1>\d{1,2})(?P=s) ?(?P<d1>\d{1,2})"
YEAR_LAST: Final = r"(?P<a2>\d{1,2}) ?[-/. ] ?(?P<b2>\d{1,2}) ?[-/. ] ?(?P<y2>\d{4}|\d{2})"
JOINED: Final = r"(?P<j>\d{8})"
DAY_MONTH: Final = (
    r"(?P<d3>\d{1,2})(?:st|nd|rd|th|er|\.)?,?[ /-]?(?:de |of )?"
    rf"(?P<m3>{_MONTH})[a-z]{{0,9}}\.?,?[ /-](?:de |del )?(?P<y3>\d{{4}}|\d{{2}})"
)
MONTH_DAY: Final = rf"(?P<m4>{_MONTH})[a-z]{{0,9}}\.?[ -](?P<d4>\d{{1,2}})(?:st|nd|rd|th)?,?[ -](?P<y4>\d{{4}})"
#: A calendar date in folded text, in figures or with the month as a word; and where its first figure may stand.
WRITTEN_DATE: Final = re.compile(rf"(?:{YEAR_FIRST}|{DAY_MONTH}|{YEAR_LAST}|{JOINED}|{MONTH_DAY})(?!\d)", re.IGNORECASE)
FIGURE: Final = re.compile(r"(?<![0-9A-Za-z])[0-9]")
MONTH_BEFORE: Final = re.compile(rf"(?<![A-Za-z])(?:{_MONTH})[a-z]{{0,9}}\.?[ -]\Z", re.IGNORECASE)
LONGEST_MONTH: Final = 15


def code(text: str) -> str:
    """Return letters and digits alone, in upper case; "" if there is no digit, since a word is no code.

    >>> code("de89 3704-0044")
    'DE8937040044'
    """
    value = _NOT_CODE.sub("", fold(text).text).upper()
    return value if len(value) <= LONGEST_CODE and not value.isalpha() else ""


def digits(text: str) -> str:
    """Return the digits alone, "" if there are too many."""
    value = _NOT_DIGITS.sub("", fold(text).text)
    return value if len(value) <= LONGEST_CODE else ""


def word(text: str) -> str:
    """Return one word of a name without case and accents; what has no Latin counterpart stays in its script."""
    letters = "".join(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))
    for one in (text, letters):  # of some letters only the small ones have a counterpart
        plain = fold(one).text
        if plain.isalpha():
            return plain.lower()
    return letters


def name(text: str) -> str:
    """Return the words of a name in the order of the alphabet, since "Doe, Jane" is "Jane Doe"; "" for too many."""
    composed = unicodedata.normalize("NFKC", text[:_LONGEST_NAME])
    words = [one for part in _WORD.findall(composed) if (one := word(part))]
    return together(words) if 0 < len(words) <= MOST_WORDS else ""


def together(words: list[str]) -> str:
    """Return words as one name."""
    return words[0] if len(words) == 1 else " ".join(sorted(words))


def address(text: str) -> str:
    """Return an address as addresses are compared, "" for what is none."""
    value = canonical(text)
    local, at, domain = value.rpartition("@")
    return value if at and local and "." in domain and len(value) <= 254 else ""


def cell_date(text: str, order: str) -> str:
    """Return the date of a cell as "YYYYMMDD", "" if it is none; `order` is "ymd", "dmy" or "mdy"."""
    found = WRITTEN_DATE.fullmatch(_TIME.sub("", fold(text).text.strip()))
    if found is None:
        return ""
    if found["j"] and order != "ymd":
        first, second, year = found["j"][:2], found["j"][2:4], found["j"][4:]
        day, month = (first, second) if order == "dmy" else (second, first)
        return calendar(year, month, day)
    if found["a2"]:
        if order == "ymd" or len(found["y2"]) == 2:  # which is which nobody can say
            return ""
        day, month = (found["a2"], found["b2"]) if order == "dmy" else (found["b2"], found["a2"])
        return calendar(found["y2"], month, day)
    return next(iter(readings(found)), "")


def readings(found: re.Match[str]) -> tuple[str, ...]:
    """Return what a written date may mean, each as "YYYYMMDD": 3.4.1980 is in April or in March."""
    part = found.groupdict()
    if part["y1"]:
        return _known(calendar(part["y1"], part["m1"], part["d1"]))
    if part["j"]:
        joined = part["j"]
        first, second, year = joined[:2], joined[2:4], joined[4:]
        return _known(
            calendar(joined[:4], joined[4:6], joined[6:]), calendar(year, second, first), calendar(year, first, second)
        )
    if part["a2"]:
        one, other = part["a2"], part["b2"]
        return _known(*(calendar(y, m, d) for y in _years(part["y2"]) for d, m in ((one, other), (other, one))))
    named = "3" if part["m3"] else "4"
    month = str(MONTHS[part[f"m{named}"].lower()])
    return _known(*(calendar(year, month, part[f"d{named}"]) for year in _years(part[f"y{named}"])))


def _years(written: str) -> tuple[str, ...]:
    return (written,) if len(written) == 4 else (f"19{written}", f"20{written}")


@lru_cache(maxsize=1 << 16)
def calendar(year: str, month: str, day: str) -> str:
    """Return a day of the calendar as "YYYYMMDD", "" if there is no such day."""
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return ""
    return found.isoformat().replace("-", "") if found.year > 1800 else ""


def _known(*meant: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, meant)))


def shape(value: str) -> str:
    """Return where letters and digits stand in a code, "A99999"; only the length of what mixes them more often."""
    form = kinds(value)
    return f"X{len(form)}" if form.count("A9") + form.count("9A") > _ALTERNATIONS else form


def kinds(value: str) -> str:
    """Return where letters and digits stand in upper-case text, whatever there is of them."""
    return value.translate(_KINDS)


def room(form: str) -> float:
    """Return how many values have a shape."""
    if form.startswith("X"):
        return float(36 ** int(form[1:]))
    return float(10 ** form.count("9") * 26 ** form.count("A"))
