"""What is written to a terminal, and what to a pipe: colours and progress are for people only."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Kept

COMMAND = [sys.executable, "-m", "dlp_gateway"]


def on_terminal(*arguments: object, stream: int, no_color: str = "") -> tuple[str, str]:
    """Run with standard output (1) or error (2) on a terminal; return what came there and what came on the other."""
    leader, follower = pty.openpty()
    other = subprocess.PIPE
    streams = {"stdout": follower, "stderr": other} if stream == 1 else {"stdout": other, "stderr": follower}
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    environment["NO_COLOR"] = no_color
    command = [*COMMAND, *(str(argument) for argument in arguments)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment, **streams) as process:
        os.close(follower)
        shown = b""
        try:
            while chunk := os.read(leader, 65_536):
                shown += chunk
        except OSError:  # Linux says EIO when the last writer closed a terminal
            pass
        piped = (process.stderr if stream == 1 else process.stdout).read()
    os.close(leader)
    return shown.decode(), piped.decode()


def test_colours_are_for_terminals_only(config: Path) -> None:
    """The same words, with and without."""
    shown, _ = on_terminal("check", "--config", config, stream=1)
    piped = subprocess.run([*COMMAND, "check", "--config", config], capture_output=True, text=True, check=True).stdout
    assert "\x1b[32m" in shown
    assert "\x1b" not in piped
    assert re.sub(r"\x1b\[\d+m", "", shown).replace("\r\n", "\n") == piped


def test_no_color_means_no_bold_letters_either(config: Path, kept: Kept) -> None:
    """The whole of a terminal's escapes, not the colours only."""
    for words in (("check",), ("quarantine", "show", kept.bulk), ("quarantine", "list"), ("--help",)):
        options = () if words == ("--help",) else ("--config", config)
        shown, _ = on_terminal(*words, *options, stream=1, no_color="1")
        assert "\x1b" not in shown


@pytest.mark.parametrize("arguments", [("check",), ("doctor",), ("users", "list")])
def test_a_path_cannot_steer_a_terminal(config: Path, arguments: tuple[str, ...]) -> None:
    """Neither the name of the file, one that is no text even, nor a path in it that YAML escapes."""
    hostile = "x\x1b]0;gone\x07"
    config.write_text(
        config.read_text().replace("policy.yaml", '"\\e]0;gone\\a.yaml"')
        + 'login: {backend: users, users_file: "\\e]0;gone\\a"}\n'
    )
    missing = config.with_name(hostile + "\udcff.yaml")
    for stream, path in ((1, config), (2, config), (1, missing), (2, missing)):
        shown, _ = on_terminal(*arguments, "--config", path, stream=stream)
        assert "\x1b]" not in shown
        assert "\x07" not in shown
        assert "Traceback" not in shown


@pytest.mark.slow
def test_progress_is_for_a_terminal_on_standard_error_only(tmp_path: Path) -> None:
    """Whoever pipes the result gets the result and nothing else."""
    file = tmp_path / "in.jsonl"
    file.write_text("".join(json.dumps({"id": number, "text": "order 40318872"}) + "\n" for number in range(20)))
    shown, piped = on_terminal("detect", "--json", file, stream=2)
    assert "detect" in shown
    assert "100%" in shown
    assert len([json.loads(line) for line in piped.splitlines()]) == 20
    quiet = subprocess.run([*COMMAND, "detect", "--json", file], capture_output=True, text=True, check=True)
    assert quiet.stderr == ""
