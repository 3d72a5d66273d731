"""Signs that a document is asked for, or is not: what stands in its sentence, above it and behind it.

A sign is a place and what stands there, "own:need", "next:channel". What each weighs is said in `requests`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import re2

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


def _expression(pattern: str) -> "re2._Regexp[str]":
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    return re2.compile(pattern, options)


_ADDRESS: Final = _expression(r"[\w.+-]+@[\w-]+\.[\w.]+|https?://\S+|\bwww\.\S+")
#: Orders with their objects in one word, "envoyez-moi", "mandadme", "inviatecela", "pasámelos", "façam-mo".
_CLITIC: Final = _expression(
    r"\b(?:\w{2,}(?:ez|e|s|is)-(?:moi|nous|la|le|les|lui|l')"
    r"|\w{2,}(?:ad|ed|id|en|e|a)(?:me|nos)?l[oa]s?|\w{2,}(?:dme|dnos|enos|eme)"
    r"|\w{2,}(?:cel[aeoi]|mel[aeoi]|glil[aeoi]|mene|cene|temi|teci|ami|aci|imi|ici)"
    r"|\w{2,}-(?:me|nos|mo|ma|mos|mas|no-l[oa]s?|l[oa]s?))\b"
)
_DATE: Final = _expression(
    r"\b(?:by|until|till|before|latest|bis|vor|zum|avant|d'ici|au plus tard|entro|prima del|antes del?|hasta|ate|voor"
    r"|uiterlijk|do|przed|senast|fore|inden|senest)\s+(?:\w{1,12}\s+){0,2}\d"
)
_IF: Final = _expression(r"\b(?:if|whether|should|wenn|falls|ob|si|se|als|jesli|om|hvis|czy)\b")
#: With one of these, a refusal is that of the writer until he gets it: "still not", "no keys without", "who does not".
_LACKING: Final = _expression(
    r"\b(?:still|yet|noch|nach wie vor|bislang|bisher|encore|toujours|tant que|todavia|aun|hasta que|mientras|seguimos"
    r"|ancora|finche|tuttora|ainda|enquanto|jeszcze|wciaz|nadal|dopoki|annu|fortfarande|forran|nog|steeds|zolang|until"
    r"|unless|without|ohne|sans|sin|senza|zonder|sem|bez|utan|solange|bevor|before|solo|only|erst|sonst|otherwise|sinon"
    r"|altrimenti|anders|inaczej|annars|wer|quien|chi|wie|quem|qui|ceux|celui|kto|den som|whoever|anyone)\b"
)
#: The writer tells what he has done or will do.
_OWN_DEED: Final = _expression(
    r"\b(?:(?:i|we)(?:'ve|'ll|'m|'re| have| had| will| just| already| also| can| could| am| are){0,3}\s+(?:\w+\s+)?"
    r"(?:sent|send|sending|scann?\w*|attach\w*|upload\w*|email\w*|mail\w*|forward\w*|photocop\w*|saved?|receiv\w*|got"
    r"|check\w*|verif\w*|asked|enclose\w*|delete\w*|shred\w*)"
    r"|(?:ich|wir) hab\w*(?: \w+){0,6} (?:ge\w+|er\w+t|\w+ge\w+t|\w+ge\w+en|ver\w+t)|hab\w* (?:ich|wir) \w+"
    r"|(?:j'ai|nous avons|on a)(?: \w+){0,2} \w+[eu]s?|(?:ho|abbiamo) \w+(?:to|so)|(?:he|hemos) \w+[dt]o"
    r"|enviei|mandei|recebi|recebemos|enviamos|(?:te|le) (?:envio|mando|adjunto)|ti (?:invio|mando|allego)"
    r"|le (?:invio|allego)|\w+(?:lem|lam|lismy|lysmy)|(?:jag|vi) har|(?:heb|hebben) (?:ik|wij|we)"
    r"|(?:ik|wij|we) (?:heb|hebben)(?: \w+){0,5} ge\w+)\b"
)
#: What was spoken of: "send it", "mandarceli", "ein Foto davon".
_MEANT: Final = _expression(
    r"\b(?:it|them|these|those|yours|theirs|both|same|one|davon|dessen|ihn|eins|(?:sie|es|ihn) (?:mir|uns)"
    r"|(?:me|nous|moi) l[ae]s?|m'en|l[ae]s?-(?:moi|nous)|hem|ze|deze|'m|\w{3,}(?:cel[aeoi]|mel[aeoi]s?|nosl[oa]s?"
    r"|tel[aeoi]|enl[oa]s?)|lo|la|los|las|den|det|je|go|ihrs|deins|ton|tienne|votre|tuyo|suyo|mo|ma)\b"
)
#: What stands before a document …
_YOURS: Final = _expression(
    r"\b(?:your|yr|ur|everyone's|everybody's|each \w+'s|their|child's|ihre?[nmrs]?|dein\w*|eu(?:er|re\w*)|votre|vos|ton"
    r"|ta|tes|su|sus|tus?|vuestr\w+|suo|sua|suoi|tuo|tua|tuoi|vostr\w+|uw|je|jouw|jullie|seu|teu|vosso|din|ditt|dina|ert"
    r"|era|swoj\w*|twoj\w*|pan[ai]?|jed\w+|all\w*|every|each|chacun\w*|chaque|cada|todos|ogni|tutti|ieder\w*|elk\w*"
    r"|kazd\w+|alla|varje)\b[^.!?\n:;,]{0,30}\z"
)
_MINE: Final = _expression(
    r"\b(?:(?:my|our|mein\w*|unser\w*|mon|notre|nuestr\w+|mio|mia|miei|nostr\w+|mijn|m'n|onze|meu|minha|nosso|nossa"
    r"|moj\w*|nasz\w*|mitt|mina)\s+(?:\w+\s+)?|(?:mi|mis|ma|mes|min|nos|ons|var|vart|vara)\s+)\z"
)
_MISSING: Final = _expression(
    r"\b(?:without|no|ohne|kein\w*|sans|pas de|pas d'|aucun\w*|sin|senza|zonder|geen|sem|bez|brak|utan|uden|missing"
    r"|lack\w*|fehl\w*|manqu\w*|falt\w*|manca\w*|ontbreek\w*|ontbrek\w*|brakuj\w*|sakna\w*|mangler)\b[^.!?\n]{0,30}\z"
)
_ABOUT: Final = _expression(
    r"\b(?:for|about|regarding|concerning|on|pour|concernant|sur|uber|fur|zum|zur|bezuglich|para|sobre|per|voor|over"
    r"|dla|o|om|till)\s+(?:the |a |an |your |ihre[nmrs]? |la |le |l'|el |votre |il |den |die |das |de |het |o |sua? )?\z"
)
_SUPPOSED: Final = _expression(
    r"\b(?:if|should|when|wenn|falls|si|se|als|indien|jesli|jezeli|gdyby|om|hvis)\s+(?:\w+\s+)?(?:anyone|anybody|someone"
    r"|somebody|they|he|she|jemand|einer|man|quelqu'un|on (?:vous|te)|alguien|qualcuno|iemand|alguem|ktos|nagon|nogen)\b"
)
#: … and behind it.
_MISSED: Final = _expression(
    r"\A[^.!?\n]{0,40}\b(?:missing|outstanding|lacking|not on file|fehl\w*|manqu\w*|falt\w*|manca\w*|ontbreek\w*"
    r"|brakuj\w*|sakna\w*|mangler|needed|required|noch offen|steht noch aus)\b"
)
_BLANK: Final = _expression(r"_{3,}|\.{6,}|(?:_ ){3,}")
_NUMBER: Final = _expression(r"(?-i:(?:[A-Z]{0,5}[ -]?\d){6,})")
#: Words that may mean another document as well.
_WEAK: Final = _expression(
    r"\A(?:(?:the|your|ur|his|her|their|an?|new|renewed|valid|current) )*(?:licen[cs]es?|lic|permis|permit|documento?s?"
    r"|carta|id|ids|permess\w+|card|carnets?|carnes?|leg|legitimation\w*)\z"
)
_YOURS_WITHIN: Final = _expression(
    r"\A(?:your|yr|ur|dein\w*|ihre?n?|votre|ton|ta|tuo|tua|suo|sua|tu|su|uw|je|jouw|seu|sua|ditt)\b"
)
_OTHER_LICENCE: Final = _expression(
    r"\b(?:licen[cs]e|licen[cs]es|permit|permits|lizenz\w*|licenza|licencia|licenca|permis)\b"
)
_BEGINS_WITH_DEED: Final = _expression(
    r"\A(?:thank|attached|enclosed|sent|sending|i |we |he |she |they |my |anbei|danke|ci-joint|voici|adjunto|te envio"
    r"|le envio|envio|allego|in allegato|segue|bijgevoegd|hierbij|bifog)"
)
_LONG: Final = 40  # characters of a phrase for another document
#: What is asked for, right behind the word that asks: "send me your registration".
_OBJECT: Final = re.compile(
    r"(?: back| over| in)?\s{1,2}(?:me |us |uns |mir |nous |moi |nos |ons |mij )?(?:the|your|ur|an?|any|ihren?|deinen?|den|die|das|einen?|eine"
    r"|votre|vos|les?|la|l'|une?|sus?|el|los|las|tu|il|lo|i|gli|uw|je|het|een|de|os?|as?|uma?|sua|seu|ert?|ditt|en|ett"
    r"|only the|nur (?:die|den|das))\s+[a-z]{3,}",
    re.IGNORECASE,
)
_AIMED: Final = 40  # characters from the word that asks to what is asked for
_SHORT: Final = 60  # characters of a sentence
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
        self.another = any(_OTHER_LICENCE.search(text, other.start, other.end) for other in others.all())
        self._said: dict[int, frozenset[str]] = {}

    def signs(self) -> Iterator[frozenset[str]]:
        anywhere = {f"any:{role}" for role in _ANYWHERE if self.places[role].all()}
        if self.refusals.all():
            anywhere.add("any:refusal")
        if _ADDRESS.search(self.text):
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
        signs = self._of_documents(sentence, documents)
        if sentence.heading is not None:  # what is said above a list is said of each item
            head = self.said(sentence.heading)
            signs |= {"item", *(f"head:{said}" for said in head)}
            own = own - {_level(own)} | {min(_level(own), _level(head), key=_LEVELS.index)}
        if "denied" in own:
            signs -= {"copy-of", "missing", "yours"}
        level, copied = _level(own), "copy" in own or "copy-of" in signs
        signs.add(_with_copy(f"own:{level}", copied=copied))
        signs |= {f"own:{said}" for said in own if said not in _LEVELS}
        if copied:
            signs |= {f"copied:{sign}" for sign in ("missing", "yours") if sign in signs}
            signs |= {f"copied:{sign}" for sign in ("deadline",) if sign in own}
            if not own.isdisjoint(("channel", "address")):
                signs.add("copied:channel")
        if level == "asks":
            signs |= {f"asks:{sign}" for sign in ("offered", "turned") if sign in own}
            if "mine" in signs and "writer" in own:
                signs.add("asks:mine")
        if "about" in signs and not copied:
            signs.add("about:bare")
        if "presented" in own and not copied:
            signs.add("presented:bare")
        if level == "asks" and "astray" in own and "aimed" not in own:
            signs.add("astray:copied" if copied else "astray:bare")
        if "offered" in own and "mine" in signs:
            signs.add("offered:mine")
        if "refusal" in own and "missing" in signs:
            signs.add("refused:missing")
        above = (sentence.heading if sentence.heading is not None else number) - 1
        if above >= 0:
            signs |= {f"prev:{said}" for said in self.said(above)}
        needed = "need" in own or "missing" in signs
        for place, behind in zip(("next", "then"), self._behind(number), strict=False):
            signs |= self._follows(place, self.said(behind), asked=level == "asks", needed=needed)
        if "denied" not in own and any(sign.endswith((":asks", ":asks+copy")) for sign in signs):
            signs.add("near:asks")
        return signs

    def _of_documents(self, sentence: Sentence, documents: Sequence[Span]) -> set[str]:
        signs: set[str] = set()
        for one in documents:
            before = self.text[max(sentence.start, one.start - 60) : one.start]
            behind = self.text[one.end : min(sentence.end, one.end + 50)]
            word = self.text[one.start : one.end]
            if _YOURS.search(before) or _YOURS_WITHIN.search(word):
                signs.add("yours")
            copies = self.places[Role.COPY].between(max(sentence.start, one.start - 40), one.end + 35)
            if any(copy.end <= min(sentence.end, one.end + 35) for copy in copies):
                signs.add("copy-of")
            if _MINE.search(before):
                signs.add("mine")
            if _ABOUT.search(before):
                signs.add("about")
            if _BLANK.search(self.text[one.end : one.end + 40]):
                signs.add("blank")
            if _MISSING.search(before) or _MISSED.search(behind):
                signs.add("missing")
            if one.start - sentence.start < 6:  # noqa: PLR2004  characters, of a blank and an article
                signs.add("begins")
            if not _WEAK.search(word.strip()):
                signs.add("sure")
        if "sure" not in signs:
            signs.add("weak")
        if self.another:
            signs |= {"another"} | ({"weak:another"} if "weak" in signs else set())
        if _NUMBER.search(self.text[documents[0].end : min(sentence.end, documents[-1].end + 120)]):
            signs.add("given")
        if len(documents) > 1:
            signs.add("several")
        if len(self.text[sentence.start : sentence.end].strip()) < _SHORT:
            signs.add("short")
        return signs

    def _behind(self, number: int) -> Iterator[int]:
        """Yield the numbers of the next two sentences; behind an item, of those below its list."""
        heading = self.sentences[number].heading
        number += 1
        while heading is not None and number < len(self.sentences) and self.sentences[number].heading == heading:
            number += 1
        yield from range(number, min(number + 2, len(self.sentences)))

    @staticmethod
    def _follows(place: str, said: frozenset[str], *, asked: bool, needed: bool) -> set[str]:
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
        if _BEGINS_WITH_DEED.search(text[first : first + 30]):
            said.add("own-deed")
        elif any(span.start - low - first < _BEGINNING for span in spans[Role.SENDING]):
            said.add("begins")
        said |= self._aims(spans, sentence)
        if "supposed" in said:  # "if anybody asks you for it, tell me"
            return frozenset(said - _ASKING - {"supposed"} | {"denied", "silent"})
        if refusals:
            said.add("refusal")
            if self._is_turned(refusals, spans):
                if not _LACKING.search(text):
                    return frozenset(said - _ASKING | {"denied", "silent"})
                said.add("turned")
        return frozenset(said | _asking(said))

    def _aims(self, spans: Mapping[Role, Sequence[Span]], sentence: Sentence) -> set[str]:
        """Tell whether what is asked for stands behind the word that asks, and whether it is a document or a copy."""
        aims: set[str] = set()
        for asked in (*spans[Role.REQUEST], *spans[Role.SENDING], *spans[Role.NEED]):
            high = min(asked.end + _AIMED, sentence.end - 1)
            documents = self.documents.between(asked.start + 1, high)
            meant = any(not _ABOUT.search(self.text[asked.end : one.start]) for one in documents)
            if meant or self.places[Role.COPY].between(asked.start + 1, high):
                aims.add("aimed")
            elif _OBJECT.match(self.text, asked.end):
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
    "address": _ADDRESS,
    "clitic": _CLITIC,
    "date": _DATE,
    "if": _IF,
    "own-deed": _OWN_DEED,
    "meant": _MEANT,
    "supposed": _SUPPOSED,
}
#: How a sentence asks: outright, by a need, only by a way to send something, or not at all.
_LEVELS: Final = ("asks", "needs", "ways", "silent")


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
