"""The detector reports each distinct identifier once, where it stands first, and never its text."""

import random
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.content.text import Text
from dlp_gateway.detect.base import CONFIDENCE, Finding, Material
from dlp_gateway.detect.identifiers import IdentifierDetector, load_rules
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.parse import parse
from tests.work import LINEAR, growth

RULES = Path(__file__).parents[2] / "rules"
DETECTOR = IdentifierDetector(load_rules(RULES))


def material(*texts: str) -> Material:
    """Return a message whose parts have these texts."""
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
    parts = tuple(Text(where=f"part:{number}", text=text) for number, text in enumerate(texts, 1))
    return Material(envelope=envelope, message=parse(b"Subject: x\r\n\r\nx\r\n"), texts=parts)


def found(text: str, least: str = "medium") -> list[tuple[str, str]]:
    """Return type and text of the identifiers found in `text` with at least that confidence."""
    return [(s.type, text[s.start : s.end]) for s in DETECTOR.spans(text) if s.score >= CONFIDENCE[least]]


@pytest.mark.parametrize(
    "text",
    [
        "Geburtsdatum: 17.02.1994",
        "Lea Roux, née le 18/09/2016, ceinture jaune",
        'intake name="T" dob=1949-06-30 qty=90',
        "> date of birth\n11/02/1979",
        "Applicant: Jo Doe      DOB: July 2, 1991",
    ],
)
def test_a_date_of_birth_is_reported_although_no_rule_has_a_form_for_it(text: str) -> None:
    """Labels alone make a date one of birth; the analyzer must ask for the type all the same."""
    expected = ["DATE_OF_BIRTH"]
    assert expected == [kind for kind, _ in found(text)]


def test_a_finding_tells_what_and_where_and_how_sure() -> None:
    """The place is in code points of the part's text; the value is nowhere."""
    text = "Größe: my driver's licence is MORGA657054SM9IJ."
    (finding,) = DETECTOR.detect(material(text))
    expected = Finding(
        kind="identifier.DRIVER_LICENSE",
        detector="identifiers",
        rule="driver-licence-gb",
        count=1,
        score=finding.score,
        where="part:1:30-46",
        country="GB",
    )
    assert expected == finding
    assert finding.score >= CONFIDENCE["high"]
    assert "MORGA" not in str(asdict(finding))


def test_one_value_is_one_finding_however_often_it_stands() -> None:
    """The same card in two parts and two spellings is one value; another card is another."""
    findings = list(
        DETECTOR.detect(material("card 4111 1111 1111 1111", "card 4111-1111-1111-1111 and card 5105 1051 0510 5100"))
    )
    assert [(finding.kind, finding.where) for finding in findings] == [
        ("identifier.CREDIT_CARD", "part:1:5-24"),
        ("identifier.CREDIT_CARD", "part:2:34-53"),
    ]


def test_of_one_value_the_surer_measurement_counts() -> None:
    """A number that is only likely in the subject and plain in the body is plain."""
    doubtful, plain = "SSN-like 219-09-9999", "her social security number is 219-09-9999"
    (finding,) = DETECTOR.detect(material(doubtful, plain))
    assert (finding.where, finding.score >= CONFIDENCE["high"]) == ("part:1:9-20", True)


def test_the_reason_is_told_in_words_without_the_value() -> None:
    """Reviewers see why a number counts; the number is in the mail only."""
    (span,) = DETECTOR.spans("Führerschein-Nr. B072RRE2I55")
    assert "valid check digit" in span.why
    assert "B072" not in span.why


def test_published_specimens_are_found() -> None:
    """Administrators try these first, and so does our demo: they are found on purpose."""
    text = "Card 4111 1111 1111 1111, SSN 078-05-1120, driving licence MORGA657054SM9IJ, IBAN DE89370400440532013000"
    assert [kind for kind, _ in found(text)] == ["CREDIT_CARD", "US_SSN", "DRIVER_LICENSE", "IBAN"]


def test_places_are_right_when_characters_are_hidden_in_the_number() -> None:
    """Zero-width characters neither hide a number nor shift its place."""
    text = "Driver\u200b's licence: \u200bD12\u200b34562 (CA)"
    assert found(text) == [("DRIVER_LICENSE", "D12\u200b34562")]


@pytest.mark.parametrize(
    "text",
    [
        "member;driving licence number;bike\nAdam;{0};Honda\nBo;{1};Yamaha",
        "Name | Driver's licence | Locker\n-----|------|----\nAdam | {0} | 4\nBo | {1} | 5",
        "Name\tDL number\tLocker\nAdam\t{0}\t4\nBo\t{1}\t5",
        "name,driver_license,locker\nAdam,{0},4\nBo,{1},5",
        'name,driver_license,locker\n"Cole, Adam",{0},4\n"Lee, Bo","{1}",5',
        "Name      Driver license   Locker\nAdam      {0}          4\nBo        {1}          5",
    ],
)
def test_a_heading_owns_its_column(text: str) -> None:
    """The header names what stands below it, in tables of every kind; other columns are not its own."""
    rows = text.format("K81271539", "K82154529")
    assert [value for _, value in found(rows)] == ["K81271539", "K82154529"]


def test_a_column_is_owned_at_any_distance() -> None:
    """The two hundredth row is as far from the header as the first, in meaning."""
    rows = "\n".join(f"{n},K8{n:07},{10**8 + n}" for n in range(200))
    assert len(found(f"id,driver licence,order\n{rows}")) == 200


