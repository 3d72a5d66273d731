"""The gateway beside a plain relay that inspects nothing, in one run, in turns.

`uv run python -m tests.benchmarks.compare [--peers]`. Each has as many processes as there are cores, and one sink is
behind them all. Each line is the median of the rounds: mails a second, latency of the median mail and of the 99th in a
hundred, CPU milliseconds a mail of all its processes, and the most memory that these took, with what they share counted
once. With `--peers`, other filters that are installed come along (see `peers`). Two more tables: latency at a fixed
pace, and of small mails while spreadsheets are inspected. On loopback the load client and the sink take their share of
the same cores: ratios mean something, figures only beside each other.
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
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import uvloop

from tests.benchmarks import load, messages, peers
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
    Kind(name="2 KB passed on", make=messages.passed_on, size=2_000, count=300),
    Kind(name="20 KB prose", make=messages.prose, size=20_000, count=400),
    Kind(name="20 KB numbers", make=messages.numbers, size=20_000, count=400),
    Kind(name="20 KB export", make=messages.export, size=20_000, count=100),
    Kind(name="200 KB attached", make=messages.attached, size=200_000, count=100),
    Kind(name="5 MB attached", make=messages.attached, size=5_000_000, count=8),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """What is measured: where it listens, and its processes' session; it gets one mail in `slowness`."""

    name: str
    port: int
    leader: int
    slowness: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One round of one system."""

    rate: float
    p50: float
    p99: float
    cpu: float
    memory: float


async def measure(system: System, kind: Kind, message: bytes | tuple[bytes, ...], sink: int) -> Measure:
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


async def compare(kinds: tuple[Kind, ...], rounds: int, *, with_peers: bool = False, paced: int = 0) -> None:
    """Start sink, relay and gateway, measure in turns, print the tables, stop them; `paced` mails at a fixed pace."""
    sink, cores = free_port(), len(os.sched_getaffinity(0))
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)  # noqa: ASYNC240  nothing else runs yet; amavis has a user of its own
        await sink_at(stack, sink)
        systems = [await relay(stack, sink, cores), await gateway(stack, folder, sink, cores)]
        if with_peers:
            systems += [
                found for name in ("amavis", "haraka") if (found := await _peer(stack, folder, name, sink, cores))
            ]
        print(f"{'mail':16} {'system':8} {'msg/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'CPU ms':>8} {'MB':>6}")
        for kind in kinds:
            await in_turns(kind, kind.make(kind.size), systems, sink, rounds)
        if paced:
            await _pace(systems[:2], paced)
            await _beside_spreadsheets(systems[1], paced)


async def in_turns(
    kind: Kind, message: bytes | tuple[bytes, ...], systems: list[System], sink: int, rounds: int
) -> None:
    """Measure each system in each round, and print a line of medians for each."""
    for system in systems:  # warm up: connections, caches, models
        await load.load(system.port, message, max(2, min(50, kind.count) // system.slowness), _SESSIONS)
    results: dict[str, list[Measure]] = {system.name: [] for system in systems}
    for _ in range(rounds):
        for system in systems:
            fewer = replace(kind, count=max(2, kind.count // system.slowness))
            results[system.name].append(await measure(system, fewer, message, sink))
    for name, measures in results.items():
        _show(kind.name, name, measures)


async def _pace(systems: list[System], count: int) -> None:
    """Print the latency of 2 KB mails that are due 600 times a second, whatever becomes of them."""
    message = messages.prose(2_000)
    print(f"\n{'2 KB, 600 a second':28} {'p50 ms':>8} {'p99 ms':>8}")
    for system in systems:
        ran = await load.load(system.port, message, count, _SESSIONS, rate=600)
        print(f"{system.name:28} {ran.percentile(0.5):8.1f} {ran.percentile(0.99):8.1f}", flush=True)


async def _beside_spreadsheets(system: System, count: int) -> None:
    """Print the latency of 2 KB mails, 100 a second, alone and while two clients send spreadsheets without a pause."""
    small, table = messages.prose(2_000), messages.numbers(100_000)
    print(f"\n{'2 KB, 100 a second':28} {'p50 ms':>8} {'p99 ms':>8}")
    for name, sessions in (("quiet", 0), ("beside 100 KB spreadsheets", 2)):
        others = [asyncio.create_task(load.load(system.port, table, 10**6, 1)) for _ in range(sessions)]
        ran = await load.load(system.port, small, count // 4, _SESSIONS, rate=100)
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        print(f"{name:28} {ran.percentile(0.5):8.1f} {ran.percentile(0.99):8.1f}", flush=True)


async def sink_at(stack: AsyncExitStack, port: int) -> None:
    """Start the next server of all systems."""
    stack.push_async_callback(_end, await _python("sink.py", port))


async def relay(stack: AsyncExitStack, sink: int, cores: int) -> System:
    """Start the plain relay."""
    port = free_port()
    process = await _python("relay.py", port, sink, cores)
    stack.push_async_callback(_end, process)
    return System(name="relay", port=port, leader=process.pid)


async def gateway(stack: AsyncExitStack, folder: Path, sink: int, cores: int) -> System:
    """Start the gateway and wait until it rests."""
    made = Gateway(folder / "gateway", sink, settings={"processes": {"receivers": cores}})
    await made.start()
    stack.push_async_callback(made.stop)
    await _idle(made.leader)
    return System(name="gateway", port=made.port, leader=made.leader)


async def _idle(leader: int) -> None:
    """Wait until a system that was just started has loaded what it loads beside its first mails."""
    before, now = -1.0, _cpu(leader)
    while now - before > 0.05:
        await asyncio.sleep(1)
        before, now = now, _cpu(leader)


async def _peer(stack: AsyncExitStack, folder: Path, name: str, sink: int, cores: int) -> System | None:
    (folder / name).mkdir()
    port = free_port()
    process = await getattr(peers, name)(folder / name, port, sink, cores)
    if process is None:
        print(f"{name} is not installed", flush=True)
        return None
    stack.push_async_callback(_end, process)
    await _listening(port, name)
    return System(name=name, port=port, leader=process.pid, slowness=8)


async def _end(process: asyncio.subprocess.Process) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _show(mail: str, system: str, measures: list[Measure]) -> None:
    middle = {name: statistics.median(getattr(one, name) for one in measures) for name in ("rate", "p50", "p99", "cpu")}
    memory = max(one.memory for one in measures)
    print(
        f"{mail:16} {system:8} {middle['rate']:8.0f} {middle['p50']:8.1f} {middle['p99']:8.1f} "
        f"{middle['cpu']:8.2f} {memory:6.0f}",
        flush=True,
    )


async def _python(script: str, *arguments: int) -> asyncio.subprocess.Process:
    """Start a script beside this one in a session of its own; wait until it listens on its first argument, a port."""
    path = Path(__file__).parent / script
    process = await asyncio.create_subprocess_exec(sys.executable, path, *map(str, arguments), start_new_session=True)
    await _listening(arguments[0], script)
    return process


async def _listening(port: int, name: str) -> None:
    for _ in range(600):
        try:
            _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise RuntimeError(f"{name} does not listen")


def _cpu(leader: int) -> float:
    """Return the CPU seconds of a session's living processes and of their ended children (proc(5): stat, 14–17)."""
    total = 0
    for pid in session(leader):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        total += sum(map(int, fields[11:15]))
    return total / _TICK


