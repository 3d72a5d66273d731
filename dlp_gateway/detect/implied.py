"""Numbers that no label owns, in a text that speaks of driving licences: what else speaks for their being one.

People answer "need your licence" with the number alone, name the office instead of the document, or give class and day of
expiry. Each of these is weak; a number counts when several come together and nothing else owns it.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import re2

from dlp_gateway.detect.grammar import Grammar
from dlp_gateway.detect.labels import Hit, Strength
from dlp_gateway.detect.layout import Page
from dlp_gateway.detect.shapes import compact
from dlp_gateway.detect.surnames import is_made_of
from dlp_gateway.detect.walk import owns_nothing

#: What numbers may be implied.
KIND: Final = "DRIVER_LICENSE"
#: No number is surer without a label.
SUREST: Final = 0.85
_REACH: Final = 600  # how far from the number the talk of licences may be, in characters
_NEAR: Final = 300
_AROUND: Final = 40
_SAID: Final = 250  # how far before a number it may be said how many digits it has
_SHORTEST: Final = 7
#: A letter of the surname and what is coded of name and birth date (Florida, Illinois, New Jersey, Ontario …).
_CODED: Final = re.compile(r"[A-Z](?:[ -]?\d){11,14}")


def _compile(expression: str) -> "re2._Regexp[bytes]":
    """Return an expression for ASCII of either case; RE2 takes a tenth of the time for long choices of words."""
    options = re2.Options()
    options.case_sensitive = False
    return re2.compile(expression, options)


_WORD: Final = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")
_CLAUSE: Final = re.compile(r"[.!?]\s|[!?;,()\n>|]")
_SUBJECT: Final = re.compile(r"[a-z] (?:is|was|no|number|ist|lautet|est|es|e|to)[ .:]*\Z|[a-z] ?[:=#] ?\Z")
_OF_DOCUMENTS: Final = re.compile(
    r"licen[cs]es?|registr\w{1,6}|folio|card|carte|karte|kaart|karta|kort|cartao|tarjeta|plastic|permit|permis\w?|permiso|"
    r"patente|rijbewijs\w*|fuhrerschein\w*|prawk?o?|cnh|carnet?|carte|kierowc\w|long|front|back",
    re.IGNORECASE,
)
_LEADER: Final = re.compile(r"\.{3,}")  # dots that lead from a key to its value
# What is told of a licence right behind its number, or right before it.
_ATTRIBUTES: Final = (
    r"class|classe|klasse|kl|cat|categor\w{1,3}|kat|kategori\w{1,2}|version|ver|exp|expir\w{1,5}|valid|good (?:until|till|til|thru|through)|"
    r"issued?|issuing|gultig|ausgestellt|erteilt|valable|delivre\w?|valide|vigente|vence|caduca|expedid\w|valida|"
    r"rilasciat\w|scad\w{0,5}|emitid\w|validade|geldig|afgegeven|wazn\w|wydan\w|giltig\w?|utfardat|gyldig\w?|udstedt|"
    r"full uk|donor|no points|clean"
)
_BEHIND: Final = re.compile(rf"[ ,;.)(/-]{{0,3}}\n?(?:and |und |et |y |it |its )?(?:{_ATTRIBUTES})\b", re.IGNORECASE)
_BEFORE: Final = _compile(rf"\b(?:{_ATTRIBUTES})[:.]? ?(?:[A-Z]\d?|[A-Z]{{2}})?[ ,;:.)(/-]{{1,3}}\z")
#: The number of the field in which cards of the European model show their number; 4a to 4c and 9 stand beside it.
_FIELD: Final = re.compile(r"(?:^|[\s|;,])5[.):]{0,2}\s{1,3}\Z", re.MULTILINE)
_FIELDS: Final = re.compile(r"\b4 ?[abcd]\b", re.IGNORECASE)
_PLACE: Final = re.compile(
    r"[ ,;/(-]{1,4}(?:A[KLRZ]|C[AOT]|DC|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]"
    r"|W[AIVY]|ON|QC|BC|AB|MB|SK|NS|NB|NL|PEI?|(?i:nsw|vic|qld|tas|act|wa|sa|nt|n\.?i|uk|nz|roi)|\((?:[A-Z][a-z]+)\))\b(?! ?\d)"
)
_PLACES: Final = (
    r"alabama|alaska|arizona|arkansas|california|colorado|connecticut|delaware|florida|georgia|hawaii|idaho|illinois|"
    r"indiana|iowa|kansas|kentucky|louisiana|maine|maryland|massachusetts|michigan|minnesota|mississippi|missouri|montana|"
    r"nebraska|nevada|new (?:hampshire|jersey|mexico|york|brunswick|south wales|zealand)|(?:north|south) (?:carolina|dakota)|"
    r"ohio|oklahoma|oregon|pennsylvania|rhode island|tennessee|texas|utah|vermont|(?:west )?virginia|washington|wisconsin|"
    r"wyoming|puerto rico|ontario|quebec|british columbia|alberta|manitoba|saskatchewan|nova scotia|newfoundland|yukon|"
    r"nunavut|victoria|queensland|tasmania|(?:south|western) australia|northern (?:territory|ireland)|jalisco|nuevo leon|"
    r"sonora|chihuahua|tamaulipas|puebla|durango|sinaloa|oaxaca|yucatan|quintana roo|guanajuato|queretaro"
)
_PLACE_NAME: Final = re.compile(_PLACES, re.IGNORECASE)
_FROM_PLACE: Final = _compile(
    rf"\b(?:{_PLACES})[ ,:;=)(/-]{{1,3}}(?:(?:no|number|nr|num|#|is|is now|license|licence|lic|dl)\b[ .:#=]{{0,3}}){{0,2}}\z"
)
_COUNTS: Final = {
    6: "six|sechs|seis|sei|zes|szesc",
    7: "seven|sieben|sept|siete|sette|zeven|siedem|sete|sju|syv",
    8: "eight|acht|huit|ocho|otto|osiem|oito|atta|otte",
    9: "nine|neun|neuf|nueve|nove|negen|dziewiec|nio|ni",
    10: "ten|zehn|dix|diez|dieci|tien|dziesiec|dez|tio|ti",
    11: "eleven|elf|onze|once|undici|jedenascie|elva|elleve",
    12: "twelve|zwolf|douze|doce|dodici|twaalf|dwanascie|doze|tolv",
    13: "thirteen|dreizehn|treize|trece|tredici|dertien|trzynascie|treze",
    14: "fourteen|vierzehn|quatorze|catorce|quattordici|veertien|catorze",
    15: "fifteen|funfzehn|quinze|quince|quindici|vijftien|pietnascie",
    16: "sixteen|sechzehn|seize|dieciseis|sedici|zestien|szesnascie|dezasseis|dezesseis",
}
_SPOKEN: Final = {word: count for count, words in _COUNTS.items() for word in words.split("|")}
_LENGTH: Final = _compile(
    rf"\b(\d{{1,2}}|{'|'.join(sorted(_SPOKEN, key=len, reverse=True))})[ -]?"
    r"(?:digits?|characters?|chars?|figures?|chiffres?|caracteres?|ziffern?|stellen|stellig\w{0,2}|zeichen|cijfers?|tekens|"
    r"digitos?|cifras?|cifre|caratteri|cyfr\w?|znakow|siffror|cifre|tegn|numbers?|numeros|numery)\b"
)


@dataclass(frozen=True, slots=True)
class Talk:
    """The places of a text that speak of licences, in order."""

    hits: tuple[Hit, ...]
    starts: tuple[int, ...]


def talk(hits: Iterable[Hit]) -> Talk:
    """Return what speaks of licences, in the order of the text."""
    ordered = tuple(sorted(hits, key=lambda hit: hit.start))
    return Talk(ordered, tuple(hit.start for hit in ordered))


def likelihood(
    page: Page,
    grammar: Grammar,
    spoken: Talk,
    place: tuple[int, int],
    *,
    proved: bool,
    is_spent: Callable[[Hit], bool],
) -> float:
    """Return how sure it is that the number at `place`, owned by nothing, is that of a licence.

    `proved` is whether its check digit holds; `is_spent` tells whether a label has a number of its own.
    """
    start, end = place
    near = _nearest(page, spoken, start, end)
    text = page.text
    written = text[start:end]
    size = sum(map(str.isalnum, written))
    if near is None or size < _SHORTEST:
        return 0.0
    lettered = any(map(str.isalpha, written))
    score = 0.3 + 0.15 * (lettered or proved) + 0.1 * (_CODED.fullmatch(written) is not None)
    score += 0.1 * (near.label.strength is not Strength.TOPIC and abs(start - near.end) <= _NEAR and not is_spent(near))
    score += 0.25 * _has_attributes(text, start, end)
    score += 0.15 * (_PLACE.match(text, end) is not None or _FROM_PLACE.search(_ahead(text, start)) is not None)
    score += 0.25 * (size in _said_lengths(text, start))
    score += 0.3 * (
        _FIELD.search(text, max(0, start - 8), start) is not None
        and _FIELDS.search(text, max(0, start - _REACH), start + _REACH) is not None
    )
    score += 0.15 * is_made_of(compact(written), text, start, end)
    alien = grammar.alien.get(KIND)
    around = text[max(0, start - _NEAR) : end + _AROUND].encode("ascii")
    if alien is not None and alien.search(around):
        score -= 0.2
    return score + _lead(page, grammar, start)


def is_told_of(text: str, start: int, end: int) -> bool:
    """Tell whether beside the number stands what is told of a licence: its class, its state, until when it is valid."""
    return (
        _has_attributes(text, start, end)
        or _PLACE.match(text, end) is not None
        or _FROM_PLACE.search(_ahead(text, start)) is not None
    )


def is_place(name: str) -> bool:
    """Tell whether it is the name of a state or a province that gives out licences."""
    return _PLACE_NAME.fullmatch(name) is not None


def is_apart(text: str, start: int, end: int) -> bool:
    """Tell whether the number stands by itself, and is not a piece of something longer or two things."""
    return text[start - 1 : start] not in {"-", "/", "_"} and text[end : end + 1] not in {"-", "/", "_"}


def _nearest(page: Page, spoken: Talk, start: int, end: int) -> Hit | None:
    """Return the talk of licences that is nearest before the number, or else behind it: a question that it answers."""
    index = bisect_left(spoken.starts, start)
    if index and start - spoken.hits[index - 1].end <= _REACH:
        return spoken.hits[index - 1]
    if index < len(spoken.hits) and spoken.starts[index] - end <= _REACH:
        behind = spoken.hits[index]
        near = behind.start - end <= _AROUND or page.depth(behind.start) > page.depth(start)
        return behind if near else None
    return None


def _ahead(text: str, start: int) -> bytes:
    return text[max(0, start - _AROUND) : start].encode("ascii")


def _has_attributes(text: str, start: int, end: int) -> bool:
    return _BEHIND.match(text, end) is not None or _BEFORE.search(_ahead(text, start)) is not None


def _said_lengths(text: str, start: int) -> frozenset[int]:
    before = text[max(0, start - _SAID) : start].encode("ascii")
    said = (match[1].decode("ascii").lower() for match in _LENGTH.finditer(before))
    return frozenset(int(word) if word.isdigit() else _SPOKEN[word] for word in said)


def _lead(page: Page, grammar: Grammar, start: int) -> float:
    """Return what the words right before the number add: most if there are none that may own it ("it's …")."""
    low = max(page.line(start)[0], start - 2 * _AROUND)
    clause = _CLAUSE.split(_LEADER.sub(":", page.text[low:start]))[-1]
    speaking = grammar.speaking[KIND]
    words = _WORD.findall(clause)
    content = [word for word in words if not _is_own(speaking, word) and not owns_nothing(grammar, word.lower())]
    if content and _SUBJECT.search(clause) and content[-1].islower():
        return -0.25  # "my own commission is …"
    return 0.1 if not content else 0.0 if len(content) == 1 else -0.1


@lru_cache(maxsize=8192)
def _is_own(speaking: "re2._Regexp[bytes]", word: str) -> bool:
    """Tell whether a word speaks of licences itself."""
    return _OF_DOCUMENTS.fullmatch(word) is not None or speaking.fullmatch(word.encode("ascii")) is not None
