"""How much memory this process took while something was done, whoever asked for it: Python, SQLite or OpenSSL."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dlp_gateway.allocator import keep_blocks

_FORGET_THE_PEAK = "5"  # proc_pid_clear_refs(5)


@dataclass(slots=True)
class Growth:
    """`peak` is by how many octets the process was larger than before, at most; known when the work is done."""

    peak: int = 0


@contextmanager
def growing() -> Iterator[Growth]:
    """Measure what happens in the block; content of 32 MB and more is seen whatever lies free in the heap.

    The allocator is set as all our processes set it: left to itself it copies a growing buffer of less than 32 MB to
    grow it, but only in a process that has freed such a buffer before.
    """
    keep_blocks()
    Path("/proc/self/clear_refs").write_text(_FORGET_THE_PEAK)
    before, growth = _most(), Growth()
    yield growth
    growth.peak = _most() - before


def _most() -> int:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1_024 for line in status.splitlines() if line.startswith("VmHWM"))
