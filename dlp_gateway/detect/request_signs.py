"""Signs that a document is asked for, or is not: what stands in its sentence, above it and behind it.

A sign is a place and what stands there, "own:need", "next:channel". What each weighs is said in `requests`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from dlp_gateway.detect import request_forms as forms
from dlp_gateway.detect.request_text import Places, Sentence, documents_in, refusals_in, sentences
from dlp_gateway.detect.words import Role, Span, Words

#: Documents of one text that are looked at, and of one sentence.
_MOST: Final = 400
_MOST_OF_SENTENCE: Final = 12
_ROLES: Final = (
    Role.REQUEST,
    Role.NEED,
    Role.POLITE,
    Role.SENDING,
    Role.OTHERWISE,
    Role.OFFERED,
    Role.PRESENTED,
    Role.COPY,
    Role.CHANNEL,
    Role.DEADLINE,
    Role.READER,
    Role.WRITER,
    Role.TOLD,
    Role.WARNING,
    Role.POSSESSION,
)
#: What weighs wherever it stands in a mail.
_ANYWHERE: Final = (Role.TOLD, Role.WARNING, Role.PRESENTED, Role.OFFERED, Role.DEADLINE, Role.POSSESSION)
_TURNED: Final = (Role.REQUEST, Role.NEED, Role.SENDING, Role.COPY, Role.CHANNEL)
#: How far before what is asked a word may stand that turns it round, and how far behind.
_TURNED_BEFORE: Final = 40
_TURNED_BEHIND: Final = 45
#: What is left out of a sentence that says no.
_ASKING: Final = frozenset(
    b"request need sending copy channel polite clitic begins otherwise address deadline".decode().split()
)


_LONG: Final = 40  # characters of a phrase for another document
_AIMED: Final = 40  # characters from the word that asks to what is asked for
_SHORT: Final = 60  # characters of a sentence
_BEHIND: Final = 50  # characters behind a document that are read
_COPIED: Final = 40  # characters between a document and the copy of it
_TOLD: Final = 120  # characters between documents and the number of one
_ARTICLE: Final = 6  # characters before a document that begins its sentence
_FEW: Final = 3  # sentences of a mail
_BEGINNING: Final = 16  # characters within which an order begins


def signs_in(words: Mapping[Role, Words], text: str) -> Iterator[frozenset[str]]:
    """Yield the signs around each sentence of a writer's own text (see `own_text`) that names a document."""
    documents = documents_in(words, text)[:_MOST]
    if documents:
        yield from _Page(words, text, documents).signs()


