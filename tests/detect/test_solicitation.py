"""Requests for a copy of an identity document, in ten languages, and what only sounds like one."""

from dataclasses import replace

import pytest

from dlp_gateway.content.reader import read
from dlp_gateway.detect.base import Material
from dlp_gateway.detect.solicitation import DOCUMENT, SolicitationDetector
from dlp_gateway.mail.address import DomainSet
from dlp_gateway.mail.parse import parse
from tests.detect.test_words import WORDS
from tests.mail.test_blind import ENVELOPE
from tests.work import LINEAR, growth

DETECTOR = SolicitationDetector(
    inside=DomainSet(("corp.example",)), partners=DomainSet(("partner.example",)), words=WORDS
)


def found(
    body: str, header: str = "From: ann@corp.example", recipients: tuple[str, ...] = ("a@x.example",)
) -> dict[str, int]:
    """Return the counts by kind."""
    message = parse(f"{header}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n".encode())
    material = Material(
        envelope=replace(ENVELOPE, recipients=recipients), message=message, texts=read(message)[0], unreadable=()
    )
    return {finding.kind: finding.count for finding in DETECTOR.detect(material)}


@pytest.mark.parametrize(
    "body",
    [
        "Please provide a picture of a photo ID, e.g. driver's license, state ID or passport.",
        "To continue, please reply with a copy of your passport.",
        "We need a scan of your ID card before Friday.",
        "Could you please send us both sides of your driving licence?",
        "A copy of your passport, please send it to us today.",
        "Bitte senden Sie uns eine Kopie Ihres Personalausweises.",
        "Zur Prüfung benötigen wir ein Foto Ihres Führerscheins.",
        "Merci de nous envoyer une copie de votre pièce d'identité.",
        "Nous avons besoin d'un scan du passeport.",
        "Stuur ons een kopie van uw identiteitsbewijs.",
        "Por favor, envíe una foto de su DNI por ambas caras.",
        "Necesitamos una copia del pasaporte.",
        "La preghiamo di inviarci copia della carta d'identità.",
        "Precisamos de uma cópia do seu cartão de cidadão.",
        "Por favor envie uma foto da sua carta de condução.",
        "Kindly forward your passport copy to us.",
        "Send us your SSN card scan.",
        "You will need to submit photo ID (passport or driving licence) by replying to this message.",
        "Can you fax or mail a copy of your green card?",
        "To complete KYC, attach your government-issued ID to your reply.",
        "Bitte laden Sie Vorder- und Rückseite Ihres Ausweises hoch.",
        "Mag ik een foto van je rijbewijs?",
    ],
)
def test_requests(body: str) -> None:
    """A verb of sending and a document near it."""
    assert "solicitation.identity_document" in found(body)


@pytest.mark.parametrize(
    "body",
    [
        "Please send us the signed contract.",
        "Please bring your passport to the meeting.",
        "We will never ask you to send a copy of your passport.",
        "Please do not send your driver's license by mail.",
        "Bitte senden Sie uns keine Kopie Ihres Ausweises, nicht den Reisepass.",
        "My passport was renewed last week.",
        "> Please send us a copy of your passport.",
        "Please send your report by Friday.\n\nRenew your driving licence in time.",
        "The passport office moved. Please send mail to the new address.",
        "Please provide the order number; identity management is a feature of our software.",
    ],
)
def test_what_only_sounds_like_one(body: str) -> None:
    """Other things are asked for, or the document is not, or the reader is warned."""
    assert found(body) == {}


@pytest.mark.parametrize(
    ("header", "recipients", "expected"),
    [
        ("From: ann@corp.example", ("a@x.example", "A+t@x.example", "b@corp.example"), {"recipients.addressed": 1}),
        (
            "From: ann@corp.example\r\nReply-To: ann@corp.example, b@corp.example",
            ("b@corp.example",),
            {"reply_to.several": 2},
        ),
        ("From: customers@corp.example", ("b@corp.example",), {"reply_to.group": 1}),
        ("From: ann@corp.example\r\nReply-To: alle-kunden@corp.example", ("b@corp.example",), {"reply_to.group": 1}),
        ("From: customers@corp.example\r\nReply-To: ann@corp.example", ("b@corp.example",), {}),
        ("From: support-team@corp.example", ("b@corp.example",), {}),
    ],
)
def test_where_answers_go(header: str, recipients: tuple[str, ...], expected: dict[str, int]) -> None:
    """To how many it goes, to several, or to a mailbox by which many get it."""
    got = found("Please send us a copy of your passport.", header, recipients)
    assert got == {"solicitation.identity_document": 1, **expected}


