"""Which labels count: those of the text's language, outside links, and what "one" stands for."""

import pytest

from dlp_gateway.detect.base import CONFIDENCE
from dlp_gateway.detect.meanings import meant
from tests.detect.identifiers import BOOK, RECOGNITION


def owned(text: str) -> list[str]:
    """Return what the labels own that count in a folded text."""
    hits, _ = meant(text, BOOK.lexicon.scan(text), BOOK.grammar)
    return [hit.label.owns for hit in hits]


def test_a_short_word_of_another_language_is_no_label() -> None:
    """A licence in Portuguese, "carta" is a card or a letter in Italian."""
    assert "DRIVER_LICENSE" in owned("Bom dia, a minha carta e 44718290, obrigado, os dados da pessoa que conduz")
    assert "DRIVER_LICENSE" not in owned("Ciao, il numero della lettera che ho mandato ieri: la carta per il cliente")


def test_one_means_what_was_spoken_of() -> None:
    """After a health number "the English one" is another of that kind, not a licence."""
    assert set(owned("NHS number? mum only had the English one")) == {"HEALTH_ID"}
    assert owned("the Irish one")[-1] == "DRIVER_LICENSE"


@pytest.mark.parametrize("text", ["https://shop.example/licence/44718290", "www.shop.example/passport?id=4471829"])
def test_a_label_in_a_link_owns_nothing(text: str) -> None:
    """Words in the path of a link are names of pages."""
    assert owned(text) == []


def test_a_short_word_means_what_the_text_s_language_means() -> None:
    """RG is an identity card in Portuguese, and a court's register in French."""
    assert owned("Bom dia, o RG do cliente, para os dados da pessoa que vai com o carro, nao foi")[0] == "NATIONAL_ID"
    assert owned("Bonjour, je vous confirme que le RG est dans les pages du dossier pour vous")[0] == "OTHER"


def test_an_abbreviation_of_another_language_needs_a_number_that_proves_itself() -> None:
    """In English CC is a cost centre; a CPF is one there too, by its check digits."""
    text = "The {} is on the invoice that you have, and we will not pay it for you."
    assert not [span for span in RECOGNITION.spans(text.format("CC 4471882")) if span.score >= CONFIDENCE["medium"]]
    spans = RECOGNITION.spans(text.format("CPF 271.448.913-32"))
    assert [span.type for span in spans if span.score >= CONFIDENCE["medium"]] == ["NATIONAL_ID"]
