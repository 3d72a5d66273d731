"""The systemd unit is valid and grants little; the example files beside it are read as the gateway reads them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dlp_gateway.processes import policies

FOLDER = Path(__file__).parents[2] / "deploy" / "systemd"
UNIT = FOLDER / "dlp-gateway.service"


@pytest.fixture
def analyze() -> str:
    """Give the program that knows units, or say that it is missing."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed (apt-get install systemd)")
    return program


@pytest.mark.slow
def test_the_unit_is_valid(analyze: str, tmp_path: Path) -> None:
    """Every key and value is one that systemd knows; the program need not be installed where this runs."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/dlp-gateway/bin/dlp-gateway", "/bin/true"))
    done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, check=False, timeout=60)
    assert [line for line in done.stderr.splitlines() if unit.name in line] == []
    assert done.returncode == 0


@pytest.mark.slow
def test_the_unit_grants_little(analyze: str) -> None:
    """The exposure that systemd computes stays below 2 of 10 ("OK" ends at 4)."""
    command = [analyze, "security", "--offline=yes", "--threshold=20", "--no-pager", UNIT]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Overall exposure level .*: [01]\.\d", done.stdout)


def test_a_wrong_configuration_is_not_started_again_and_again() -> None:
    """Exit status 78 (docs/operating.md) ends it; anything else is tried again."""
    lines = UNIT.read_text().splitlines()
    assert "RestartPreventExitStatus=78" in lines
    assert "Restart=on-failure" in lines


def test_the_example_files_have_no_problems() -> None:
    """What the unit starts with can be started with, in the folders that the unit makes."""
    settings, policy = policies.load(FOLDER / "gateway.yaml")
    assert policy.rules
    state = re.search(r"^StateDirectory=(.*)$", UNIT.read_text(), re.MULTILINE)
    assert state
    folders = {f"/var/lib/{name}" for name in state[1].split()}
    assert folders == {
        str(settings.custody.key_file.parent),
        settings.custody.url.removeprefix("sqlite:///").rpartition("/")[0],
    }
