"""Octets of a kind that nobody reads → the runs of text in them, as an editor would show them."""

import re
from collections.abc import Iterator
from typing import Final

_CHARACTERS: Final = 8_000_000
_RUN: Final = re.compile(rb"[\t\x20-\x7e]{6,}+")
_WIDE_RUN: Final = re.compile(rb"(?:[\t\x20-\x7e\xa1-\xff]\x00){6,}+")
_LETTERS: Final = re.compile(r"[A-Za-z]{3}|\d{4}")

_PRINTABLE: Final = frozenset({0x09, *range(0x20, 0x7F)})
#: Every octet as "x" where it may stand in a run, as it is where it is zero, and else as "-".
_SHAPE: Final = bytes(0x78 if octet in _PRINTABLE else 0x2D for octet in range(256))
_WIDE_SHAPE: Final = bytes(
    0x00 if not octet else 0x78 if octet in _PRINTABLE or octet >= 0xA1 else 0x2D for octet in range(256)
)


def runs(content: bytes) -> str:
    """Return the runs of six and more printable characters, in ASCII and UTF-16, a line each."""
    found: list[str] = []
    size = 0
    for match, charset in _matches(content):
        run = match[0].decode(charset)
        if _LETTERS.search(run):
            found.append(run)
            size += len(run)
            if size > _CHARACTERS:
                break
    return "\n".join(found)


def _matches(content: bytes) -> Iterator[tuple[re.Match[bytes], str]]:
    """Yield each run with its charset: looked for as a string of one letter, which takes a tenth of the time."""
    for pattern, shape, six, charset in (
        (_RUN, _SHAPE, b"x" * 6, "ascii"),
        (_WIDE_RUN, _WIDE_SHAPE, b"x\x00" * 6, "utf-16-le"),
    ):
        shapes = content.translate(shape)
        place = shapes.find(six)
        while place >= 0 and (match := pattern.match(content, place)):
            yield match, charset
            place = shapes.find(six, match.end())
