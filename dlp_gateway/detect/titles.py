"""Labels that stand over a part: its subject, the name of its file, the sentence that announces it as attached.

"Passport number" as the subject, and in the mail "533401372": the label owns the numbers that stand bare there, or
beside names. The nearest says: what the file is called, then what the text says of what is attached, then the subject.
A file has to hold hardly anything else. Nothing is done unless such a label stands somewhere.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Final

from dlp_gateway.content.text import Text
from dlp_gateway.detect.folding import fold
from dlp_gateway.detect.introductions import is_heading, names_number, says
from dlp_gateway.detect.labels import OTHER, Hit, Strength, is_noun
from dlp_gateway.detect.lists import ITEMS, announces_nothing, head_of_table, is_dated, is_name, items, quoted
from dlp_gateway.detect.ownership import Reader
from dlp_gateway.detect.shapes import Run, compact
from dlp_gateway.detect.span import Span
from dlp_gateway.detect.walk import Owner, Relation

if TYPE_CHECKING:
    from dlp_gateway.detect.recognition import Recognition

_SUBJECT: Final = "header:Subject"
_PART: Final = "part:"
_NAME: Final = ".filename"
#: What answers and forwarded mails begin their subjects with.
_ANSWER: Final = re.compile(
    r"(?:(?:re|aw|sv|vs|antw|odp|r|rif|res|ref|fwd?|wg|tr|i|enc)(?:\[\d+\])? ?: ?)+", re.IGNORECASE
)
_JOINT: Final = re.compile(r"[_+]|(?<=[a-z])-(?=[a-z])|(?<=[A-Za-z])\.(?=[A-Za-z])", re.IGNORECASE)
_EXTENSION: Final = re.compile(r"\.[A-Za-z0-9]{1,5}\Z")
_FIGURES: Final = re.compile(r"\d(?:\W?\d){3}|[A-Z]\d\w{5}")
_SENTENCE_END: Final = re.compile(r"[.!?;]\s+(?=\S)|\n\s*\n")
_SHORT: Final = 1_500  # characters of a mail that does hardly more than tell the number
_READ: Final = 400_000  # characters of a part
_ANNOUNCED: Final = 20_000  # characters of a text that may announce a file
_SENTENCE: Final = 200
_BESIDE: Final = 10
_OF_OTHERS: Final = 4  # items for each line of a file that is none
#: What a program writes beside the text of a document, in paragraphs of their own: who made it, when, with what.
_NOTED: Final = re.compile(r"(?!.*[a-z]{2}[.!?](?:\s|\Z)).{1,80}(?<!:)\Z")
_NOTES: Final = 60  # lines of them
#: The version of a program, and how many words it counted.
_VERSION: Final = re.compile(r"\d{1,3}\.\d{4}")
_COUNT: Final = re.compile(r"\d{1,6}")
_PASSPORT: Final = range(8, 10)  # figures of a passport's number without letters


def titled(
    recognition: "Recognition", texts: Sequence[Text], speaks: Callable[[int], bool]
) -> Iterator[tuple[Text, Iterator[Span]]]:
    """Yield the parts that a label stands over, with the numbers that it owns.

    `speaks` tells whether the text at a place in `texts` has a label of an identifier in it at all.
    """
    labelled = [text for index, text in enumerate(texts) if speaks(index)]
    if labelled:
        over = _Titles(recognition, texts, labelled)
        for text in texts:
            title, is_file = over.of(text)
            if title:
                yield text, under(recognition, title, text.text, is_file=is_file)


class _Titles:
    """The labels that stand over parts of a message; each is looked for once, when it is asked for."""

    def __init__(self, recognition: "Recognition", texts: Sequence[Text], labelled: Sequence[Text]) -> None:
        self._recognition = recognition
        self._labelled = labelled
        named = (text for text in texts if text.where.endswith(_NAME))
        self._names = {text.where.removeprefix(_PART).removesuffix(_NAME): text.text for text in named}
        self._told: dict[str, str] = {}

    def of(self, text: Text) -> tuple[str, bool]:
        """Return the label over a part, or "", and whether the part is a file."""
        path = text.where.removeprefix(_PART)
        if path == text.where or text.where.endswith(_NAME) or _FIGURES.search(text.text) is None:
            return "", False
        while path and path not in self._names:
            path = path.rpartition(".")[0]
        if not path:
            return self._subject, False
        told = self._of_name(self._names[path])
        return ("" if told == OTHER else told or self._announced or self._subject), True

    def _of_name(self, name: str) -> str:
        if name not in self._told:
            self._told[name] = title(self._recognition, _JOINT.sub(" ", _EXTENSION.sub("", fold(name[-200:]).text)))
        return self._told[name]

    @cached_property
    def _subject(self) -> str:
        told = (_of_subject(self._recognition, text.text) for text in self._labelled if text.where == _SUBJECT)
        return next((one for one in told if one not in {"", OTHER}), "")

    @cached_property
    def _announced(self) -> str:
        bodies = (text.text for text in self._labelled if self._is_body(text.where))
        return next(filter(None, (announced(self._recognition, text) for text in bodies)), "")

    def _is_body(self, where: str) -> bool:
        return where.startswith(_PART) and where.removeprefix(_PART) not in self._names and not where.endswith(_NAME)


def _of_subject(recognition: "Recognition", subject: str) -> str:
    folded = " ".join(fold(subject[:300]).text.split())
    answer = _ANSWER.match(folded)
    return title(recognition, folded[answer.end() :] if answer else folded, answered=answer is not None)


def title(recognition: "Recognition", text: str, *, answered: bool = False) -> str:
    """Return the label that a folded line is about; `OTHER` if that is another matter, "" if it is none."""
    reader, _ = recognition.opened(text)
    if says(text, reader.grammar.headings.handling):
        return OTHER
    for hit in reader.hits.where(lambda label: label.owns not in {OTHER, "DATE_OF_BIRTH"}):
        if _is_sure(hit) and is_heading(reader, hit, 0, len(text), answered=answered):
            return text[hit.start : hit.end].strip()
    return OTHER if any(hit.label.owns == OTHER and not is_noun(hit) for hit in reader.hits) else ""


def _is_sure(hit: Hit) -> bool:
    return hit.label.strength is not Strength.WEAK


def announced(recognition: "Recognition", text: str) -> str:
    """Return the label of what a text says is attached, or ""."""
    folded = fold(text[:_ANNOUNCED]).text
    words = recognition.attached
    if words.search(folded) is None:
        return ""
    reader, _ = recognition.opened(folded)
    negations = reader.grammar.headings.negations
    for found in words.finditer(folded):
        low, high = _sentence(reader, found.start())
        others = [
            hit
            for hit in reader.hits.within(low, high)
            if hit.label.owns == OTHER
            and not is_noun(hit)
            and not (found.start() - _BESIDE <= hit.start <= found.end() + _BESIDE)
        ]
        for hit in reader.hits.within(low, high):
            if hit.label.owns in {OTHER, "DATE_OF_BIRTH"} or not _is_sure(hit) or others or reader.page.quoted(low):
                continue
            if is_heading(reader, hit, low, high) and not says(folded[low:high], negations):
                return folded[hit.start : hit.end].strip()
    return ""


def _sentence(reader: Reader, place: int) -> tuple[int, int]:
    """Return where the sentence at `place` begins and ends."""
    text = reader.page.text
    low, high = max(0, place - _SENTENCE, reader.page.block_start(place)), min(len(text), place + _SENTENCE)
    high = min(high, reader.page.block_end(place))
    for end in _SENTENCE_END.finditer(text, low, high):
        if end.end() <= place:
            low = end.end()
        else:
            high = end.start()
            break
    return low, high


def under(recognition: "Recognition", title: str, text: str, *, is_file: bool) -> Iterator[Span]:
    """Yield the numbers of a part that a label over it owns: those that stand bare, or beside names."""
    lead = f"{title}:\n\n"
    folded = fold(lead + text[:_READ])
    reader, context = recognition.opened(folded.text)
    hit = next(reader.hits.within(0, len(title)), None)
    if hit is None or hit.label.owns == OTHER:
        return
    owner = Owner(label=hit.label, relation=Relation.TITLE, announced=True, hit=hit)
    for run in _Part(reader, hit, len(lead), is_file=is_file).bare():
        for span in recognition.judged(run, owner, folded.text, context):
            if not recognition.is_of_any_country(span.rule) and _is_exact(span, folded.text):
                start, end = folded.span(span.start, span.end)
                yield Span(
                    start=start - len(lead), end=end - len(lead), type=span.type, country=span.country,
                    score=span.score, rule=span.rule, why=span.why,
                )  # fmt: skip


def _is_exact(span: Span, text: str) -> bool:
    """Tell whether figures alone are as many as numbers of the kind have, and no number to be called."""
    value = compact(text[span.start : span.end])
    if not value.isdigit() or span.type not in {"PASSPORT", "DRIVER_LICENSE"}:
        return True
    return value[0] != "0" and (span.type != "PASSPORT" or len(value) in _PASSPORT)


class _Part:
    """A part below its title, line by line."""

    def __init__(self, reader: Reader, hit: Hit, start: int, *, is_file: bool) -> None:
        self._reader, self._hit, self._start, self._is_file = reader, hit, start, is_file

    def bare(self) -> Sequence[Run]:
        """Return the numbers that stand bare or beside names; none where much else stands."""
        reader, text = self._reader, self._reader.page.text
        found: list[Run] = []
        lines = others = size = noted = notes = 0
        is_noted = self._is_file  # until the paragraph tells more than a note does; `noted` of its lines are others
        column: int | None = None
        named = names_number(reader, self._hit, 0, self._start)
        is_open = True  # until a line announces something else
        for low, high in islice(reader.page.lines_from(self._start - 1), ITEMS):
            line = text[low:high].strip()
            if not line:
                others -= noted
                noted, is_noted = 0, self._is_file and notes < _NOTES
                continue
            if not self._is_file and (reader.page.is_signature(low) or quoted(reader, low)):
                break
            size += len(line)
            if self._is_file and not lines and (head := head_of_table(reader, low, high)) and not others:
                column = head[0]
                continue
            numbers = items(reader, self._hit, low, high, column, listed=self._is_file, known=lines > 0)
            if is_noted and (_VERSION.fullmatch(line) or (noted and _COUNT.fullmatch(line))):
                numbers = ()
            if numbers and is_open:
                found += numbers if self._is_file or size <= _SHORT else ()
                noted, is_noted = 0, False
                lines += 1
                continue
            own = named and any(one.label.owns == self._hit.label.owns for one in reader.hits.within(low, high))
            if line.endswith(":") and announces_nothing(reader, line):
                continue  # "Here it is:": what the title says, if it is not said otherwise before
            is_own = own or is_name(line) or is_dated(reader, low, high)
            is_other = not is_own and not line.endswith((",", "!"))
            is_noted = is_noted and self._is_note(low, high)
            notes += is_other
            noted = noted + is_other if is_noted else 0
            others += is_other
            is_open = not line.endswith(":") if not numbers else is_open
        others -= noted
        if not named and others:
            return ()  # "Your passport", and whatever is said of it
        return found if not self._is_file or others * _OF_OTHERS <= max(lines, _OF_OTHERS) else ()

    def _is_note(self, low: int, high: int) -> bool:
        """Tell whether a line may be one of what is told of a document itself: no sentence, and of no other number."""
        if _NOTED.match(self._reader.page.text[low:high].strip()) is None:
            return False
        return all(one.label.owns != OTHER or is_noun(one) for one in self._reader.hits.within(low, high))
