"""What was large and is done with is not kept."""

import subprocess
import sys

_FREED = """
import os
from pathlib import Path

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

%s
before = resident()
for size in (24_000_000, 20_000_000, 16_000_000):
    block = bytearray(size)
    del block
print(resident() - before)
"""
_GIVING_BACK = "from dlp_gateway.allocator import give_back_large_blocks\ngive_back_large_blocks()"


def kept(first: str) -> int:
    """Return by how much a process is larger after some large blocks were made and freed."""
    return int(subprocess.run([sys.executable, "-c", _FREED % first], check=True, capture_output=True).stdout)


def test_a_large_block_is_the_systems_again() -> None:
    """Whatever was allocated and freed before it."""
    assert kept(_GIVING_BACK) < 2_000_000


def test_that_is_not_so_by_itself() -> None:
    """A C library that gives everything back makes the setting needless: then take it out."""
    assert kept("") > 10_000_000
