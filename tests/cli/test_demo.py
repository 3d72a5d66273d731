"""`dlp-gateway demo`: the first thing that anybody runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from dlp_gateway.cli import main

pytestmark = [pytest.mark.e2e]


@pytest.mark.slow
def test_once_shows_every_mail_as_it_should_come_out(tmp_path: Path) -> None:
    """Exit 0, a table without colours in a pipe, and nothing left behind in the folder where it was called."""
    command = [sys.executable, "-m", "dlp_gateway", "demo", "--once"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Every mail came out as it should." in done.stdout
    for word in ("forward", "rewrite", "hold", "bulk-visible", "reply-all", "identity-documents", "payment"):
        assert word in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert _without_ids(done.stdout) in _without_ids(readme), "the README shows what demo printed once"


def _without_ids(text: str) -> str:
    return "\n".join(re.sub(r"\b[0-9a-z]{18}\b", "ID", line).rstrip() for line in text.strip().splitlines())


@pytest.mark.parametrize("once", [(), ("--once",)])
def test_a_file_is_no_folder_for_a_demo(tmp_path: Path, once: tuple[str, ...]) -> None:
    """Nor is it passed over with --once."""
    file = tmp_path / "file"
    file.write_text("mine")
    result = CliRunner().invoke(main, ["demo", *once, "--folder", str(file)])
    assert result.exit_code == 2
    assert "is not a demo's folder" in result.stderr
    assert file.read_text() == "mine"


def test_a_folder_of_somebody_else_is_not_emptied(tmp_path: Path) -> None:
    """Only what a demo made is made anew."""
    (tmp_path / "precious").touch()
    result = CliRunner().invoke(main, ["demo", "--folder", str(tmp_path)])
    assert result.exit_code == 2
    assert (tmp_path / "precious").exists()
