"""A house in which mail lies as the pipeline would leave it, and where notices are read as their readers see them."""

import email
import email.policy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from dlp_gateway import packs
from dlp_gateway.deposits import Transport
from dlp_gateway.journal import SqlJournal, SqlLedger
from dlp_gateway.mail.edit import to_json
from dlp_gateway.mail.envelope import DsnRequest
from dlp_gateway.notices import NoticeOptions, NoticeWorker
from dlp_gateway.notices.letters import Letterhead
from dlp_gateway.notices.news import kind_of
from dlp_gateway.observe import instruments
from dlp_gateway.policy import load
from dlp_gateway.policy.verdict import Disposition
from dlp_gateway.ports import Entry, Passage
from dlp_gateway.settings.notices import KINDS
from quarantine.model import Claim, CopyDeposit, Deposit, Query, State
from quarantine.sql import SqlStore

PEOPLE = ("bob@shop.example", "eve@bakery.example", "dan@bank.example")
REVIEWERS = ("rita@corp.example", "rob@corp.example")
SECRET = "4111 1111 1111 1111"  # stands in subject and text of every mail
HEAD = Letterhead(
    hostname="gw.corp.example", sender="postmaster@gw.corp.example", contact="the help desk, https://help.corp.example"
)
OPTIONS = NoticeOptions(
    policy=load.default(("corp.example", "*.corp.example"), builtin=packs.builtin()),
    head=HEAD,
    kinds=frozenset(KINDS),
    language="en",
    languages={},
    each=20,
    together=1000,
    owners={},
    reviewers=(),
    digest=timedelta(days=1),
    poll=timedelta(milliseconds=10),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A notice in custody, as its reader sees it."""

    kind: str
    to: str
    mail: EmailMessage

    @property
    def text(self) -> str:
        """The text (of a DSN: its first part), its soft line ends undone."""
        part = self.mail.get_body(("plain",)) or next(self.mail.iter_parts())  # type: ignore[attr-defined]
        return str(part.get_content()).replace("\r\n", "\n").replace(" \n", " ")


@dataclass
class House:
    """Custody, journal and a writer of notices."""

    store: SqlStore
    journal: SqlJournal
    ledger: SqlLedger
    worker: NoticeWorker
    options: NoticeOptions = OPTIONS
    seen: set[str] = field(default_factory=set)

    def use(self, **changes: Any) -> None:  # noqa: ANN401  fields of the options
        """Change some options."""
        self.options = replace(self.options, **changes)
        self.worker.use(self.options)

    async def keep(
        self,
        name: str,
        *recipients: str,
        author: str = "ann@corp.example",
        disposition: Disposition = Disposition.HOLD,
        reasons: tuple[str, ...] = ("payment.card",),
        message_id: str = "",
        at: datetime | None = None,
        expires_after: timedelta = timedelta(days=14),
        dsn: DsnRequest | None = None,
        **more: Any,  # noqa: ANN401  fields of the entry
    ) -> None:
        """Take a mail into custody as the pipeline does: held, delayed for ten minutes, or split and due."""
        at = at or datetime.now(UTC)
        message_id = message_id or f"<{name}@client.example>"
        held = disposition is Disposition.HOLD
        copy = CopyDeposit(
            reverse_path=author,
            recipients=recipients or ("bob@shop.example",),
            edits=to_json(()),
            options=Transport(body_8bit=False, smtputf8=False, dsn=dsn or DsnRequest()).to_json(),
            state=State.HELD if held else State.DUE,
            due_at=at + timedelta(minutes=10) if disposition is Disposition.DELAY else at,
        )
        split = disposition is Disposition.REWRITE
        copies = tuple(replace(copy, recipients=(one,)) for one in copy.recipients) if split else (copy,)
        deposit = Deposit(
            id=name,
            content=f"From: {author}\r\nTo: bob@shop.example\r\nSubject: {SECRET}\r\nMessage-ID: {message_id}\r\n\r\n"
            f"{SECRET}\r\n".encode(),
            subject=SECRET,
            reverse_path=author,
            reasons=reasons,
            group=message_id,
            created_at=at,
            expires_at=at + expires_after if held else None,
            copies=copies,
        )
        entry = self.entry(name, *copy.recipients, author=author, disposition=disposition, reasons=reasons)
        passages = tuple(replace(passage, outcome="custody", reply="") for passage in entry.passages)
        entry = replace(entry, message_id=message_id, received_at=at, passages=passages, **more)
        await self.store.take((deposit,), also=self.journal.rows(entry))

    async def rewritten(self, name: str, *recipients: str, hidden: int = 12, **more: Any) -> None:  # noqa: ANN401
        """Note a mail that left with its recipients hidden, as the pipeline does."""
        entry = self.entry(name, *recipients, disposition=Disposition.REWRITE, reasons=("bulk-visible",))
        self.journal.record(replace(entry, hidden=hidden, **more))
        await self.journal.flush()

    def entry(
        self,
        name: str,
        *recipients: str,
        author: str = "ann@corp.example",
        disposition: Disposition,
        reasons: tuple[str, ...],
    ) -> Entry:
        """Return the journal's entry of a mail."""
        return Entry(
            id=name,
            message_id=f"<{name}@client.example>",
            received_at=datetime.now(UTC),
            reverse_path=author,
            client="192.0.2.1",
            login="",
            disposition=disposition,
            reasons=reasons,
            observed=(),
            findings=(),
            passages=tuple(
                Passage(recipient=one, shown=(), outcome="forwarded", reply="250 ok")
                for one in recipients or ("bob@shop.example",)
            ),
        )

    async def tell(self) -> list[Told]:
        """Go rounds until nothing is left to tell, and return the notices that are new in custody."""
        while await self.worker.tell():
            pass
        return await self.told()

    async def told(self) -> list[Told]:
        """Return the notices that are new in custody."""
        items = await self.store.items(Query(reason="notice", limit=100_000))
        new = [item for item in items if item.id not in self.seen]
        self.seen |= {item.id for item in new}
        told = [
            Told(
                kind=kind_of(item.reasons),
                to=item.recipients[0].address,
                mail=email.message_from_bytes(await self.store.content(item.id), policy=email.policy.default),  # type: ignore[arg-type]
            )
            for item in new
        ]
        return sorted(told, key=lambda one: one.to)

    async def release(self, name: str, *recipients: str) -> None:
        """Release as a reviewer."""
        await self.store.release(name, actor="rita", reason="fine", now=datetime.now(UTC), recipients=recipients)

    async def discard(self, name: str, *recipients: str, actor: str = "rita") -> None:
        """Discard as a reviewer."""
        await self.store.discard(name, actor=actor, reason="no", now=datetime.now(UTC), recipients=recipients)

    async def claim(self) -> tuple[Claim, ...]:
        """Claim what is due."""
        return await self.store.claim(owner="test", now=datetime.now(UTC), lease=timedelta(minutes=30), limit=100)


def kinds(told: list[Told]) -> list[tuple[str, str]]:
    """Return kind and reader of notices."""
    return [(one.kind, one.to) for one in told]


def counted(kind: str, result: str) -> float:
    """Return how often that was counted."""
    sample = f'dlp_notices_total{{kind="{kind}",result="{result}"}} '
    lines = instruments.expose()[0].decode().splitlines()
    return float(next((line.removeprefix(sample) for line in lines if line.startswith(sample)), "0"))


def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Return what moves the worker's clock."""
    moved = [timedelta()]

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]  # noqa: ANN401
            return datetime.now(tz) + moved[0]

    monkeypatch.setattr("dlp_gateway.notices.worker.datetime", Clock)

    def move(by: timedelta) -> None:
        moved[0] += by

    return move
