"""What one message costs in the pipeline alone: `uv run python -m tests.benchmarks.pipeline [--profile]`.

Parsing, look-ups, inspection, verdict, edits, journal, log and metrics are the gateway's own; the smarthost is a port
that answers at once, and no client is there. Each line is a kind of mail and the microseconds of CPU time of one, the
journal's writer and its database included: the least of the rounds.
"""

import argparse
import asyncio
import cProfile
import os
import pstats
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop

from dlp_gateway.inspection.measuring import warm_up
from dlp_gateway.mail.envelope import Envelope, new_id
from dlp_gateway.mail.parse import parse
from dlp_gateway.mail.reply import Reply
from dlp_gateway.observe import log, metrics
from dlp_gateway.pipeline import Pipeline
from dlp_gateway.ports import Delivery, Forwarded
from dlp_gateway.processes import composition, policies
from tests.benchmarks.compare import KINDS
from tests.e2e.gateway import Gateway

_TAKEN = Reply(code=250, enhanced="2.0.0", text="Ok", remote=True)
_MOST = 64_000  # octets; larger mail goes to workers


class _Smarthost:
    """Takes every mail."""

    async def deliver(self, _content: bytes, *, recipients: tuple[str, ...], **_: Any) -> Delivery:  # noqa: ANN401
        return Delivery(replies=tuple((recipient, _TAKEN) for recipient in recipients), notifies=True)


@asynccontextmanager
async def pipeline(folder: Path) -> AsyncIterator[Pipeline]:
    """Run a pipeline with the default policy and a database of its own in `folder`."""
    gateway = Gateway(folder / "gateway", 9)
    settings, policy = policies.load(gateway.config)
    os.chdir(folder / "gateway")  # the settings' paths are relative to it
    key = await composition.prepared_custody(settings)
    with Path(folder, "log").open("w", encoding="utf-8") as stream:  # noqa: ASYNC230  nothing else runs yet
        log.configure("info", "json", stream)
        journal = await composition.journal(settings, key.public, None)
        store = await composition.custody(settings, key.public, None)
        inspector = composition.inspector(settings, policy)
        await asyncio.to_thread(warm_up, inspector._detectors)
        carrying = asyncio.create_task(metrics.tally.carry())  # as a receiver does
        try:
            yield Pipeline(
                policy=policy,
                inspector=inspector,
                smarthost=_Smarthost(),
                custody=store,
                journal=journal,
                hostname="gateway.example",
                smarthost_name="mx.example",
                hop_limit=50,
            )
        finally:
            carrying.cancel()
            await inspector.close()
            await journal.close()
            await store.close()


async def main(rounds: int, count: int, only: str, *, profile: bool) -> None:
    """Measure each kind of mail that is inspected in place."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        async with pipeline(Path(folder)) as line:
            for kind in KINDS:
                if kind.size > _MOST or only not in kind.name:
                    continue
                message = kind.make(kind.size)
                if not line._inspector._is_cheap(parse(message)):
                    continue
                profiler = cProfile.Profile()
                await _round(line, message, count // 5 + 1)
                costs = []
                for _ in range(rounds):
                    if profile:
                        profiler.enable()
                    costs.append(await _round(line, message, count))
                    profiler.disable()
                print(f"{kind.name:16} {min(costs) * 1e6:8.0f} µs")
                if profile:
                    pstats.Stats(profiler).sort_stats("cumulative").print_stats(110)


async def _round(line: Pipeline, message: bytes, count: int) -> float:
    """Return the CPU seconds that one of `count` messages took, until all of them are in the journal."""
    begun = time.process_time()
    for number in range(count):
        content = b"Message-ID: <%d.%d@corp.example>\r\n%b" % (time.time_ns(), number, message)
        outcome = await line.process(_envelope(), content)
        assert isinstance(outcome, Forwarded), outcome
    await line._journal.flush()
    return (time.process_time() - begun) / count


def _envelope() -> Envelope:
    return Envelope(
        id=new_id(),
        reverse_path="ada@corp.example",
        recipients=("bob@example.net",),
        client="127.0.0.1",
        login="",
        body_8bit=False,
        smtputf8=False,
        received_at=datetime.now(UTC),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="What one message costs in the pipeline alone.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=400, help="messages in a round")
    parser.add_argument("--only", default="", help="kinds of mail whose name contains this")
    parser.add_argument("--profile", action="store_true", help="tell where the time goes (slower)")
    options = parser.parse_args()
    uvloop.run(main(options.rounds, options.count, options.only, profile=options.profile))