class _Page:
    """A writer's own text, and what stands in it."""

    def __init__(self, words: Mapping[Role, Words], text: str, documents: Sequence[Span]) -> None:
        self.text = text
        self.sentences = sentences(text)
        self.documents = Places(documents)
        self.places = {role: Places(words[role].spans(text)) for role in _ROLES}
        others = Places(words[Role.OTHER_DOCUMENT].spans(text))
        self.places[Role.COPY] = Places(
            copy
            for copy in self.places[Role.COPY].all()  # not the number of an order
            if not any(other.end > copy.start for other in others.between(copy.start - _LONG, copy.start))
        )
        self.refusals = Places(refusals_in(words, text))
        self.another = any(forms.OTHER_LICENCE.search(text, other.start, other.end) for other in others.all())
        self._said: dict[int, frozenset[str]] = {}

    def signs(self) -> Iterator[frozenset[str]]:
        anywhere = {f"any:{role}" for role in _ANYWHERE if self.places[role].all()}
        if self.refusals.all():
            anywhere.add("any:refusal")
        if forms.ADDRESS.search(self.text):
            anywhere.add("any:address")
        if len(self.sentences) <= _FEW:
            anywhere.add("few")
        for number, sentence in enumerate(self.sentences):
            documents = self.documents.between(sentence.start, sentence.end - 1)[:_MOST_OF_SENTENCE]
            if documents:
                yield frozenset(anywhere | self._around(number, documents))

    def _around(self, number: int, documents: Sequence[Span]) -> set[str]:
        sentence = self.sentences[number]
        own = self.said(number)
        signs = self._of_sentence(sentence, documents)
        for one in documents:
            signs |= self._of_document(sentence, one)
        if "sure" not in signs:
            signs |= {"weak"} | ({"weak:another"} if self.another else set())
        if "denied" in own:
            signs -= {"copy-of", "missing", "yours"}
        if sentence.heading is not None:  # what is said above a list is said of each item
            head = self.said(sentence.heading)
            signs |= {"item", *(f"head:{said}" for said in head)}
            own = own - {_level(own)} | {min(_level(own), _level(head), key=_LEVELS.index)}
        level, copied = _level(own), "copy" in own or "copy-of" in signs
        if level == "asks" and not copied and "astray" in own and "aimed" not in own:
            level = "strays"
        signs |= {_with_copy(f"own:{level}", copied=copied), *(f"own:{said}" for said in own if said not in _LEVELS)}
        signs |= _together(own, signs, level=level, copied=copied)
        above = (sentence.heading if sentence.heading is not None else number) - 1
        if above >= 0:
            signs |= {f"prev:{said}" for said in self.said(above)}
        for place, behind in zip(("next", "then"), self._behind(number), strict=False):
            asked, needed = level in {"asks", "strays"}, "need" in own or "missing" in signs
            signs |= _follows(place, self.said(behind), asked=asked, needed=needed)
        if "denied" not in own and any(sign in signs for sign in _NEAR):
            signs.add("near:asks")
        return signs

    def _of_sentence(self, sentence: Sentence, documents: Sequence[Span]) -> set[str]:
        signs = {"another"} if self.another else set()
        if forms.NUMBER.search(self.text[documents[0].end : min(sentence.end, documents[-1].end + _TOLD)]):
            signs.add("given")
        if len(documents) > 1:
            signs.add("several")
        if len(self.text[sentence.start : sentence.end].strip()) < _SHORT:
            signs.add("short")
        return signs

    def _of_document(self, sentence: Sentence, one: Span) -> set[str]:
        before = self.text[max(sentence.start, one.start - _SHORT) : one.start]
        behind = self.text[one.end : min(sentence.end, one.end + _BEHIND)]
        word = self.text[one.start : one.end]
        copies = self.places[Role.COPY].between(max(sentence.start, one.start - _COPIED), one.end + _COPIED)
        stands = {
            "yours": forms.YOURS.search(before) or forms.YOURS_WITHIN.search(word),
            "copy-of": any(copy.end <= min(sentence.end, one.end + _COPIED) for copy in copies),
            "mine": forms.MINE.search(before),
            "about": forms.ABOUT.search(before),
            "blank": forms.BLANK.search(self.text[one.end : one.end + _BEHIND]),
            "missing": forms.MISSING.search(before) or forms.MISSED.search(behind),
            "begins": one.start - sentence.start < _ARTICLE,
            "sure": not forms.WEAK.search(word.strip()),
        }
        return {sign for sign, is_so in stands.items() if is_so}

    def _behind(self, number: int) -> Iterator[int]:
        """Yield the numbers of the next two sentences; behind an item, of those below its list."""
        heading = self.sentences[number].heading
        number += 1
        while heading is not None and number < len(self.sentences) and self.sentences[number].heading == heading:
            number += 1
        yield from range(number, min(number + 2, len(self.sentences)))

    def said(self, number: int) -> frozenset[str]:
        """Return what stands in a sentence: roles of words, forms, and one of `_LEVELS`."""
        if number not in self._said:
            self._said[number] = self._read(self.sentences[number])
        return self._said[number]

    def _read(self, sentence: Sentence) -> frozenset[str]:
        low, high = sentence.start, sentence.end
        text = self.text[low:high]
        spans = {role: self._within(self.places[role], sentence) for role in _ROLES}
        said = {str(role) for role in _ROLES if spans[role]}
        refusals = self._within(self.refusals, sentence)
        said |= {name for name, form in _FORMS.items() if form.search(text)}
        if "date" in said:
            said = said - {"date"} | {"deadline"}
        if "?" in text[-4:]:
            said.add("question")
        if ":" in text:
            said.add("colon")
        first = len(text) - len(text.lstrip(" \n\t-*+~0123456789.)("))
        if forms.BEGINS_WITH_DEED.search(text[first : first + 30]):
            said.add("own-deed")
        elif any(span.start - low - first < _BEGINNING for span in spans[Role.SENDING]):
            said.add("begins")
        said |= self._aims(spans, sentence)
        if "supposed" in said:  # "if anybody asks you for it, tell me"
            return frozenset(said - _ASKING - {"supposed"} | {"denied", "silent"})
        if refusals:
            said.add("refusal")
            if self._is_turned(refusals, spans):
                if not forms.LACKING.search(text):
                    return frozenset(said - _ASKING | {"denied", "silent"})
                said.add("turned")
        return frozenset(said | _asking(said))

    def _aims(self, spans: Mapping[Role, Sequence[Span]], sentence: Sentence) -> set[str]:
        """Tell whether what is asked for stands behind the word that asks, and whether it is a document or a copy."""
        aims: set[str] = set()
        for asked in (*spans[Role.REQUEST], *spans[Role.SENDING], *spans[Role.NEED]):
            high = min(asked.end + _AIMED, sentence.end - 1)
            documents = self.documents.between(asked.start + 1, high)
            meant = any(not forms.ABOUT.search(self.text[asked.end : one.start]) for one in documents)
            if meant or self.places[Role.COPY].between(asked.start + 1, high):
                aims.add("aimed")
            elif forms.OBJECT.search(self.text[asked.end : asked.end + 2 * _AIMED]):
                aims.add("astray")
        return aims

    @staticmethod
    def _within(places: Places, sentence: Sentence) -> list[Span]:
        return [span for span in places.between(sentence.start, sentence.end - 1) if span.end <= sentence.end]

    @staticmethod
    def _is_turned(refusals: Sequence[Span], spans: Mapping[Role, Sequence[Span]]) -> bool:
        """Whether a refusal stands right before or behind something that is asked for."""
        starts = Places(refusals)
        asked = (span for role in _TURNED for span in spans[role])
        return any(
            starts.between(span.start - _TURNED_BEFORE, span.start - 1)
            or starts.between(span.end, span.end + _TURNED_BEHIND)
            for span in asked
        )


