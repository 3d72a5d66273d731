"""Zones for machines are found in any text, however it broke their lines, and only where check digits prove them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.content.machine_readable_zone import found, may_hold
from dlp_gateway.content.reader import read
from dlp_gateway.mail.parse import parse
from tests.formats import zones

FIRST, SECOND = zones.passport()


@pytest.mark.parametrize(
    "text",
    [
        f"Dear Ben,\n{FIRST}\n{SECOND}\nKind regards",
        f"> {FIRST}\n> {SECOND}",
        f"{FIRST} {SECOND}",
        f"{FIRST[:20]}\n{FIRST[20:]}\n{SECOND[:20]}\n{SECOND[20:]}",
        f"{' '.join(FIRST)}\n{' '.join(SECOND)}",
        f"| {FIRST} |\n|------|\n| {SECOND} |",
        f"{FIRST}\n{SECOND}".replace("<", "&lt;"),
        f"{FIRST}\n{SECOND}".replace("<", "\u2039"),
        f"{FIRST}\n{SECOND}".replace("<<", "\u00ab"),
        f"{FIRST}\n{SECOND}".lower(),
        f"Passport of Orla Tidewell:{FIRST}{SECOND}Ann",
    ],
    ids=[
        "lines",
        "quoted",
        "one-line",
        "wrapped",
        "spaced",
        "table",
        "entities",
        "guillemets",
        "double-guillemets",
        "lower-case",
        "run-in",
    ],
)
def test_a_passport_however_it_is_written(text: str) -> None:
    """Blanks, line ends, marks of quotation and other signs for the filler do not hide it."""
    assert may_hold(text)
    assert found(text) == "Passport number: K4403217\nDate of birth: 810304\nName: ORLA JUNE TIDEWELL"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((SECOND,), "Passport number: K4403217"),
        (zones.passport("C01X00T47", state="D"), "Passport number: C01X00T47"),
        (zones.passport(kind="V<"), "Travel document number: K4403217"),
        (zones.passport(kind="PD"), "Passport number: K4403217"),
        (zones.passport(kind="I<", size=36), "Identity card number: K4403217"),
        (zones.card(), "Identity card number: K44032171"),
        (zones.card("L01X00T47", state="D"), "Identity card number: L01X00T47"),
        (zones.card("592104427183"), "Identity card number: 592104427183"),
    ],
    ids=["second-line", "german", "visa", "diplomatic", "middle-size", "card", "german-card", "long-number"],
)
def test_documents_of_each_size(lines: tuple[str, ...], expected: str) -> None:
    """Passports, visas and both sizes of cards, of states with short codes and with long numbers."""
    assert expected in found("\n".join(lines)).splitlines()


@pytest.mark.parametrize(
    "spoilt",
    [
        (FIRST[:25] + "ccceccc<KLc<<<", SECOND),
        (FIRST, SECOND.replace("4403217", "44O32I7")),
        (FIRST, SECOND[:27] + "/" + SECOND[28:]),
        (FIRST, SECOND[:-8] + "(C<«(0"),
        (FIRST.replace("P<UTO", "P«UT0"), SECOND[:30]),
    ],
    ids=["fillers", "letters", "seven", "end", "document"],
)
def test_what_readers_of_pictures_make_of_it(spoilt: tuple[str, str]) -> None:
    """Fillers become letters and brackets, digits letters, ends are lost; the check digits still fit."""
    assert "Passport number: K4403217" in found("\n".join(spoilt)).splitlines()


@pytest.mark.parametrize(
    "text",
    [
        f"{FIRST}\n{SECOND[:9]}0{SECOND[10:19]}0{SECOND[20:]}",
        FIRST,
        SECOND[:9] + "1" + SECOND[10:],
        "std::cout << 12345678 << 'M' << 12345678;",
        "ORDER<<E8466879<<ORLA<TIDEWELL<<<<<<<<<<<<<<\nPARCEL<3<OF<5<<KEEP<DRY<<<<<<<<<<<<<<<<<<<<<",
        "<<<<<<< HEAD\n8103044F3309197\n=======\n>>>>>>> 1f3c2a9",
    ],
    ids=["check-digits", "names-alone", "number-alone", "source", "parcel", "conflict"],
)
def test_what_is_none(text: str) -> None:
    """Without check digits that fit, or without a number, it is no zone."""
    assert found(text) == ""


@given(st.text(alphabet="PIVAC<0123456789MFUTO \n«&lt;", max_size=300))
def test_nothing_is_raised(text: str) -> None:
    """Whatever it looks like, reading ends with text."""
    assert isinstance(found(text), str)


def test_any_text_of_a_mail_is_searched() -> None:
    """What the zone says stands behind the text, with the labels that make a number one of a document."""
    mail = f"From: a@corp.example\r\nContent-Type: text/html\r\n\r\n<p>{FIRST}<br>{SECOND}".replace("<UTO", "&lt;UTO")
    texts, _ = read(parse(mail.replace("<<", "&lt;&lt;").encode()))
    assert "Passport number: K4403217" in "\n".join(text.text for text in texts)
