"""What a question or a turn of a talk wants: a number, the document itself, or something else about it.

"What is the order number? And will the driver bring his licence?": a bare number answers the first. Numbers to call
are answers as well, but none that was asked for: "rufen Sie mich bitte an: 089 …".
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dlp_gateway.detect.grammar import QuestionGrammar
from dlp_gateway.detect.labels import Hit

if TYPE_CHECKING:
    from dlp_gateway.detect.ownership import Reader

_REACH: Final = 160  # characters of a sentence, on either side of a label
_END: Final = re.compile(r"[.!?](?=[\s\"')]|\Z)")
_WORD: Final = re.compile(r"[A-Za-z]+")
_ELLIPTIC: Final = 4  # words beside the label: "and your passport, please?"
_FIRST: Final = 2  # words of a sentence with which it asks: "please send …"
_ANSWERED: Final = re.compile(r"\d(?:[ -]?\w){4}")
_NUMBERED: Final = re.compile(
    r"(?:\b|_)(?:numbers?|nos?|nrs?|num|nummers?|numer[ouy]?|numeri|numeros|numrets?|ids?|refs?|references?|codes?|codigo"
    r"|codice|kod|n|po|pnr|rma|pin|numero|numeronsa)\W*\Z|(?:nummern?|nummer|numret|nr|numero|code)\W*\Z|#\W*\Z",
    re.IGNORECASE,
)
_ABBREVIATED: Final = frozenset({"no", "nos", "nr", "num", "n"})  # "licence no."
_TELEPHONE: Final = re.compile(r"[(+]?(?:0|[(+])[\d ()./-]{6,18}|\d{2,4}(?:[ ./-]\d{2,4}){2,5}")
_TALKED: Final = 160  # characters before a number to call, in which a call may be spoken of
_SAID_BEHIND: Final = 40
_SHORTEST: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sentence:
    before: list[str]
    behind: list[str]
    is_question: bool
    is_announcing: bool  # it ends with a colon: "his licence is back, here it is:"

    @property
    def words(self) -> frozenset[str]:
        return frozenset((*self.before, *self.behind))


def asks_for_number(reader: "Reader", hit: Hit) -> bool:
    """Tell whether the sentence of a label of something else asks for its number: "job number?", "PO for the van?"."""
    words = reader.grammar.questions
    if _NUMBERED.search(reader.page.text[hit.start : hit.end]) is None:
        return False
    sentence = _sentence(reader, hit)
    if sentence.is_announcing:
        return False
    return sentence.is_question or not words.interrogatives.isdisjoint(sentence.before) or _is_wanted(words, sentence)


def asks_for_document(reader: "Reader", hit: Hit) -> bool:
    """Tell whether the sentence of a label of a document asks for its number or for itself: "what's your licence?"."""
    words, sentence = reader.grammar.questions, _sentence(reader, hit)
    if sentence.is_announcing or _NUMBERED.search(reader.page.text[hit.start : hit.end]):
        return True
    if not words.numbers.isdisjoint(sentence.words) or not _ABBREVIATED.isdisjoint(sentence.behind[:1]):
        return True
    if not words.indefinite.isdisjoint(sentence.before[-1:]):
        return False
    if not words.telling.isdisjoint(sentence.words):
        return not words.wanting.isdisjoint(sentence.before[:_FIRST])  # "please send your licence and bring it too"
    if not words.interrogatives.isdisjoint(sentence.before) or _is_wanted(words, sentence):
        return True
    return len(sentence.before) + len(sentence.behind) <= _ELLIPTIC and words.having.isdisjoint(sentence.before)


def tells_otherwise(reader: "Reader", hit: Hit) -> bool:
    """Tell whether the sentence says or asks something else about a document: that it has expired, or is brought."""
    words, sentence = reader.grammar.questions, _sentence(reader, hit)
    return not words.telling.isdisjoint(sentence.words) and not asks_for_document(reader, hit)


def is_said_of_it(reader: "Reader", hit: Hit, start: int) -> bool:
    """Tell whether another question, turn or mail says something else about a document than its number at `start`."""
    page = reader.page
    apart = (
        reader.turn(hit.start) > 0 or page.depth(hit.start) > page.depth(start) or _sentence(reader, hit).is_question
    )
    if not apart or not tells_otherwise(reader, hit):
        return False
    between = _WORD.findall(page.text[hit.end : start].lower())  # "found my passport!" "great, number?"
    return reader.grammar.questions.numbers.isdisjoint(between)


def is_answered(reader: "Reader", low: int, high: int) -> bool:
    """Tell whether a number stands between two places."""
    return _ANSWERED.search(reader.page.text, low, high) is not None


def is_to_call(reader: "Reader", start: int, end: int) -> bool:
    """Tell whether the number is one to call, by its form and by what is said before it or right behind it."""
    text = reader.page.text
    opened = start - (text[max(0, start - 1) : start] in {"(", "+"})
    if sum(map(str.isdigit, text[start:end])) < _SHORTEST or _TELEPHONE.fullmatch(text, opened, end) is None:
        return False
    low = max(reader.page.line(start)[0], start - _TALKED)
    calls = reader.grammar.questions.speak_of_calls
    return calls(text[low:start]) or calls(_END.split(text[end : end + _SAID_BEHIND].partition("\n")[0])[0])


def _is_wanted(words: QuestionGrammar, sentence: _Sentence) -> bool:
    return not words.wanting.isdisjoint(sentence.words)


def _sentence(reader: "Reader", hit: Hit) -> _Sentence:
    """Return the words of the sentence in which a label stands, in small letters, without those of the label."""
    page = reader.page
    text = page.text
    low = max(0, hit.start - _REACH, page.block_start(hit.start), reader.turn(hit.start))
    high = min(len(text), hit.end + _REACH, page.block_end(hit.start))
    ends = [match.end() for match in _END.finditer(text, low, high)]
    index = bisect_right(ends, hit.start)
    begin = ends[index - 1] if index else low
    end = next((one for one in ends[index:] if one > hit.end - 1), high)
    rest = text[hit.end : end]
    return _Sentence(
        before=_WORD.findall(text[begin : hit.start].lower()),
        behind=_WORD.findall(rest.lower()),
        is_question="?" in rest or "?" in text[hit.end : end + 1],
        is_announcing=rest.rstrip().endswith(":"),
    )