_FORMS: Final = {
    "address": forms.ADDRESS,
    "clitic": forms.CLITIC,
    "date": forms.DATE,
    "if": forms.IF,
    "own-deed": forms.OWN_DEED,
    "meant": forms.MEANT,
    "supposed": forms.SUPPOSED,
}
#: How a sentence asks: outright, by a need, only by a way to send something, or not at all.
_LEVELS: Final = ("asks", "needs", "ways", "silent")
#: The sentence of the document asks, or the line above its list, or one of the two sentences behind it.
_NEAR: Final = tuple(f"{place}:asks{copy}" for place in ("own", "next", "then") for copy in ("", "+copy"))


def _asking(said: set[str]) -> set[str]:
    needs = not said.isdisjoint(("need", "otherwise"))
    ways = not said.isdisjoint(("sending", "channel", "address"))
    asks = (
        not said.isdisjoint(("request", "clitic", "begins"))
        or {"polite", "sending"} <= said
        or {"sending", "writer", "question"} <= said
    )
    level = {"asks"} if asks else {"needs"} if needs else {"ways"} if ways else {"silent"}
    return level | ({"asks-and-needs"} if asks and needs else set()) | ({"way"} if ways else set())


def _level(said: frozenset[str]) -> str:
    return next(level for level in _LEVELS if level in said)


def _with_copy(sign: str, *, copied: bool) -> str:
    return f"{sign}+copy" if copied else sign


def _together(own: frozenset[str], signs: set[str], *, level: str, copied: bool) -> set[str]:
    """Return what weighs otherwise together than each by itself."""
    pairs = {
        "copied:missing": copied and "missing" in signs,
        "copied:yours": copied and "yours" in signs,
        "copied:deadline": copied and "deadline" in own,
        "copied:channel": copied and not own.isdisjoint(("channel", "address")),
        "about:bare": not copied and "about" in signs,
        "presented:bare": not copied and "presented" in own,
        "asks:offered": level == "asks" and "offered" in own,
        "asks:turned": level == "asks" and "turned" in own,
        "asks:mine": level == "asks" and "mine" in signs and "writer" in own,
        "offered:mine": "offered" in own and "mine" in signs,
        "refused:missing": "refusal" in own and "missing" in signs,
    }
    return {sign for sign, is_so in pairs.items() if is_so}


def _follows(place: str, said: frozenset[str], *, asked: bool, needed: bool) -> set[str]:
    """Return the signs in a sentence behind that of the document, which `asked` itself or told that it is `needed`."""
    level = _level(said)
    signs = {_with_copy(f"{place}:{level}", copied="copy" in said)}
    signs |= {f"{place}:{one}" for one in said if one not in _LEVELS}
    if level == "asks":
        if "meant" in said:
            signs.add(f"{place}:asks-it")
        elif "astray" in said and "aimed" not in said:
            signs.add(f"{place}:asks-other")
        if not asked and "turned" not in said:
            signs.add(f"{place}:asks-now")
        if needed:
            signs.add(f"{place}:needed-asks")
    return signs
