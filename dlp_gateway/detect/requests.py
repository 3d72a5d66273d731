"""Whether a text asks its readers to send an identity document: requests, needs and polite words, by paragraph."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dlp_gateway.detect.request_text import TURNED, Places, documents_in, own_text, refusals_in
from dlp_gateway.detect.words import Role, Span, Words

#: How far a document may stand behind the request for it, or before it, in characters; a sentence or two.
_BEHIND: Final = 200
_BEFORE: Final = 60
_AT_ONCE: Final = 45
_SHORTEST: Final = 3  # letters; "ne" and "no" behind a request turn nothing round
#: How far behind a request the copy may stand that is asked for.
_COPIED: Final = 60
_COPY: Final = 4  # letters of "scan"; words such as "no" are shorter
_YOURS: Final = frozenset({"your", "yours", "votre", "ihre", "ihren"})
_NUMBERS: Final = re.compile(r"(?:num|nr|no|det|you|ihre|votre|vos|deine)\w*", re.IGNORECASE)
#: What a request is for, where no document is: "… please send your registration".
_OBJECT: Final = re.compile(
    r"\s{1,2}(?:me |us |uns |mir |ons )?(?:the|your|ur|an?|ihren?|deinen?|den|die|das|einen?|votre|vos|les?|la|une?|su"
    r"|el|un|uno|los|las|tu|il|uw|je|het|een|os?|as?|uma?|sua|seu|with (?:the|your|an?))\s+[a-z]{3,}",
    re.IGNORECASE,
)
#: What stands before a document that is but the matter of what is asked for.
_ABOUT: Final = re.compile(
    r"\b(?:for|about|regarding|concerning|on|to|pour|concernant|sur|uber|fur|zum|zur|para|sobre|per|voor|over|dla)\s+"
    r"(?:the |a |an |your |la |le |el |l'|den |die |das |il |de |het |o )?\Z",
    re.IGNORECASE,
)
_STOP: Final = re.compile(r"[.!?:]+\)?(?:\s+|\Z)|\n")
#: What was spoken of, in a request: "send it", "mandarceli", "un foto davon".
_MEANT: Final = re.compile(
    r"\b(?:it|them|these|those|yours|theirs|both|same|one|davon|dessen|ihn|(?:sie|es) (?:mir|uns)|(?:me|nous) l[ae]s?"
    r"|m'en l[ae]s?|hem|ze|deze|\w{3,}(?:cel[aeoi]|mel[aeoi]s?|nosl[oa]s?|tel[aeoi]|enl[oa]s?|el[oa]s?)|go|je|ja)\b",
    re.IGNORECASE,
)
_WITHOUT: Final = re.compile(
    r"\b(?:without|w/o|ohne|sans|sin|senza|zonder|sem|bez|utan|uden|until)\b[^.!?\n]{0,24}\Z", re.IGNORECASE
)
_DONE: Final = re.compile(
    r"(?:attached|enclosed|sent|uploaded|emailed|mailed|forwarded|texted|returned|gesch\w+|gesend\w+|hochgeladen|gemaild?|gemailt|verzonden"
    r"|envoye|joint|jointe|adjunto|adjunta|enviad[oa]|allegat[oa]|inviat[oa]|enviei|mandei|anexo|wysl?l\w+|przesl?al\w+"
    r"|skickat|sendt)(?: .*)?",
    re.IGNORECASE,
)
_TO_BE: Final = re.compile(
    r"\b(?:be|get|got|have|werden|etre|ser|essere|zijn|byc|worden|with|and|or|as|to)\b", re.IGNORECASE
)
_MOST: Final = 400  # documents of a paragraph that the sentence behind them is read for
#: "If anyone asks for a passport, …"
_SUPPOSED: Final = re.compile(r"\b(?:if|should|wenn|falls|si|se|als|jesli|om|hvis)\b[^.!?,;:\n]*\Z", re.IGNORECASE)
_PART: Final = re.compile(
    r"number|nummer|numero|numer\b|kopie|cop(?:y|ies)|scan|photo|foto|picture|\bno\b|#", re.IGNORECASE
)
_BLANK: Final = re.compile(r"_{4,}|\.{8,}|(?:_ ){4,}")
_FIELD: Final = 25  # how far behind its name the blank of a form begins
_SENTENCE: Final = re.compile(r"(?<!\bno)(?<!\b[DM]r)(?<!\bMrs)(?<!\bMs)(?<!\bSt)(?<!\bFr)(?<!\bHr)[.!?]\s+[A-Z]|;\s")
_ENDS: Final = frozenset(".;!?")
#: An empty line, but for one before the items of a list, which belong to what stands above them.
_PARAGRAPH: Final = re.compile(r"\n[ \t]*\n(?![ \t]*(?:[-*+~]|\[.?\]|\(?[0-9a-z][.)])[ \t])")
_ITEM: Final = re.compile(r"\n[ \t]*(?:[-*+~]|\[.?\]|\(?[0-9a-z][.)])[ \t]")
_ORDER: Final = re.compile(
    r"(?:send|e[ -]?mail|mail|forward|upload|attach|submit|fax|text|scan|share|provide|return|drop|include|enclose)"
    r"(?: (?:me|us|over|back|in|along|through))?",
    re.IGNORECASE,
)
_BEGINS: Final = re.compile(r"(?:\A|[.!?:]\s+|\n[ \t]*(?:[-*+]|\(?[0-9a-z][.)])?[ \t]*)\Z")
#: How far a word by which the reader is asked may stand from what he is to do.
_ASKED_NEAR: Final = 90
_IF: Final = re.compile(
    r"\b(?:if|whether|when|once|until|as soon as|wenn|falls|ob|sobald|si|quand|lorsque|cuando|se|quando|als|zodra"
    r"|jesli|gdy|om|hvis)\b",
    re.IGNORECASE,
)


def asks(words: Mapping[Role, Words], text: str) -> bool:
    """Tell whether a request and a document stand near each other, in one paragraph that is not quoted."""
    own = own_text(text)
    paragraphs = filter(str.strip, _PARAGRAPH.split(own))
    return any(_paragraph_asks(words, paragraph) for paragraph in paragraphs) or _is_blank_form(words, own)


def _is_blank_form(words: Mapping[Role, Words], text: str) -> bool:
    """Tell whether a line for a document's number is to be filled in, and the page to be sent back."""
    blanks = [blank.start() for blank in _BLANK.finditer(text)]
    if not blanks or next(words[Role.REQUEST].spans(text), None) is None:
        return False
    return any(0 <= blank - document.end <= _FIELD for document in words[Role.DOCUMENT].spans(text) for blank in blanks)


