"""How likely a sentence asks for a document: signs of a request in it and in its neighbours, weighed together.

The weights are data (`request_weights.json`), learned by `python -m tests.detect.learning` from the mails of
`tests/detect/corpus`. They speak for wording that no phrase foresees, and only where the phrases are silent.
"""

import json
import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from dlp_gateway.detect.words import Role, Span, Words

WEIGHTS: Final = Path(__file__).with_name("request_weights.json")
#: Lists of words whose presence is a sign.
SIGNS: Final = (
    Role.REQUEST,
    Role.NEED,
    Role.POLITE,
    Role.SENDING,
    Role.COPY,
    Role.PRESENTED,
    Role.REFUSAL,
    Role.CHANNEL,
    Role.DEADLINE,
    Role.OTHERWISE,
    Role.OFFERED,
    Role.WRITER,
    Role.READER,
)
#: Signs that say more together than each alone.
_TOGETHER: Final = (
    (Role.SENDING, Role.POLITE),
    (Role.SENDING, Role.COPY),
    (Role.SENDING, Role.WRITER),
    (Role.SENDING, Role.CHANNEL),
    (Role.NEED, Role.COPY),
    (Role.COPY, Role.READER),
    (Role.COPY, Role.DEADLINE),
    (Role.REQUEST, Role.COPY),
)
#: What no other sign outweighs: a refusal, a document to be shown, a number that is already there.
AGAINST: Final = frozenset({"refusal", "presented", "given", "beside:offered"})
#: From where on it is a request: of what is that likely on a lot that the weights were not learned from, nearly all is.
LIKELY: Final = 0.7
_SUREST: Final = 30.0
#: One in the sentence of the document, the other in the next: "… is missing. Can you send it?"
_FOLLOWED: Final = (
    (Role.NEED, Role.SENDING),
    (Role.NEED, Role.REQUEST),
    (Role.COPY, Role.SENDING),
    (Role.COPY, Role.REQUEST),
    (Role.NEED, Role.CHANNEL),
)
_SHORT: Final = 90
_ITEM: Final = re.compile(r"\s*(?:[-*+~]|\[.?\]|\(?\w[.)])\s")
_MOST: Final = 400  # documents that are weighed in one text
_BESIDE: Final = 30  # characters between a document and what stands beside it
_SAYING_NO: Final = (Role.NEED, Role.POLITE, Role.OTHERWISE)
_THREAT: Final = 40  # characters from "otherwise" to "not"
_STOPS: Final = re.compile(r"[.!?;]")
_END: Final = re.compile(r"(?<!\b[DM]r)(?<!\bMrs)(?<!\bMs)(?<!\bNo)(?<!\bno)[.!?]+[\s)]+(?=[A-Z?]|[a-z]{3})|\n(?=\s*(?:[-*+~\[]|\(?\w[.)]|[^\n]{0,25}:\s))|\n\s*\n")
_GIVEN: Final = re.compile(r"(?:[A-Z]{0,3}\d[ .-]?){6,}")
_GIVEN_BEHIND: Final = 60


@dataclass(frozen=True, slots=True)
class _Sentence:
    start: int
    end: int
    signs: frozenset[str]


def is_likely(words: Mapping[Role, Words], text: str, documents: list[Span]) -> bool:
    """Tell whether one of the documents in folded `text` is likely asked for."""
    weights = _weights()
    return any(likelihood(weights, signs) >= LIKELY for signs in signs_of(words, text, documents))


def likelihood(weights: Mapping[str, float], signs: frozenset[str]) -> float:
    """Return how likely a document with these signs around it is asked for, 0 to 1."""
    if not AGAINST.isdisjoint(signs):
        return 0.0
    score = weights.get("", 0.0) + sum(weights.get(sign, 0.0) for sign in signs)
    return 1 / (1 + math.exp(-max(-_SUREST, min(_SUREST, score))))


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
        if threat >= 0 and _END.search(text, threats[threat], refusal.start) is None:
            between = text[threats[threat] : refusal.start]
            if len(between) <= _THREAT and not _STOPS.search(between):
                continue
        kept.append(refusal)
    return kept


def signs_of(words: Mapping[Role, Words], text: str, documents: list[Span]) -> Iterator[frozenset[str]]:
    """Yield the signs around each of the documents in folded text."""
    if not documents:
        return
    starts = [0, *(end.end() for end in _END.finditer(text))]
    places = {role: [span.start for span in words[role].spans(text)] for role in SIGNS}
    places[Role.REFUSAL] = [span.start for span in refusals_in(words, text)]
    spans = {role: list(words[role].spans(text)) for role in (Role.COPY, Role.SENDING, Role.OFFERED)}

    def standing(low: int, high: int) -> frozenset[Role]:
        return frozenset(
            role for role, found in places.items() if bisect_left(found, low) < bisect_left(found, high)
        )

    for document in documents[:_MOST]:
        index = bisect_right(starts, document.start) - 1
        low, high = _bounds(starts, index, len(text))
        here = standing(low, high)
        signs = {f"{role}" for role in here}
        signs |= {f"before:{role}" for role in (standing(*_bounds(starts, index - 1, len(text))) if index else ())}
        if index + 1 < len(starts):
            signs |= {f"behind:{role}" for role in standing(*_bounds(starts, index + 1, len(text)))}
        signs |= {f"{one}+{other}" for one, other in _TOGETHER if one in here and other in here}
        for role, found in spans.items():
            if any(abs(document.start - span.end) <= _BESIDE or abs(span.start - document.end) <= _BESIDE for span in _around(found, document)):
                signs.add(f"beside:{role}")
        if index + 1 < len(starts):
            after = standing(*_bounds(starts, index + 1, len(text)))
            signs |= {f"behind:{one}+{other}" for one, other in _TOGETHER if one in after and other in after}
            signs |= {f"{one}>{other}" for one, other in _FOLLOWED if one in here and other in after}
            if "?" in text[slice(*_bounds(starts, index + 1, len(text)))]:
                signs.add("behind:question")
        if index and text[low - 2 : low].strip(" ").endswith("\n") or _ITEM.match(text, low):
            above = max((place for place in starts[: index + 1] if not _ITEM.match(text, place)), default=0)
            signs |= {f"above:{role}" for role in standing(*_bounds(starts, bisect_left(starts, above), len(text)))}
        if high - low < _SHORT:
            signs.add("short")
        if "?" in text[low:high]:
            signs.add("question")
        if _GIVEN.search(text, document.start, min(len(text), document.end + _GIVEN_BEHIND)):
            signs.add("given")
        if _GIVEN.search(text, low, high):
            signs.add("number")
        yield frozenset(signs)


def _around(spans: list[Span], document: Span) -> list[Span]:
    starts = [span.start for span in spans]
    return spans[bisect_left(starts, document.start - 2 * _BESIDE) : bisect_right(starts, document.end + 2 * _BESIDE)]


def _bounds(starts: list[int], index: int, size: int) -> tuple[int, int]:
    return starts[index], starts[index + 1] if index + 1 < len(starts) else size


@cache
def _weights() -> Mapping[str, float]:
    loaded: dict[str, float] = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    return loaded
