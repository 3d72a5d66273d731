"""Octets of a kind that nobody reads → the runs of text in them, as an editor would show them."""

import re
from typing import Final

_CHARACTERS: Final = 8_000_000
_RUN: Final = re.compile(rb"[\t\x20-\x7e]{6,}+")
_WIDE_RUN: Final = re.compile(rb"(?:[\t\x20-\x7e\xa1-\xff]\x00){6,}+")
_LETTERS: Final = re.compile(r"[A-Za-z]{3}|\d{4}")


def runs(content: bytes) -> str:
    """Return the runs of six and more printable characters, in ASCII and UTF-16, a line each."""
    found: list[str] = []
    size = 0
    for pattern, charset in ((_RUN, "ascii"), (_WIDE_RUN, "utf-16-le")):
        for match in pattern.finditer(content):
            run = match[0].decode(charset)
            if _LETTERS.search(run):
                found.append(run)
                size += len(run)
                if size > _CHARACTERS:
                    return "\n".join(found)
    return "\n".join(found)