def test_another_column_of_the_same_form_is_not_taken() -> None:
    """Order numbers beside licence numbers look alike; only the header tells."""
    text = "order;driver licence\nK81271539;K82154529\nK81271540;K82154530"
    assert [value for _, value in found(text)] == ["K82154529", "K82154530"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("K1234567\n\n> What is your driver's licence number?", ["K1234567"]),
        ("> What is your driver's licence number?\n\nK1234567", ["K1234567"]),
        ("K1234567\n\nOn 2 Nov Ann wrote:\nPlease send me your driver's licence number.", ["K1234567"]),
        ("Ann: your driver's licence no?\nBob: K1234567", ["K1234567"]),
        ("K1234567\n\nKind regards\nBob", []),
        ("Where is my driver's licence?\n\nKind regards\nBob\n\nOrder K1234567", []),
    ],
)
def test_answers_belong_to_their_questions(text: str, expected: list[str]) -> None:
    """A bare number is owned by the question it answers, above or quoted below, but never across a signature."""
    assert expected == [value for _, value in found(text)]


@pytest.mark.parametrize(
    "text",
    [
        "Show your driver's licence at locker 27553 to receive parcel 5835171820.",
        "Driver's licence verification finished, audit number 86176712.",
        "Your driver's licence is fine. Order number: K1234567.",
        "Driver's licence: valid\nMembership: K1234567",
        "The driver's licence office is at +1 555 555 0142, room 20417.",
    ],
)
def test_a_number_that_another_label_owns_is_no_licence(text: str) -> None:
    """However near a licence is spoken of, a parcel's number is the parcel's."""
    assert found(text) == []


@pytest.mark.parametrize("shown", ["4111 1111 1111 1112", "DE89 3704 0044 0532 0130 01", "000-12-3456"])
def test_a_failed_check_is_no_finding(shown: str) -> None:
    """A mistyped card or account number is of no use to anybody."""
    assert found(f"card, IBAN, SSN: {shown}") == []


def test_a_private_key_and_a_token_are_credentials() -> None:
    """What begins as issuers make it begin is found without any label."""
    token = "gh" + "p_" + "A1b2" * 9
    key = "-----BEGIN " + "PRIVATE KEY"
    assert [("CREDENTIAL", token), ("CREDENTIAL", key)] == found(f"use {token}\n{key}-----\n")


_PIECES = [
    *(
        "driver's licence",
        "no.",
        "D1234567",
        ":",
        "\n",
        "> ",
        "|",
        "\t",
        ";",
        "4111 1111 1111 1111",
        "Regards",
        "order",
    ),
    *("12345678", "(", ",", "è", "\u200b", "  ", "Führerschein", "B072RRE2I55", "?", "Ann:", "[14:02]"),
]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(_PIECES),
        max_size=40,
    ).map(" ".join)
)
def test_spans_are_in_order_within_the_text_and_apart(text: str) -> None:
    """Whatever is put together from words, labels and numbers: spans have offsets of the text and do not overlap."""
    last = 0
    for span in DETECTOR.spans(text):
        assert last <= span.start < span.end <= len(text)
        assert 0 < span.score <= 1
        last = span.end


@pytest.mark.parametrize(
    "unit",
    [
        "DL 1234567 ",
        "driver licence: D1234567\n",
        "licence 1 2 3 4 5 6 7 8 9 ",
        "4111 1111 1111 1111 ",
        "dl\tno\t1234567\n",
        "a: b: 12345678: driver licence:\n",
        "born 12/23/1959 ",
        "((((dl 1",
        "> > > dl 12345\n",
        "GB33BUKB20201555555555 ",
        "driver licence" + " " * 500 + "1",
        "dmv class b who was driving A1234567 ",
        "eight digits licence DMV A1234567 ",
        ">>>>>>>> licence 1234567\n",
        "From: a\nTo: b\nlicence 1234567\n",
        "case number for the licence 1234567 ",
        "licence folio card number customer number 1234567 ",
        "renterLicenseNumber dealerLicense numRegistroCNH ",
        "aBaBaBaBaBaB" * 20,
    ],
)
def test_no_input_is_a_catastrophe(unit: str) -> None:
    """The same again and again costs no more than its length."""
    assert growth(DETECTOR.spans, lambda length: (unit * (length // len(unit) + 1))[:length], 64_000) < LINEAR


_NEWSLETTER = "Sale until 31.12.2026! Our gift card is back.\n" + "https://news.example/c/{}/x?u={}&t=1700000000\n" * 5
_TABLE = "sku,parcel,serial\n" + "A,{:.12},{}\n" * 5
_ROWS = "Thread {}\n{:.4} {:.4} {:.4} {:.4} {:.4}\n" + "{:.4}\t{:.4}\t{:.4}\t{:.4}\n"


@pytest.mark.parametrize("layout", [_NEWSLETTER, _TABLE, _ROWS], ids=["newsletter", "table", "rows"])
def test_random_numbers_are_no_cards(layout: str) -> None:
    """Ids in links, tables and lines have a valid check digit now and then; that alone makes no card of them."""
    digits = random.Random(11)
    mails = [layout.format(*("4" + "".join(digits.choices("0123456789", k=15)) for _ in range(10))) for _ in range(200)]
    assert [mail for mail in mails if found(mail)] == []


def test_one_number_over_and_over_is_cheap() -> None:
    """Of a value that fills a mail, the first few places are weighed."""
    assert {value for _, value in found("123-45-6789 " * 20_000)} == {"123-45-6789"}
    assert growth(found, "123-45-6789 ".__mul__, 20_000) < LINEAR