def test_the_subject_asks_too() -> None:
    """Short mails are all subject."""
    assert found("", "From: ann@corp.example\r\nSubject: Please send us your driving licence")


def test_takes_linear_time() -> None:
    """A text of nothing but requests and documents is judged in time that grows as it does."""
    assert growth(found, lambda count: "please send us the form. " * count + "passport " * count, 4000) < LINEAR


@pytest.mark.parametrize(
    "body",
    [
        "Could I trouble you for a photo of your licence before Friday?",
        "The insurer wants to see your driver's license. Would you scan front and back and e-mail it to me?",
        "Before I can release the keys I need your licence number and the expiry date.",
        "reply to this w/ a pic of ur license",
        "DRIVER SIGN-UP, please send this page back\n\nName: ________\nDriver's licence number: ________",
        "Wären Sie so freundlich, uns Ihre Führerscheinnummer mitzuteilen?",
        "Je vous remercie de bien vouloir m'adresser la copie de votre permis de conduire.",
        "Zou je voor donderdag je rijbewijsnummer willen mailen?",
        "¿Me pasas una foto del carné de conducir?",
        "Avremmo bisogno di una copia della Sua patente.",
        "Agradecemos o envio de cópia da carta de condução.",
        "Prosimy o przesłanie skanu prawa jazdy.",
        "Send venligst et billede af dit kørekort.",
        "Documents to be sent by return:\n\n- scan of the passport, first page\n- driving licence, both sides",
        "what's the number on your driving licence? just drop it here",
        "I'll add you as a driver as soon as I have your licence number and the date you passed.",
        "Our records show that your licence photo expired. Could we trouble you for an updated scan?",
        "Would it be possible to have a photocopy of your passport for our records?",
        "bitten wir Sie, uns bis Freitag eine Kopie Ihres F\u00fchrerausweises zuzustellen.",
        "Row 3: please mail me the scan of Mr. Roe's passport today.",
        "Kannst du mir kurz deine F\u00fchrerscheinnummer durchgeben?",
        "Pode digitalizar e encaminhar a carteira de motorista, frente e verso?",
        "Skicka en bild på ditt körkort.",
    ],
)
def test_a_request_in_other_words(body: str) -> None:
    """A need, a favour and a blank form ask as well as an order does."""
    assert DOCUMENT in found(body)


@pytest.mark.parametrize(
    "body",
    [
        "Please bring your driving licence to the desk.",
        "You will need to show your licence when you collect the van.",
        "I'll send you my licence tomorrow.",
        "Thanks for sending your licence copy.",
        "Please send the software licence key and the driver version.",
        "Bitte senden Sie uns Ihren Führerschein keinesfalls per E-Mail, auch nicht geschwärzt.",
        "Le envío mi DNI adjunto.",
        "Please send the signed lease. Your ID was checked at the desk.",
        "Ihre Bitte um Zusendung einer Ausweiskopie müssen wir ablehnen.",
        "Nothing else needed, your licence copy was fine.",
        "Der Ausweis wird vor Ort kontrolliert, bitte senden Sie nur die Anmeldung zurück.",
        "Please have your licence ready, and mail us if you are late.",
        "We received your ID and will process the request. Please reply with your account number.",
        "Course on checking ID documents: please send your registration to training@corp.example.",
        "Could you send me the opening hours of the office for the passport?",
        "If anyone asks you for a passport copy, please let me know.",
        'Please proofread: "Applicants must enclose a copy of their passport." Does that sound right?',
        "Please delete the passport scans you received in error.",
        "Attached are the licence copies for Dave and Sue as requested. Please add them to the policy.",
        "\u5f53\u65e5\u306f\u30d1\u30b9\u30dd\u30fc\u30c8\u3092\u3054\u6301\u53c2\u304f\u3060\u3055\u3044\u3002",
        "Fine by me.\n\nOn Tue, 4 Aug 2026, Jo wrote:\n\nCould you send us your driving licence?",
    ],
)
def test_what_is_shown_offered_refused_or_answered_is_not_asked_for(body: str) -> None:
    """To bring a document, to offer one's own and to warn are no requests, and neither is what is answered."""
    assert DOCUMENT not in found(body)
