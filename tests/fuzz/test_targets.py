"""Each fuzz target over its seeds and a bounded number of changes to them; what fuzzing found stays found."""

import importlib.util
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

SEEDS = Path(__file__).parent / "seeds"
ROOT = Path(__file__).parents[2]
PIECES = [b"\r", b"\n", b"\r\n", b".", b"\r\n.\r\n", b"\x00", b" ", b"<", b">", b"@", b'"', b"\\", b"%", b"\xff"]
COMMANDS = [
    b"EHLO x\r\n",
    b"MAIL FROM:<a@b.example>\r\n",
    b"RCPT TO:<a@b.example>\r\n",
    b"DATA\r\n",
    b"BDAT 3 LAST\r\n",
]


def changed(octets: bytes, chance: random.Random) -> bytes:
    """Return octets with a few changes."""
    made = bytearray(octets)
    for _ in range(chance.randint(1, 6)):
        place = chance.randint(0, len(made))
        match chance.randint(0, 4):
            case 0:
                del made[place : place + chance.randint(1, 8)]
            case 1:
                made[place:place] = chance.choice(PIECES)
            case 2:
                made[place:place] = chance.choice(COMMANDS)
            case 3:
                made[place:place] = bytes([chance.randint(0, 255)])
            case _:
                made += made[place : place + 40]
    return bytes(made)


@pytest.mark.parametrize("name", TARGETS)
def test_target_holds_on_its_seeds_and_near_them(name: str) -> None:
    """Without a fuzzer, the same changes each time."""
    seeds = sorted((SEEDS / name).iterdir())
    assert len(seeds) >= 3
    target, chance = TARGETS[name], random.Random(name)
    for seed in seeds:
        target(seed.read_bytes())
    for _ in range(300 if name == "session" else 3_000):
        target(changed(chance.choice(seeds).read_bytes(), chance))


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris is not installed (uv sync --group fuzz)"
)
@pytest.mark.parametrize("name", TARGETS)
def test_target_runs_under_the_fuzzer(name: str, tmp_path: Path) -> None:
    """By coverage, for a bounded number of inputs."""
    command = [
        sys.executable,
        "-m",
        "tests.fuzz.run",
        name,
        str(tmp_path),
        "-runs=2000",
        f"-artifact_prefix={tmp_path}/",
    ]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr[-2_000:]
    assert "DONE" in ran.stderr or "Done" in ran.stderr
