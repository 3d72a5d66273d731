"""Whether a line stands over numbers: "Passport numbers of our guests:", as a heading, a subject or a file's name.

It does if a label of an identifier is what the line is about, not a word beside another ("passport renewal
appointments", "questions about passport numbers"), and if it does not ask for the numbers.
"""

import re
from collections.abc import Sequence
from typing import Final

from dlp_gateway.detect.labels import OTHER, Hit, is_noun
from dlp_gateway.detect.ownership import Reader, numbers

_START: Final = 8  # characters behind a label in which its value begins
_TOKENS: Final = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")
_TOKEN: Final = re.compile(r"[A-Za-z]+(?:[.-][A-Za-z]+)*|'[A-Za-z]+|\d+|[^\w\s]")
MARGIN: Final = "> \t\r*#|=_-~+"
_SENTENCE_END: Final = re.compile(r"[.!?;]\s+(?=\S)")
MARKER: Final = re.compile(r"[>\s]*(?:(?P<bullet>[-*+~])|\(?(?P<count>\d{1,3})[.):])\s+")
#: Cells of a row: of a table, of a file of values, or drawn with blanks.
CELL: Final = re.compile(r"\s*[\t|;]\s*|,(?=\S)| {3,}")
_PLURAL: Final = re.compile(r"(?:s|rti|nti)\Z", re.IGNORECASE)
_NUMERIC: Final = re.compile(r"\d{5}")
_ABBREVIATION: Final = re.compile(r"[A-Z.]{3,6}(?:'?s)?")
COMPOUND: Final = re.compile(
    r"(?:nummern?|nummers|nummer(?:et|ne)|num(?:re|rene|ren|ret)|numerot?|numero|tunnus|tunnukset|idnr|nr)\s*\Z",
    re.IGNORECASE,
)
NUMBER_OF: Final = re.compile(r"\A(?:numer[oiy]s?|numerow|numbers?|nr|nos?|n|nummern?|nummers?)\b", re.IGNORECASE)
_NAMED_ALONE: Final = frozenset({"US_SSN", "UK_NINO", "IBAN", "TAX_ID"})
_DOCUMENTS: Final = frozenset({"PASSPORT", "DRIVER_LICENSE", "CREDIT_CARD"})
_AND: Final = frozenset({"and", "und", "et", "y", "e", "en", "i", "och", "og", "ja", "or", "&", "+", "/", ","})
#: In these languages "de" is an article.
_ARTICLES: Final = frozenset({"nl", "sv", "da", "no"})
#: In these languages the owner stands behind what is owned without a word between.
_GENITIVE_ALONE: Final = frozenset({"pl", "cs", "sk", "hr", "sl", "fi", "hu", "et", "lv", "lt"})
_TOWARDS: Final = frozenset({"to", "at", "an", "bei", "a", "aan", "bij", "till", "til"})
_OF_DOCUMENTS: Final = 2  # words before a document that is not said to have a number: "Ann's passport"


def is_heading(reader: Reader, hit: Hit, low: int, high: int, *, answered: bool = False) -> bool:
    """Tell whether the line at `low` … `high` is about numbers of the label's kind, and tells them or has them told.

    `answered`: a line that asks for them counts as well, since what follows is the answer.
    """
    text, words = reader.page.text, reader.grammar.headings
    for end in _SENTENCE_END.finditer(text, low, hit.end):
        low = end.end()
    start = max(low, hit.start)
    if len([cell for cell in CELL.split(text[low:high]) if cell.strip(MARGIN)]) > 1:
        return False  # the headings of a table say themselves what is below them
    behind = text[hit.end : high].rstrip(f"{MARGIN}:.?!),;")
    if ":" in behind or _SENTENCE_END.search(behind) or _NUMERIC.search(behind.replace(" ", "")[:_START]):
        return False  # "Passport number: to follow"
    if text[hit.end : high].rstrip(" \t\r*_").endswith("?") and not answered:
        return False
    if not answered and says(text[low:high], words.asking):
        return False
    before = [token.lower() for token in _TOKEN.findall(text[low:start].lstrip(MARGIN))]
    rest = _TOKEN.findall(behind)
    whole = frozenset(before)
    named = _names_number(reader, hit)
    if rest and (rest[0].lower() in words.numbers or rest[0].lower() in reader.grammar.number):
        named = True
        rest = rest[1:]
    if hit.label.language in _ARTICLES:
        before = [word for word in before if word != "de"]
    while before and before[-1] in reader.grammar.function - words.genitives - words.about:
        before.pop()
    if len(before) > 1 and before[-1] in words.genitives and NUMBER_OF.match(before[-2]):
        if before[-2] not in words.numbers and _PLURAL.search(text[hit.start : hit.end].rstrip()):
            return False  # "number of passports": how many there are
        named, before = True, before[:-2]  # "los numeros de pasaporte"
    elif before and NUMBER_OF.match(before[-1]):
        named, before = True, before[:-1]
    if not named and not (reader.grammar.preposition - words.genitives).isdisjoint(whole):
        return False  # "an appointment for the passport"
    if answered and rest and rest[-1].lower() in words.asking:
        rest = rest[:-1]
    return (
        _is_head(reader, before, named=named)
        and _may_follow(reader, hit, rest, low, high, named=named)
        and not _is_one_of_several(reader, hit, low, high)
        and (rest == [] or rest[-1].lower() not in _TOWARDS)
    )