def _paragraph_asks(words: Mapping[Role, Words], text: str) -> bool:
    documents = documents_in(words, text)
    if not documents:
        return False
    paragraph = _Paragraph(
        text=text,
        words=words,
        documents=Places(documents),
        copies=Places(words[Role.COPY].spans(text)),
        wanted=Places((*words[Role.NEED].spans(text), *words[Role.OTHERWISE].spans(text))),
        offered=Places(words[Role.OFFERED].spans(text)),
        refusals=Places(refusals_in(words, text)),
        presented=Places(words[Role.PRESENTED].spans(text)),
    )
    return paragraph.asks_outright() or paragraph.asks_politely() or paragraph.needs() or paragraph.asks_then()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Paragraph:
    """A paragraph that names documents, and what stands in it."""

    text: str
    words: Mapping[Role, Words]
    documents: Places
    copies: Places
    wanted: Places
    offered: Places
    refusals: Places
    presented: Places

    def asks_outright(self) -> bool:
        """Tell whether a phrase that asks by itself stands near a document."""
        for request in self.words[Role.REQUEST].spans(self.text):
            near = self.documents.between(request.start - _BEHIND, request.end + _BEHIND)
            if not near or self._is_turned(request) or _SENTENCE.search(self.text, request.start, request.end):
                continue
            if any(
                _near(request, document, self.text)
                and not self._is_shown(document, request)
                and not self._is_another(request, document)
                for document in near
            ):
                return True
            behind = self.copies.between(request.start, request.start + _COPIED)
            if any(self._is_picture(copy) for copy in behind) and any(
                document.end <= request.start and not self.refusals.between(document.start - TURNED, request.start)
                for document in near
            ):
                return True  # "The insurer must see your licence. Would you scan front and back and mail it?"
        return False

    def asks_politely(self) -> bool:
        """Tell whether a word of asking and one of sending stand in a sentence with a copy of a document."""
        polite = Places(self.words[Role.POLITE].spans(self.text))
        for sending in self.words[Role.SENDING].spans(self.text):
            near = self.documents.between(sending.start - _BEFORE, sending.end + _BEHIND)
            if not near or self._is_turned(sending) or self._is_done(sending):
                continue
            asking = polite.between(sending.start - _ASKED_NEAR, sending.end + _ASKED_NEAR)
            if not self._is_imperative(sending) and not any(
                _in_one_sentence(word, sending, self.text) and not self._is_turned(word) for word in asking
            ):
                continue
            for document in near:
                if (
                    self._is_copied(sending, document)
                    and not self._is_another(sending, document)
                    and _in_one_sentence(sending, document, self.text)
                    and not _IF.search(self.text, sending.end, document.start)
                ):
                    return True
        return False

    def asks_then(self) -> bool:
        """Tell whether a sentence names a document and the next asks for it: "I have no ID. Reply with a picture"."""
        requests = Places(self.words[Role.REQUEST].spans(self.text))
        for document in self.documents.all()[:_MOST]:
            end = _STOP.search(self.text, document.end, document.end + _BEHIND)
            if end is None or self._is_against(document, end.start()):
                continue
            stop = _STOP.search(self.text, end.end(), end.end() + _BEHIND)
            high = stop.start() + 1 if stop else min(len(self.text), end.end() + _BEHIND)
            if self._wants(document, end.start()) and self._wishes(end.end(), high):
                return True
            for asked in requests.between(end.end(), high):
                if self._is_turned(asked) or self._is_elsewhere(asked, high):
                    continue
                if _MEANT.search(self.text, end.end(), high) or self._pictures(asked.start, high):
                    return True
                if self._wants(document, end.start()):
                    return True
        return False

    def _wants(self, document: Span, end: int) -> bool:
        """Tell whether the document is needed or missing, in its sentence, which ends at `end`."""
        if _WITHOUT.search(self.text, max(0, document.start - TURNED), document.start):
            return True
        needed = self.wanted.between(max(0, document.start - _BEHIND // 2), end)
        return any(_STOP.search(self.text, need.end, document.start) is None for need in needed)

    def _wishes(self, low: int, high: int) -> bool:
        """Tell whether a sentence speaks of a picture, and of sending it or politely: "A scan by mail is fine"."""
        if not self._pictures(low, high) or self.refusals.between(low, high) or self.offered.between(low, high):
            return False
        said = self.text[low:high]
        return any(next(self.words[role].spans(said), None) is not None for role in (Role.SENDING, Role.POLITE))

    def _is_against(self, document: Span, end: int) -> bool:
        """Tell whether what is said of the document speaks against its being asked for."""
        low = max(0, document.start - _BEHIND)
        for stop in _STOP.finditer(self.text, low, document.start):
            low = stop.end()
        if self.presented.between(low, end) or self.offered.between(low, end):
            return True
        lacking = _WITHOUT.search(self.text, low, document.start)  # "without ID I cannot release it"
        return lacking is None and bool(self.refusals.between(low, end))

    def _is_elsewhere(self, asked: Span, high: int) -> bool:
        """Tell whether the request has an object of its own that is no copy."""
        return _OBJECT.match(self.text, asked.end) is not None and not self._pictures(
            asked.start, min(high, asked.end + TURNED)
        )

    def _is_done(self, sending: Span) -> bool:
        """Tell whether something has been sent, and nothing is to be: "attached", but not "to be attached"."""
        done = _DONE.fullmatch(self.text, sending.start, sending.end) is not None
        return done and _TO_BE.search(self.text, max(0, sending.start - TURNED // 2), sending.start) is None

    def needs(self) -> bool:
        """Tell whether a copy of a document is needed or missing."""
        for need in self.words[Role.NEED].spans(self.text):
            near = self.documents.between(need.start - _BEHIND, need.end + _BEHIND)
            if (
                not near
                or self._is_turned(need)
                or _SUPPOSED.search(self.text, max(0, need.start - TURNED), need.start)
            ):
                continue
            if any(self._is_copied(need, document) for document in near):
                return True
            behind = self.copies.between(need.start, need.end + _AT_ONCE)
            copied = (copy for copy in behind if self.text[copy.start : copy.end].lower() not in _YOURS)
            if any(copy.end - copy.start >= _COPY for copy in copied) and any(d.end <= need.start for d in near):
                return True  # "Your licence photo is old. Could we trouble you for a new scan?"
        return False

    def _is_copied(self, asked: Span, document: Span) -> bool:
        """Tell whether a copy, a number or "your" stands with the document, which is not only to be shown."""
        low, high = min(asked.start, document.start), max(asked.end, document.end)
        if not self.copies.between(low - _COPIED // 3, high + _COPIED) and not self._names_copy(document):
            return False
        return not self.presented.between(low - TURNED, high + TURNED) and _near(asked, document, self.text)

    def _is_picture(self, copy: Span) -> bool:
        """Tell whether what is sent is the document itself, not "your number"."""
        return copy.end - copy.start >= _COPY and _NUMBERS.fullmatch(self.text, copy.start, copy.end) is None

    def _is_another(self, request: Span, document: Span) -> bool:
        """Tell whether something else is asked for: "send me the opening hours for the passport"."""
        if document.start >= request.end:
            return _ABOUT.search(self.text, request.end, document.start) is not None and not self._pictures(
                request.end, document.start
            )
        return (
            document.end <= request.start
            and _OBJECT.match(self.text, request.end) is not None
            and not self._pictures(request.end, request.end + _COPIED // 2)
        )

    def _pictures(self, low: int, high: int) -> bool:
        return any(map(self._is_picture, self.copies.between(low, high)))

    def _names_copy(self, document: Span) -> bool:
        """Tell whether the word for the document is that for its number or its copy: "Passnummer"."""
        return _PART.search(self.text, document.start, document.end) is not None

    def _is_imperative(self, sending: Span) -> bool:
        """Tell whether a sentence or an item begins with an order in English: "Fax or mail a copy of …"."""
        begins = _BEGINS.search(self.text, max(0, sending.start - _BEFORE), sending.start) is not None
        return begins and _ORDER.fullmatch(self.text, sending.start, sending.end) is not None

    def _is_shown(self, document: Span, request: Span) -> bool:
        """Tell whether a document before the request is one that is shown: "IDs are checked at the door, please …"."""
        return document.end <= request.start and bool(self.presented.between(document.start - TURNED, request.start))

    def _is_turned(self, asked: Span) -> bool:
        near = self.refusals.between(asked.start - TURNED, asked.end + _AT_ONCE)
        return any(_turns(refusal, asked, self.text) for refusal in near)


def _turns(refusal: Span, request: Span, paragraph: str) -> bool:
    """Whether a word makes the request its opposite: before it, or right behind it as in "senden Sie keine Kopie"."""
    if refusal.start < request.end:
        between = paragraph[refusal.end : request.start]
        return request.start - refusal.start <= TURNED and _ENDS.isdisjoint(between)
    between = paragraph[request.end : refusal.start]
    return len(between) <= _AT_ONCE and _ENDS.isdisjoint(between) and refusal.end - refusal.start > _SHORTEST


def _in_one_sentence(one: Span, other: Span, paragraph: str) -> bool:
    first, second = sorted((one, other), key=lambda span: span.start)
    between = paragraph[first.end : max(first.end, second.start) + 1]
    return _SENTENCE.search(between) is None and (":" in between or _ITEM.search(between) is None)


def _near(request: Span, document: Span, paragraph: str) -> bool:
    """Whether the document stands behind the request, or a little before it in the same sentence."""
    if document.start >= request.start:
        between = paragraph[request.end : document.start + 1]  # with the letter that begins another sentence
        return len(between) <= _BEHIND and _SENTENCE.search(between) is None
    between = paragraph[document.end : request.start]
    supposed = _IF.search(
        paragraph, max(0, document.start - TURNED), document.start
    )  # "if you have lost your passport, …"
    return len(between) <= _BEFORE and _ENDS.isdisjoint(between) and supposed is None
