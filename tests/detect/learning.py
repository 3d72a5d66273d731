"""Learn the weights of `detect.weighing` from the lots, and tell how they do on lots that they have not seen.

`uv run python -m tests.detect.learning` prints, for each lot, what weights learned from the others find in it, alone and
where the phrases are silent; with `--write` it then writes the weights of all lots.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from dlp_gateway import packs
from dlp_gateway.detect import weighing
from dlp_gateway.detect.solicitation import documents_in, is_said, own_text
from dlp_gateway.detect.words import Role, Words, load_words
from tests.detect.test_corpus import LOTS

_PENALTY: Final = 3.0  # on the square of a weight, so that rare signs weigh little
_CHOICES: Final = 6  # times that the likeliest document of a request is chosen anew
_STEPS: Final = 25  # of Newton's method
_DIGITS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """The signs around each document that may be asked for, whether one is, and whether the phrases say so."""

    signs: tuple[frozenset[str], ...]
    asks: bool
    said: bool


def mails(words: Mapping[Role, Words], path: Path) -> list[Mail]:
    """Return the mails of a lot."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        mail = json.loads(line)
        text = own_text(mail["text"])
        signs = weighing.signs_of(words, text, documents_in(words, text))
        may = tuple(one for one in signs if weighing.AGAINST.isdisjoint(one))
        found.append(Mail(signs=may, asks=mail["solicitation"], said=is_said(words, text)))
    return found


def learn(seen: Iterable[Mail]) -> dict[str, float]:
    """Return weights by logistic regression; of a mail that asks, the likeliest of its documents counts."""
    seen = [mail for mail in seen if mail.signs]
    names = sorted({sign for mail in seen for signs in mail.signs for sign in signs})
    asked = [_rows(names, mail) for mail in seen if mail.asks]
    others = np.vstack([_rows(names, mail) for mail in seen if not mail.asks])
    weights = np.zeros(len(names) + 1)
    chosen = [rows.mean(axis=0) for rows in asked]
    penalty = np.full(len(weights), _PENALTY)
    penalty[-1] = 0.001
    for _ in range(_CHOICES):
        rows = np.vstack([*chosen, others])
        wanted = np.concatenate([np.ones(len(chosen)), np.zeros(len(others))])
        for _ in range(_STEPS):
            told = 1 / (1 + np.exp(-rows @ weights))
            slope = rows.T @ (told - wanted) + penalty * weights
            weights -= np.linalg.solve((rows.T * (told * (1 - told))) @ rows + np.diag(penalty), slope)
        chosen = [rows[np.argmax(rows @ weights)] for rows in asked]
    return {name: round(float(weight), _DIGITS) for name, weight in zip([*names, ""], weights, strict=True)}


def _rows(names: list[str], mail: Mail) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    return np.array([[*(float(name in signs) for name in names), 1.0] for signs in mail.signs])


def main() -> None:
    """Print what the weights find in lots that they were not learned from; write those of all lots if asked to."""
    words = load_words(packs.builtin())
    lots = {path.stem: mails(words, path) for path in sorted(LOTS.glob("lot_*.jsonl"))}
    for name, lot in lots.items():
        weights = learn(mail for other, known in lots.items() if other != name for mail in known)
        likely = [any(weighing.likelihood(weights, one) >= weighing.LIKELY for one in mail.signs) for mail in lot]
        print(name, "asked", sum(mail.asks for mail in lot), *_counts("alone", lot, likely), end=" ")  # noqa: T201 - a report
        print(*_counts("phrases", lot, [mail.said for mail in lot]), end=" ")  # noqa: T201 - a report
        both = [mail.said or one for mail, one in zip(lot, likely, strict=True)]
        print(*_counts("both", lot, both))  # noqa: T201 - a report
    if "--write" in sys.argv:
        learned = learn(mail for lot in lots.values() for mail in lot)
        weighing.WEIGHTS.write_text(json.dumps(learned, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _counts(what: str, lot: list[Mail], told: list[bool]) -> tuple[str, ...]:
    right = sum(mail.asks and one for mail, one in zip(lot, told, strict=True))
    return (f"| {what}: right {right}, wrong {sum(told) - right}",)


if __name__ == "__main__":
    main()
