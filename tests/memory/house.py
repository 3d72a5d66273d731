"""A gateway whose journal and custody are real: mails go through the whole line, one after another."""

from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Table, func, select

from dlp_gateway import packs
from dlp_gateway.detect.base import Facts, Inspection
from dlp_gateway.journal import Query as Entries
from dlp_gateway.journal import SqlJournal
from dlp_gateway.mail.envelope import Envelope, new_id
from dlp_gateway.mail.message import Message
from dlp_gateway.pipeline import Pipeline
from dlp_gateway.policy import load
from dlp_gateway.policy.model import Policy
from dlp_gateway.ports import Inspector
from dlp_gateway.processes import policies
from quarantine.model import Claim, Query, Settlement, State
from quarantine.sql import SqlStore
from tests.fakes import ScriptedSmarthost

MONDAY = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SHOPS = tuple(f"c{n}@shop{n}.example" for n in range(100))
PHOTOGRAPH = b64encode(b"\xff\xd8\xff" + b"photograph" * 3_000).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class InPlace:
    """The inspector of commands and tests, as the port."""

    policy: Policy

    async def inspect(self, envelope: Envelope, message: Message, facts: Facts) -> Inspection:
        """Measure here."""
        return policies.inspect(self.policy, envelope, message, facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A gateway with its database; `send` returns the rules that acted, "" in front if the mail left untouched."""

    journal: SqlJournal
    store: SqlStore
    smarthost: ScriptedSmarthost

    async def send(
        self,
        to: tuple[str, ...],
        *,
        at: datetime = MONDAY,
        sender: str = "ann@corp.example",
        author: str = "",
        subject: str = "",
        name: str | None = "",
        answers: str = "",
        references: str = "",
        body: str = "Hello",
        recipients: tuple[str, ...] | None = None,
        photograph: bool = False,
        is_list: bool = False,
        trace: str = "",
        settings: str = "",
        inspector: Inspector | None = None,
    ) -> set[str]:
        """Send one mail and return the rules that acted on it."""
        policy = load.parse(
            f"version: 1\ninside: [corp.example]\npartners: [partner.example]\n{settings}",
            "policy.yaml",
            builtin=packs.builtin(),
        )
        pipeline = Pipeline(
            policy=policy,
            inspector=inspector or InPlace(policy=policy),
            smarthost=self.smarthost,
            custody=self.store,
            journal=self.journal,
            hostname="gw.corp.example",
            smarthost_name="mta.example",
            hop_limit=50,
        )
        fields = [
            f"From: <{author or sender}>",
            f"To: {', '.join(to)}" if to else "To: undisclosed-recipients:;",
            f"Subject: {subject}",
            *([] if name is None else [f"Message-ID: <{name or new_id()}@corp.example>"]),
            *([f"In-Reply-To: <{answers}>"] if answers else []),
            *([f"References: {references}"] if references else []),
            *([f"List-Post: <mailto:{to[0]}>"] if is_list else []),
            *([f"X-Envelope-To: {trace}"] if trace else []),
        ]
        text = body
        if photograph:
            fields.append("Content-Type: multipart/mixed; boundary=b")
            text = (
                f"--b\r\n\r\n{body}\r\n--b\r\nContent-Type: image/jpeg\r\n"
                f"Content-Transfer-Encoding: base64\r\n\r\n{PHOTOGRAPH}\r\n--b--\r\n"
            )
        envelope = Envelope(
            id=new_id(),
            reverse_path=sender,
            recipients=to if recipients is None else recipients,
            client="192.0.2.1",
            login="",
            body_8bit=False,
            smtputf8=False,
            received_at=at,
        )
        await pipeline.process(envelope, ("\r\n".join(fields) + f"\r\n\r\n{text}\r\n").encode())
        await self.journal.flush()
        entries = await self.journal.entries(Entries(ids=(envelope.id,)))
        return {reason for entry in entries for reason in entry.reasons}

    async def rows(self, table: Table) -> int:
        """Return how many rows a table of the journal has."""
        async with self.journal._database.glancing() as connection:
            return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())

    async def held(self) -> str:
        """Return the id of the newest item that is held."""
        items = await self.store.items(Query(states=frozenset({State.HELD})))
        return items[-1].id

    async def release(self, item: str, *, original: bool = False) -> None:
        """Release as a reviewer would, and deliver."""
        now = datetime.now(UTC)
        await self.store.release(item, actor="eve", reason="", now=now, original=original)
        await self.deliver(now)

    async def deliver(self, now: datetime) -> tuple[Claim, ...]:
        """Deliver every copy that is due, let the journal learn from it, and return the copies."""
        claims = await self.store.claim(owner="test", now=now, lease=HOUR, limit=10)
        for claim in claims:
            settlements = tuple(
                Settlement(recipient=one.id, state=State.DELIVERED, reply="250 ok") for one in claim.recipients
            )
            await self.store.handing_over(claim, tuple(one.id for one in claim.recipients))
            await self.store.settle(claim, settlements, now=now)
        await self.journal.settle()
        return claims
