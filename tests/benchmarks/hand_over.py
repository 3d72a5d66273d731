"""What the way out costs: CPU a mail for our transaction over kept connections, with the sink in another process.

`uv run python -m tests.benchmarks.hand_over [--profile]`: mails one after the other, then eight at a time. CPU is this
process's alone, user and system; nothing is inspected, nothing is listened to.
"""

import argparse
import asyncio
import cProfile
import pstats
import resource
import sys
import time
from dataclasses import dataclass
from typing import Final

import uvloop

from dlp_gateway.smtp.smarthost import Security, Smarthost, SmarthostOptions, Unavailable
from tests.benchmarks import messages
from tests.e2e.postfix import free_port

_WARM_UP: Final = 200
_SIZE: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one mail, in microseconds; `user` is our own code and the interpreter, without the kernel."""

    cpu: float
    user: float
    wall: float


async def measure(smarthost: Smarthost, content: bytes, count: int, at_once: int) -> Cost:
    """Hand over `count` mails, `at_once` at a time; raises if one is not taken."""
    numbers = iter(range(count))

    async def send() -> None:
        for _ in numbers:
            delivery = await smarthost.deliver(
                content,
                reverse_path="ada@corp.example",
                recipients=("bob@example.net",),
                body_8bit=False,
                smtputf8=False,
            )
            if not delivery.replies[0][1].positive:
                raise RuntimeError(str(delivery.replies[0][1]))

    wall, cpu, user = time.perf_counter(), time.process_time(), _user()
    await asyncio.gather(*(send() for _ in range(at_once)))
    wall, cpu, user = time.perf_counter() - wall, time.process_time() - cpu, _user() - user
    return Cost(cpu=1e6 * cpu / count, user=1e6 * user / count, wall=1e6 * wall / count)


def _user() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


async def run(count: int, *, profile: bool = False) -> dict[int, Cost]:
    """Return the cost by mails at a time."""
    port = free_port()
    sink = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.benchmarks.sink", str(port))
    smarthost = Smarthost(
        SmarthostOptions(host="127.0.0.1", port=port, hostname="gateway.example", security=Security.NONE)
    )
    content = messages.prose(_SIZE)
    try:
        await _answers(smarthost)
        await measure(smarthost, content, _WARM_UP, 8)
        if profile:
            with cProfile.Profile() as profiler:
                await measure(smarthost, content, count, 8)
            pstats.Stats(profiler).sort_stats("tottime").print_stats(30)
        return {at_once: await measure(smarthost, content, count, at_once) for at_once in (1, 8)}
    finally:
        await smarthost.close()
        sink.kill()
        await sink.wait()


async def _answers(smarthost: Smarthost) -> None:
    for _ in range(200):
        try:
            await smarthost.probe()
        except Unavailable:
            await asyncio.sleep(0.05)
        else:
            return
    raise RuntimeError("the sink does not answer")


def main() -> None:
    """Print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5_000)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    for at_once, cost in uvloop.run(run(options.count, profile=options.profile)).items():
        print(
            f"{at_once} at a time: {cost.cpu:.0f} µs CPU a mail, {cost.user:.0f} of it our own; {cost.wall:.0f} µs wall"
        )


if __name__ == "__main__":
    main()
