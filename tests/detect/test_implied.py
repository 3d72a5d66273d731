"""A number that no label owns is a licence's where the text speaks of licences and more comes together."""

import pytest

from tests.detect.identifiers import licences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Who was driving? That'd be Ann, it's K4471902, class D, good through 2029.", ["K4471902"]),
        ("Everyone behind the wheel has to be entered, so for me that's DK417203 version 216.", ["DK417203"]),
        ("They reckon the DVA one has eight digits only. For the hire desk: 32127811, valid to 2031.", ["32127811"]),
        ("Tu recopies les douze chiffres du papier rose, ça donne 910633481777.", ["910633481777"]),
        ("Bestuurder is Piet, dat wordt 4417718293, geldig tot 2031.", ["4417718293"]),
        ("1. ROSSI 2. ANNA 4a. 12/05/2018 4c. MIT 5. BA5512098K 9. B\nle dati per il noleggio", ["BA5512098K"]),
    ],
)
def test_what_is_told_of_a_licence_beside_its_number(text: str, expected: list[str]) -> None:
    """Class, day of expiry, the state, the number of digits or the field of the card speak for a licence."""
    assert expected == licences(text)


@pytest.mark.parametrize(
    "text",
    [
        "The driver asked who was driving. We paid F7279253 last week.",
        "Test drive on Friday; my own commission is GG205068, good through 2027.",
        "Car hire is booked. Pension scheme no. is 18442071.",
        "Hire desk opens at nine. Locker 18442071 is free.",
        "The rental company wrote: liability pol. PM00981127, valid until May.",
        'kept by the dmv\n{"idempotency": "0f8e-9178-22ab"}',
    ],
)
def test_what_something_else_owns_is_not_implied(text: str) -> None:
    """A noun before the number owns it, whether a lexicon has it or not."""
    assert not licences(text)


def test_a_surname_in_the_code_speaks_for_a_licence() -> None:
    """Illinois codes the surname; that of the man who drove stands beside the number."""
    text = "Who was driving? Mr Pryce says {} if that helps."
    assert licences(text.format("P62011280095")) == ["P62011280095"]
    assert licences(text.format("K62011280095")) == []
