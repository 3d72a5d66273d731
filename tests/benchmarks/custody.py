"""Holds a second: sealed, written with their row of the journal, and on disk, by one session and by sixteen at a time.

`uv run python -m tests.benchmarks.custody [--count 800] [--folder DIR]`. `singly` gives every hold a transaction of its
own, `in groups` lets those that wait share one, as the gateway does. A latency is what stands before the client's 250.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import uvloop

from dlp_gateway import deposits
from dlp_gateway.journal import migrations as journal_migrations
from dlp_gateway.journal import open_journal
from dlp_gateway.mail.envelope import Envelope, new_id
from dlp_gateway.mail.parse import parse
from dlp_gateway.policy.verdict import Copy, Disposition
from dlp_gateway.ports import Entry, Passage
from quarantine import groups, migrations
from quarantine.crypto import PrivateKey
from quarantine.model import State
from quarantine.opening import open_store
from tests.benchmarks import messages

_URL: Final = "sqlite:///custody.db"
_RECIPIENT: Final = "bob@example.net"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """Holds a second, CPU seconds a hold, and seconds of the median hold and of the 99th in a hundred."""

    rate: float
    cpu: float
    p50: float
    p99: float


async def measure(folder: Path, *, sessions: int, count: int, together: int) -> Measure:
    """Hold `count` mails in a fresh custody below `folder`."""
    key = PrivateKey.generate()
    with tempfile.TemporaryDirectory(dir=folder) as name:
        place = Path(name)
        await migrations.migrate(_URL, folder=place)
        await journal_migrations.migrate(_URL, folder=place)
        store = await open_store(_URL, key.public, folder=place, together=together)
        journal = await open_journal(_URL, key.public, folder=place)
        message = parse(messages.prose(2_000))
        latencies: list[float] = []
        numbers = iter(range(count))

        async def session() -> None:
            for _ in numbers:
                envelope = _envelope()
                begun = time.perf_counter()
                deposit = deposits.whole(
                    envelope,
                    message,
                    (Copy(recipients=envelope.recipients, edits=()),),
                    state=State.HELD,
                    reasons=("identity-documents",),
                    due_at=envelope.received_at,
                    expires_at=None,
                    returnable=True,
                )
                await store.take((deposit,), journal.rows(_entry(envelope)))
                latencies.append(time.perf_counter() - begun)

        begun, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(session() for _ in range(sessions)))
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
        await journal.close()
        await store.close()
    ordered = sorted(latencies)
    return Measure(
        rate=count / seconds,
        cpu=cpu / count,
        p50=statistics.median(ordered),
        p99=ordered[len(ordered) * 99 // 100],
    )


def _envelope() -> Envelope:
    return Envelope(
        id=new_id(),
        reverse_path="ada@corp.example",
        recipients=(_RECIPIENT,),
        client="127.0.0.1",
        login="",
        body_8bit=False,
        smtputf8=False,
        received_at=datetime.now(UTC),
    )


def _entry(envelope: Envelope) -> Entry:
    return Entry(
        id=envelope.id,
        message_id=f"<{envelope.id}@corp.example>",
        received_at=envelope.received_at,
        reverse_path=envelope.reverse_path,
        client=envelope.client,
        login="",
        disposition=Disposition.HOLD,
        reasons=("identity-documents",),
        observed=(),
        findings=(("identifier.SSN", 1),),
        passages=(Passage(recipient=_RECIPIENT, shown=(_RECIPIENT,), outcome="custody", reply=""),),
    )


async def compare(folder: Path, count: int) -> None:
    """Print a line for each number of sessions and way."""
    for sessions in (1, 16):
        for name, together in (("singly", 1), ("in groups", groups.TOGETHER)):
            found = await measure(folder, sessions=sessions, count=count, together=together)
            print(
                f"{sessions:2} sessions, {name:9}: {found.rate:6.0f} holds/s, "
                f"{1000 * found.cpu:4.2f} ms CPU, p50 {1000 * found.p50:5.1f} ms, p99 {1000 * found.p99:5.1f} ms"
            )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=800)
    parser.add_argument("--folder", type=Path, help="where the databases lie; the disk counts")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        uvloop.run(compare(Path(folder), options.count))


if __name__ == "__main__":
    main()
