"""What a look-up in the memory costs with very many rows in it: `uv run python -m tests.benchmarks.memory`.

Each line is a kind of mail: its share of ordinary traffic, microseconds of wall and of CPU time for one look-up. The
last line weighs them by their shares. The database is made in a temporary folder and lies in the system's cache, as it
does on a host that takes mail all day.
"""

import argparse
import asyncio
import os
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvloop

from dlp_gateway.journal import SqlJournal, migrations, open_journal
from dlp_gateway.journal.memory import day_of
from dlp_gateway.policy.memory import Memory
from dlp_gateway.policy.verdict import Disposition
from dlp_gateway.ports import Entry, Passage
from dlp_gateway.recollection import Fate, Lesson, Questions, Sending
from quarantine.crypto import PrivateKey
from quarantine.migrations import migrate

_URL = "sqlite:///custody.db"
_NOW = datetime.now(UTC)
_QUESTIONS = Questions(
    memory=Memory(learning=1),
    mass_send=10,
    threads=True,
    exposure=True,
    groups=True,
    strangers=True,
    look_alikes=True,
    sent=True,
)
_BATCH = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of mail: how many in a hundred are of it, and how to make the nth."""

    name: str
    share: float
    make: Callable[[int], Sending]


def _sending(
    number: int, *shown: str, answered: tuple[str, ...] = (), reverse_path: str = "ann@corp.example"
) -> Sending:
    return Sending(
        id=f"m{number}",
        at=_NOW,
        message_id=f"<{number}.{time.time_ns()}@corp.example>",
        answered=answered,
        topic="minutes",
        is_answer=bool(answered),
        is_ours=False,
        reverse_path=reverse_path,
        login="",
        client="192.0.2.1",
        recipients=shown,
        outside=tuple(range(len(shown))),
        addressed=shown,
        shown=shown,
        names=(),
    )


def _several(count: int, number: int) -> tuple[str, ...]:
    return tuple(f"p{place}@firm{number % 50}-{place}.example" for place in range(count))


KINDS = (
    Kind(name="to a correspondent", share=50, make=lambda n: _sending(n, f"known{n % 200}@shop.example")),
    Kind(
        name="an answer to one",
        share=30,
        make=lambda n: _sending(n, f"known{n % 200}@shop.example", answered=(f"<{n}@far.example>",) * 5),
    ),
    Kind(name="to a stranger", share=12, make=lambda n: _sending(n, f"stranger{n}@house{n}.example")),
    Kind(
        name="to five of five firms",
        share=6,
        make=lambda n: _sending(n, *_several(5, n), answered=(f"<{n}@far.example>", "<root@far.example>")),
    ),
    Kind(name="to forty", share=2, make=lambda n: _sending(n, *_several(40, n))),
)
RARE = Kind(name="to ten thousand", share=0, make=lambda n: _sending(n, *_several(10_000, n)))


def fill(database: Path, rows: int) -> None:
    """Put so many rows into the tables of the memory, all together; the digests are chance."""
    day, moment = day_of(_NOW), int(_NOW.timestamp() * 1_000_000)
    tables: tuple[tuple[str, float, Callable[[], tuple[object, ...]]], ...] = (
        ("correspondents", 0.50, lambda: (os.urandom(16), day, 2)),
        ("likenesses", 0.25, lambda: (os.urandom(16), os.urandom(16))),
        ("circle_members", 0.15, lambda: (os.urandom(16), os.urandom(16), day, day - 1, day - 2)),
        (
            "mailings",
            0.10,
            lambda: (
                *(os.urandom(16), moment, os.urandom(16), os.urandom(16), os.urandom(16)),
                *(0, 0, 1, None, os.urandom(16 * 6), b"", 0),
            ),
        ),
    )
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000;")
        for table, share, make in tables:
            left = int(rows * share)
            while left > 0:
                batch = min(left, _BATCH)
                made = [make() for _ in range(batch)]
                connection.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * len(made[0]))})", made)  # noqa: S608
                left -= batch
            connection.commit()


async def teach(journal: SqlJournal) -> None:
    """Let the sender know some people, and have shown some to each other."""
    known = [(f"known{number}@shop.example",) for number in range(200)]
    for number, people in enumerate([*known, *(_several(5, group) for group in range(50))]):
        sending = _sending(number, *people)
        passages = tuple(Passage(recipient=one, shown=(), outcome="forwarded", reply="250 ok") for one in people)
        journal.record(
            Entry(
                id=f"m{number}",
                message_id=sending.message_id,
                received_at=_NOW - timedelta(days=1),
                reverse_path="ann@corp.example",
                client="192.0.2.1",
                login="",
                disposition=Disposition.FORWARD,
                reasons=(),
                observed=(),
                findings=(),
                passages=passages,
                lesson=Lesson(sending=sending, is_group=False, is_exposed=True, is_hidden=False, values=()),
            )
        )
    await journal.flush()
    for number in range(20):
        await journal.remember(
            _sending(number, *_several(5, number)), b"", Fate(is_objected=False, is_exposed=True, is_kept=False)
        )


async def measure(journal: SqlJournal, kind: Kind, count: int) -> tuple[float, float]:
    """Return microseconds of wall and CPU time for one look-up."""
    sendings = [kind.make(number) for number in range(count)]
    for sending in sendings[: count // 10 + 1]:
        await journal.recollect(sending, _QUESTIONS)
    wall, cpu = time.perf_counter(), time.process_time()
    for sending in sendings:
        await journal.recollect(sending, _QUESTIONS)
    return (time.perf_counter() - wall) / count * 1e6, (time.process_time() - cpu) / count * 1e6


async def compare(rows: int, count: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        key = PrivateKey.generate()
        await migrate(_URL, folder=folder)
        await migrations.migrate(_URL, folder=folder)
        await asyncio.to_thread(fill, folder / "custody.db", rows)
        journal = await open_journal(_URL, key.public, folder=folder)
        await teach(journal)
        print(f"{rows} rows, {(folder / 'custody.db').stat().st_size / 1e6:.0f} MB")
        print(f"{'mail':24}{'share':>8}{'wall µs':>10}{'CPU µs':>10}")
        async for line in _lines(journal, count):
            print(line)
        await journal.close()


async def _lines(journal: SqlJournal, count: int) -> AsyncIterator[str]:
    mean = [0.0, 0.0]
    for kind in (*KINDS, RARE):
        wall, cpu = await measure(journal, kind, count if kind.share else 3)
        mean = [mean[0] + wall * kind.share / 100, mean[1] + cpu * kind.share / 100]
        yield f"{kind.name:24}{kind.share:>7.0f}%{wall:>10.0f}{cpu:>10.0f}"
    yield f"{'ordinary traffic':24}{100:>7.0f}%{mean[0]:>10.0f}{mean[1]:>10.0f}"


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="What a look-up in the memory costs.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows in the memory")
    parser.add_argument("--count", type=int, default=1_000, help="look-ups of each kind")
    arguments = parser.parse_args()
    uvloop.run(compare(arguments.rows, arguments.count))


if __name__ == "__main__":
    main()
