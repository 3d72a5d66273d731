"""Octets of a kind that nobody reads → the runs of text in them, as an editor would show them.

One octet in three of what is packed or encrypted is printable by accident, and a megabyte of it has thousands of such
runs. Read as text they would cost more than all the mail around them; so a run must have something of writing in it.
"""

import re
from collections.abc import Iterator
from typing import Final

import numpy as np
import re2

_CHARACTERS: Final = 8_000_000
_PRINTABLE: Final = bytes((0x09, *range(0x20, 0x7F)))
_RUN: Final = re.compile(rb"[\t\x20-\x7e]{6,}+")
_WIDE_RUN: Final = re.compile(rb"(?:[\t\x20-\x7e\xa1-\xff]\x00){6,}+")
#: What writing has in it: six characters that words and numbers are made of, one behind the other.
_CORE: Final = 6
_OF_WORDS: Final = re.compile(rb"[A-Za-z0-9 .,:/'#()\t-]")
#: And letters of a word or digits of a number; in a short run, of a word as words are written.
_WORD: Final = re.compile(rb"[A-Za-z]{3}|[0-9]{4}")
_PLAIN_WORD: Final = re.compile(rb"[A-Z]?[a-z]{3}|[A-Z]{4}|[0-9]{4}")
_SHORT: Final = 10  # characters
_FIRST_STEP: Final = 16  # octets
_STEP: Final = 256
_BLOCK: Final = 262_144  # octets that are looked through at a time, in a cache of the processor's

#: Every octet as 1 where it may stand in a core, else as 0.
_CORE_SHAPE: Final = bytes(_OF_WORDS.match(bytes((octet,))) is not None for octet in range(256))

#: Every octet as "x" where it may stand in a wide run, as it is where it is zero, and else as "-".
_WIDE_SHAPE: Final = bytes(
    0x00 if not octet else 0x78 if octet in _PRINTABLE or octet >= 0xA1 else 0x2D for octet in range(256)
)


def _automaton(pattern: bytes) -> "re2._Regexp[bytes]":
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.never_capture = True
    options.log_errors = False
    return re2.compile(pattern, options)


_ZEROS_BETWEEN: Final = _automaton(rb"\x00[^\x00]\x00[^\x00]\x00[^\x00]\x00")


def runs(content: bytes) -> str:
    """Return the runs of six and more printable characters that may be writing, in ASCII and UTF-16, a line each."""
    found: list[str] = []
    size = 0
    for octets, charset in _matches(content):
        narrow = octets if charset == "ascii" else octets[::2]  # in each pair, the other octet is zero
        if (_WORD if len(narrow) >= _SHORT else _PLAIN_WORD).search(narrow):
            run = octets.decode(charset)
            found.append(run)
            size += len(run)
            if size > _CHARACTERS:
                break
    return "\n".join(found)


def _matches(content: bytes) -> Iterator[tuple[bytes, str]]:
    """Yield each run with its charset."""
    end = 0
    for start in range(0, len(content), _BLOCK):
        marks = _marks(content[start : start + _BLOCK + _CORE - 1])
        core = marks.find(1, max(0, end - start))
        while core >= 0 and (run := _RUN.match(content, _beginning(content, start + core, end))):
            end = run.end()
            yield run[0], "ascii"
            core = marks.find(1, end - start)
    if not _ZEROS_BETWEEN.search(content):
        return
    shapes = content.translate(_WIDE_SHAPE)  # a string of one letter is looked for in a tenth of the time
    place = shapes.find(b"x\x00" * 6)
    while place >= 0 and (wide := _WIDE_RUN.match(content, place)):
        yield wide[0], "utf-16-le"
        place = shapes.find(b"x\x00" * 6, wide.end())


def _marks(block: bytes) -> bytes:
    """Return 1 for each octet with which a core begins, and else 0."""
    one = np.frombuffer(block.translate(_CORE_SHAPE), np.uint8)
    two = one[:-1] & one[1:]
    marks: bytes = (two[:-4] & two[2:-2] & two[4:]).tobytes()
    return marks


def _beginning(content: bytes, place: int, least: int) -> int:
    """Return where the printable characters begin that end before `place`, not before `least`."""
    step = _FIRST_STEP
    while place > least:
        before = content[max(least, place - step) : place]
        step = _STEP
        printable = len(before) - len(before.rstrip(_PRINTABLE))
        place -= printable
        if printable < len(before):
            break
    return place
