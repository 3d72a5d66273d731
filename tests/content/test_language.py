"""The language of an author: what his client says, else what he wrote; better none than a wrong one."""

from pathlib import Path

import pytest

from dlp_gateway.content.language import LANGUAGES, of_author
from dlp_gateway.mail.parse import parse
from dlp_gateway.settings.notices import LANGUAGES as SETTINGS

RULES = Path(__file__).parents[2] / "rules"
ENGLISH = "Dear all,\r\nthis is the plan for the week, and you will have it with the mail from our office.\r\n"


def language(header: str, body: str = ENGLISH) -> str:
    """Return the language of a mail."""
    return of_author(parse(f"From: a@corp.example\r\n{header}\r\n\r\n{body}".encode()))


def test_the_languages_of_notices_can_be_found() -> None:
    """Whatever can be set can be recognised, and the other way round."""
    assert LANGUAGES == SETTINGS


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Accept-Language: de-DE, en-US\r\nContent-Language: en-US", "de"),
        ("Content-Language: fr-CA", "fr"),
        ("Accept-Language: pl-PL, nl", "nl"),
        ("Accept-Language: pl-PL", "en"),
        ("Accept-Language: , ;;; xde 1de de1", "en"),
        (f"Accept-Language: {'x' * 600} de", "en"),
        ("X-Nothing: de", "en"),
    ],
)
def test_the_client_is_believed_first(header: str, expected: str) -> None:
    """Accept-Language before Content-Language, the first tag that we speak; else the words of the mail."""
    assert language(header) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("angebot-de", "de"),
        ("offer-en", "en"),
        ("facture-fr", "fr"),
        ("bestelling-nl", "nl"),
        ("ordine-it", "it"),
        ("encomenda-pt", ""),
        ("order-sv", ""),
        ("ordrebekreftelse-no", ""),
        ("zamowienie-pl", ""),
        ("chumon-ja", ""),
        ("logs", ""),
        ("products-csv", ""),
        ("empty-body", ""),
    ],
)
def test_words_tell_a_language(name: str, expected: str) -> None:
    """Letters of businesses in our languages are told, those in neighbouring ones are taken for none of them."""
    raw = (RULES / "corpus-clean" / f"{name}.eml").read_bytes()
    assert of_author(parse(raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))) == expected


def test_numbers_and_codes_are_no_words() -> None:
    """A list of accounts that begin with DE is not Dutch, and three different words are needed."""
    assert language("Subject: x", "DE89370400440532013000 DE64370400440532020919 de de de het\r\n") == ""


def test_markup_is_no_text() -> None:
    """The words of an HTML mail are those that are shown."""
    body = "<html><p class='the and of you'>Bitte senden Sie die Unterlagen, und wir werden das für Sie tun.</p></html>"
    assert language("Content-Type: text/html", body) == "de"


def test_spanish() -> None:
    """Spanish is told from Portuguese and Italian."""
    text = "Hola, gracias por su pedido. El envío está listo para usted, pero nuestro almacén cierra los lunes.\r\n"
    assert language("Content-Type: text/plain; charset=utf-8", text) == "es"
