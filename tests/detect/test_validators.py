"""Check digits: published specimens hold, and one changed digit does not."""

import pytest

from dlp_gateway.detect.validators import CHECKS, luhn, payment_card


@pytest.mark.parametrize(
    ("check", "number"),
    [
        ("payment-card", "4111111111111111"),  # Visa, published test number
        ("payment-card", "5105105105105100"),
        ("payment-card", "2223000048410010"),  # Mastercard, 2-series
        ("payment-card", "378282246310005"),
        ("payment-card", "30569309025904"),
        ("payment-card", "6011111111111117"),
        ("payment-card", "3530111333300000"),
        ("payment-card", "6759649826438453"),
        ("iban", "DE89370400440532013000"),  # ISO 13616 registry
        ("iban", "GB29NWBK60161331926819"),
        ("us-routing", "021000021"),
        ("us-ssn", "078051120"),
        ("us-itin", "912701234"),
        ("gb-driving-licence", "MORGA657054SM9IJ"),  # DVLA specimen
        ("gb-nino", "AB123456C"),
        ("gb-nhs", "9434765919"),
        ("de-driving-licence", "B072RRE2I55"),  # Bundesdruckerei specimen
        ("de-tax-id", "86095742719"),
        ("de-document", "L01X00T471"),
        ("es-identity", "12345678Z"),
        ("es-identity", "X1234567L"),
        ("it-codice-fiscale", "RSSMRA85T10A562S"),
        ("nl-bsn", "111222333"),
        ("pl-pesel", "44051401359"),
        ("br-cpf", "52998224725"),
        ("br-cnh", "02650306461"),
        ("in-aadhaar", "234123412346"),
        ("au-tfn", "123456782"),
        ("au-medicare", "2123456701"),
        ("nz-ird", "49091850"),
        ("ca-sin", "130692544"),
        ("se-personnummer", "8112189876"),
        ("us-fl-driving-licence", "F255921500940"),
        ("ca-on-driving-licence", "A12345678960229"),
    ],
)
def test_specimens_hold(check: str, number: str) -> None:
    """Numbers that authorities and libraries publish as examples pass."""
    assert CHECKS[check](number) is True


@pytest.mark.parametrize(
    ("check", "number"),
    [
        ("payment-card", "4111111111111112"),
        ("payment-card", "4111111111111"),
        ("payment-card", "0000000000000000"),
        ("payment-card", "9999999999999995"),
        ("iban", "DE89370400440532013001"),
        ("us-ssn", "000123456"),
        ("us-ssn", "666123456"),
        ("us-itin", "912000000"),
        ("gb-driving-licence", "MORGA657994SM9IJ"),
        ("gb-nino", "BG123456C"),
        ("de-driving-licence", "B072RRE2I65"),
        ("es-identity", "12345678A"),
        ("br-cnh", "02650306462"),
        ("in-driving-licence", "ZZ0420110149646"),
        ("in-driving-licence", "DL0418110149646"),
        ("us-fl-driving-licence", "F955921500940"),
        ("ca-on-driving-licence", "A12345678969929"),
    ],
)
def test_what_cannot_be_does_not_hold(check: str, number: str) -> None:
    """A changed digit, or a part that was never given out, fails."""
    assert CHECKS[check](number) is False


def test_a_german_document_number_without_check_digit_says_nothing_against_itself() -> None:
    """Nine characters are printed on the card; the tenth stands in the machine readable zone only."""
    assert CHECKS["de-document"]("L01X00T47") is True


def test_every_card_brand_takes_only_its_own_lengths() -> None:
    """Thirteen digits are a Visa card, twelve digits of that beginning are none."""
    thirteen = next(f"400000000000{digit}" for digit in range(10) if luhn(f"400000000000{digit}"))
    twelve = next(f"40000000000{digit}" for digit in range(10) if luhn(f"40000000000{digit}"))
    assert (payment_card(thirteen), payment_card(twelve)) == (True, False)
