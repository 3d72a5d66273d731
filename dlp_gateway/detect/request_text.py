"""What a writer asks for in his own words: his text, the documents in it, and what refuses them."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from dlp_gateway.detect.east_asian import in_english
from dlp_gateway.detect.layout import answered_at
from dlp_gateway.detect.words import LONGEST, Role, Span, Words, folded

#: How far before a request a word may stand that turns it round: "never", "do not".
TURNED: Final = 40
_QUOTED: Final = re.compile(r"^[ \t]*(?:>|\|).*$", re.MULTILINE)
_SAID: Final = re.compile(r'"[^"\n]{20,300}"')
#: The number right behind a document: it is told, not asked for.
_GIVEN: Final = re.compile(
    r"\W{0,4}(?:(?!ref|for|job|case|res|claim|by|to)\w{1,5}\W{1,3}){0,3}(?:(?:no|nr|nummer|number|numero|num|numer|is|ist|est|es|e|c'est|jest|ar|er|cat|klasse?|class|fs|of|de|id)\b"
    r"\W{0,3}){0,4}(?:[A-Z]{1,2}\b\W{0,2})?(?=[A-Z0-9][A-Z0-9 -]{5})(?:[A-Z]{0,5}[ -]?\d){4}",
)
_SAYING_NO: Final = (Role.NEED, Role.POLITE, Role.OTHERWISE)
_THREAT: Final = 40  # characters from "otherwise" to "not"
_STOPS: Final = re.compile(r"[.!?;]")


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


def own_text(text: str) -> str:
    """Return what the writer says himself, folded, with East Asian words in English."""
    own = folded(in_english(_QUOTED.sub("", text[:LONGEST])))
    return _SAID.sub("", own[: answered_at(own)])


def documents_in(words: Mapping[Role, Words], text: str) -> list[Span]:
    """Return where documents of identity stand in folded text that are neither the writer's own nor something else."""
    others = Places(words[Role.OTHER_DOCUMENT].spans(text))
    return [
        document
        for document in words[Role.DOCUMENT].spans(text)
        if not any(other.end > document.start for other in others.between(document.start - TURNED, document.end - 1))
        and not _GIVEN.match(text, document.end)
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
        if any(start <= refusal.start and refusal.end <= end for start, end in within[max(0, index - 6) : index]):
            continue
        threat = bisect_right(threats, refusal.start) - 1
        near = threat >= 0 and refusal.start - threats[threat] <= _THREAT
        if not near or _STOPS.search(text, threats[threat], refusal.start):
            kept.append(refusal)
    return kept
