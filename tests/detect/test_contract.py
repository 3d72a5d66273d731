"""What every registered detector must do, whoever wrote it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dlp_gateway.content.reader import read
from dlp_gateway.detect import registry
from dlp_gateway.detect.base import Detector, Exposure, Facts, Material, Sent, Thread
from dlp_gateway.detect.edm.detector import EdmDetector
from dlp_gateway.mail.address import DomainSet
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.parse import parse
from tests.detect.edm.tables import build

RULES = Path(__file__).parents[2] / "rules"
DETECTORS = registry.build(
    registry.Recipe(
        inside=("corp.example",),
        partners=("partner.example",),
        free_mail=("free.example",),
        rules=str(RULES),
        plugins=registry.installed(),
    )
)
MARKER = "qzxjkvwpmarker"
CARD = "4111 1111 1111 1111"  # published for tests
LICENCE = "MORGA657054SM9IJ"  # published for tests
ENVELOPE = Envelope(
    id="0" * 18,
    reverse_path=f"{MARKER}@corp.example",
    recipients=(f"{MARKER}@a.example", f"{MARKER}2@b.example", f"{MARKER}@c0rp.example"),
    client="192.0.2.1",
    login=MARKER,
    body_8bit=True,
    smtputf8=False,
    received_at=datetime(2026, 11, 21, 22, 0, tzinfo=UTC),
)
FACTS = Facts(
    thread=Thread(audience=30, addressed_again=11),
    exposure=Exposure(before=20, joint=23, written=25),
    strangers=(0,),
    look_alikes=(0,),
    sent=Sent(key=b"key", known=(("CREDIT_CARD", 7),)),
)
MAILS = {
    "plain": f"""\
From: {MARKER} <{MARKER}@corp.example>
To: {MARKER} <{MARKER}1@a.example>, {MARKER}2@b.example, {MARKER}3@free.example
Subject: {MARKER} driving licence {LICENCE}

{MARKER} My UK driving licence number is {LICENCE}, {MARKER} and the credit card is {CARD}. {MARKER}
""",
    "html": f"""\
To: {MARKER}@a.example
Content-Type: text/html

<p title="{MARKER}">{MARKER} card number <b>4111</b> 1111 1111 1111 {MARKER}</p>
""",
    "odd": f"""\
To: {MARKER}@a.example,,<<<
To: {MARKER}
{MARKER}
Content-Type: multipart/mixed; boundary={MARKER}

--{MARKER}
Content-Type: application/pdf; name={MARKER}
Content-Transfer-Encoding: {MARKER}

{MARKER}
""",
    "betraying": f"""\
Received: from a.example by b.example for <{MARKER}@a.example>; Sat, 21 Nov 2026 22:00:00 +0000
To: {MARKER}1@a.example, {MARKER}2@b.example

{MARKER}
To: {MARKER}1@a.example, {MARKER}@a.example
""",
    "passed on": f"""\
From: {MARKER} <{MARKER}@mail.example>
To: {MARKER}@corp.example, {MARKER}@c0rp.example
Subject: HIV clinic {MARKER}

{MARKER} Please send us a copy of your passport, {MARKER}.
""",
    "empty": "",
}


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    """Give the detector of a table whose one record stands in the mails."""
    folder = tmp_path_factory.mktemp("edm")
    build(
        folder,
        f"licence,card\n{LICENCE},{CARD}\n",
        "columns: {licence: code, card: code}\nenough: [{of: [licence, card]}]",
    )
    return EdmDetector(
        (("people", str(folder / "people.edm"), str(folder / "people.key")),), DomainSet(("corp.example",))
    )


@pytest.fixture(params=[*DETECTORS, "edm"], ids=[*(detector.name for detector in DETECTORS), "edm"])
def detector(request: pytest.FixtureRequest, records: Detector) -> Detector:
    """Each registered detector in turn."""
    chosen: Detector = records if request.param == "edm" else request.param
    return chosen


@pytest.fixture(params=list(MAILS.values()), ids=list(MAILS))
def material(request: pytest.FixtureRequest) -> Material:
    """Each mail in turn, read, as the answer to a mass send."""
    raw: str = request.param
    message = parse(raw.replace("\n", "\r\n").encode())
    texts, unreadable = read(message)
    return Material(envelope=ENVELOPE, message=message, texts=texts, unreadable=unreadable, facts=FACTS)


def test_reports_only_declared_kinds(detector: Detector, material: Material) -> None:
    """Policies are checked against the declared kinds, so no other may turn up."""
    assert {finding.kind for finding in detector.detect(material)} <= detector.kinds


def test_findings_are_well_formed(detector: Detector, material: Material) -> None:
    """A finding names its detector, counts something, and has a score from 0 to 1."""
    for finding in detector.detect(material):
        assert finding.detector == detector.name
        assert finding.count >= 1
        assert 0 <= finding.score <= 1


def test_places_lie_within_the_text(detector: Detector, material: Material) -> None:
    """Where a finding names a range of code points, the text has it."""
    lengths = {text.where: len(text.text) for text in material.texts}
    for finding in detector.detect(material):
        place, colon, offsets = finding.where.rpartition(":")
        start, dash, end = offsets.partition("-")
        if colon and dash and start.isdecimal():
            assert 0 <= int(start) < int(end) <= lengths[place]


def test_findings_hold_no_text(detector: Detector, material: Material) -> None:
    """Neither what stands around a value nor the value itself is in a finding."""
    shown = repr(tuple(detector.detect(material)))
    for secret in (MARKER, CARD, CARD.replace(" ", ""), LICENCE, CARD[-9:], LICENCE[:5]):
        assert secret not in shown


def test_the_same_message_yields_the_same_findings(detector: Detector, material: Material) -> None:
    """No state is kept: neither repetition nor another message in between changes the findings."""
    first = tuple(detector.detect(material))
    other = replace(material, message=parse(b"To: other@c.example\r\n\r\n"), texts=(), unreadable=())
    tuple(detector.detect(other))
    assert first == tuple(detector.detect(material))


def test_detection_is_found_somewhere(detector: Detector) -> None:
    """Every detector of ours reports something on the mails above; one that never does is not being tested."""
    assert any(tuple(detector.detect(one)) for one in _materials())


def _materials() -> Iterator[Material]:
    for raw in MAILS.values():
        message = parse(raw.replace("\n", "\r\n").encode())
        texts, unreadable = read(message)
        yield Material(envelope=ENVELOPE, message=message, texts=texts, unreadable=unreadable, facts=FACTS)
