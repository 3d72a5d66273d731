"""A number that nobody in its sentence owns: an answer to a question, or what a line above it announces."""

import re
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from dlp_gateway.detect.labels import OTHER, Hit
from dlp_gateway.detect.questions import (
    asks_for_document,
    asks_for_number,
    is_answered,
    is_said_of_it,
    is_to_call,
    tells_otherwise,
)
from dlp_gateway.detect.walk import KEYED, NOBODY, Owner, Relation

if TYPE_CHECKING:
    from dlp_gateway.detect.ownership import Reader

_TOKEN: Final = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?|\d[\w]*|\n|[^\w\s]|_")
_CARD: Final = "CREDIT_CARD"
_SHORTEST_CARD: Final = 12
_ABOVE: Final = 300
_BELOW: Final = 700
_FURTHEST: Final = 1_500  # of a line that does not end
_LINE: Final = 200  # no line is read further than this
_KEY: Final = 40  # no key is longer
# The key of a number of whatever document another key has named: "docType": "DL", "docNumber": …
_OF_DOCUMENT: Final = re.compile(
    r"[\"'<{\s]*(?:[a-z]{2,15}[ _.-])?(?:doc|document|id|ident|identification|identity)"
    r"[ _.-]?(?:number|no|nr|num|nbr|value)[\"'>]*\s?[:=>]",
    re.IGNORECASE,
)
#: A semicolon that ends a cell, not a clause ("It is 943 476 5919; the patient …").
_CELL: Final = re.compile(r";(?! [a-z]+ [A-Za-z])")
#: A sentence that is a number and what it is of, cut short: "PO 70-33182."
_REFERENCE: Final = re.compile(r"[A-Z]{2,3} \d")
_OTHERS: Final = 0.12
_ITEM: Final = re.compile(r"[>|\s]{0,12}\(?(\d{1,2}|[a-h])[.):] ")
_ITEMS: Final = 2_000  # characters between an item and the one that it answers
# Who answers, before a colon: "Marie:", "Jan de Vries :", but not "OCR for the parking:".
_NAME: Final = re.compile(
    r"[A-Z][a-z]+(?:[ -](?:(?:de|van|von|di|da|du|le|la|el|der|den)[ ])*[A-Z][a-z]*\.?){0,3} ?: ?"
)


def is_orphan(reader: "Reader", start: int, end: int, before: Owner) -> bool:
    """Tell whether nothing in its sentence can own the number; `before` is who was found before it."""
    text = reader.page.text
    line_start, line_end = reader.page.line(start)
    line_start = max(line_start, min(reader.page.block_start(start), start), reader.turn(start))
    if text[end : end + 1] in {"|", "\t"} or _CELL.match(text, end):
        return False  # a cell of a row whose header is not here
    line_end = min(line_end, end + _LINE)
    sentence = reader.sentence_start(start)
    lead = text[max(line_start, sentence, start - _LINE) : start].lstrip("> \t-*")
    rest = text[end:line_end].strip(" .,;!?\t*)\"'")
    if before.relation is not Relation.NOBODY:
        closed = before is KEYED and (not rest or text[end] in ".,;)")
        return _half_a_sentence(reader, lead, start, alone=not rest, closed=closed)
    words = [token.lower() for token in _TOKEN.findall(text[sentence:start])]
    if len(words) > 1 and words[1] == ":":
        del words[:2]  # a speaker, in a chat
    clauses = [index for index, word in enumerate(words) if word in ",;"]
    if clauses and not lead.rstrip().endswith(":"):
        del words[: clauses[-1] + 1]  # "Hi Beth, it's …": the last clause counts
    content = [w for w in words if w[0].isalpha() and not reader.owns_nothing(w)]
    trailing = [w.lower() for w in _TOKEN.findall(re.split(r"[,.;] ", text[end:line_end])[0]) if w[0].isalpha()]
    most = 5 if lead.rstrip().endswith(":") else 0
    return len(content) <= most and len([w for w in trailing if not reader.owns_nothing(w)]) <= 3


def _half_a_sentence(reader: "Reader", lead: str, start: int, *, alone: bool, closed: bool) -> bool:
    """Tell whether the words before the colon are no key: a name in a list, or "there you are, as printed: …"."""
    if _OF_DOCUMENT.match(lead):
        return True
    if lead.count(":") != 1 or not lead.rstrip().endswith(":"):
        return False
    if alone and len(lead) < _KEY and (_NAME.fullmatch(lead) or _speaks_again(reader, lead, start)):
        return True
    words = [word.lower() for word in _TOKEN.findall(lead)[:-1]]
    spoken = [word for word in words if word[0].isalpha()]
    said = words.count(",") + sum(map(reader.owns_nothing, spoken))
    return closed and len(words) > 1 and 2 * said >= len(spoken) and said > 0 and not _names_number(reader, words)


def _names_number(reader: "Reader", words: list[str]) -> bool:
    """Tell whether the words before a colon end as a key of an unknown number does: "the tag number:"."""
    return len(words) > 1 and words[-1] in reader.grammar.number and words[-2] not in reader.grammar.function


def _speaks_again(reader: "Reader", lead: str, start: int) -> bool:
    """Tell whether "bo_92: " is who speaks in a chat: one word with which other lines near begin as well."""
    name = lead.rstrip()
    near = "\n" + reader.page.text[max(0, start - _BELOW) : start + _BELOW]
    return " " not in name and near.count(f"\n{name}") > 1


