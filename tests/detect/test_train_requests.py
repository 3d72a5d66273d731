"""The weights of requests come from the mails in the repository, and are worth what is claimed."""

import numpy as np
import pytest

from dlp_gateway.detect.base import CONFIDENCE
from dlp_gateway.detect.request_model import shipped, weighed
from tests.detect.train_requests import WEIGHTS, Table, learned, left_out, mails, shares, written

pytestmark = pytest.mark.slow


def test_the_shipped_weights_are_learned_from_the_mails() -> None:
    """Learned again they are the same, but for what another processor rounds otherwise.

    If this fails, words or mails have changed: `python -m tests.detect.train_requests` writes the weights anew.
    """
    given = list(mails())
    table = Table(given)
    again = written(learned(table, given), table)
    with np.load(WEIGHTS, allow_pickle=False) as stored:
        apart = np.abs(again["weights"].astype(int) - stored["weights"])
        assert apart.max() <= 1
        assert np.count_nonzero(apart) < 0.01 * np.count_nonzero(stored["weights"])
    assert WEIGHTS.stat().st_size < 500_000


def test_the_package_judges_as_the_table_does() -> None:
    """The log odds are the same, but for the rounding of weights to one octet."""
    given = list(mails())
    table = Table(given)
    weights = learned(table, given)
    odds = table.times(weights.row) + weights.constant
    for number in range(0, len(given), 50):
        likeliest = max(odds[table.owners == number], default=None)
        assert shipped().log_odds(given[number].text) == (likeliest and pytest.approx(likeliest, abs=0.3))


def test_mails_of_authors_who_are_left_out_are_judged_well() -> None:
    """Together with the rules: precision and recall at least .88 on the mails of two whom neither has seen."""
    judged = [one for _, some in left_out(list(mails()), ("req_b", "req_e")) for one in some]
    told = [weighed(one.odds, seen_by_rules=one.rules) >= CONFIDENCE["medium"] for one in judged]
    precision, recall = shares(told, [one.asks for one in judged])
    assert precision >= 0.88
    assert recall >= 0.88
