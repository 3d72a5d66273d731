"""Learns the weights of `detect/request_model.py` from the mails in `corpus/`, and tells what they are worth.

`python -m tests.detect.train_requests` writes the weights; with `--left-out` it prints how each author's mails are judged by
weights that were learned from those of the others.
"""

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dlp_gateway import packs
from dlp_gateway.detect import request_features, request_model
from dlp_gateway.detect.base import CONFIDENCE
from dlp_gateway.detect.requests import asks
from dlp_gateway.detect.words import load_words

CORPUS: Final = Path(__file__).parent / "corpus"
WEIGHTS: Final = Path(request_model.__file__).with_name(request_model.FILE)
#: In these lots a request counts that is only quoted; nobody learns from them what asks.
_QUOTED: Final = ("lot_b", "lot_c", "lot_d")
#: Authors whose mails no rule was made for.
UNSEEN: Final = ("req_a", "req_b", "req_d", "req_e", "req_f", "lot_k")
#: How closely the mails are followed, and how often it is decided anew which mention of a mail is the one that asks.
_CLOSELY: Final = 25.0
#: What letters count beside meanings, and by how much more what is rare: a feature of every hundredth mention counts about 1.
_LETTERS: Final = 0.8
_RARITY: Final = 1.3
_COMMON: Final = 5.0
_TURNS: Final = 2
_STEPS: Final = 127  # weights are kept as whole numbers of one octet


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A text, who wrote it, and whether it asks."""

    author: str
    text: str
    asks: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Of what is said, then of letters, in one row, times the values of the features; and what is added to each."""

    row: NDArray[np.float64]
    constant: float


