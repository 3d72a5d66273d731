"""What a mail to very many costs: `uv run python -m tests.benchmarks.copies`.

Each line is one mail through the whole line, with the default policy, the real journal and the real custody, in a
process of its own: seconds of CPU until the client has its answer, seconds that the delivery worker then needs for one
hundred of its copies, and the megabytes that the process grew by. `split` gives each recipient a copy of his own,
`hide` leaves one mail, and of `blind` nobody stands in the header.
"""

import argparse
import asyncio
import multiprocessing
import resource
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dlp_gateway import packs
from dlp_gateway.delivery import DeliveryWorker
from dlp_gateway.detect import registry
from dlp_gateway.detect.base import Detector, Facts, Inspection
from dlp_gateway.inspection.measuring import measure
from dlp_gateway.journal import migrations, open_journal
from dlp_gateway.mail.envelope import Envelope, new_id
from dlp_gateway.mail.message import Message
from dlp_gateway.pipeline import Pipeline
from dlp_gateway.policy import load
from dlp_gateway.processes import policies
from quarantine.crypto import PrivateKey
from quarantine.migrations import migrate
from quarantine.opening import open_store
from tests.delivery.custody import OPTIONS
from tests.fakes import ScriptedSmarthost

_URL = "sqlite:///custody.db"
_COPIES = 100  # that are delivered
WAYS = {"split": "set: {bulk-visible.action: split}", "hide": "", "blind": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class InPlace:
    """The inspector of commands as the port."""

    detectors: tuple[Detector, ...]

    async def inspect(self, envelope: Envelope, message: Message, facts: Facts) -> Inspection:
        """Measure here."""
        return measure(self.detectors, envelope, message, facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one mail cost: its outcome, seconds of CPU for it and for some copies, and megabytes more at the peak."""

    outcome: str
    answered: float
    delivered: float
    megabytes: int


def mail(recipients: tuple[str, ...], *, shown: bool, size: int) -> bytes:
    """Return a mail of `size` octets of text to these recipients."""
    to = ",\r\n ".join(recipients) if shown else "undisclosed-recipients:;"
    text = "All the best from all of us.\r\n" * (size // 30)
    return f"From: ann@corp.example\r\nTo: {to}\r\nSubject: News\r\nMessage-ID: <1@corp.example>\r\n\r\n{text}".encode()


async def _cost(way: str, count: int, size: int) -> Cost:
    policy = load.parse(f"version: 1\ninside: [corp.example]\n{WAYS[way]}\n", "policy", builtin=packs.builtin())
    key, smarthost = PrivateKey.generate(), ScriptedSmarthost()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        await migrate(_URL, folder=folder)
        await migrations.migrate(_URL, folder=folder)
        journal = await open_journal(_URL, key.public, key, folder=folder)
        store = await open_store(_URL, key.public, key, folder=folder)
        pipeline = Pipeline(
            policy=policy,
            inspector=InPlace(detectors=registry.build(policies.recipe(policy))),
            smarthost=smarthost,
            custody=store,
            journal=journal,
            hostname="gw.corp.example",
            smarthost_name="mta.example",
            hop_limit=50,
        )
        people = tuple(f"g{number}@h{number}.example" for number in range(count))
        content = mail(people, shown=way != "blind", size=size)
        before = _megabytes()
        began = time.process_time()
        outcome = await pipeline.process(_envelope(people), content)
        answered = time.process_time() - began
        worker, began = DeliveryWorker(store, smarthost, OPTIONS), time.process_time()
        while len(smarthost.mails) < _COPIES and await worker.deliver_due():
            pass
        delivered, grown = time.process_time() - began, _megabytes() - before
        await journal.close()
        await store.close()
    return Cost(outcome=type(outcome).__name__, answered=answered, delivered=delivered, megabytes=grown)


def _envelope(people: tuple[str, ...]) -> Envelope:
    return Envelope(
        id=new_id(),
        reverse_path="ann@corp.example",
        recipients=people,
        client="192.0.2.1",
        login="",
        body_8bit=False,
        smtputf8=False,
        received_at=datetime.now(UTC) - timedelta(seconds=1),
    )


def _megabytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _measure(way: str, count: int, size: int) -> Cost:
    return asyncio.run(_cost(way, count, size))


def cost(way: str, count: int, size: int) -> Cost:
    """Measure one mail in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (way, count, size))


def compare(counts: tuple[int, ...], size: int) -> None:
    """Print the table."""
    print(f"{size} octets of text")
    print(f"{'way':8}{'recipients':>12}{'outcome':>12}{'answer s':>10}{'100 copies s':>14}{'more MB':>10}")
    for way in WAYS:
        for count in counts:
            one = cost(way, count, size)
            figures = f"{one.answered:>10.2f}{one.delivered:>14.2f}{one.megabytes:>10}"
            print(f"{way:8}{count:>12}{one.outcome:>12}{figures}", flush=True)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="What a mail to very many costs.")
    parser.add_argument("--counts", type=int, nargs="+", default=[1_175, 10_000], help="recipients of the mails")
    parser.add_argument("--size", type=int, default=20_000, help="octets of their text")
    arguments = parser.parse_args()
    compare(tuple(arguments.counts), arguments.size)


if __name__ == "__main__":
    main()