def _of_item(reader: "Reader", start: int) -> Owner | None:
    """Return the owner that the item of the same number in another list names: "3) B 530 612" answers "3) …?"."""
    line = reader.page.line(start)[0]
    marker = _ITEM.match(reader.page.text, line)
    if marker is None or marker.end() > start:
        return None
    same = re.compile(rf"^[>|\s]{{0,12}}\(?{marker[1]}[.):] ", re.MULTILINE)
    for other in same.finditer(reader.page.text, max(0, line - _ITEMS), line + _ITEMS):
        low, high = reader.page.line(other.end())
        index = bisect_left(reader.starts, other.start())
        if low != line and index < len(reader.hits) and reader.hits[index].start < high:
            hit = reader.hits[index]
            return Owner(label=hit.label, relation=Relation.BELOW, hit=hit)
    return None


def elsewhere(reader: "Reader", start: int, end: int) -> Owner:
    """Look in the list that this answers, then above for an announcement or a question, then below for a quoted one."""
    if owner := _of_item(reader, start):
        return owner
    if is_to_call(reader, start, end):
        return NOBODY
    above, asked = _above(reader, start, end)
    if above is not None:
        return above
    return _below(reader, start, end, asked)


def _above(reader: "Reader", start: int, end: int) -> tuple[Owner | None, Hit | None]:
    """Return the owner above the number, and a question there that asks for the number of something else."""
    text = reader.page.text
    line_start = reader.page.line(start)[0]
    sentence = reader.sentence_start(start)
    lone = line_start < sentence == start and _REFERENCE.match(text, start) is not None
    bare = text[start:end].replace(" ", "").isdigit()
    floor = max(0, start - _FURTHEST, line_start - _ABOVE, reader.page.signature_before(start))
    asked: Hit | None = None
    passed = False  # a sentence that says something else about a document
    index = bisect_left(reader.starts, start)
    while (index := index - 1) >= 0 and reader.hits[index].start >= floor:
        hit = reader.hits[index]
        spent = reader.is_spent(hit, start)
        if hit.label.owns == _CARD and not _may_be_card(text[start:end]):
            continue
        if hit.label.owns != OTHER:
            if asked is not None and (is_answered(reader, hit.end, asked.start) or not asks_for_document(reader, hit)):
                return Owner(label=asked.label, relation=Relation.ABOVE, hit=asked), asked
            if bare and is_said_of_it(reader, hit, start):
                passed = True
                continue
            doubt = max(0, sentence - hit.end) / 3000 + 0.1 * spent + (_OTHERS + 0.1 * spent) * lone
            return Owner(label=hit.label, relation=Relation.ABOVE, doubt=doubt, hit=hit), asked
        if not spent and (hit.label.id == "other-licences" or _heads_line(reader, hit)):
            return Owner(label=hit.label, relation=Relation.ABOVE, hit=hit), asked
        if not spent and asked is None and asks_for_number(reader, hit):
            if passed:
                return Owner(label=hit.label, relation=Relation.ABOVE, hit=hit), hit
            asked = None if is_answered(reader, hit.end, start) else hit
    return None, asked


def _below(reader: "Reader", start: int, end: int, asked: Hit | None) -> Owner:
    """Return the owner that a quoted question or a remark below the number names."""
    text = reader.page.text
    line_end = min(reader.page.line(start)[1], end + _LINE)
    depth = reader.page.depth(start)
    bare = text[start:end].replace(" ", "").isdigit()
    mentioned: Hit | None = None  # a document that is not asked for
    index = bisect_left(reader.starts, end) - 1
    while (index := index + 1) < len(reader.hits) and reader.hits[index].start < min(len(text), end + _BELOW):
        hit = reader.hits[index]
        remark = hit.start < line_end + 60 and re.match(r"\s*[>|]?\s*[(^]", text[line_end : hit.start])
        answered = reader.page.depth(hit.start) > depth
        if not answered and not remark:
            continue
        if hit.label.owns == OTHER:
            if answered and asked is None and asks_for_number(reader, hit):
                asked = hit
                if mentioned is not None:
                    break
            continue
        if not answered or not (bare or asked) or asks_for_document(reader, hit):
            return Owner(label=hit.label, relation=Relation.BELOW, hit=hit)
        mentioned = mentioned or hit
        if asked is not None:
            break
    if mentioned is None or (asked is None and tells_otherwise(reader, mentioned)):
        return NOBODY
    owner = asked or mentioned
    return Owner(label=owner.label, relation=Relation.BELOW, hit=owner)


def _may_be_card(written: str) -> bool:
    """Tell whether the number of a payment card may look so."""
    return not any(map(str.isalpha, written)) and sum(map(str.isdigit, written)) >= _SHORTEST_CARD


def _heads_line(reader: "Reader", hit: Hit) -> bool:
    """Tell whether the label is a heading: alone on its line, or last before a colon."""
    line_start, line_end = reader.page.line(hit.start)
    behind = reader.page.text[hit.end : min(line_end, hit.end + _LINE)].strip()
    before = reader.page.text[max(line_start, hit.start - _LINE) : hit.start].strip("> \t*_~`#-")
    return behind.strip("*_~`") == ":" or (not behind.strip("*_~`") and not before)
