"""A licence of which nobody speaks is known by its state, its number, and its class or day of expiry."""

import pytest

from dlp_gateway.detect.gate import Gate
from dlp_gateway.detect.particulars import Particulars
from tests.detect.identifiers import BOOK, numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fuel card to follow. Tobin Achter, Wisconsin, A4477882, good till 2029.", "A4477882"),
        ("The van is out with him: 154822906, Saskatchewan, open class, no trailer.", "154822906"),
        ("Driver gave DOB 03/17/1979, Oregon 5582019, and left.", "5582019"),
        ("Signer showed an Idaho-issued card ZA118204C exp 2030.", "ZA118204C"),
    ],
)
def test_what_is_told_together_is_a_licence(text: str, expected: str) -> None:
    """State and number with a class, a day of expiry or a birth date need no word for the licence."""
    assert ("DRIVER_LICENSE", expected) in numbers(text)


@pytest.mark.parametrize(
    "text",
    [
        "Ship two radiators to Reno, Nevada, P4470118, expires from stock in March.",
        "New member: Corin Blaylock, Ohio, TR448190, expires next June. Gym card printed.",
        "From Austin, Texas: order 44718820, class B freight, expires Friday.",
        "Our office in Ohio, suite 447, is open until 2029.",
    ],
)
def test_a_state_beside_a_number_of_something_else_is_none(text: str) -> None:
    """Where nothing speaks of cars, or a label owns the number, a state and an expiry are not enough."""
    assert not numbers(text)


def test_the_gate_opens_for_what_is_told_together() -> None:
    """No word for a licence is needed to look closer."""
    gate = Gate(BOOK)
    assert gate.opens("Tobin, Wisconsin, A4477882, good till 2029.")
    assert not gate.opens("Tobin, Wisconsin, A4477882, arrived in time.")


def test_where_the_state_stands() -> None:
    """What speaks of a licence is the state, with what says that it gave out a card."""
    text = "an Idaho-issued card ZA118204C, exp 2030, and 5582019, Texas, class C"
    assert [text[hit.start : hit.end] for hit in Particulars(BOOK.grammar).topics(text.encode())] == [
        "Idaho-issued card",
        "Texas",
    ]
