"""What a writer asks for in his own words: his sentences, the documents in them, and what refuses them."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dlp_gateway.detect.east_asian import in_english
from dlp_gateway.detect.layout import answered_at
from dlp_gateway.detect.words import LONGEST, Role, Span, Words, folded

#: How far before a document a word may stand that makes it another one: "fishing", "my firm's".
_BEFORE: Final = 40
_QUOTED: Final = re.compile(r"^[ \t]*(?:>|\|).*$", re.MULTILINE)
#: The line above what is quoted with marks, below which the writer may go on.
_CITED: Final = re.compile(
    r"^[^\n>]{0,200}(?:wrote|schrieb|\u00e9crit|ecrit|escribi\u00f3|scritto|schreef|escreveu|napisa\u0142a?|pisze|skrev)"
    r"[^\n]{0,60}:?[ \t]*\n(?=(?:[ \t]*\n)?[ \t]*>)",
    re.IGNORECASE | re.MULTILINE,
)
_SAID: Final = re.compile(r'"[^"\n]{20,300}"')
_SAID_SINGLE: Final = re.compile(r"(?<!\w)'(?=\w)[^\n]{20,300}?[.!?]'(?!\w)")
#: The number right behind a document: it is told, not asked for.
_GIVEN: Final = re.compile(
    r"\W{0,4}(?:(?!ref|for|job|case|res|claim|by|to)\w{1,5}\W{1,3}){0,3}(?:(?:no|nr|nummer|number|numero|num|numer|is|ist|est|es|e|c'est|jest|ar|er|cat|klasse?|class|fs|of|de|id)\b"
    r"\W{0,3}){0,4}(?:[A-Z]{1,2}\b\W{0,2})?(?=[A-Z0-9][A-Z0-9 -]{5})(?:[A-Z]{0,5}[ -]?\d){4}",
)
_COLUMN: Final = re.compile(r"(?: (?:number|no|nr))?(?:;(?=\S)|\t)")  # the head of a column: its numbers are below it
_SAYING_NO: Final = (Role.NEED, Role.POLITE, Role.OTHERWISE)
_THREAT: Final = 40  # characters from "otherwise" to "not"
_STOPS: Final = re.compile(r"[.!?;]")
#: From the start of a run of signs only, so that a long one takes linear time.
_END: Final = re.compile(r"(?<![.!?])[.!?]++[\"')]*+(?=\s|\Z)|;(?=\s)|\n")
_ITEM: Final = re.compile(r"[ \t]*(?:[-*+~]|\[.?\]|\(?[0-9]{1,2}[.)]|\(?[a-z][.)])[ \t]*(?=\S)")
_LAST_WORD: Final = re.compile(r"[\w']*\Z")
_SHORT_LINE: Final = 46  # characters; a longer line goes on in the next unless that begins a paragraph or an item
#: A full stop behind these ends no sentence.
_ABBREVIATIONS: Final = frozenset(
    b"no nr num pp mr mrs ms dr st fr hr art ca bzw zb ggf evtl inkl tel approx eg ie etc max min lic vs dott dra sr"
    b" sra srta sig prof ul pl bl".decode().split()
)


class Places:
    """Spans in the order of their beginnings, looked up by place."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._spans = sorted(spans, key=lambda span: span.start)
        self._starts = [span.start for span in self._spans]

    def all(self) -> Sequence[Span]:
        """Return all."""
        return self._spans

    def between(self, low: int, high: int) -> Sequence[Span]:
        """Return those that begin in `low` … `high`."""
        return self._spans[bisect_left(self._starts, low) : bisect_right(self._starts, high)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence, a line of a form or an item of a list at `start` … `end` of the writer's own text.

    `heading` is the number of the sentence above a list of which this is an item; None: it is none.
    """

    start: int
    end: int
    heading: int | None = None


def own_text(text: str) -> str:
    """Return what the writer says himself, without answered mail and quotes: folded, East Asian words in English."""
    own = text[:LONGEST]
    if ">" in own:  # or nothing is cited by marks, and to look for what introduces it takes long
        own = _CITED.sub("", own)
    own = folded(in_english(_QUOTED.sub("", own)))
    return _SAID_SINGLE.sub("", _SAID.sub("", own[: answered_at(own)]))


def sentences(text: str) -> tuple[Sentence, ...]:
    """Return the sentences of a writer's own text (see `own_text`), in order, without those of nothing but blanks."""
    found: list[Sentence] = []
    heading: int | None = None
    for start, end in _pieces(text):
        piece = text[start:end]
        if not piece.strip():
            continue
        begins_line = not text[text.rfind("\n", 0, start + 1) + 1 : start].strip()
        goes_on = bool(found) and found[-1].heading is not None and not begins_line
        if (begins_line and _ITEM.match(piece.lstrip("\n")) and heading is not None) or goes_on:
            found.append(Sentence(start=start, end=end, heading=heading))
        else:
            heading = len(found)
            found.append(Sentence(start=start, end=end))
    return tuple(found)


def _pieces(text: str) -> Iterable[tuple[int, int]]:
    low = line = 0
    for stop in _END.finditer(text):
        if stop[0] == "\n":
            above, line = text[line : stop.start()], stop.end()
            if _goes_on(above, text[stop.end() : stop.end() + _SHORT_LINE]):
                continue
            yield low, stop.start()
        elif stop[0][0] == "." and _is_abbreviation(text[max(0, stop.start() - 12) : stop.start()]):
            continue
        else:
            yield low, stop.end()
        low = stop.end()
    yield low, len(text)


def _goes_on(above: str, below: str) -> bool:
    """Whether a line is wrapped into the next one."""
    if len(above) < _SHORT_LINE or above.rstrip().endswith(":"):
        return False
    return bool(below.split("\n", 1)[0].strip()) and _ITEM.match(below) is None


def _is_abbreviation(before: str) -> bool:
    found = _LAST_WORD.search(before)
    word = found[0].lower() if found else ""
    return word in _ABBREVIATIONS or len(word) == 1 or (word.isdigit() and len(word) <= 2)  # "the 14. May"


def documents_in(words: Mapping[Role, Words], text: str) -> list[Span]:
    """Return where documents of identity stand in folded text: nothing else, and their numbers are not told."""
    others = Places(words[Role.OTHER_DOCUMENT].spans(text))
    return [
        document
        for document in words[Role.DOCUMENT].spans(text)
        if not any(other.end > document.start for other in others.between(document.start - _BEFORE, document.end - 1))
        and not _GIVEN.match(text, document.end)
        and not _COLUMN.match(text, document.end)
    ]


def refusals_in(words: Mapping[Role, Words], text: str) -> list[Span]:
    """Return the refusals but for those within another phrase ("don't forget", "not yet received") or behind a threat.

    "Send it, otherwise we cannot pay" and "we cannot pay until you send it" refuse something else than the document.
    """
    phrases = [span for role in _SAYING_NO for span in words[role].spans(text)]
    within = sorted((span.start, span.end) for span in phrases)
    threats = sorted(span.start for span in words[Role.OTHERWISE].spans(text))
    kept = []
    for refusal in words[Role.REFUSAL].spans(text):
        index = bisect_right(within, (refusal.start, len(text)))
        length = refusal.end - refusal.start
        if any(refusal.start < end and length < end - start for start, end in within[max(0, index - 6) : index]):
            continue
        if text[max(0, refusal.start - 1) : refusal.start] == "(":  # "a passport (no driving licence)"
            continue
        threat = bisect_right(threats, refusal.start) - 1
        near = threat >= 0 and refusal.start - threats[threat] <= _THREAT
        if not near or _STOPS.search(text, threats[threat], refusal.start):
            kept.append(refusal)
    return kept
