"""Finding identifiers beside stock Presidio: `uv run python -m tests.benchmarks.presidio`.

Both get the same texts as decoded strings: ours with every pack that is shipped, Presidio with every recognizer that it
loads for English and a spaCy pipeline that only splits words (no model can be had offline; with one, it takes longer).
Each line is a kind of text: milliseconds of CPU of each, how many times as long Presidio takes, and MB a second of
ours. Below it, how the time grows with the size, and what hostile texts cost. The best of several rounds counts.
"""

import argparse
import itertools
import time
from collections.abc import Callable
from typing import Any, Final

import spacy
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import SpacyNlpEngine

from dlp_gateway import packs
from dlp_gateway.detect.identifier_rules import load_rules
from dlp_gateway.detect.recognition import Recognition
from tests.benchmarks import messages

_LARGEST_FOR_PRESIDIO: Final = 100_000
_LABELLED: Final = "Driving licence number: see below.\r\n"  # so that no gate keeps our work from us


class _Words(SpacyNlpEngine):
    """A pipeline that splits words."""

    def __init__(self) -> None:
        super().__init__(models=[{"lang_code": "en", "model_name": "blank"}])

    def load(self) -> None:
        """Take what needs no download."""
        pipelines: Any = {"en": spacy.blank("en")}
        self.nlp = pipelines


def _body(mail: bytes) -> str:
    return mail.partition(b"\r\n\r\n")[2].decode()


TEXTS: Final[tuple[tuple[str, Callable[[int], str]], ...]] = (
    ("prose", lambda size: _body(messages.prose(size + 200))[:size]),
    ("CSV", lambda size: _body(messages.numbers(size + 200))[:size]),
    ("labelled prose", lambda size: _LABELLED + _body(messages.prose(size + 200))[:size]),
    ("labelled CSV", lambda size: _LABELLED + _body(messages.numbers(size + 200))[:size]),
)

#: Texts made to be slow: every sort of number, label and separator without an end, and near misses of each form.
HOSTILE: Final[tuple[tuple[str, str], ...]] = (
    ("digits", "1"),
    ("digits and blanks", "1 "),
    ("card numbers, nearly", "4111 1111 1111 1112 "),
    ("IBANs, nearly", "DE89 3704 0044 0532 0130 01 "),
    ("labels", "licence no "),
    ("labels and numbers", "licence no 12345678 "),
    ("columns", "a1,b2,c3,d4\n"),
    ("pipes", "| 12345 | 67890 "),
    ("keys of JSON", '{"dl":"A1234567",'),
    ("dates", "01.02.1990 "),
    ("quotes", "> > > licence? 12345678\n"),
    ("signatures", "-- \nTel 020 7946 0123\n"),
    ("dots", "1.2.3.4.5.6."),
    ("capitals", "ABCDEFGH12 "),
    ("mathematical digits", "\U0001d7cf\U0001d7d0\U0001d7d1 "),
    ("combining marks", "1\u0301"),
)


def _cpu(work: Callable[[], object], rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return best


def main(rounds: int, sizes: tuple[int, ...]) -> None:
    """Measure and print."""
    ours = Recognition(load_rules(packs.builtin()))
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    stock = AnalyzerEngine(registry=registry, nlp_engine=_Words(), supported_languages=["en"])
    print(f"{'text':24} {'ours ms':>9} {'stock ms':>9} {'times':>7} {'MB/s':>7}")
    grown: dict[str, dict[int, float]] = {}
    for name, make in TEXTS:
        for size in sizes:
            text = make(size)
            here = _cpu(lambda text=text: ours.spans(text), rounds)  # type: ignore[misc]
            grown.setdefault(name, {})[size] = here
            there = 0.0
            if size <= _LARGEST_FOR_PRESIDIO:
                there = _cpu(lambda text=text: stock.analyze(text, language="en"), min(rounds, 3))  # type: ignore[misc]
            compared = f"{there * 1e3:9.2f} {there / here:6.0f}×" if there else f"{'':9} {'':7}"
            print(f"{f'{size // 1000} KB {name}':24} {here * 1e3:9.3f} {compared} {size / here / 1e6:7.1f}", flush=True)
    print(f"\n{'growth':24} " + " ".join(f"{f'{b // 1000}/{a // 1000} KB':>12}" for a, b in itertools.pairwise(sizes)))
    for name, took in grown.items():
        print(f"{name:24} " + " ".join(f"{took[b] / took[a]:12.1f}" for a, b in itertools.pairwise(sizes)))
    print(f"\n{'hostile, 1 MB':24} {'seconds':>9}")
    for name, piece in HOSTILE:
        text = piece * (1_000_000 // len(piece.encode()))
        print(f"{name:24} {_cpu(lambda text=text: ours.spans(text), 1):9.2f}", flush=True)  # type: ignore[misc]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Finding identifiers beside stock Presidio.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000], help="characters")
    options = parser.parse_args()
    main(options.rounds, tuple(options.sizes))
