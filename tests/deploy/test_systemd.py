"""The systemd unit is valid and grants little; the example files beside it are read as the gateway reads them."""

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from dlp_gateway.processes import child, policies
from tests.e2e.conftest import require

FOLDER = Path(__file__).parents[2] / "deploy" / "systemd"
UNIT = FOLDER / "dlp-gateway.service"
DROP_IN = FOLDER / "dlp-gateway.service.d" / "secrets.conf"


@pytest.fixture
def analyze() -> str:
    """Give the program that knows units."""
    return require("systemd-analyze", "systemd")


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program of systemd's to its end."""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.slow
def test_the_unit_is_valid(analyze: str, tmp_path: Path) -> None:
    """Every key and value is one that systemd knows; the program need not be installed where this runs."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/dlp-gateway/bin/dlp-gateway", "/bin/true"))
    done = run(analyze, "verify", unit)
    assert [line for line in done.stderr.splitlines() if unit.name in line] == []
    assert done.returncode == 0


@pytest.mark.slow
def test_the_unit_grants_little(analyze: str) -> None:
    """The exposure that systemd computes stays below 2 of 10 ("OK" ends at 4)."""
    done = run(analyze, "security", "--offline=yes", "--threshold=20", "--no-pager", UNIT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Overall exposure level .*: [01]\.\d", done.stdout)


@pytest.mark.slow
def test_the_drop_in_is_valid_with_every_line_taken(analyze: str, tmp_path: Path) -> None:
    """What stands behind a # in it can be used as it is."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/dlp-gateway/bin/dlp-gateway", "/bin/true"))
    drop_in = tmp_path / DROP_IN.parent.name / DROP_IN.name
    drop_in.parent.mkdir()
    drop_in.write_text(re.sub(r"(?m)^#(?=[A-Z]\w+=)", "", DROP_IN.read_text()))
    assert "\nLoadCredential=" in drop_in.read_text()
    done = run(analyze, "verify", unit)
    assert [line for line in done.stderr.splitlines() if tmp_path.name in line or UNIT.name in line] == []
    assert done.returncode == 0


def test_user_and_folders_are_made(tmp_path: Path) -> None:
    """The user that the unit names, without a shell; secrets for root only, keys of certificates for its group."""
    sysusers, tmpfiles = require("systemd-sysusers", "systemd"), require("systemd-tmpfiles", "systemd")
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    (etc / "group").write_text("root:x:0:\n")
    assert run(sysusers, f"--root={tmp_path}", FOLDER / "sysusers.d" / "dlp-gateway.conf").returncode == 0
    (user,) = (line.split(":") for line in (etc / "passwd").read_text().splitlines() if "dlp-gateway" in line)
    assert f"User={user[0]}" in UNIT.read_text().splitlines()
    assert user[-1] == "/usr/sbin/nologin"
    if os.geteuid() != 0:
        pytest.skip("only root can give folders away")
    made = run(tmpfiles, f"--root={tmp_path}", "--create", FOLDER / "tmpfiles.d" / "dlp-gateway.conf")
    assert made.returncode == 0, made.stderr
    secrets, keys = (etc / "dlp-gateway" / name for name in ("secrets", "tls"))
    assert (stat.S_IMODE(secrets.stat().st_mode), secrets.stat().st_gid) == (0o700, 0)
    assert (stat.S_IMODE(keys.stat().st_mode), keys.stat().st_gid) == (0o750, int(user[3]))


def test_the_watchdog_waits_longer_than_a_hanging_receiver_is_borne() -> None:
    """The supervisor mends that by itself; systemd is to step in only when it does not."""
    found = re.search(r"^WatchdogSec=(\d+)$", UNIT.read_text(), re.MULTILINE)
    assert found
    assert int(found[1]) > 2 * 2 * child._SILENCE.total_seconds()


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
