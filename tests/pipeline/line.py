"""The straight line between ports of memory, and mails to send through it."""

from dataclasses import replace
from datetime import UTC, datetime

from dlp_gateway import packs
from dlp_gateway.detect.base import Facts, Inspection
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message
from dlp_gateway.pipeline import Pipeline
from dlp_gateway.policy import load
from dlp_gateway.ports import Overloaded
from dlp_gateway.processes import policies
from dlp_gateway.retries import Retries
from quarantine.memory import MemoryStore
from tests.fakes import MemoryJournal, ScriptedSmarthost

POLICY = load.default(("corp.example",), builtin=packs.builtin())
CUSTOMERS = tuple(f"c{n}@shop{n}.example" for n in range(12))
BULK = (
    b"From: Ann <ann@corp.example>\r\nTo: " + b", ".join(c.encode() for c in CUSTOMERS) + b"\r\n"
    b"Bcc: boss@corp.example\r\nSubject: Offer\r\nMessage-ID: <bulk@corp.example>\r\n\r\nDear all\r\n.dot\r\n"
)
CLEAN = (
    b"From: ann@corp.example\r\nTo: ben@shop.example\r\nSubject: Hello\r\n"
    b"Message-ID: <m1@corp.example>\r\n\r\nHi Ben\r\n"
)


class InPlace:
    """The inspector of commands and tests, as the port."""

    async def inspect(self, envelope: Envelope, message: Message, facts: Facts) -> Inspection:
        """Measure here."""
        return policies.inspect(POLICY, envelope, message, facts)


class Broken:
    """An inspector whose worker is gone."""

    def __init__(self, outcome: Inspection | Overloaded) -> None:
        self.outcome = outcome

    async def inspect(self, envelope: Envelope, message: Message, facts: Facts) -> Inspection:
        """Fail as told."""
        if isinstance(self.outcome, Overloaded):
            raise self.outcome
        return self.outcome


def envelope(*recipients: str, **changes: object) -> Envelope:
    """Return an envelope of an insider."""
    made = Envelope(
        id="0000000000000000a1",
        reverse_path="ann@corp.example",
        recipients=recipients,
        client="127.0.0.1",
        login="",
        body_8bit=False,
        smtputf8=False,
        received_at=datetime(2026, 11, 2, 9, 30, tzinfo=UTC),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def made(
    smarthost: ScriptedSmarthost,
    custody: MemoryStore,
    journal: MemoryJournal,
    inspector: object,
    *,
    accept_unreachable: bool = False,
) -> Pipeline:
    """Return a pipeline of these parts."""
    return Pipeline(
        policy=POLICY,
        inspector=inspector,  # type: ignore[arg-type]
        smarthost=smarthost,
        custody=custody,
        journal=journal,
        hostname="gw.corp.example",
        smarthost_name="mta.example",
        hop_limit=50,
        accept_unreachable=accept_unreachable,
        retries=Retries(journal, patience=0),
    )
