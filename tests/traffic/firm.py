"""Thirty days of ordinary mail of a made-up firm of fifty people: what must pass without anybody noticing the gateway.

The same seed makes the same mails. Who writes to whom is drawn once (customers, projects, suppliers) and then lived
day by day, since what the gateway remembers only makes sense along a calendar.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Final

HOME: Final = "corp.example"
DAYS: Final = 30
_FIRST_DAY: Final = datetime(2026, 9, 1, tzinfo=UTC)
_GIVEN, _FAMILY, _WORDS = (
    line.split() for line in Path(__file__).with_name("words.txt").read_text(encoding="utf-8").splitlines()
)
_PRIVATE: Final = ("gmail.com", "outlook.com", "gmx.de", "web.de", "yahoo.fr", "orange.fr", "libero.it", "ziggo.nl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """One mail transaction as the firm's mail server hands it over; `kind` names the habit that it belongs to."""

    at: datetime
    kind: str
    reverse_path: str
    recipients: tuple[str, ...]
    content: bytes


class Firm:
    """The people, whom they know, and what they send."""

    def __init__(self, seed: int = 20260901) -> None:
        self._chance = random.Random(seed)
        names = [f"{given}.{self._chance.choice(_FAMILY)}" for given in _GIVEN[:50]]
        self.people = tuple(f"{name}@{HOME}" for name in names)
        self.sales, self.support, self.finance = self.people[:15], self.people[15:25], self.people[25:30]
        self.projects, self.hr, self.board = self.people[30:42], self.people[42:45], self.people[45:50]
        self.customers = tuple(self._company(f"customer{n}") for n in range(60))
        self.suppliers = tuple(self._company(f"supplier{n}") for n in range(15))
        self.private = tuple(
            f"{self._chance.choice(_GIVEN)}.{self._chance.choice(_FAMILY)}{n}@{self._chance.choice(_PRIVATE)}"
            for n in range(220)
        )
        # A project is one circle: people of two to four other firms who are written to together, week after week.
        self.circles = tuple(self._circle(n) for n in range(8))
        self._number = 0

    def _company(self, name: str) -> tuple[str, ...]:
        people = self._chance.sample(_GIVEN, self._chance.randint(1, 6))
        return tuple(f"{one}.{self._chance.choice(_FAMILY)}@{name}.example" for one in people)

    def _circle(self, number: int) -> tuple[str, tuple[str, ...]]:
        firms = self._chance.sample((*self.customers, *self.suppliers), self._chance.randint(2, 4))
        outside = tuple(person for firm in firms for person in firm[:3])[:9]
        return self.projects[number % len(self.projects)], outside

    def mails(self) -> Iterator[Sending]:
        """Yield everything in the order of time."""
        for day in range(DAYS):
            date = _FIRST_DAY + timedelta(days=day)
            weekend = date.weekday() >= 5
            yield from sorted(self._day(date, busy=0.08 if weekend else 1.0), key=lambda one: one.at)

    # --- habits -------------------------------------------------------------------------------------------------------

    def _day(self, date: datetime, busy: float) -> Iterator[Sending]:
        times = {
            self._to_customer: 70,
            self._thread: 25,
            self._ticket: 40,
            self._invoice: 12,
            self._order: 8,
            self._among_us: 60,
            self._circle_mail: 5,
            self._invitation: 6,
            self._automatic: 10,
            self._to_list: 3,
            self._applicant: 2,
            self._forwarded: 4,
            self._home: 1,
        }
        for habit, most in times.items():
            for _ in range(round(most * busy * self._chance.uniform(0.7, 1.3))):
                yield from habit(date + timedelta(seconds=self._chance.randint(7 * 3600, 18 * 3600)))
        if date.weekday() == 1 and busy == 1.0:
            yield from self._newsletter(date + timedelta(hours=10))
        if date.day == 1 and busy == 1.0:
            yield from self._blind_greeting(date + timedelta(hours=9))
        if date.weekday() == 0:
            yield from self._to_everybody(date + timedelta(hours=8))

    def _to_customer(self, at: datetime) -> Iterator[Sending]:
        """One of sales writes to one or a few people of one customer, a colleague in copy."""
        firm = self._chance.choice(self.customers)
        to = self._chance.sample(firm, self._chance.randint(1, min(3, len(firm))))
        cc = self._chance.sample(self.sales, self._chance.randint(0, 2))
        yield self._mail("customer", at, self._chance.choice(self.sales), to, cc, "Offer " + self._serial())

    def _thread(self, at: datetime) -> Iterator[Sending]:
        """An answer, with everything quoted, in a thread that began outside."""
        firm = self._chance.choice(self.customers)
        to = self._chance.sample(firm, self._chance.randint(1, min(4, len(firm))))
        quoted = "\n".join(
            f"> {line}" for line in (self._prose(2), f"Order {self._serial()}", f"+49 30 {self._digits(7)}")
        )
        before = f"<{self._digits(12)}.{self._digits(6)}@{firm[0].partition('@')[2]}>"
        yield self._mail(
            "thread",
            at,
            self._chance.choice(self.sales),
            to,
            self._chance.sample(self.sales, 1),
            "Re: Question about " + self._serial(),
            f"{self._prose(3)}\n\nOn Monday, {to[0]} wrote:\n{quoted}\n",
            {"In-Reply-To": before, "References": before},
        )

    def _ticket(self, at: datetime) -> Iterator[Sending]:
        """Support answers a private customer: ticket, serial and tracking numbers."""
        text = (
            f"Hello,\n\nyour ticket #{self._digits(8)} was updated. Serial number {self._serial()}-{self._digits(7)}.\n"
            f"Tracking: 1Z{self._digits(16)}. Please reset the device and call 0800 {self._digits(6)}.\n\n"
            f"{self._prose(2)}"
        )
        customer = self._chance.choice(self.private)
        yield self._mail(
            "ticket", at, f"support@{HOME}", [customer], [], f"[Ticket {self._digits(8)}] Your request", text
        )

    def _invoice(self, at: datetime) -> Iterator[Sending]:
        """Finance sends an invoice with our own account number in the footer."""
        firm = self._chance.choice(self.customers)
        text = (
            f"Please find invoice RE-2026-{self._digits(5)} attached.\n"
            f"Amount due: {self._digits(4)}.00 EUR by 30.09.2026\n"
            f"Customer no. {self._digits(6)}, order {self._digits(10)}\n"
            f"IBAN DE89 3704 0044 0532 0130 00, BIC COBADEFFXXX\n"
        )
        yield self._mail(
            "invoice",
            at,
            self._chance.choice(self.finance),
            [firm[0]],
            [],
            f"Invoice RE-2026-{self._digits(5)}",
            text,
            attached=("invoice.csv", "text/csv", f"position,article,quantity,price\n1,{self._digits(9)},4,19.90\n"),
        )

    def _order(self, at: datetime) -> Iterator[Sending]:
        """A list of part numbers to a supplier."""
        lines = "\n".join(f"{n}  {self._digits(9)}  {self._chance.randint(1, 500)} pcs" for n in range(1, 9))
        firm = self._chance.choice(self.suppliers)
        yield self._mail(
            "order",
            at,
            self._chance.choice(self.projects),
            [firm[0]],
            list(firm[1:2]),
            f"Order {self._digits(8)}",
            f"Please deliver:\n\nNo  Part number  Quantity\n{lines}\n\n{self._prose(1)}",
        )

    def _among_us(self, at: datetime) -> Iterator[Sending]:
        """Colleagues among themselves, answers to all included."""
        author = self._chance.choice(self.people)
        to = self._chance.sample(self.people, self._chance.choice((1, 1, 1, 2, 3, 5, 12)))
        yield self._mail(
            "inside", at, author, to, [], self._chance.choice(("Lunch", "Re: Plan", "Draft", "AW: Urlaub"))
        )

    def _circle_mail(self, at: datetime) -> Iterator[Sending]:
        """The minutes of a project, to the same people of a few firms as every week."""
        author, outside = self._chance.choice(self.circles)
        yield self._mail(
            "circle", at, author, list(outside), self._chance.sample(self.projects, 3), "Minutes of the site meeting"
        )

    def _invitation(self, at: datetime) -> Iterator[Sending]:
        """A meeting with two to six people of one or two firms."""
        outside = [one for firm in self._chance.sample(self.customers, 2) for one in firm[:3]]
        attendees = "".join(f"ATTENDEE;RSVP=TRUE:mailto:{one}\r\n" for one in outside)
        author = self._chance.choice(self.sales)
        invitation = (
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Corp//Calendar//EN\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\n"
            f"UID:{self._digits(20)}@{HOME}\r\nDTSTAMP:20260901T080000Z\r\nDTSTART:20260930T080000Z\r\n"
            f"ORGANIZER:mailto:{author}\r\n{attendees}SUMMARY:Review\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        )
        yield self._mail(
            "invitation",
            at,
            author,
            outside,
            [],
            "Invitation: Review",
            attached=("invite.ics", "text/calendar", invitation),
        )

    def _automatic(self, at: datetime) -> Iterator[Sending]:
        """Somebody is on holiday."""
        to = self._chance.choice((*self.private, *(firm[0] for firm in self.customers)))
        yield self._mail(
            "automatic",
            at,
            self._chance.choice(self.people),
            [to],
            [],
            "Automatic reply: Out of office",
            "I am away until 14.09.2026 and answer then. In urgent cases call +49 30 5550100.",
            {"Auto-Submitted": "auto-replied"},
            null=True,
        )

    def _to_list(self, at: datetime) -> Iterator[Sending]:
        """A question to a mailing list of an open source project."""
        before = f"<{self._digits(10)}@lists.project.example>"
        yield self._mail(
            "list",
            at,
            self._chance.choice(self.projects),
            ["users@lists.project.example"],
            [],
            "Re: [users] build fails",
            f"{self._prose(4)}\n\nbuild 20260901 commit {self._digits(9)}\n",
            {"In-Reply-To": before, "References": before},
        )

    def _applicant(self, at: datetime) -> Iterator[Sending]:
        """HR answers somebody who looks for work."""
        to = self._chance.choice(self.private)
        yield self._mail(
            "applicant",
            at,
            self._chance.choice(self.hr),
            [to],
            [self._chance.choice(self.board)],
            "Your application",
            f"Thank you for your application, reference {self._digits(7)}. Your driving licence "
            f"class B is noted; please bring it to the interview on 12.10.2026.\n{self._prose(2)}",
        )

    def _forwarded(self, at: datetime) -> Iterator[Sending]:
        """A customer's mail is passed on to a supplier."""
        customer, supplier = self._chance.choice(self.customers), self._chance.choice(self.suppliers)
        text = (
            f"See below.\n\n---------- Forwarded message ----------\nFrom: {customer[0]}\nTo: sales@{HOME}\n"
            f"Subject: Question\n\n{self._prose(3)}"
        )
        yield self._mail("forwarded", at, self._chance.choice(self.sales), [supplier[0]], [], "Fwd: Question", text)

    def _home(self, at: datetime) -> Iterator[Sending]:
        """Somebody sends a shopping list home."""
        author = self._chance.choice(self.people)
        yield self._mail(
            "home",
            at,
            author,
            [f"{author.partition('@')[0]}@{self._chance.choice(_PRIVATE)}"],
            [],
            "for tonight",
            "bread, milk, two tickets, book at 19:30",
        )

    def _newsletter(self, at: datetime) -> Iterator[Sending]:
        """The newsletter, one mail for each reader."""
        for number, reader in enumerate(self.private[:60]):
            link = f"https://news.{HOME}/out?u={self._digits(16)}"
            yield self._mail(
                "newsletter",
                at + timedelta(seconds=number),
                f"news@{HOME}",
                [reader],
                [],
                "News in September",
                f"{self._prose(5)}\n\nUnsubscribe: {link}\n",
                {"List-Unsubscribe": f"<{link}>", "Precedence": "bulk"},
            )

    def _blind_greeting(self, at: datetime) -> Iterator[Sending]:
        """What the rules ask for: many customers in Bcc, the author in To."""
        author = self.sales[0]
        readers = [firm[0] for firm in self.customers[:40]]
        yield self._mail("blind", at, author, [author], [], "We are closed on Friday", blind=readers)

    def _to_everybody(self, at: datetime) -> Iterator[Sending]:
        """The board to all colleagues, and two who answer to all."""
        first = self._mail("inside", at, self.board[0], list(self.people), [], "This week")
        yield first
        for author in self._chance.sample(self.people, 2):
            yield self._mail("inside", at + timedelta(minutes=20), author, list(self.people), [], "Re: This week")

    # --- writing ------------------------------------------------------------------------------------------------------

    def _mail(
        self,
        kind: str,
        at: datetime,
        author: str,
        to: list[str],
        cc: list[str],
        subject: str,
        text: str = "",
        fields: dict[str, str] | None = None,
        *,
        attached: tuple[str, str, str] | None = None,
        blind: list[str] | None = None,
        null: bool = False,
    ) -> Sending:
        self._number += 1
        mail = EmailMessage(policy=SMTP)
        mail["From"], mail["To"] = author, ", ".join(to)
        if cc:
            mail["Cc"] = ", ".join(cc)
        mail["Subject"], mail["Date"] = subject, format_datetime(at)
        mail["Message-ID"] = f"<{self._number}.{at:%Y%m%d%H%M%S}@{HOME}>"
        for name, body in (fields or {}).items():
            mail[name] = body
        mail.set_content(f"{text or self._prose(4)}\n\n{author.partition('.')[0].title()}\nCorp Ltd, +49 30 5550199\n")
        if attached is not None:
            name, media_type, content = attached
            main, _, sub = media_type.partition("/")
            mail.add_attachment(content.encode(), maintype=main, subtype=sub, filename=name)
        recipients = tuple(dict.fromkeys((*to, *cc, *(blind or ()))))
        return Sending(
            at=at, kind=kind, reverse_path="" if null else author, recipients=recipients, content=mail.as_bytes()
        )

    def _prose(self, sentences: int) -> str:
        chosen = (" ".join(self._chance.choices(_WORDS, k=self._chance.randint(6, 14))) for _ in range(sentences))
        return "\n".join(f"{sentence.capitalize()}." for sentence in chosen)

    def _digits(self, count: int) -> str:
        return "".join(self._chance.choices("0123456789", k=count))

    def _serial(self) -> str:
        return f"{self._chance.choice('ABCDEFG')}{self._digits(6)}"
