"""The number of an appointment, or of who flies often, is no document's that is spoken of beside it."""

import pytest

from tests.detect.identifiers import numbers


@pytest.mark.parametrize(
    "text",
    [
        "a marcação para renovar o cartão de cidadão é 3/12 às 9h40, balcão 4, senha A44, marcação 20261203.",
        "o cartão de cidadão renova-se a 3/12, marcação n.º 20261203.",
        "a carteira de identidade será emitida em 3/12, agendamento 20261203.",
        "la cita para el DNI es el 3/12, cita 20261203, oficina 4418.",
        "el pasaporte se renueva el 3/12, n.º de cita 20261203.",
        "la carta d'identità si rinnova il 3/12, appuntamento 20261203.",
        "il passaporto si ritira il 3/12, appuntamento n. 20261203.",
        "rendez-vous carte d'identité le 3/12, rendez-vous n° 20261203, guichet 4.",
        "le passeport est prêt le 3/12, RDV 20261203.",
        "Personalausweis beantragen am 3.12., Terminnummer 20261203, Schalter 4.",
        "identiteitskaart vernieuwen 3/12, afspraak 20261203.",
        "odbiór dowodu osobistego 3.12, wizyta 20261203.",
        "odbiór paszportu 3.12, nr wizyty 20261203.",
        "passet hämtas 3 december, tidsbokning 20261203.",
        "passet fornyes 3. december, tidsbestilling 20261203.",
        "passi uusitaan 3.12., ajanvaraus 20261203.",
        "passport interview 3 Dec, appointment 120983441.",
        "UA 1120, passport needed, frequent flyer GB441827, MileagePlus 441882739.",
        "Reisepass mitnehmen. Miles & More 992001044182739.",
    ],
)
def test_an_appointment_owns_the_number_behind_it(text: str) -> None:
    """It is the last word before the number."""
    assert not numbers(text)


@pytest.mark.parametrize(
    "text",
    [
        "Passport for the appointment: 441882739",
        "pasaporte para la cita: 441882739",
        "passaporto per l'appuntamento: 441882739",
        "passeport pour le rendez-vous : 441882739",
        "paszport na wizytę: 441882739",
        "Appuntamento il 3/12, passaporto 441882739",
        "Rendez-vous le 3/12, numéro de passeport 441882739",
    ],
)
def test_it_owns_no_number_of_a_document(text: str) -> None:
    """The document is named as what is told, the appointment as what it is for."""
    assert [number for _, number in numbers(text)] == ["441882739"]