def names_number(reader: Reader, hit: Hit, low: int, high: int) -> bool:
    """Tell whether the line at `low` … `high` is about numbers: "passport numbers", "numeri di patente"."""
    grammar, text = reader.grammar, reader.page.text
    if _names_number(reader, hit):
        return True
    beside = (*_TOKEN.findall(text[low : hit.start])[-3:], *_TOKEN.findall(text[hit.end : high])[:1])
    return any(word.lower() in grammar.headings.numbers or NUMBER_OF.match(word) for word in beside)


def _names_number(reader: Reader, hit: Hit) -> bool:
    """Tell whether a label says "number", or is what people call one: "SSN", "DNI"."""
    text = reader.page.text
    written = text[hit.start : hit.end].strip()
    if numbers(hit, text) or COMPOUND.search(written) or NUMBER_OF.match(written):
        return True
    last = written.lower().split()[-1].rstrip(".'s")
    if (hit.label.owns in _NAMED_ALONE and " " not in written) or last in reader.grammar.headings.numbers:
        return True
    return hit.label.owns not in _DOCUMENTS and (
        _ABBREVIATION.fullmatch(written) is not None or hit.label.id.startswith("national-id-")
    )


def says(text: str, words: frozenset[str]) -> bool:
    """Tell whether one of some words stands in a text."""
    return not words.isdisjoint(map(str.lower, _TOKENS.findall(text)))


def _is_head(reader: Reader, before: Sequence[str], *, named: bool) -> bool:
    """Tell whether the words before a label leave it what the line is about."""
    words = reader.grammar.headings
    told = words.sought | words.attached
    for index in range(len(before) - 1, -1, -1):
        word = before[index]
        if word in words.genitives or word in words.about:
            previous = [one for one in before[:index] if one[0].isalpha()]
            if not previous:
                return named and word in words.genitives
            if word in words.genitives and (previous[-1] in words.collections or reader.owns_nothing(previous[-1])):
                return True
            return not told.isdisjoint(previous[-2:])
        if not word[0].isalpha() and word[0] != "'":
            if word in ",;:(-":
                return named or word in ":,"
        elif not (reader.owns_nothing(word) or word in words.collections):
            # An adjective, whose they are, or the verb: "US passport numbers", "we have the passport numbers".
            return named or len(before) <= _OF_DOCUMENTS
    return True


def _may_follow(reader: Reader, hit: Hit, rest: Sequence[str], low: int, high: int, *, named: bool) -> bool:
    """Tell whether the words behind a label say no more than whose numbers they are."""
    grammar, words = reader.grammar, reader.grammar.headings
    first = rest[0] if rest else ""
    if not words.numbers.isdisjoint(map(str.lower, rest)):
        return False  # "licence holders and their locker numbers"
    if first and first[0].isalpha():
        word = first.lower()
        owned = word in words.genitives or word in words.collections or word in words.attached
        belongs = word in grammar.preposition or reader.owns_nothing(word) or first[0].isupper()
        inflected = hit.label.language in _GENITIVE_ALONE
        if not (owned or (named and (belongs or inflected))):
            return False
    return not any(_stands_beside(reader, hit, other) for other in reader.hits.within(low, high))


def _stands_beside(reader: Reader, hit: Hit, other: Hit) -> bool:
    """Tell whether a line is about numbers of another matter as well: "passport numbers and booking references"."""
    if other.label.owns != OTHER:
        return False
    is_before = other.start < hit.start
    between = reader.page.text[other.end : hit.start] if is_before else reader.page.text[hit.end : other.start]
    words = [token.lower() for token in _TOKEN.findall(between)]
    counted = numbers(other, reader.page.text) or (
        is_before and not reader.grammar.headings.numbers.isdisjoint(words[:1])
    )
    if is_noun(other) and not counted:
        return False
    return (not words and not is_before) or not _AND.isdisjoint(words if is_before else words[-3:])


def _is_one_of_several(reader: Reader, hit: Hit, low: int, high: int) -> bool:
    """Tell whether the line is an item of a list itself, and the next one another."""
    text = reader.page.text
    own = MARKER.match(text, low, high)
    if own is None or own.end() > hit.start:
        return False
    following = next(reader.page.lines_from(low), None)
    other = MARKER.match(text, *following) if following else None
    return other is not None and (own["bullet"], own["count"] is None) == (other["bullet"], other["count"] is None)
