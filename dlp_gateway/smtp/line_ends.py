"""Line ends and leading dots in many octets at once, by NumPy: a tenth of the time that expressions take."""

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Octets from which on an array pays.
MANY: Final = 16_384
_BARE_CR: Final = re.compile(rb"\r(?!\n)")
_DOT: Final = re.compile(rb"\n\.")
_CR: Final = 0x0D
_LF: Final = 0x0A

_Marks = NDArray[np.bool_]


def are_crlf(octets: bytes | bytearray, start: int, stop: int) -> bool:
    """Whether CR and LF stand in CRLF only (RFC 5321 2.3.8); `stop` parts no CRLF."""
    if stop - start > MANY:
        return _are_pairs(*_ends(octets, start, stop))
    if octets.count(b"\r", start, stop) != octets.count(b"\n", start, stop):
        return False
    return _BARE_CR.search(octets, start, stop) is None  # as many of both, and LF behind each CR: no LF is bare


def are_plain(octets: bytes | bytearray, start: int, stop: int) -> bool:
    """Whether CR and LF stand in CRLF only, and neither a line nor what a line goes on with begins with a dot.

    So nothing before `stop` is stuffed and no message ends there. `start` and `stop` part no CRLF.
    """
    if _DOT.search(octets, max(0, start - 3), start + 1):  # its line end, or what is behind it, may lie before `start`
        return False
    returns, newlines = _ends(octets, start, stop)
    if not _are_pairs(returns, newlines):
        return False
    if octets.find(b".", start, stop) < 0:  # as in all that is encoded
        return True
    dots = np.frombuffer(octets, np.uint8, stop - start, start) == ord(".")
    return not bool((newlines[:-1] & dots[1:]).any())


def _ends(octets: bytes | bytearray, start: int, stop: int) -> tuple[_Marks, _Marks]:
    """Return for each octet whether it is CR, and whether it is LF."""
    view = np.frombuffer(octets, np.uint8, stop - start, start)
    return view == _CR, view == _LF


def _are_pairs(returns: _Marks, newlines: _Marks) -> bool:
    """Whether LF stands behind every CR, and nowhere else."""
    if not newlines.size:
        return True
    if newlines[0] or returns[-1]:
        return False
    return not bool((returns[:-1] ^ newlines[1:]).any())
