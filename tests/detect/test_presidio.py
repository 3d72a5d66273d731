"""Presidio is a guest: ours runs in any of its engines, and nothing of it reaches the network or a log."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.predefined_recognizers import EmailRecognizer

from dlp_gateway.detect.presidio import Analyzer, IdentifierRecognizer
from dlp_gateway.errors import ConfigurationError

RULES = Path(__file__).parents[2] / "rules"
TEXT = "My driver's licence is MORGA657054SM9IJ and my card is 4111 1111 1111 1111; mail ann@example.com"

# Everything that opens a connection, even a name look-up, ends the process; urllib3 may ask whether there is IPv6.
FORBIDDING = """
import os, socket, sys

def refuse(event, arguments):
    harmless = event == "socket.__new__" or (event == "socket.bind" and arguments[1][0] == "::1")
    if event.startswith("socket.") and not harmless or event == "urllib.Request":
        os.write(2, event.encode())
        os._exit(99)

sys.addaudithook(refuse)
"""
DETECTING = """
import json, pathlib, sys
from dlp_gateway.detect.identifiers import IdentifierDetector, load_rules
from dlp_gateway.detect.presidio import Analyzer
from presidio_analyzer.predefined_recognizers import EmailRecognizer, UrlRecognizer

detector = IdentifierDetector(load_rules(pathlib.Path(sys.argv[1])))
guests = Analyzer([EmailRecognizer(), UrlRecognizer()], pipeline=True)
text = sys.argv[2]
print(json.dumps([[span.type for span in detector.spans(text)], [span.type for span in guests.spans(text)]]))
"""


def run(program: str) -> "subprocess.CompletedProcess[str]":
    """Run a program in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", program, str(RULES), TEXT], capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.slow
def test_nothing_reaches_for_the_network() -> None:
    """With every socket forbidden, ours and Presidio's own e-mail and URL recognizers find what they should."""
    done = run(FORBIDDING + DETECTING)
    assert (done.returncode, done.stderr if done.returncode else "") == (0, "")
    ours, guests = json.loads(done.stdout.splitlines()[-1])
    assert ours == ["DRIVER_LICENSE", "CREDIT_CARD"]
    assert "EMAIL_ADDRESS" in guests


@pytest.mark.slow
def test_the_prohibition_of_sockets_works() -> None:
    """The test above would pass for nothing if the hook let sockets through."""
    done = run(FORBIDDING + "socket.create_connection(('192.0.2.1', 80), timeout=1)")
    assert done.returncode == 99


def test_ours_runs_in_an_engine_of_presidio_alone() -> None:
    """An operator who has Presidio already adds our recognizer to their registry and needs nothing else of ours."""
    registry = RecognizerRegistry(recognizers=[IdentifierRecognizer.from_folder(RULES)], supported_languages=["en"])
    analyzer = Analyzer([])  # lends its pipeline without a model
    engine = AnalyzerEngine(registry=registry, nlp_engine=analyzer.nlp_engine, supported_languages=["en"])
    results = engine.analyze(TEXT, language="en")
    found = {(result.entity_type, TEXT[result.start : result.end]) for result in results}
    assert {("DRIVER_LICENSE", "MORGA657054SM9IJ"), ("CREDIT_CARD", "4111 1111 1111 1111")} == found
    assert {"GB", ""} == {result.recognition_metadata["country"] for result in results}


def test_only_entities_that_are_asked_for_are_returned() -> None:
    """Presidio's contract: a recognizer answers for the entities of the call."""
    recognizer = IdentifierRecognizer.from_folder(RULES)
    assert [result.entity_type for result in recognizer.analyze(TEXT, ["CREDIT_CARD"])] == ["CREDIT_CARD"]


def test_a_stock_recognizer_runs_beside_ours() -> None:
    """A recognizer that an operator names is one more in the registry."""
    assert [span.type for span in Analyzer([EmailRecognizer()], pipeline=True).spans(TEXT)] == ["EMAIL_ADDRESS"]


def test_a_model_that_is_not_installed_is_refused_and_not_fetched() -> None:
    """Presidio would download it; we say what is wrong."""
    with pytest.raises(ConfigurationError, match="never downloaded"):
        Analyzer([EmailRecognizer()], model="en_core_web_that_is_not_here")


def test_the_text_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """Presidio writes the text to its log when it traces decisions; here it never does, at any level."""
    with caplog.at_level(logging.DEBUG):
        Analyzer([IdentifierRecognizer.from_folder(RULES)]).spans(TEXT)
    assert not any("MORGA" in record.getMessage() or "4111" in record.getMessage() for record in caplog.records)