def _memory(leader: int) -> float:
    """Return the sum of the peaks of a session's processes, in bytes; what they share counts once (proc(5): Pss)."""
    total = 0
    for pid in session(leader):
        peak, now = (_sizes(pid, "status")[name] for name in ("VmHWM", "VmRSS"))
        total += peak - now + _sizes(pid, "smaps_rollup")["Pss"]
    return total * 1024


def _sizes(pid: int, file: str) -> dict[str, int]:
    """Return the sizes in a file of /proc by their names, in KB."""
    pairs = (line.partition(":") for line in Path(f"/proc/{pid}/{file}").read_text(encoding="utf-8").splitlines())
    return {name: int(value.split()[0]) for name, _, value in pairs if value.endswith(" kB")}


def main() -> None:
    """Read the options and compare."""
    parser = argparse.ArgumentParser(description="The gateway beside a plain relay that inspects nothing.")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each kind of mail; medians are shown")
    parser.add_argument("--only", default="", help="kinds of mail whose name contains this")
    parser.add_argument("--share", type=float, default=1.0, help="this share of the mails of a round")
    parser.add_argument("--peers", action="store_true", help="amavis and Haraka as well, where they are installed")
    parser.add_argument("--paced", type=int, default=3_000, help="mails of the paced runs; 0: leave them out")
    options = parser.parse_args()
    kinds = tuple(
        Kind(name=kind.name, make=kind.make, size=kind.size, count=max(2, int(kind.count * options.share)))
        for kind in KINDS
        if options.only in kind.name
    )
    begun = time.monotonic()
    uvloop.run(compare(kinds, options.rounds, with_peers=options.peers, paced=options.paced))
    print(f"{options.rounds} rounds, {_SESSIONS} sessions, {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
