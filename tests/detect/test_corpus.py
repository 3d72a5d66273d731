"""A floor under what is found in lots of mails by several authors; what they are is in their README."""

import json
from pathlib import Path

import pytest

from dlp_gateway import packs
from dlp_gateway.detect.identifiers import IdentifierDetector, load_rules
from dlp_gateway.detect.solicitation import likelihood
from tests.detect.test_words import WORDS

LOTS = Path(__file__).parent / "corpus"
MEDIUM = 0.6


@pytest.fixture(scope="module")
def detector() -> IdentifierDetector:
    """The detector with the built-in rules."""
    return IdentifierDetector(load_rules(packs.builtin()))


@pytest.mark.parametrize("name", [*(f"lot_{lot}" for lot in "abcdefghijklmnopq"), "identifiers"])
def test_licences_are_found_and_clean_mail_is_left_alone(detector: IdentifierDetector, name: str) -> None:
    """Licences: precision at least .95, recall at least .91; at most one clean mail in thirty flagged."""
    wanted = met = alarms = clean = flagged = 0
    for line in (LOTS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        mail = json.loads(line)
        spans = [span for span in detector.spans(mail["text"]) if span.score >= MEDIUM]
        found = [(span.start, span.end) for span in spans if span.type == "DRIVER_LICENSE"]
        gold = [(one["start"], one["end"]) for one in mail["spans"] if one["type"] == "DRIVER_LICENSE"]
        also = [(one["start"], one["end"]) for one in mail["spans"] if "DRIVER_LICENSE" in one.get("alt", ())]
        wanted += len(gold)
        met += sum(any(overlap(one, other) for other in found) for one in gold)
        alarms += sum(not any(overlap(one, other) for other in gold + also) for one in found)
        clean += not mail["sensitive"]
        flagged += not mail["sensitive"] and bool(spans)
    assert met >= 0.91 * wanted
    assert alarms <= max(2, 0.05 * wanted)  # a lot may have few licences
    assert flagged <= clean / 30


@pytest.mark.parametrize("lot", ["e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q"])
def test_requests_for_a_document_are_told_from_mentions(lot: str) -> None:
    """Requests: precision and recall at least .90."""
    asked = met = alarms = 0
    for line in (LOTS / f"lot_{lot}.jsonl").read_text(encoding="utf-8").splitlines():
        mail = json.loads(line)
        asked += mail["solicitation"]
        told = likelihood(WORDS, mail["text"]) >= MEDIUM
        met += told and mail["solicitation"]
        alarms += told and not mail["solicitation"]
    assert met >= 0.90 * asked
    assert alarms <= 0.10 * (met + alarms)


@pytest.mark.parametrize(("file", "precision", "recall"), [("requests", 0.93, 0.94), ("requests_b", 0.94, 0.89)])
def test_requests_are_told_in_many_words(file: str, precision: float, recall: float) -> None:
    """Texts that ask, and texts that only sound so: so many of those told are right, and so many are told."""
    mails = [json.loads(line) for line in (LOTS / f"{file}.jsonl").read_text(encoding="utf-8").splitlines()]
    told = [mail["solicitation"] for mail in mails if likelihood(WORDS, mail["text"]) >= MEDIUM]
    assert sum(told) >= recall * sum(mail["solicitation"] for mail in mails)
    assert sum(told) >= precision * len(told)


def overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two spans share a character."""
    return one[0] < other[1] and other[0] < one[1]
