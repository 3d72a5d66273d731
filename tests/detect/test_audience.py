"""Where a word counts that says who the readers are, and where it does not."""

import pytest

from dlp_gateway.detect.audience import AudienceDetector
from dlp_gateway.detect.base import Material
from dlp_gateway.mail.address import DomainSet
from dlp_gateway.mail.parse import parse
from tests.detect.test_words import WORDS
from tests.mail.test_blind import ENVELOPE

DETECTOR = AudienceDetector(inside=DomainSet(("corp.example",)), words=WORDS)


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


@pytest.mark.parametrize("unit", [" ", "\t", ", ", ',"', ": ", ";a ", '" '])
def test_a_long_list_takes_no_time(unit: str) -> None:
    """A run of blanks or signs before or within a group's name is gone through once."""
    message = parse(f"To: a:,{unit * 20_000}x\r\n\r\n".encode())
    assert not [*DETECTOR.detect(Material(envelope=ENVELOPE, message=message, texts=()))]


@pytest.mark.parametrize(
    "subject",
    [
        "HIV clinic newsletter",
        "Clinic newsletter",
        "Your appointment in our clinic",
        "Information for our patients",
        "Redundancy consultation: your individual meeting",
        "Layoffs: your meeting on Monday",
        "Independent Inquiry: forum for survivors",
        "Inquiry participants",
        "Asylum seekers: your hearing",
        "Whistleblowers: your reports",
        "Historical institutional abuse redress",
        "Domestic violence shelter",
        "Informationen zum Sozialplan für Sie",
        "Plan social : votre entretien",
        "Suivi des patients VIH",
        "Your STI test",
        "PrEP appointments",
        "Rape crisis centre: new counsellors",
        "Bereavement group after stillbirth",
        "Debt counselling group",
        "Suicide bereavement",
        "Methadone programme",
        "Trans youth group",
        "Parents of children who died",
        "Autism assessment waiting list",
        "Personal insolvency advice",
        "Massaontslag: uw gesprek",
        "ARAP: your relocation",
    ],
)
def test_readers_who_are_concerned(subject: str) -> None:
    """Their illness, their loss, what was done to them, their job."""
    assert found(subject)


@pytest.mark.parametrize(
    "subject",
    [
        "Clinic supply price list 2027",
        "Patient monitor firmware 3.2",
        "Orders for St Mary Hospital and the clinic",
        "Software for asylum procedures: tender",
        "Patent clinic at the chamber of commerce",
        "Golf clinic on Saturday",
        "Coaching clinic for trainers",
        "Writing clinic",
        "Domestic violence law update (webinar)",
        "Suicide prevention day: press kit",
        "Plan social media Q1",
        "Plan social : photos de la fête du personnel",
        "Sozialplan Neubau Sporthalle",
        "Offer: office furniture for the clinic in Ulm",
        "Public inquiry office opening hours of the chamber of commerce",
        "Layoff of rig 4: maintenance plan",
        "Case study: patient scheduling software",
        "Asylum Street 12: lease",
        "Klinik-IT Messe: Standnummer",
        "Whistleblower hotline software: demo",
        "La clinique commerciale de mardi",
        "Pflege-Software für Kliniken und Patientenzimmer",
        "Ospedale e clinica: listino prezzi",
    ],
)
def test_readers_who_trade_in_it(subject: str) -> None:
    """A word of a place or a matter alone is business."""
    assert not found(subject)


def found(subject: str) -> bool:
    """Tell whether a subject makes its readers a secret."""
    message = parse(f"From: ann@corp.example\r\nSubject: {subject}\r\n\r\n".encode())
    return [*DETECTOR.detect(Material(envelope=ENVELOPE, message=message, texts=()))] != []
