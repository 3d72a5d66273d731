"""The likelihood that a text asks for a document, from weights and the vote of the rules."""

import pytest

from dlp_gateway.detect.base import CONFIDENCE
from dlp_gateway.detect.request_model import AT_MEDIUM, RULES, RULES_ALONE, shipped, weighed

MEDIUM = CONFIDENCE["medium"]


@pytest.mark.parametrize(
    "text",
    [
        "Nothing from Jo and Kim so far. The agent books at six, so whizz me your passports, both of you.",
        "The picture of your ID came out blurred. Another one by tonight?",
        "Der Vermieter möchte deinen Ausweis sehen, schieb mir mal ein Foto davon rüber.",
        "Il me manque ton permis pour l'assurance, tu me le files en photo ?",
        "Chicos, números de pasaporte en la hoja antes del jueves.",
        "Mi giri la patente in foto? Poi preparo il contratto.",
        "Zet je paspoortnummer even in de lijst.",
        "Falta a tua carta de condução, manda-ma digitalizada.",
        "Wrzuć skan dowodu na portal, bez tego nie ruszymy.",
        "Ditt pass saknas i akten, mejla en kopia.",
    ],
)
def test_what_asks_is_likely(text: str) -> None:
    """By the weights alone, in words that no list of phrases has."""
    assert shipped().likelihood(text, seen_by_rules=False) >= MEDIUM


@pytest.mark.parametrize(
    "text",
    [
        "Bring your passport, they look at it at the gate.",
        "We have your licence on file, nothing else is needed.",
        "Mein Reisepass ist abgelaufen, ich brauche einen Termin beim Amt.",
        "Merci pour le scan de ton passeport, tout est bon.",
        "No mande su DNI por correo.",
        "Ho perso la patente, arrivo tardi.",
        "Je rijbewijs ligt klaar op het gemeentehuis.",
        "Nunca peça cópia do RG por e-mail.",
    ],
)
def test_what_only_speaks_of_documents_is_not(text: str) -> None:
    """By the weights alone."""
    assert shipped().likelihood(text, seen_by_rules=False) < MEDIUM


def test_a_text_without_a_mention_is_left_to_the_rules() -> None:
    """The weights say nothing of it."""
    text = "Please send us the signed contract."
    assert shipped().log_odds(text) is None
    assert [shipped().likelihood(text, seen_by_rules=seen) for seen in (False, True)] == [0.0, RULES_ALONE]


def test_the_rules_count_as_one_vote() -> None:
    """They turn what is doubtful into a request, and are outvoted by what speaks clearly against one."""
    assert weighed(AT_MEDIUM, seen_by_rules=False) == pytest.approx(MEDIUM)
    assert weighed(AT_MEDIUM - RULES, seen_by_rules=True) == pytest.approx(MEDIUM)
    assert weighed(AT_MEDIUM - 1, seen_by_rules=True) > MEDIUM > weighed(AT_MEDIUM - 1, seen_by_rules=False)
    assert weighed(AT_MEDIUM - 2 * RULES, seen_by_rules=True) < MEDIUM
