"""Fuzz a target by coverage: `python -m tests.fuzz.run TARGET [options of libFuzzer]`; it runs until it is stopped.

Needs the dependency group `fuzz`. What is found lands in ./crash-…; make a test of it.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["dlp_gateway.smtp", "dlp_gateway.mail", "dlp_gateway.content"]):
    from tests.fuzz.targets import TARGETS

SEEDS = Path(__file__).parent / "seeds"


def main() -> None:
    """Hand over to libFuzzer."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: python -m tests.fuzz.run {{{','.join(TARGETS)}}} [CORPUS] [options of libFuzzer]")
    name, *options = sys.argv[1:]
    # What is new goes to the first folder: never to the seeds.
    found = [] if any(not option.startswith("-") for option in options) else [tempfile.mkdtemp(prefix="fuzz-")]
    atheris.Setup([sys.argv[0], *options, *found, str(SEEDS / name)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
