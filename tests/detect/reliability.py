"""How often a finding of a given score is right: `uv run python -m tests.detect.reliability [FILE.jsonl ...]`.

Without files it reads the lots of `tests/detect/corpus`. A finding is right where a marked number of its type, or of
one that is as good, overlaps half of it. The table stands in `docs/detection.md`.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from dlp_gateway import packs
from dlp_gateway.detect.base import CONFIDENCE
from dlp_gateway.detect.identifiers import IdentifierDetector, load_rules
from dlp_gateway.detect.span import Span

LOTS: Final = Path(__file__).parent / "corpus"
#: Lower ends of the classes of scores; nothing below the first is reported.
CLASSES: Final = (0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.8, 0.85, 0.9)


def judged(detector: IdentifierDetector, mails: Iterable[Mapping[str, Any]]) -> Iterator[tuple[float, bool]]:
    """Yield the score of each distinct number that is found in each mail, and whether it is right."""
    for mail in mails:
        seen: set[tuple[str, str]] = set()
        for span in sorted(detector.spans(mail["text"]), key=lambda one: -one.score):
            value = span.type, mail["text"][span.start : span.end]
            if value not in seen:
                seen.add(value)
                yield span.score, any(_is_meant(span, one) for one in mail["spans"])


def _is_meant(span: Span, marked: Mapping[str, Any]) -> bool:
    shared = min(span.end, marked["end"]) - max(span.start, marked["start"])
    longest = max(span.end - span.start, marked["end"] - marked["start"])
    return 2 * shared >= longest and span.type in (marked["type"], *marked.get("alt", ()))


def table(found: Iterable[tuple[float, bool]]) -> Iterator[str]:
    """Yield the lines of the table: a class of scores, how many findings it has, and how many of them are right."""
    counts: Counter[float] = Counter()
    right: Counter[float] = Counter()
    for score, is_right in found:
        lower = max(one for one in CLASSES if one <= score)
        counts[lower] += 1
        right[lower] += is_right
    names = {score: name for name, score in CONFIDENCE.items()}
    yield "| score | findings | right | observed precision | from here on |"
    yield "|---|---|---|---|---|"
    for lower, upper in zip(CLASSES, (*CLASSES[1:], 1.0), strict=True):
        if counts[lower]:
            share, name = right[lower] / counts[lower], names.get(lower, "")
            yield f"| {lower:.2f} – {upper:.2f} | {counts[lower]} | {right[lower]} | {share:.2f} | {name} |"


def main() -> None:
    """Print the table of the files that are named, or of all lots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="texts with marked numbers, one JSON object a line")
    files = parser.parse_args().files or sorted(LOTS.glob("lot_*.jsonl"))
    mails = (json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines())
    detector = IdentifierDetector(load_rules(packs.builtin()))
    print("\n".join(table(judged(detector, mails))))


if __name__ == "__main__":
    main()
