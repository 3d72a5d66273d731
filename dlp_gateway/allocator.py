"""The C library's allocator: memory that a large message took serves the next one, and is the system's again at rest.

Each page of 4 KB that the system has to give anew costs a microsecond or two: for a mail of 5 MB in four copies, as
much as all that is done with its octets.
"""

import asyncio
import ctypes
from collections.abc import Callable
from typing import Final

_TRIM_THRESHOLD: Final = -1  # mallopt(3)
_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8
#: Octets of a block that is asked of the system, and given back, for itself: more than what one of a message that is
#: received in memory takes.
_LARGE: Final = 9_000_000
_SPARE: Final = 64_000_000  # octets that may be free at the end of the heap until it is trimmed
#: Seconds without a large message after which what they took is given back.
REST: Final = 1.0

_library: Final = ctypes.CDLL(None)


def keep_blocks() -> None:
    """Set it for this process, with one heap for all its threads; left to itself, glibc has several."""
    if hasattr(_library, "mallopt"):  # musl has none, and gives back by itself
        _library.mallopt(_MMAP_THRESHOLD, _LARGE)
        _library.mallopt(_TRIM_THRESHOLD, _SPARE)
        _library.mallopt(_ARENA_MAX, 1)


def give_back() -> None:
    """Give all pages back that hold nothing."""
    if hasattr(_library, "malloc_trim"):
        _library.malloc_trim(0)


async def give_back_at_rest(passed: Callable[[], int]) -> None:
    """Do so again and again, whenever large messages `passed`, and then for a while none did."""
    trimmed = before = passed()
    while True:
        await asyncio.sleep(REST)
        now = passed()
        if now == before != trimmed:
            give_back()
            trimmed = now
        before = now
