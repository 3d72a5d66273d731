"""Whom a copy betrays: blind recipients in the header or quoted, visible outsiders quoted."""

from dataclasses import replace

import pytest

from dlp_gateway.content.reader import read
from dlp_gateway.detect.base import Material
from dlp_gateway.detect.disclosure import DisclosureDetector
from dlp_gateway.mail.address import DomainSet
from dlp_gateway.mail.parse import parse
from tests.mail.test_blind import ENVELOPE

DETECTOR = DisclosureDetector(inside=DomainSet(("corp.example",)), partners=DomainSet(("partner.example",)))
ONE, EVE = "one@shop.example", "eve@home.example"


def counts(recipients: tuple[str, ...], header: str, body: str) -> dict[str, int]:
    """Return what is found, by the last part of the kind."""
    message = parse(f"From: ann@corp.example\r\n{header}\r\n\r\n{body}".encode())
    material = Material(
        envelope=replace(ENVELOPE, recipients=recipients), message=message, texts=read(message)[0], unreadable=()
    )
    return {found.kind.removeprefix("recipients."): found.count for found in DETECTOR.detect(material)}


@pytest.mark.parametrize(
    ("recipients", "header", "body", "expected"),
    [
        ((ONE, EVE), f"To: {ONE}\r\nX-Original-To: {EVE}", "", {"blind_named": 1}),
        ((ONE, EVE), f"To: {ONE}", f"To: {EVE}, {ONE}\n", {"blind_quoted": 1, "outsiders_quoted": 1}),
        ((ONE, EVE), f"To: {ONE}, {EVE}", f"To: {EVE}, {ONE}\n", {"outsiders_quoted": 2}),
        ((ONE, "boss@corp.example"), f"To: {ONE}, x@y.example", "To: boss@corp.example, pat@partner.example", {}),
        ((ONE,), f"To: {ONE}", f"To: {ONE}\n", {}),
        ((EVE,), f"To: {ONE}", f"To: {EVE}\n", {}),
    ],
)
def test_counts(recipients: tuple[str, ...], header: str, body: str, expected: dict[str, int]) -> None:
    """Insiders and partners betray nobody; one who gets his copy alone is shown to himself."""
    assert counts(recipients, header, body) == expected
