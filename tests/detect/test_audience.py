"""Where a word counts that says who the readers are, and where it does not."""

import pytest

from dlp_gateway.detect.audience import AudienceDetector
from dlp_gateway.detect.base import Material
from dlp_gateway.detect.words import Role
from dlp_gateway.mail.address import DomainSet
from dlp_gateway.mail.parse import parse
from tests.detect.test_words import WORDS
from tests.mail.test_blind import ENVELOPE

DETECTOR = AudienceDetector(inside=DomainSet(("corp.example",)), words=WORDS[Role.AUDIENCE])


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ("Subject: HIV clinic", "header:Subject"),
        ("Subject: =?utf-8?q?Kinderwunsch=2DSprechstunde?=", "header:Subject"),
        ("From: Oncology <desk@corp.example>", "header:From"),
        ("From: hiv-clinic@corp.example", "header:From"),
        ("Reply-To: clinic_north@corp.example", "header:Reply-To"),
        ("List-Id: Abuse survivors <forum.corp.example>", "header:List-Id"),
        ("To: Patients: a@x.example, b@y.example;", "header:To"),
        ('Cc: x@corp.example, "HIV group": a@x.example;', "header:Cc"),
        ("To: Clinic list <all@corp.example>, a@x.example", "header:To"),
        ("To: fertility@corp.example, a@x.example", "header:To"),
        ("To: Clinic North <a@clinic.example>", None),
        ("From: Ann <ann@clinic.corp.example>", None),
        ("Subject: Hello", None),
        ("X-Notes: clinic", None),
    ],
)
def test_looks_where_a_mail_says_what_it_is(fields: str, where: str | None) -> None:
    """Subject, sender, lists and groups of ours; not what outsiders are called, nor a domain, nor the body."""
    message = parse(f"{fields}\r\n\r\nthe clinic\r\n".encode())
    found = [*DETECTOR.detect(Material(envelope=ENVELOPE, message=message, texts=()))]
    assert [finding.where for finding in found] == ([where] if where else [])
