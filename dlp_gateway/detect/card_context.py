"""What the form of a number and the text around it say about its being a payment card's, beside the check digit.

One random number in ten has a valid check digit, and one in three begins as an issuer's do; so bare digits alone are no
evidence. Groups as printed on cards are, and so is talk of cards nearby, a list in which most numbers hold, or a line
of its own in a text without other numbers of the kind.
"""

import re
from dataclasses import dataclass
from typing import Final

#: Four groups of four (and three more on some), or those of American Express; between them signs that are all alike.
_PRINTED: Final = re.compile(
    r"\d{4}( |\.|_|/|\s?-\s?)\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|\d{4}( |\.|_|/|\s?-\s?)\d{6}\2\d{5}"
)
#: How many digits the groups of a card have, which another sign may join throughout.
_GROUPS: Final = frozenset({(4, 4, 4, 4), (4, 4, 4, 4, 3), (4, 6, 5)})
_JOINING: Final = re.compile(r"( ?)([^\w\s.,;|/-]{1,2})\1(?<!: )")  # others join the items of a list as well
#: A further group, be it of an address (IPv6), on either side of a sign.
_FURTHER: Final = r"(?:[0-9A-Fa-f]{4}|\d[0-9A-Fa-f]{0,5})"
#: A line end within the number, with what quoting puts before the next line; it stands for any separator.
_WRAP: Final = re.compile(r"[ \t-]*\r?\n[ \t>|]*")
_BARE_LABELLED: Final = 14  # digits; so short a number is a card's only where a label says so
_LISTED: Final = 4  # so many cards, and half of all numbers like them, are a list of cards
_WORDS: Final = (
    r"charg(?:e|ed|ing)|pay(?:ing|ments?|able)?|paid|debit|credit|billing|expir\w{1,5}|exp|cv[cv]2?",
    r"valid (?:thru|until)|guarantee\w{0,2}|deposit|security code|declined|refund(?:ed)?|card\w{0,8}",
    "belasten|gultig|zahlung|bezahlen|geldig|betaling",
    r"validite|paiement|cobr\w{2,6}|caduca\w{0,4}|vencimiento|pago|scadenza|pagamento|platnosc\w{0,3}|wazna",
)
_MONTH: Final = r"\b(?:0[1-9]|1[0-2]) ?/ ?(?:20)?[2-4]\d\b"
_SPOKEN_OF: Final = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b|{_MONTH}", re.IGNORECASE)
_LINKED: Final = re.compile(r"(?:://|\bwww\.|[?&][\w.%\[\]-]{1,40}=)\S*\Z")
_TRYING: Final = re.compile(
    r"\b(?:test ?card|testkarte|carte de test|tarjeta de prueba|carta di (?:prova|test)|testkaart|cartao de teste"
    r"|karta testowa|testkort|sandbox|staging|pre-?prod(?:uction)?|dummy|docs?|documentation|doku|checksum|luhn|mock"
    r"|fixtures?|unit ?tests?|deploy(?:ed|ment)?|endpoint|qa|api|repo|commit|regression|gateway)\b",
    re.IGNORECASE,
)
_TALK: Final = 160
_NEAR: Final = 80
_LINK: Final = 400


def is_printed(text: str, start: int, end: int) -> bool:
    """Return whether the digits stand in groups as on cards, joined alike but for line ends, and no row of more."""
    joined = _WRAP.sub("\n", text[start:end])
    signs = set(re.findall(r"\D+", joined)) - {"\n"}
    if len(signs) != 1:
        return False
    sign = signs.pop()
    if _PRINTED.fullmatch(joined.replace("\n", sign)) is None:
        return False
    between = re.escape(sign)  # a row of numbers that goes on is a table's
    before = re.search(rf"\d{{4}}{between}\Z", text[max(0, start - 8) : start])
    return before is None and re.match(rf"{between}\d{{4}}\b", text[end : end + 8]) is None


def is_joined(text: str, start: int, end: int) -> bool:
    """Return whether the groups of a card are joined by one sign that nobody puts between them, and no row of more."""
    written = text[start:end]
    signs = set(re.findall(r"\D+", written))
    if len(signs) != 1:
        return False
    sign = signs.pop()
    groups = written.split(sign)
    if _JOINING.fullmatch(sign) is None or tuple(map(len, groups)) not in _GROUPS:
        return False
    if all(group.endswith("00") for group in groups):
        return False  # amounts, of a recipe or a ratio
    if "\\" in sign and "\\" in {text[start - 1 : start], text[end : end + 1]}:
        return False  # the name of a file
    between = re.escape(sign.strip(" "))
    if re.search(rf"\b{_FURTHER} ?{between} ?\Z", text[max(0, start - 12) : start]):
        return False
    return re.match(rf"(?: ?{between} ?(?:{_FURTHER}\b|[:/])|/\d{{1,3}}\b(?!/))", text[end : end + 12]) is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many distinct numbers of a text that look like cards there are, and how many of them have a valid check."""

    seen: int
    held: int


def is_evident(text: str, start: int, end: int, share: Share) -> bool:
    """Return whether a number without a label is likely a card's; `share` is that of the text."""
    if is_printed(text, start, end) or is_joined(text, start, end):
        return True
    written = text[start:end]
    if "\n" in written or "\t" in written or sum(map(str.isdigit, written)) <= _BARE_LABELLED:
        return False
    return (share.held >= _LISTED and 2 * share.held >= share.seen) or is_spoken_of(text, start, end)


def is_alone(text: str, start: int, end: int) -> bool:
    """Return whether bare digits stand on a line of their own, as where somebody only passes a number on."""
    before = text[max(0, start - _NEAR) : start].rpartition("\n")[2]
    behind = text[end : end + _NEAR].partition("\n")[0]
    return text[start:end].isdigit() and not before.strip(" \t\r>*") and not behind.strip(" \t\r.")


def is_spoken_of(text: str, start: int, end: int) -> bool:
    """Return whether the words around speak of paying, or a month of expiry stands there."""
    around = f"{text[max(0, start - _NEAR) : start]} {text[end : end + _NEAR]}"
    return _SPOKEN_OF.search(around) is not None


def is_of_developers(text: str, start: int, end: int) -> bool:
    """Return whether the words around speak of trying software, so that a published example is just that.

    One such word is not enough: "my test card" is what an administrator writes who tries the gateway.
    """
    around = text[max(0, start - _TALK) : end + _TALK]
    return len({word[0].lower() for word in _TRYING.finditer(around)}) > 1


def link_start(text: str, start: int) -> int | None:
    """Return where the link begins in which the number at `start` stands, if it does."""
    low = max(0, start - _LINK)
    before = text[low:start]
    begin = max(before.rfind(blank) for blank in " \n\t\"'<>()") + 1
    return low + begin if _LINKED.search(before, begin) else None