def mails() -> Iterator[Mail]:
    """Yield what there is to learn from; lot j is left unread."""
    names = [f"lot_{letter}" for letter in "abcdefghi"] + ["requests", "requests_learned"]
    for name in names:
        for line in (CORPUS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            mail = json.loads(line)
            if not (name in _QUOTED and mail["solicitation"]):
                yield Mail(author=mail.get("author", name), text=mail["text"], asks=mail["solicitation"])


class Table:
    """The features of all mentions in mails: in each row numbers of columns, all with one value."""

    def __init__(self, given: Sequence[Mail]) -> None:
        width = 1 << request_features.BITS
        columns, shares, lengths, owners = [], [], [], []
        for number, mail in enumerate(given):
            for said, letters in request_features.features(mail.text):
                columns += [*sorted(said), *(width + letter for letter in sorted(letters))]
                shares += [1 / math.sqrt(len(said))] * len(said) + [1 / math.sqrt(max(1, len(letters)))] * len(letters)
                lengths.append(len(said) + len(letters))
                owners.append(number)
        self.owners, self.width = np.array(owners), 2 * width
        self._columns = np.array(columns)
        rarity = np.log((len(owners) + 1) / (np.bincount(self._columns, minlength=self.width) + 1))
        self.values = (np.maximum(rarity, 0.05) / _COMMON) ** _RARITY * np.repeat((1.0, _LETTERS), width)
        self._values = np.array(shares) * self.values[self._columns]
        self._rows = np.repeat(np.arange(len(lengths)), lengths)

    def times(self, row: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of each mention's features, weighed."""
        return np.bincount(self._rows, self._values * row[self._columns], minlength=len(self.owners))

    def turned(self, column: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of each feature over the mentions, weighed."""
        return np.bincount(self._columns, self._values * column[self._rows], minlength=self.width)


def learned(table: Table, given: Sequence[Mail], left_out: str = "") -> Weights:
    """Return weights learned from the mails of all authors but one.

    Of a mail that asks, only the likeliest mention counts and those that are likely by themselves: who asks for a licence may
    speak of it before.
    """
    asked = np.array([given[owner].asks for owner in table.owners])
    share = np.array([float(given[owner].author != left_out) for owner in table.owners])
    found = _fitted(table, asked, share)
    for _ in range(_TURNS - 1):
        odds = table.times(found.row) + found.constant
        best: defaultdict[int, float] = defaultdict(lambda: -math.inf)
        for owner, value in zip(table.owners, odds, strict=True):
            best[owner] = max(best[owner], value)
        likely = np.array([value >= min(0.5, best[owner]) for owner, value in zip(table.owners, odds, strict=True)])
        found = _fitted(table, asked, share * (~asked | likely))
    return found


def _fitted(table: Table, asked: NDArray[np.bool_], share: NDArray[np.float64]) -> Weights:
    """Return the weights of a logistic regression with a penalty on their squares, by Newton's method."""
    row, constant = np.zeros(table.width), 0.0
    for _ in range(12):
        likely = 1 / (1 + np.exp(-(table.times(row) + constant)))
        error = _CLOSELY * share * (likely - asked)
        curve = _CLOSELY * share * likely * (1 - likely) + 1e-9
        slope = np.append(row + table.turned(error), error.sum())

        def bent(step: NDArray[np.float64], curve: NDArray[np.float64] = curve) -> NDArray[np.float64]:
            over = curve * (table.times(step[:-1]) + step[-1])
            return np.append(step[:-1] + table.turned(over), over.sum())

        step = _solved(bent, -slope)
        row, constant = row + step[:-1], constant + float(step[-1])
        if np.abs(step).max() < 1e-4:
            break
    return Weights(row=row, constant=constant)


def _solved(bent: Callable[[NDArray[np.float64]], NDArray[np.float64]], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what `bent` turns into `wanted`, by conjugate gradients."""
    found, rest = np.zeros_like(wanted), wanted.copy()
    way, size = rest.copy(), float(rest @ rest)
    least = size * 1e-8
    for _ in range(200):
        if size <= least:
            break
        image = bent(way)
        far = size / float(way @ image)
        found, rest = found + far * way, rest - far * image
        size, before = float(rest @ rest), size
        way = rest + (size / before) * way
    return found


def written(weights: Weights, table: Table) -> dict[str, NDArray[np.generic]]:
    """Return the weights as they are kept: times the values of the features, in whole numbers."""
    row = weights.row * table.values
    step = np.abs(row).max() / _STEPS
    whole = np.rint(row / step).astype(np.int8).reshape(2, -1)
    return {"weights": whole, "step": np.float32(step), "constant": np.float32(weights.constant)}  # type: ignore[dict-item]  # scalars are arrays of no dimension


def left_out(given: Sequence[Mail]) -> Iterator[tuple[str, list[tuple[bool, bool, float | None]]]]:
    """Yield each author, and of his mails whether they ask, whether the rules say so, and the odds by the others' weights."""
    table, words = Table(given), load_words(packs.builtin())
    for author in sorted({mail.author for mail in given}):
        odds: dict[int, float] = {}
        weights = learned(table, given, author)
        for owner, value in zip(table.owners, table.times(weights.row) + weights.constant, strict=True):
            odds[owner] = max(odds.get(owner, -math.inf), value)
        yield (
            author,
            [
                (mail.asks, asks(words, mail.text), odds.get(number))
                for number, mail in enumerate(given)
                if mail.author == author
            ],
        )


def shares(told: Sequence[bool], asked: Sequence[bool]) -> tuple[float, float]:
    """Return precision and recall."""
    right = sum(one and other for one, other in zip(told, asked, strict=True))
    return right / max(1, sum(told)), right / max(1, sum(asked))


def compared(judged: Sequence[tuple[bool, bool, float | None]]) -> str:
    """Return precision and recall of the rules, of the weights, and of both, as cells of a table."""
    asked = [asks_ for asks_, _, _ in judged]
    rules = [rule for _, rule, _ in judged]
    alone = [odds is not None and odds >= request_model.AT_MEDIUM for _, _, odds in judged]
    both = [request_model.weighed(odds, seen_by_rules=rule) >= CONFIDENCE["medium"] for _, rule, odds in judged]
    return " | ".join("P {:.2f} R {:.2f}".format(*shares(told, asked)) for told in (rules, alone, both))


def main() -> None:
    """Write the weights, or print the table of authors left out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--left-out", action="store_true", help="judge each author's mails by the others' weights")
    given = list(mails())
    if not parser.parse_args().left_out:
        with WEIGHTS.open("wb") as file:
            table = Table(given)
            np.savez_compressed(file, **written(learned(table, given), table))
        return
    print("| author | mails | that ask | rules alone | weights alone | together |\n|---|---|---|---|---|---|")
    everyone: list[tuple[bool, bool, float | None]] = []
    for author, judged in left_out(given):
        print(f"| {author} | {len(judged)} | {sum(asked for asked, _, _ in judged)} | {compared(judged)} |", flush=True)
        if author in UNSEEN:
            everyone += judged
    print(f"| all that the rules have not seen | {len(everyone)} | {sum(a for a, _, _ in everyone)} | {compared(everyone)} |")


if __name__ == "__main__":
    main()
