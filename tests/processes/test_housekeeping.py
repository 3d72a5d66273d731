"""What the supervisor does on schedule goes on, whatever goes wrong in one round, and is seen to."""

import asyncio
import io
import json
from datetime import timedelta

from dlp_gateway.observe import instruments
from dlp_gateway.processes.housekeeping import regularly
from quarantine.store import StoreError


def counted(sample: str) -> float:
    """Return a value of the metrics."""
    lines = instruments.expose()[0].decode().splitlines()
    return float(next((line.removeprefix(sample) for line in lines if line.startswith(sample)), "0"))


async def test_it_goes_on_and_tells(log_lines: io.StringIO) -> None:
    """A database that cannot be used, and an error of ours, cost one round each, in log and metrics."""
    stopping, rounds = asyncio.Event(), iter((StoreError("locked"), ArithmeticError(), None))

    async def work() -> None:
        trouble = next(rounds)
        if trouble is None:
            stopping.set()
        else:
            raise trouble

    samples = ("dlp_store_errors_total ", 'dlp_internal_errors_total{where="housekeeping"} ')
    before = [counted(sample) for sample in samples]
    await asyncio.wait_for(regularly(timedelta(milliseconds=1), work, stopping), 5)
    assert [counted(sample) - former for sample, former in zip(samples, before, strict=True)] == [1, 1]
    assert [json.loads(line)["event"] for line in log_lines.getvalue().splitlines()] == [
        "store_unavailable",
        "internal_error",
    ]
