"""Records of others: somebody's data to himself are no leak, and to anybody else they are."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dlp_gateway.content.text import Text
from dlp_gateway.detect.base import Finding, Material
from dlp_gateway.detect.edm.detector import EdmDetector
from dlp_gateway.errors import InspectionError
from dlp_gateway.mail.address import DomainSet
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.parse import parse
from tests.detect.edm.tables import PEOPLE, build

INSIDE = DomainSet(("corp.example",))
ANN = "Ihr Führerschein D1234567"
BEN = "O'Brien, 1 March 1975"


def material(recipients: tuple[str, ...], *texts: str) -> Material:
    """Return a message with these texts."""
    envelope = Envelope(
        id="x",
        reverse_path="clerk@corp.example",
        recipients=recipients,
        client="127.0.0.1",
        login="",
        body_8bit=True,
        smtputf8=True,
        received_at=datetime.now(UTC),
    )
    read = tuple(Text(where=f"part:{number}", text=text) for number, text in enumerate(texts, 1))
    return Material(envelope=envelope, message=parse(b"\r\n"), texts=read)


@pytest.fixture
def detector(tmp_path: Path) -> EdmDetector:
    """Give the detector of one table."""
    build(tmp_path)
    return EdmDetector((("people", str(tmp_path / "people.edm"), str(tmp_path / "people.key")),), INSIDE)


def counts(found: list[Finding]) -> dict[str, int]:
    """Return the sums by kind."""
    summed: dict[str, int] = {}
    for finding in found:
        summed[finding.kind] = summed.get(finding.kind, 0) + finding.count
    return summed


@pytest.mark.parametrize(
    ("recipients", "texts", "records", "others"),
    [
        (("ann@home.example",), (ANN,), 1, 0),
        (("Ann+tag@HOME.example",), (ANN,), 1, 0),
        (("ann@home.example", "boss@corp.example"), (ANN,), 1, 0),
        (("ann@home.example", "ben@home.example"), (ANN,), 1, 1),
        (("ben@home.example",), (ANN,), 1, 1),
        (("ben@home.example",), (ANN, BEN), 2, 1),
        (("boss@corp.example",), (ANN, BEN), 2, 0),
        (("stranger@away.example",), (ANN + " " + BEN, "D5550001"), 3, 3),
        (("ann@home.example",), (ANN, ANN, "DE89370400440532013000"), 1, 0),
        ((), (ANN,), 1, 0),
        (("ann@home.example",), ("nothing",), 0, 0),
    ],
)
def test_whose_records_and_to_whom(
    detector: EdmDetector, recipients: tuple[str, ...], texts: tuple[str, ...], records: int, others: int
) -> None:
    """Every recipient outside must be the person of the record; insiders do their work."""
    found = counts(list(detector.detect(material(recipients, *texts))))
    assert found == {k: v for k, v in {"edm.records.people": records, "edm.others.people": others}.items() if v}


def test_a_finding_says_why_and_never_what(detector: EdmDetector) -> None:
    """Columns and a place, and no value."""
    (records, others) = detector.detect(material(("x@away.example",), "Müller 2.1.1980"))
    assert (records.rule, records.where) == ("people:surname/born", "part:1:0-15")
    assert (others.kind, others.score) == ("edm.others.people", 0.95)


def test_a_number_that_two_have_is_one_record(tmp_path: Path) -> None:
    """Of a joint account one record is counted, and it is the recipient's own if he has it."""
    people = PEOPLE + "K-200000,D9990009,DE89 3704 0044 0532 0130 00,Other,5.5.1955,10999,eve@home.example\n"
    build(tmp_path, people)
    detector = EdmDetector((("people", str(tmp_path / "people.edm"), str(tmp_path / "people.key")),), INSIDE)
    iban = "DE89 3704 0044 0532 0130 00"
    assert counts(list(detector.detect(material(("eve@home.example",), iban)))) == {"edm.records.people": 1}
    assert counts(list(detector.detect(material(("ben@home.example",), iban)))) == {
        "edm.records.people": 1,
        "edm.others.people": 1,
    }


def test_a_list_makes_no_records_across_its_rows(tmp_path: Path) -> None:
    """The name of one line and the date of the next are no third person, even if there is one."""
    people = PEOPLE + "K-200000,,,O'Brien,02.01.1980,,eve@home.example\n"
    build(tmp_path, people)
    detector = EdmDetector((("people", str(tmp_path / "people.edm"), str(tmp_path / "people.key")),), INSIDE)
    found = counts(list(detector.detect(material(("x@away.example",), "Müller;02.01.1980\nO'Brien;1.3.1975"))))
    assert found["edm.records.people"] == 2


def test_a_table_that_cannot_be_opened_is_a_failure_of_every_mail(tmp_path: Path) -> None:
    """Not "clean": the policy then holds the mail."""
    detector = EdmDetector((("people", str(tmp_path / "people.edm"), str(tmp_path / "people.key")),), INSIDE)
    assert detector.kinds == {"edm.records.people", "edm.others.people"}
    with pytest.raises(InspectionError):
        list(detector.detect(material(("ann@home.example",), "nothing")))


def test_a_table_that_is_written_over_is_a_failure(detector: EdmDetector, tmp_path: Path) -> None:
    """From the next mail on."""
    path = tmp_path / "people.edm"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(InspectionError):
        list(detector.detect(material(("ann@home.example",), ANN)))
