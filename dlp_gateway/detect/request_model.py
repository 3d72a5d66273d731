"""A second vote on whether a text asks for an identity document: weights learned from the mails in the repository.

They are trained by `python -m tests.detect.train_requests`, and lie beside this module with the words that features are
made of.
"""

import math
from collections.abc import Collection, Iterator
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dlp_gateway.detect.base import CONFIDENCE
from dlp_gateway.detect.request_features import features

#: What the vote of the rules adds to the log odds.
RULES: Final = 2.0
#: The log odds at which a mail asks with medium confidence, found on mails of authors who were left out.
AT_MEDIUM: Final = 0.8
_MEDIUM: Final = CONFIDENCE["medium"]
#: How likely it is where only the rules see a mention.
RULES_ALONE: Final = 0.7
FILE: Final = "request_weights.npz"
#: Read once when the model is loaded, so that words and expressions are ready when the first mail comes.
_FIRST: Final = "Please send us a copy of your passport."


class RequestModel:
    """Weights of features, by their checksums: of what is said around a mention, and of letters."""

    def __init__(self, said: NDArray[np.float32], letters: NDArray[np.float32], constant: float) -> None:
        self._said, self._letters, self._constant = said, letters, constant

    def log_odds(self, text: str) -> float | None:
        """Return the log odds of the likeliest mention in a text; None where no document is mentioned."""
        return max(self._odds(text), default=None)

    def likelihood(self, text: str, *, seen_by_rules: bool) -> float:
        """Return how likely it is that a text asks for a document, with the vote of the rules."""
        return weighed(self.log_odds(text), seen_by_rules=seen_by_rules)

    def _odds(self, text: str) -> Iterator[float]:
        for said, letters in features(text):
            yield self._constant + _mean(self._said, said) + _mean(self._letters, letters)


def weighed(odds: float | None, *, seen_by_rules: bool) -> float:
    """Return the likelihood of log odds and the vote of the rules, on the scale of confidence."""
    if odds is None:
        return RULES_ALONE if seen_by_rules else 0.0
    medium = math.log(_MEDIUM / (1 - _MEDIUM))
    return 1 / (1 + math.exp(AT_MEDIUM - medium - odds - (RULES if seen_by_rules else 0.0)))


def _mean(weights: NDArray[np.float32], present: Collection[int]) -> float:
    """Return the sum over features, as parts of a vector of length 1."""
    if not present:
        return 0.0
    places = np.fromiter(present, dtype=np.intp, count=len(present))
    return float(weights[places].sum(dtype=np.float64)) / math.sqrt(len(present))


@cache
def shipped() -> RequestModel:
    """Return the model that the package has."""
    with (files("dlp_gateway.detect") / FILE).open("rb") as file, np.load(file, allow_pickle=False) as stored:
        said, letters = stored["weights"].astype(np.float32) * stored["step"]
        model = RequestModel(said, letters, float(stored["constant"]))
    model.log_odds(_FIRST)
    return model
