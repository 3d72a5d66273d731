"""How much a call works: counted, or compared with itself, so that no machine is too slow or too busy for a test."""

import math
import sys
import time
import timeit
from collections.abc import Callable
from types import FrameType
from typing import Any, Final, TypeVar

T = TypeVar("T")

#: What `growth` stays below where time is linear.
LINEAR: Final = 3.0

_STEP: Final = 8
_TRIES: Final = 5
_NOISE: Final = 0.001  # seconds; shorter work is not told from what else a processor does meanwhile


def lines(call: Callable[[], object]) -> int:
    """Return how many lines of Python a call runs, each turn of a loop or a comprehension being one more."""
    count = 0

    def trace(_frame: FrameType, _event: str, _argument: Any) -> Any:  # noqa: ANN401  as `sys.settrace` has it
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def growth(work: Callable[[T], object], made: Callable[[int], T], count: int) -> float:
    """Return how many times the work of `made(count // 8)` an eighth of that of `made(count)` is.

    That is 1 where time is linear and 8 where it is quadratic. Compared are seconds of the processor, the least of
    several runs each; the large one is run again only while it is not `LINEAR`. No run is given what one before was
    given, since what is worked on may be remembered.
    """
    short = max(_NOISE, min(_seconds(work, made(count // _STEP + run)) for run in range(3)))
    found = math.inf
    for run in range(_TRIES):
        found = min(found, _seconds(work, made(count + run)) / short / _STEP)
        if found < LINEAR:
            break
    return found


def _seconds(work: Callable[[T], object], given: T) -> float:
    return timeit.timeit(lambda: work(given), timer=time.process_time, number=1)  # without collecting garbage
