"""A number in memory that all receivers share: it moves when one of them writes what the others must know at once.

The database is the truth; the number only tells when it has to be asked. Without it each message would cost a look-up
that finds nothing on all but a few days of the year.
"""

import mmap
import os
from typing import Final

_OCTETS: Final = 8


class Generation:
    """Shared through a file descriptor that the supervisor makes and receivers inherit; else this process's own."""

    def __init__(self, descriptor: int | None = None) -> None:
        self._memory = mmap.mmap(-1 if descriptor is None else descriptor, _OCTETS)

    @staticmethod
    def share() -> int:
        """Return the descriptor of a new shared number; the caller closes it."""
        descriptor = os.memfd_create("dlp-gateway-generation")
        os.truncate(descriptor, _OCTETS)
        return descriptor

    @property
    def value(self) -> int:
        """The number now."""
        return int.from_bytes(self._memory, "little")

    def move(self) -> None:
        """Change the number. Two at once may make one change of it, which is all that a reader needs."""
        self._memory[:] = ((self.value + 1) % 2**63).to_bytes(_OCTETS, "little")

    def close(self) -> None:
        """Give the memory back."""
        self._memory.close()
