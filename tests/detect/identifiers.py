"""The built-in rules, and the identifiers that are recognised in a text by them."""

from pathlib import Path

from dlp_gateway.detect.base import CONFIDENCE
from dlp_gateway.detect.identifier_rules import load_rules
from dlp_gateway.detect.recognition import Recognition

RULES = Path(__file__).parents[2] / "rules"
BOOK = load_rules(RULES)
RECOGNITION = Recognition(BOOK)


def numbers(text: str) -> list[tuple[str, str]]:
    """Return the types and numbers found in `text` with at least medium confidence."""
    return [
        (span.type, text[span.start : span.end])
        for span in RECOGNITION.spans(text)
        if span.score >= CONFIDENCE["medium"]
    ]


def licences(text: str) -> list[str]:
    """Return the driver's licences among them."""
    return [number for kind, number in numbers(text) if kind == "DRIVER_LICENSE"]
