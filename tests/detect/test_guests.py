"""Presidio's own recognizers run as a detector: bounded windows, a budget, places of the whole text."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import spacy

from dlp_gateway.content.text import Text
from dlp_gateway.detect.base import Material
from dlp_gateway.detect.guests import GuestDetector
from dlp_gateway.errors import ConfigurationError, InspectionError
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.parse import parse


def material(text: str) -> Material:
    """Return a message with this text."""
    envelope = Envelope(
        id="0" * 18,
        reverse_path="ann@corp.example",
        recipients=("bob@customer.example",),
        client="192.0.2.1",
        login="",
        body_8bit=False,
        smtputf8=False,
        received_at=datetime(2026, 11, 21, tzinfo=UTC),
    )
    return Material(
        envelope=envelope, message=parse(b"Subject: x\r\n\r\nx\r\n"), texts=(Text(where="part:1", text=text),)
    )


def test_places_count_from_the_beginning_of_the_text() -> None:
    """What is found in a window is told where it stands in the part, far from the beginning too."""
    text = "word " * 3_000 + "write to ann@example.com, please, " + "word " * 3_000
    at = text.index("ann@")
    assert [("presidio.EMAIL_ADDRESS", f"part:1:{at}-{at + 15}")] == [
        (finding.kind, finding.where) for finding in GuestDetector(["EmailRecognizer"]).detect(material(text))
    ]


def test_windows_are_bounded_and_hold_everything_that_opens_the_gate() -> None:
    """A text full of figures is seen whole, in pieces of two thousand characters at most."""
    text = "12 345 " * 2_000
    windows = list(GuestDetector(["EmailRecognizer"])._windows(text))
    assert max(high - low for low, high in windows) <= 2_000
    assert all(any(low <= place < high for low, high in windows) for place, mark in enumerate(text) if mark.isdigit())


def test_words_alone_are_not_looked_at() -> None:
    """Prose without figures and addresses costs no run of Presidio at all."""
    assert not list(GuestDetector(["EmailRecognizer"])._windows("nothing but words " * 1_000))


def test_more_than_the_budget_is_a_failure_and_not_clean() -> None:
    """What was not looked at must not pass as looked at."""
    with pytest.raises(InspectionError):
        list(GuestDetector(["EmailRecognizer"]).detect(material("12 345 " * 20_000)))


@pytest.mark.parametrize("name", ["NoSuchRecognizer", "AzureAILanguageRecognizer", "GLiNERRecognizer", "os"])
def test_only_recognizers_that_work_on_this_machine_are_taken(name: str) -> None:
    """A misspelt name, or a recognizer that would call a service or fetch a model, is refused."""
    with pytest.raises(ConfigurationError, match="works on this machine alone"):
        GuestDetector([name])


def test_the_operators_own_model_is_loaded_from_its_folder(tmp_path: Path) -> None:
    """A spaCy pipeline saved on this machine finds its entities; nothing is downloaded."""
    pipeline = spacy.blank("en")
    ruler = pipeline.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "PERSON", "pattern": "Ada Lovelace"}])
    pipeline.to_disk(tmp_path / "model")
    detector = GuestDetector([], model=str(tmp_path / "model"))
    assert [finding.kind for finding in detector.detect(material("We met Ada Lovelace there."))] == ["presidio.PERSON"]
