"""Learns the weights of `detect/request_model.py` from the mails in `corpus/`, and tells what they are worth.

`python -m tests.detect.train_requests` writes the weights; with `--left-out` it prints how each author's mails are
judged by weights that were learned from those of the others.
"""

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
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

_Row = NDArray[np.float64]
CORPUS: Final = Path(__file__).parent / "corpus"
WEIGHTS: Final = Path(request_model.__file__).with_name(request_model.FILE)
#: In these lots a request counts that is only quoted; nobody learns from them what asks.
_QUOTED: Final = ("lot_b", "lot_c", "lot_d")
#: Written after errors on others' mails were read: nothing that is measured is learned from them.
_REWORDED: Final = "reworded"
#: Authors whose mails no rule was made for.
UNSEEN: Final = ("req_a", "req_b", "req_d", "req_e", "req_f", "lot_k")
#: How closely the mails are followed, and how often it is decided anew which mention of a mail is the one that asks.
_CLOSELY: Final = 25.0
#: What letters count beside meanings, and how much more what is rare: one in a hundred and fifty counts 1.
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

    row: _Row
    constant: float


def mails() -> Iterator[Mail]:
    """Yield what there is to learn from; `requests_unread` is left for measuring."""
    names = [f"lot_{letter}" for letter in "abcdefghijklmnopq"] + ["requests", "requests_b", "requests_learned"]
    for name in names:
        for line in (CORPUS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            mail = json.loads(line)
            if not (name in _QUOTED and mail["solicitation"]):
                author = mail["id"][:5] if name == "requests_b" else mail.get("author", name)
                yield Mail(author=author, text=mail["text"], asks=mail["solicitation"])


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

    def times(self, row: _Row) -> _Row:
        """Return the sum of each mention's features, weighed."""
        return np.bincount(self._rows, self._values * row[self._columns], minlength=len(self.owners))

    def turned(self, column: _Row) -> _Row:
        """Return the sum of each feature over the mentions, weighed."""
        return np.bincount(self._columns, self._values * column[self._rows], minlength=self.width)


def learned(table: Table, given: Sequence[Mail], left_out: Collection[str] = ()) -> Weights:
    """Return weights learned from the mails of all authors but those left out.

    Of a mail that asks, only the likeliest mention counts and those that are likely by themselves: who asks for a
    licence may speak of it before.
    """
    asked = np.array([given[owner].asks for owner in table.owners])
    share = np.array([float(given[owner].author not in left_out) for owner in table.owners])
    found = _fitted(table, asked, share)
    for _ in range(_TURNS - 1):
        odds = table.times(found.row) + found.constant
        best: defaultdict[int, float] = defaultdict(lambda: -math.inf)
        for owner, value in zip(table.owners, odds, strict=True):
            best[owner] = max(best[owner], value)
        likely = np.array([value >= min(0.5, best[owner]) for owner, value in zip(table.owners, odds, strict=True)])
        found = _fitted(table, asked, share * (~asked | likely))
    return found


def _fitted(table: Table, asked: NDArray[np.bool_], share: _Row) -> Weights:
    """Return the weights of a logistic regression with a penalty on their squares, by Newton's method."""
    row, constant = np.zeros(table.width), 0.0
    for _ in range(12):
        likely = 1 / (1 + np.exp(-(table.times(row) + constant)))
        error = _CLOSELY * share * (likely - asked)
        curve = _CLOSELY * share * likely * (1 - likely) + 1e-9
        slope = np.append(row + table.turned(error), error.sum())

        def bent(step: _Row, curve: _Row = curve) -> _Row:
            over = curve * (table.times(step[:-1]) + step[-1])
            return np.append(step[:-1] + table.turned(over), over.sum())

        step = _solved(bent, -slope)
        row, constant = row + step[:-1], constant + float(step[-1])
        if np.abs(step).max() < 1e-4:
            break
    return Weights(row=row, constant=constant)


def _solved(bent: Callable[[_Row], _Row], wanted: _Row) -> _Row:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Whether a mail asks, whether the rules say so, and the log odds by weights learned from other authors."""

    asks: bool
    rules: bool
    odds: float | None


def left_out(given: Sequence[Mail], authors: Iterable[str]) -> Iterator[tuple[str, list[Judged]]]:
    """Yield each of the authors, and how his mails are judged by what all others taught."""
    table, words = Table(given), load_words(packs.builtin())
    for author in authors:
        odds: dict[int, float] = {}
        weights = learned(table, given, (author, _REWORDED))
        for owner, value in zip(table.owners, table.times(weights.row) + weights.constant, strict=True):
            odds[owner] = max(odds.get(owner, -math.inf), value)
        yield (
            author,
            [
                Judged(asks=mail.asks, rules=asks(words, mail.text), odds=odds.get(number))
                for number, mail in enumerate(given)
                if mail.author == author
            ],
        )


def shares(told: Sequence[bool], asked: Sequence[bool]) -> tuple[float, float]:
    """Return precision and recall."""
    right = sum(one and other for one, other in zip(told, asked, strict=True))
    return right / max(1, sum(told)), right / max(1, sum(asked))


def compared(author: str, judged: Sequence[Judged]) -> str:
    """Return a line of the table: precision and recall of the rules, of the weights, and of both."""
    asked = [one.asks for one in judged]
    votes = (
        [one.rules for one in judged],
        [request_model.weighed(one.odds, seen_by_rules=False) >= CONFIDENCE["medium"] for one in judged],
        [request_model.weighed(one.odds, seen_by_rules=one.rules) >= CONFIDENCE["medium"] for one in judged],
    )
    cells = (author, len(judged), sum(asked), *("P {:.2f} R {:.2f}".format(*shares(told, asked)) for told in votes))
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Write the weights, or print the table of authors left out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--left-out", action="store_true", help="judge each author's mails by the others' weights")
    given = list(mails())
    if not parser.parse_args().left_out:
        table = Table(given)
        beside = WEIGHTS.with_suffix(".new")  # whoever reads the weights meanwhile finds them whole
        with beside.open("wb") as file:
            np.savez_compressed(file, **written(learned(table, given), table))
        beside.replace(WEIGHTS)
        return
    print("| author | mails | that ask | rules alone | weights alone | together |\n|---|---|---|---|---|---|")
    unseen: list[Judged] = []
    for author, judged in left_out(given, sorted({mail.author for mail in given})):
        print(compared(author, judged), flush=True)
        unseen += judged if author in UNSEEN else []
    print(compared("those that no rule was made for", unseen))


if __name__ == "__main__":
    main()
