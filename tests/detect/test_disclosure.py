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
        ((ONE, EVE), f"To: {ONE}\r\nBcc {EVE}", "", {"blind_named": 1}),
    ],
)
def test_counts(recipients: tuple[str, ...], header: str, body: str, expected: dict[str, int]) -> None:
    """Insiders and partners betray nobody; one who gets his copy alone is shown to himself."""
    assert counts(recipients, header, body) == expected


def test_guests_beside_an_invitation() -> None:
    """They are listed in the text as well, in any form; without an invitation people may be mentioned."""
    invitation = (
        "Content-Type: multipart/alternative; boundary=b\r\n\r\n"
        f"--b\r\n\r\nGuests\r\n{ONE}\r\n{EVE} - optional\r\n"
        "--b\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n"
        f"ATTENDEE:mailto:{ONE}\r\nATTENDEE:mailto:{EVE}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n--b--"
    )
    assert counts(
        (ONE, EVE), f"To: {ONE}, {EVE}\r\n{invitation.partition(chr(13))[0]}", invitation.partition("\r\n\r\n")[2]
    ) == {"outsiders_quoted": 2}
    assert counts((ONE, EVE), f"To: {ONE}, {EVE}", f"Guests\n{ONE}\n{EVE}") == {}
