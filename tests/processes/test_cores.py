"""Core files: none is written of a process that has read mail or a key."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, sys
from dlp_gateway import cli
try:
    cli.main(["schema", "gateway"])
except SystemExit:
    pass
if not os.fork():
    os.abort()
print(os.WCOREDUMP(os.wait()[1]), open("/proc/self/limits").read().partition("Max core file size")[2].split()[:2])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may lift a hard limit")
def test_no_command_leaves_a_core_file(tmp_path: Path) -> None:
    """Though whoever starts it allows them: a process that it forks, as receivers are, crashes and leaves nothing."""
    ran = subprocess.run(
        ["prlimit", "--core=unlimited", sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout.splitlines()[-1] == "False ['0', '0']"
    assert list(tmp_path.iterdir()) == []
