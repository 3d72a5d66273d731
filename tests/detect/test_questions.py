"""A bare number answers the nearest question that asks for one, not whatever else is said of a document."""

import pytest

from dlp_gateway.detect.questions import is_to_call
from tests.detect.identifiers import RECOGNITION, numbers
from tests.work import LINEAR, growth


@pytest.mark.parametrize(
    "text",
    [
        "Yes, 512009834.\n\n> What is the order number, please?\n> And will the driver bring his licence for the gate?",
        "512009834, and yes, he will.\n\n> What is the order number?\n> Will the driver bring his licence?",
        "512009834\n\n> Will the driver bring his licence?\n> What is the order number?",
        "512009834\n\n> Your order number please? The driver carries a licence.",
        "Yes, 30291847.\n\n> Is our booking number still the same?\n> Please remind guests to carry a passport.",
        "88120934\n\n> Please send us the PO number. Our driver needs it; he has a new driving licence, by the way.",
        "4418827391\n\n> What is the invoice number?\n> Our driver lost his driving licence, he will be late.",
        "see inline\n\n> Do guests need a passport?\nyes\n> And our customer number?\n300418277",
        "512009834\n\n> Wie ist die Auftragsnummer? Und hat der Fahrer seinen Führerschein dabei?",
        "512009834\n\n> Quel est le numéro de commande ? Le chauffeur apporte son permis de conduire.",
        "512009834\n\n> ¿Cuál es el número de pedido? El conductor llevará su permiso de conducir.",
        "512009834\n\n> Qual è il numero d'ordine? L'autista porterà la patente di guida?",
        "512009834\n\n> Wat is het bestelnummer? Neemt de chauffeur zijn rijbewijs mee?",
        "512009834\n\n> Jaki jest numer zamówienia? Kierowca przyniesie prawo jazdy.",
        "512009834\n\n> Vad är ordernumret? Chauffören har med körkortet.",
        "512009834\n\n> Mikä on tilausnumero? Kuljettaja ottaa ajokortin mukaan.",
        "512009834\n\n> Ordrenummeret? Chaufføren medbringer sit kørekort.",
        "512009834\n\n> Qual é o número da encomenda? O motorista traz a carta de condução?",
        (
            "[10:02] Tom: who drives?\n[10:03] Olive: me, I have my licence back\n[10:05] Olive: job number?\n"
            "[10:05] Tom: 20261127, gate code 8812"
        ),
        "[10:02] Tom: got your passport?\n[10:03] Olive: yes\n[10:04] Tom: which gate code?\n[10:05] Olive: 441882739",
        "Tom: my driving licence has expired, I renew it\nOlive: ok. PO for the van?\nTom: 88120934\nOlive: thx",
        "Tom: my driving licence has expired\nOlive: oh\nTom: yes\nOlive: what is the customer number\nTom: 300418277",
        "Tom: did you find your passport?\nOlive: yes\nTom: good\nOlive: 441882739",
        "20261127\n\nOn Mon, Ben wrote:\n> Our driver has no licence yet. Could you send the booking reference?",
        "Tom: licence number?\nOlive: D1234562\nTom: job number?\nOlive: 20261127",
    ],
)
def test_a_bare_number_is_no_documents_of_which_something_else_is_said(text: str) -> None:
    """Somebody who brings a licence, or has lost it, has not told its number; the order's was asked for."""
    assert not [number for _, number in numbers(text) if number != "D1234562"]


@pytest.mark.parametrize(
    "text",
    [
        "D1234562\n\n> What's your licence?",
        "441882739\n\n> And your passport, please?",
        "441882739\n\n> Please send me your passport and bring it as well.\n",
        "441882739\n\n> We need your passport number. Bring the order number too.",
        "441882739\n\n> What is the number of your passport? It must be valid.",
        "441882739\n\n> Wie lautet deine Passnummer?\n> Bitte Reisepass mitbringen.",
        "Tom: job number?\nOlive: 20261127\nTom: your passport?\nOlive: 441882739",
        "Tom: job number?\nOlive: not now\nTom: your passport number?\nOlive: 441882739",
        "Tom: did you find your passport?\nOlive: yes, PAB441827",
        "His licence is back, here it is, driver's licence:\nD1234562",
        "Tom: found my passport!\nOlive: great, number?\nTom: 441882739",
        "Tom: I lost my passport, what was the number?\nOlive: 441882739",
        "Tom: need your passport\nOlive: sec\nTom: also PO?\nOlive: 441882739",
        "Please bring your passport. Mine is below.\n\n441882739",
        "I have his passport back from the embassy. It is\n441882739",
        "Passport valid until 2030\n441882739",
        "441882739\n\n> Your order number is 88120934. Can you send me your passport for the hotel?",
    ],
)
def test_a_bare_number_answers_the_question_for_a_document(text: str) -> None:
    """It is asked for by its number, by its name alone, or by a word such as "send"."""
    expected = [number for number in ("D1234562", "441882739", "PAB441827") if number in text]
    assert expected == [number for _, number in numbers(text)]


@pytest.mark.parametrize(
    ("answer", "question"),
    [
        ("rufen Sie mich bitte an: 089 99998-231.", "Bitte senden Sie uns Ihre Ausweisnummer."),
        ("gebe ich Ihnen telefonisch durch. Meine Nummer: 089 99998-231.", "Wir benötigen noch Ihre Ausweisnummer."),
        ("please call me: 0301 99998-231.", "What is your passport number?"),
        ("Appelez-moi, mon numéro : 0399 98-231.", "Quel est votre numéro de passeport ?"),
        ("Llámeme, por favor: 0910 00018-231.", "¿Cuál es su número de pasaporte?"),
        ("Mi chiami: 02 55501-234.", "Qual è il numero di passaporto?"),
        ("Bel me even: 020 55501-82.", "Wat is uw paspoortnummer?"),
        ("Proszę zadzwonić: 022 55501-82.", "Jaki jest numer paszportu?"),
        ("Ligue-me: 021 00001-82.", "Qual é o número do passaporte?"),
        ("Ring mig: 08-465 004 12.", "Vad är ditt passnummer?"),
        ("Ring mig: 033 55501-82.", "Hvad er dit pasnummer?"),
        ("Soita minulle: 09 55501-82.", "Mikä on passinumero?"),
    ],
)
def test_a_number_to_call_is_no_answer(answer: str, question: str) -> None:
    """Who would rather tell it by telephone tells a telephone number."""
    assert not numbers(f"{answer}\n\n> {question}")


def test_what_does_not_look_like_a_telephone_number_is_an_answer_all_the_same() -> None:
    """A call may be spoken of beside the number that was asked for."""
    text = "441882739, call me if it is wrong.\n\n> What is your passport number?"
    reader, _ = RECOGNITION.opened(text)
    assert not is_to_call(reader, 0, 9)
    assert [number for _, number in numbers(text)] == ["441882739"]


def test_questions_are_read_in_linear_time() -> None:
    """Neither many questions nor one that does not end is read again and again."""
    line = "> Will he bring his licence? order number? 441882739 "
    assert growth(RECOGNITION.spans, lambda count: line * count, 4_000) < LINEAR
