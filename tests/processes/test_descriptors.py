"""How many files a process may have open."""

import json
import resource
import subprocess
import sys

import pytest

STARTED = """
import json, resource
from dlp_gateway.processes.descriptors import raise_limit
raise_limit()
print(json.dumps(resource.getrlimit(resource.RLIMIT_NOFILE)))
"""


@pytest.mark.parametrize(("soft", "hard"), [(100, 3000), (3000, 3000)])
def test_a_process_takes_what_the_system_allows(soft: int, hard: int) -> None:
    """The soft limit becomes the hard one, and that stays as it is."""
    limits = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))\n"
    ended = subprocess.run(
        [sys.executable, "-c", limits + STARTED], capture_output=True, text=True, timeout=30, check=True
    )
    assert [hard, hard] == json.loads(ended.stdout)
    assert ended.stderr == ""


def test_a_sandbox_that_forbids_it_is_no_failure() -> None:
    """The process goes on with what it has."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    forbidding = (
        "import sys\n"
        "def forbid(event, arguments):\n"
        "    if event == 'resource.setrlimit': raise PermissionError(1, 'not permitted')\n"
        "sys.addaudithook(forbid)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", forbidding + STARTED], capture_output=True, text=True, timeout=30, check=True
    )
    assert list(limits) == json.loads(ended.stdout)
