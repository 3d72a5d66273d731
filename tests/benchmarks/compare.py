"""The gateway beside a plain relay that inspects nothing, in one run, in turns.

`uv run python tests/benchmarks/compare.py`. Both have as many processes as there are cores, and one sink behind them.
Each line is the median of the rounds: mails a second, latency of the median mail and of the 99th in a hundred, CPU
milliseconds a mail of all its processes, and the most memory that its processes ever took together. On loopback the
load client and the sink take their share of the same cores: ratios mean something, figures only beside each other.
"""

import argparse
import asyncio
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvloop

from tests.benchmarks import load, messages
from tests.e2e.gateway import Gateway, session
from tests.e2e.postfix import free_port

_TICK = os.sysconf("SC_CLK_TCK")
_SESSIONS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of mail: how to make it and how many a round."""

    name: str
    make: Callable[[int], bytes]
    size: int
    count: int


KINDS = (
    Kind(name="2 KB prose", make=messages.prose, size=2_000, count=1_000),
    Kind(name="2 KB numbers", make=messages.numbers, size=2_000, count=1_000),
    Kind(name="20 KB prose", make=messages.prose, size=20_000, count=400),
    Kind(name="20 KB numbers", make=messages.numbers, size=20_000, count=400),
    Kind(name="200 KB attached", make=messages.attached, size=200_000, count=100),
    Kind(name="5 MB attached", make=messages.attached, size=5_000_000, count=8),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """What is measured: where it listens, and its processes' session."""

    name: str
    port: int
    leader: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One round of one system."""

    rate: float
    p50: float
    p99: float
    cpu: float
    memory: float


async def measure(system: System, kind: Kind, message: bytes, sink: int) -> Measure:
    """Send one round and make sure that all of it arrived."""
    before, cpu = await load.count(sink), _cpu(system.leader)
    ran = await load.load(system.port, message, kind.count, _SESSIONS)
    cpu = _cpu(system.leader) - cpu
    arrived = await load.count(sink) - before
    if arrived != kind.count:
        raise RuntimeError(f"{system.name}: {arrived} of {kind.count} mails arrived")
    return Measure(
        rate=kind.count / ran.seconds,
        p50=ran.percentile(0.50),
        p99=ran.percentile(0.99),
        cpu=cpu * 1000 / kind.count,
        memory=_memory(system.leader) / 1e6,
    )


async def compare(kinds: tuple[Kind, ...], rounds: int) -> None:
    """Start sink, relay and gateway, measure in turns, print the table, stop them."""
    sink, relay, cores = free_port(), free_port(), str(len(os.sched_getaffinity(0)))
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        gateway = Gateway(Path(folder) / "gateway", sink, settings={"processes": {"receivers": int(cores)}})
        helpers = [
            await _python(here / "sink.py", str(sink)),
            await _python(here / "relay.py", str(relay), str(sink), cores),
        ]
        try:
            await gateway.start()
            systems = (
                System(name="relay", port=relay, leader=helpers[1].pid),
                System(name="gateway", port=gateway.port, leader=gateway.leader),
            )
            print(f"{'mail':16} {'system':8} {'msg/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'CPU ms':>8} {'MB':>6}")
            for kind in kinds:
                message = kind.make(kind.size)
                for system in systems:  # warm up: connections, caches, models
                    await load.load(system.port, message, min(50, kind.count), _SESSIONS)
                results: dict[str, list[Measure]] = {system.name: [] for system in systems}
                for _ in range(rounds):
                    for system in systems:
                        results[system.name].append(await measure(system, kind, message, sink))
                for name, measures in results.items():
                    _show(kind.name, name, measures)
        finally:
            if gateway.started:
                await gateway.stop()
            for helper in helpers:
                os.killpg(helper.pid, signal.SIGKILL)
                await helper.wait()


def _show(mail: str, system: str, measures: list[Measure]) -> None:
    middle = {name: statistics.median(getattr(one, name) for one in measures) for name in ("rate", "p50", "p99", "cpu")}
    memory = max(one.memory for one in measures)
    print(
        f"{mail:16} {system:8} {middle['rate']:8.0f} {middle['p50']:8.1f} {middle['p99']:8.1f} "
        f"{middle['cpu']:8.2f} {memory:6.0f}",
        flush=True,
    )


async def _python(script: Path, *arguments: str) -> asyncio.subprocess.Process:
    """Start a script in a session of its own and wait until it listens on its first argument, a port."""
    process = await asyncio.create_subprocess_exec(sys.executable, script, *arguments, start_new_session=True)
    for _ in range(200):
        try:
            _reader, writer = await asyncio.open_connection("127.0.0.1", int(arguments[0]))
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return process
    raise RuntimeError(f"{script.name} does not listen")


def _cpu(leader: int) -> float:
    """Return the CPU seconds of a session's living processes and of their ended children (proc(5): stat, 14–17)."""
    total = 0
    for pid in session(leader):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        total += sum(map(int, fields[11:15]))
    return total / _TICK


def _memory(leader: int) -> float:
    """Return the sum of the peaks (VmHWM) of a session's processes, in bytes."""
    total = 0
    for pid in session(leader):
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        total += int(status.partition("VmHWM:")[2].split()[0]) * 1024
    return total


def main() -> None:
    """Read the options and compare."""
    parser = argparse.ArgumentParser(description="The gateway beside a plain relay that inspects nothing.")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each kind of mail; medians are shown")
    parser.add_argument("--only", default="", help="kinds of mail whose name contains this")
    parser.add_argument("--share", type=float, default=1.0, help="this share of the mails of a round")
    options = parser.parse_args()
    kinds = tuple(
        Kind(name=kind.name, make=kind.make, size=kind.size, count=max(2, int(kind.count * options.share)))
        for kind in KINDS
        if options.only in kind.name
    )
    begun = time.monotonic()
    uvloop.run(compare(kinds, options.rounds))
    print(f"{options.rounds} rounds, {_SESSIONS} sessions, {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
