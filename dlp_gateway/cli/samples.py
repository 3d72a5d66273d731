"""The mails of the demo: what goes in, and what must come out. All people and numbers are specimens."""

from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

from dlp_gateway.policy.verdict import Disposition

INSIDE: Final = "corp.example"

_NEWS_ID: Final = "<spring-offer@corp.example>"
_CUSTOMERS: Final = tuple(f"customer{number:02}@{place}.example" for number in range(1, 9) for place in
                          ("alpine", "bakery", "clinic", "dental", "estate"))  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One mail of the demo: its story, its bytes, its envelope, and the verdict that it must get."""

    story: str
    reverse_path: str
    recipients: tuple[str, ...]
    content: bytes
    expected: Disposition
    reason: str


def samples() -> tuple[Sample, ...]:
    """Return the mails in the order in which they are sent."""
    return (
        _sample(
            "clean: an offer to one customer",
            Disposition.FORWARD,
            "",
            _mail(
                "Anna Berg <anna@corp.example>",
                "Ben Okafor <ben@bakery.example>",
                "Your offer 2026-1187",
                "Hello Ben,\n\nthe offer you asked for: 12 phones at 419.00 each, order no. 40318872.\n"
                "Call me on +1 202 555 0143 if anything is unclear.\n\nKind regards\nAnna Berg\n",
            ),
        ),
        _sample(
            "bulk: forty customers in To, two colleagues in Cc",
            Disposition.REWRITE,
            "bulk-visible",
            _mail(
                "Carla Diaz <carla@corp.example>",
                ", ".join(_CUSTOMERS),
                "Spring offer: please confirm your account",
                "Dear customers,\n\nplease confirm your account to keep your number.\n\nCarla Diaz\n",
                cc="Dora Ek <dora@corp.example>, Emil Falk <emil@corp.example>",
                message_id=_NEWS_ID,
            ),
        ),
        _sample(
            "reply-all to it, to all forty",
            Disposition.HOLD,
            "reply-all",
            _mail(
                "Dora Ek <dora@corp.example>",
                "Carla Diaz <carla@corp.example>, " + ", ".join(_CUSTOMERS),
                "Re: Spring offer: please confirm your account",
                "Carla, half of these addresses are wrong. Can you stop this?\n\nDora\n",
                answers=_NEWS_ID,
            ),
        ),
        _sample(
            "driver's licence in the body",
            Disposition.HOLD,
            "identity-documents",
            _mail(
                "Emil Falk <emil@corp.example>",
                "rentals@estate.example",
                "Van for Saturday",
                "Hi,\n\nas you asked, my driver's license number is I1234562 (California), expires 08/31/2027.\n\n"
                "Emil\n",
            ),
        ),
        _sample(
            "driving licence in a table of an HTML part",
            Disposition.HOLD,
            "identity-documents",
            _html(
                "Fiona Gray <fiona@corp.example>",
                "fleet@alpine.example",
                "Drivers for the fleet policy",
                "<p>Hello,</p><p>the new driver:</p><table><tr><th>Name</th><th>Driving licence no.</th></tr>"
                "<tr><td>S. Morgan</td><td>MORGA<b>657054</b>SM9IJ</td></tr></table><p>Fiona</p>",
            ),
        ),
        _sample(
            "Führerschein, in German",
            Disposition.HOLD,
            "identity-documents",
            _mail(
                "Greta Huber <greta@corp.example>",
                "schaden@dental.example",
                "Schadensmeldung",
                "Guten Tag,\n\ndie Führerscheinnummer des Fahrers lautet B072RRE2I55.\n\nMit freundlichen Grüßen\n"
                "Greta Huber\n",
            ),
        ),
        _sample(
            "clean: a delivery, in French",
            Disposition.FORWARD,
            "",
            _mail(
                "Hugo Iver <hugo@corp.example>",
                "achats@clinic.example",
                "Votre commande",
                "Bonjour,\n\nvotre commande n° 4500881204 part demain, colis 6A18834552190.\n\n"
                "Cordialement\nHugo Iver\n",
            ),
        ),
        _sample(
            "card number, in Spanish",
            Disposition.HOLD,
            "payment",
            _mail(
                "Inés Jara <ines@corp.example>",
                "reservas@estate.example",
                "Reserva de hotel",
                "Hola:\n\nla tarjeta de crédito es 4111 1111 1111 1111, caduca 12/28.\n\nUn saludo\nInés\n",
            ),
        ),
    )


def _sample(story: str, expected: Disposition, reason: str, mail: EmailMessage) -> Sample:
    fields = [mail[name] for name in ("To", "Cc") if mail[name]]
    recipients = tuple(address.addr_spec for field in fields for address in field.addresses)
    return Sample(
        story=story,
        reverse_path=mail["From"].addresses[0].addr_spec,
        recipients=recipients,
        content=mail.as_bytes(policy=SMTP),
        expected=expected,
        reason=reason,
    )


def _mail(  # noqa: PLR0917  a header in its usual order
    author: str, to: str, subject: str, text: str, cc: str = "", message_id: str = "", answers: str = ""
) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["Date"] = "Mon, 02 Nov 2026 09:30:00 +0000"
    mail["From"] = author
    mail["To"] = to
    if cc:
        mail["Cc"] = cc
    mail["Subject"] = subject
    mail["Message-ID"] = message_id or f"<{abs(hash((author, subject))):x}@corp.example>"
    if answers:
        mail["In-Reply-To"] = answers
        mail["References"] = answers
    mail.set_content(text)
    return mail


def _html(author: str, to: str, subject: str, html: str) -> EmailMessage:
    mail = _mail(author, to, subject, "Please read the HTML part of this mail.\n")
    mail.add_alternative(html, subtype="html")
    return mail
