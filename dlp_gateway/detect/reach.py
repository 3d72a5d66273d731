"""Where in a text numbers are in the reach of an identifier's label, and looked at."""

from collections.abc import Iterator
from typing import Final

from dlp_gateway.detect import implied
from dlp_gateway.detect.labels import OTHER, both
from dlp_gateway.detect.ownership import Reader

_BEFORE: Final = 100
_AFTER: Final = 340
_TALK_BEFORE: Final = 160
_TALK: Final = 900  # of licences is spoken long before one is told
_ANSWER: Final = 700  # an answer stands above the question that it quotes


def regions(reader: Reader) -> Iterator[tuple[int, int]]:
    """Yield where numbers can be in the reach of an identifier's label; ranges in order, none touching another."""
    last: tuple[int, int] | None = None
    size = len(reader.page.text)
    for hit in both(reader.hits, reader.topics, lambda label: label.owns != OTHER):
        talk = hit.label.owns == implied.KIND
        before = _ANSWER if reader.page.quoted(hit.start) else _TALK_BEFORE if talk else _BEFORE
        low = reader.page.line(max(0, hit.start - before))[0]
        high = reader.page.line(min(size, hit.end + (_TALK if talk else _AFTER)))[1]
        if last is not None and low <= last[1]:
            last = min(low, last[0]), max(high, last[1])
            continue
        if last is not None:
            yield last
        last = low, high
    if last is not None:
        yield last
