"""What the kernel still has of what was written to a TCP connection (tcp(7))."""

import array
import fcntl
from typing import Final

_SIOCOUTQ: Final = 0x5411
_SIOCOUTQNSD: Final = 0x894B


def unsent(descriptor: int) -> int:
    """Return how many octets were never sent."""
    return _asked(descriptor, _SIOCOUTQNSD)


def unacknowledged(descriptor: int) -> int:
    """Return how many octets the peer's system has not acknowledged, sent or not."""
    return _asked(descriptor, _SIOCOUTQ)


def _asked(descriptor: int, what: int) -> int:
    answer = array.array("i", [0])
    fcntl.ioctl(descriptor, what, answer)
    return answer[0]
