"""Text that is told to run the other way (UAX #9) → how it is seen: what is written backwards reads forwards."""

import re
from typing import Final

START: Final = "\u202e"
END: Final = "\u202c"
_RUN: Final = re.compile(f"{START}([^{START}{END}\n]*+){END}?")


def with_overrides(text: str) -> str:
    """Return `text`, and behind it each of its lines that has an override, as that line is seen."""
    if START not in text:
        return text
    lines = (line for line in text.split("\n") if START in line)
    return "\n".join((text, *(_RUN.sub(lambda run: run[1][::-1], line) for line in lines)))
