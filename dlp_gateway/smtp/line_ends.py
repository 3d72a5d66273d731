"""Line ends and leading dots in many octets at once, by NumPy: a sixth of the time that expressions take."""

import re
from typing import Final

import numpy as np

#: Octets from which on an array pays.
MANY: Final = 16_384
_BARE_CR: Final = re.compile(rb"\r(?!\n)")
_DOT: Final = re.compile(rb"\n\.")
_CR: Final = 0x0D
_LF: Final = 0x0A


def are_crlf(octets: bytes | bytearray, start: int, stop: int) -> bool:
    """Whether CR and LF stand in CRLF only (RFC 5321 2.3.8); `stop` parts no CRLF."""
    if stop - start > MANY:
        return _ends(octets, start, stop) is not None
    if octets.count(b"\r", start, stop) != octets.count(b"\n", start, stop):
        return False
    return _BARE_CR.search(octets, start, stop) is None  # as many of both, and LF behind each CR: no LF is bare


def are_plain(octets: bytes | bytearray, start: int, stop: int) -> bool:
    """Whether CR and LF stand in CRLF only, and neither a line nor what a line goes on with begins with a dot.

    So nothing before `stop` is stuffed and no message ends there. `start` and `stop` part no CRLF.
    """
    if _DOT.search(octets, max(0, start - 3), start + 1):  # its line end, or what is behind it, may lie before `start`
        return False
    ends = _ends(octets, start, stop)
    if ends is None:
        return False
    behind = ends[ends < stop - 1] + 1
    return not bool((np.frombuffer(octets, np.uint8)[behind] == ord(".")).any())


def _ends(octets: bytes | bytearray, start: int, stop: int) -> "np.ndarray[tuple[int], np.dtype[np.intp]] | None":
    """Return where the LF are, None if one is bare or a CR is."""
    view = np.frombuffer(octets, np.uint8, stop - start, start)
    ends = np.flatnonzero(view == _LF)
    if np.count_nonzero(view == _CR) != ends.size or (ends.size and not ends[0]):
        return None
    return ends + start if bool((view[ends - 1] == _CR).all()) else None
