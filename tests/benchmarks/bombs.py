"""What a receiver does while bombs arrive: `uv run python -m tests.benchmarks.bombs`.

Each bomb of `tests.formats.bombs` is sent by itself to a whole gateway with one receiver and one worker, while another
client says NOOP every five milliseconds. Each line: seconds until the bomb was answered, the NOOP's median, 99th
percentile and longest wait in milliseconds, which is how late the receiver's loop was, how many waited beyond the bound
of 100 ms, and the most that the worker held until then, in MB.
"""

import argparse
import asyncio
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop

from tests.benchmarks import compare, load, messages
from tests.e2e.client import Client
from tests.e2e.gateway import Gateway, session
from tests.e2e.postfix import free_port
from tests.formats import bombs

_EVERY = 0.005
_BEFORE = 0.3  # seconds of probing before each bomb
_LATE = 100.0  # milliseconds
_HEAD = b"From: ann@corp.example\r\nTo: ben@bakery.example\r\n"


async def probe(port: int, waits: list[float]) -> None:
    """Note in milliseconds how long each NOOP takes, until cancelled."""
    async with Client(port) as client:
        await client.command("EHLO probe.example")
        while True:
            begun = time.perf_counter()
            await client.command("NOOP")
            waits.append((time.perf_counter() - begun) * 1_000)
            await asyncio.sleep(_EVERY)


async def exploded(port: int, content: bytes) -> tuple[float, str]:
    """Send one bomb, and return the seconds until it was answered, and the answer."""
    async with Client(port) as client:
        await client.command("EHLO bomber.example")
        begun = time.perf_counter()
        replies = await client.mail("ann@corp.example", ("ben@bakery.example",), content)
        return time.perf_counter() - begun, replies[-1]


def percentile(waits: list[float], share: float) -> float:
    """Return the wait that this share of all did not exceed."""
    ordered = sorted(waits) or [0.0]
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def measure(only: str = "") -> None:
    """Print the table, a line for each bomb and one for all; `only` names some."""
    sink = free_port()
    made = {**{name: (lambda make=make: bombs.mail(make())) for name, make in bombs.FILES.items()}, **bombs.MAILS}
    every: list[float] = []
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        await compare.sink_at(stack, sink)
        gateway = Gateway(folder / "gateway", sink)
        await gateway.start()
        stack.push_async_callback(gateway.stop)
        await load.load(gateway.port, messages.prose(2_000), 50, 2)
        print(f"{'bomb':26}{'s':>7}{'p50 ms':>8}{'p99 ms':>8}{'max ms':>8}{'late':>6}{'MB':>6}  answer")
        for name, make in made.items():
            if only not in name:
                continue
            content = _HEAD + make()
            waits: list[float] = []
            probing = asyncio.create_task(probe(gateway.port, waits))
            await asyncio.sleep(_BEFORE)
            seconds, answer = await exploded(gateway.port, content)
            probing.cancel()
            await asyncio.gather(probing, return_exceptions=True)
            every += waits
            late = sum(wait > _LATE for wait in waits)
            print(
                f"{name:26}{seconds:7.2f}{percentile(waits, 0.5):8.1f}{percentile(waits, 0.99):8.1f}{max(waits):8.1f}"
                f"{late:6}{_memory(gateway.leader):6.0f}  {answer[:9]}",
                flush=True,
            )
        print(f"{'all':33}{percentile(every, 0.5):8.1f}{percentile(every, 0.99):8.1f}{max(every):8.1f}")
        held = await gateway.run("quarantine", "list", "--json")
        deaths = len(gateway.events("worker_died"))
        print(f"{len(held.stdout.splitlines())} held, {deaths} workers died")


def _memory(leader: int) -> float:
    """Return the most that all workers of a gateway ever held at once, in MB (proc(5): VmHWM)."""
    peaks = [0.0]
    for pid, command in session(leader).items():
        if "dlp-gateway: worker" in command:
            status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
            peaks.append(int(status.partition("VmHWM:")[2].split()[0]) / 1_000)
    return sum(peaks)


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description="How late the receiver's loop is while bombs arrive.")
    parser.add_argument("--only", default="", help="bombs whose name contains this")
    uvloop.run(measure(parser.parse_args().only))


if __name__ == "__main__":
    main()
