"""Core files: none is written of a process that has read mail or a key."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, resource
from dlp_gateway import cli
most = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (most, most))
try:
    cli.main(["schema", "gateway"])
except SystemExit:
    pass
if not os.fork():
    os.abort()
print(os.WCOREDUMP(os.wait()[1]), resource.getrlimit(resource.RLIMIT_CORE)[0])
"""


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_CORE)[1] == 0, reason="nobody may write core files here")
def test_no_command_leaves_a_core_file(tmp_path: Path) -> None:
    """Though whoever starts it allows them: a process that it forks, as receivers are, crashes and leaves nothing."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.splitlines()[-1] == "False 0"
    assert list(tmp_path.iterdir()) == []
