"""The C library's allocator: what a large message took is the system's again when it is done with."""

import ctypes
from typing import Final

_TRIM_THRESHOLD: Final = -1  # mallopt(3)
_MMAP_THRESHOLD: Final = -3
_LARGE: Final = 1_000_000  # octets of a block that is asked of the system, and given back, for itself
_SPARE: Final = 8_000_000  # octets that the heap may keep, so that small mail does not make it shrink and grow


def give_back_large_blocks() -> None:
    """Set it for this process; left to itself, glibc keeps blocks of up to 32 MB for the next large message."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):  # musl has none, and gives back by itself
        library.mallopt(_MMAP_THRESHOLD, _LARGE)
        library.mallopt(_TRIM_THRESHOLD, _SPARE)
