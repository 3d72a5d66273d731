"""What was large serves the next large message, and is not kept for longer than that."""

import asyncio
import contextlib
import subprocess
import sys

import pytest

from dlp_gateway import allocator
from tests.waiting import until

_FREED = """
import os, resource
from pathlib import Path
from dlp_gateway import allocator

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

%s
before = resident()
for size in %s:
    block = bytearray(size)
    block[::4_096] = bytes(len(block[::4_096]))
    del block
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
block = bytearray(5_000_000)
block[::4_096] = bytes(len(block[::4_096]))
del block
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
kept = resident() - before
allocator.give_back()
print(faults, kept, resident() - before)
"""


def freed(first: str, sizes: tuple[int, ...]) -> tuple[int, int, int]:
    """Return page faults of a block of 5 MB, and what is kept of it and of others, before and after it is given back.

    The others, of `sizes`, were made and freed before it.
    """
    done = subprocess.run([sys.executable, "-c", _FREED % (first, sizes)], check=True, capture_output=True)
    faults, kept, rest = map(int, done.stdout.split())
    return faults, kept, rest


def test_a_block_serves_the_next_message_until_it_is_given_back() -> None:
    """Its pages need not be asked for again."""
    faults, kept, rest = freed("allocator.keep_blocks()", (5_000_000, 5_000_000, 3_000_000))
    assert faults < 100
    assert kept > 4_000_000
    assert rest < 1_000_000


def test_what_is_larger_than_other_mail_is_the_systems_at_once() -> None:
    """Whatever was allocated and freed before it."""
    assert freed("allocator.keep_blocks()", (24_000_000, 20_000_000, 16_000_000))[1] < 6_000_000


def test_that_is_not_so_by_itself() -> None:
    """A C library that gives everything back makes the setting needless: then take it out."""
    assert freed("", (24_000_000, 20_000_000, 16_000_000))[1] > 10_000_000


async def test_memory_is_given_back_once_large_messages_stopped_passing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for each time that they did, and not while they do."""
    monkeypatch.setattr(allocator, "REST", 0.05)
    given: list[int] = []
    passed = 0
    monkeypatch.setattr(allocator, "give_back", lambda: given.append(passed))
    resting = asyncio.create_task(allocator.give_back_at_rest(lambda: passed))
    for _ in range(12):
        passed += 1
        await asyncio.sleep(0.02)
    busy = list(given)
    await until(lambda: len(given) == len(busy) + 1)
    await asyncio.sleep(0.2)
    resting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await resting
    assert busy == []
    assert given == [12]
