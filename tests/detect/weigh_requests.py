"""What signs of a request weigh: `uv run python -m tests.detect.weigh_requests [--without PREFIX]`.

Reads the lots and the short texts of `tests/detect/corpus`, and prints the table `POINTS` of
`dlp_gateway.detect.requests`: a logistic regression that leaves out what does not pay (L1), in tenths. Of a text that
asks, only the sentence that speaks most clearly for it counts. With `--without req_f`, texts whose ids begin so are
left out, and then asked: that tells what the table is worth for what it was not weighed on.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dlp_gateway import packs
from dlp_gateway.detect.request_signs import signs_in
from dlp_gateway.detect.request_text import own_text
from dlp_gateway.detect.words import load_words

LOTS: Final = Path(__file__).parent / "corpus"
#: In these lots a request that is only quoted counts as one, so only their other texts are read.
QUOTING: Final = frozenset("abcd")
RAREST: Final = 8  # sentences that have the sign
PENALTY: Final = 0.8  # the greater, the more signs are kept
ROUNDS: Final = 4  # of choosing the sentence of a text that speaks most clearly
STEPS: Final = 600  # of the descent
EVERYWHERE: Final = "always"

Matrix = NDArray[np.float64]
Text = tuple[str, bool, list[frozenset[str]]]  # its id, whether it asks, the signs around each sentence


def texts() -> Iterator[Text]:
    """Yield the texts that name a document."""
    words = load_words(packs.builtin())
    paths = [
        *(LOTS / f"lot_{lot}.jsonl" for lot in "abcdefghi"),
        *(LOTS / f"{name}.jsonl" for name in ("requests", "requests_b")),
    ]
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            mail = json.loads(line)
            signs = [signs | {EVERYWHERE} for signs in signs_in(words, own_text(mail["text"]))]
            if signs and not (mail["solicitation"] and path.stem.removeprefix("lot_") in QUOTING):
                yield mail["id"], mail["solicitation"], signs


def weighed(chosen: Sequence[Text]) -> dict[str, float]:
    """Return what each sign weighs."""
    often = Counter(sign for _, _, sentences in chosen for signs in sentences for sign in signs)
    names = sorted(sign for sign, count in often.items() if count >= RAREST)
    place = {name: number for number, name in enumerate(names)}
    rows = [[_row(signs, place) for signs in sentences] for _, _, sentences in chosen]
    weights = np.zeros(len(names))
    for turn in range(ROUNDS):
        matrix, wanted, counts = [], [], []
        for (_, asks, _), all_rows in zip(chosen, rows, strict=True):
            taken = [all_rows[int(np.argmax(np.array(all_rows) @ weights))]] if asks and turn else all_rows
            matrix += taken
            wanted += [asks] * len(taken)
            counts += [1 / len(taken) if asks else 1.0] * len(taken)
        weights = _descend(np.array(matrix), np.array(wanted, float), np.array(counts), weights)
    return dict(zip(names, weights.tolist(), strict=True))


def _row(signs: frozenset[str], place: dict[str, int]) -> Matrix:
    row = np.zeros(len(place))
    row[[place[sign] for sign in signs if sign in place]] = 1
    return row


def _descend(matrix: Matrix, wanted: Matrix, counts: Matrix, weights: Matrix) -> Matrix:
    """Return the weights of least loss (Beck and Teboulle, 2009: descent with momentum, and soft thresholds)."""
    size = 4 / (PENALTY * float(np.linalg.norm(matrix * np.sqrt(counts)[:, None], 2)) ** 2)
    ahead, speed = weights, 1.0
    for _ in range(STEPS):
        likely = 1 / (1 + np.exp(-(matrix @ ahead)))
        moved = ahead - size * PENALTY * (matrix.T @ (counts * (likely - wanted)))
        now = np.sign(moved) * np.maximum(np.abs(moved) - size, 0)
        faster = (1 + (1 + 4 * speed * speed) ** 0.5) / 2
        ahead, weights, speed = now + (speed - 1) / faster * (now - weights), now, faster
    return weights


def in_tenths(weights: dict[str, float]) -> dict[str, int]:
    """Return the weights as the detector has them, without those of nothing."""
    return {sign: round(weight * 10) for sign, weight in weights.items() if round(weight * 10)}


def main() -> None:
    """Print the table, or how good one is that was weighed without some texts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--without", metavar="PREFIX", help="ids of the texts to be left out, and then asked")
    without = parser.parse_args().without
    every = list(texts())
    kept = [text for text in every if without is None or not text[0].startswith(without)]
    points = in_tenths(weighed(kept))
    if without is None:
        print(json.dumps(dict(sorted(points.items(), key=lambda item: -item[1])), indent=4))
        return
    asked = [text for text in every if text[0].startswith(without)]
    for enough in range(-8, 5, 2):
        told = [
            asks
            for _, asks, sentences in asked
            if max(sum(points.get(s, 0) for s in signs) for signs in sentences) >= enough
        ]
        right = sum(told) / max(1, len(told)), sum(told) / max(1, sum(asks for _, asks, _ in asked))
        print(f"from {enough} points: P {right[0]:.3f} R {right[1]:.3f}, {len(points)} signs")


if __name__ == "__main__":
    main()
