"""A licence is numbered without being named again: by its card, its model, or as a client of the office."""

import re

import pytest

from tests.detect.identifiers import licences


@pytest.mark.parametrize(
    "marked",
    [
        "Het rijbewijs van mijn klant, op 2 mei ingetrokken, is het oude model met kaartnummer [[1995680203]].",
        "La patente del mio assistito, ritirata ieri, è il modello europeo con numero di tessera [[U1H47K902M]].",
        "Prawo jazdy klienta, zatrzymane 5 lutego, to nowy wzór o numerze [[01447/19/2214]].",
        "Le permis du conducteur, retenu par la brigade, est l'ancien modèle portant le numéro [[880375201144]].",
        "His driving licence, seized on Monday, is an Irish document with card number [[402881967]].",
    ],
)
def test_what_a_sentence_says_of_a_licence_is_its_number(marked: str) -> None:
    """The model, card or document that the licence is said to be has the licence's number."""
    assert licences(marked.replace("[[", "").replace("]]", "")) == re.findall(r"\[\[(.*?)\]\]", marked)


@pytest.mark.parametrize(
    "marked",
    [
        "DMV has your client under client ID [[517 219 580]] with two suspensions.",
        "I called DDS about Corwin. They have him under customer no. [[058 331 947]], suspended.",
        "SGI confirms the customer number with them is [[60118827]], class 1.",
    ],
)
def test_the_client_of_an_office_for_licences_is_a_licence(marked: str) -> None:
    """Those offices call the holder of a licence their client or customer."""
    assert licences(marked.replace("[[", "").replace("]]", "")) == re.findall(r"\[\[(.*?)\]\]", marked)


@pytest.mark.parametrize(
    "text",
    [
        "His driving licence was suspended, they kept it, and nobody noted it. recorded stmt ref 6590213.",
        "The driving licence is valid. The new model has card number 402881967.",
        "The client number of our broker is 60118827, and the DMV is closed.",
        "ICBC claim BK4471822 is open, claim file 88120417.",
        "A wallet with a driving licence in it, logged as LP 2024 118873.",
    ],
)
def test_what_something_else_numbers_is_none(text: str) -> None:
    """Another sentence, another clause, another firm's client."""
    assert not licences(text)
