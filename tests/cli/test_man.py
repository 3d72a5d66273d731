"""`dlp-gateway man` and `completion`: made from the commands, so that they tell what there is."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from dlp_gateway.cli import main, man
from tests.cli.conftest import Run
from tests.e2e.conftest import require

CONTEXTS = {one.command_path: one for one in man.contexts(main)}


def test_every_command_has_a_page(run: Run, tmp_path: Path) -> None:
    """Groups too; each is named as man(1) looks for it."""
    result = run("man", "--out", tmp_path / "man")
    assert result.exit_code == 0
    names = {path.name for path in (tmp_path / "man" / "man8").iterdir()}
    assert names == {f"{path.replace(' ', '-')}.8" for path in CONTEXTS}
    assert {"dlp-gateway.8", "dlp-gateway-send-test.8", "dlp-gateway-quarantine-list.8"} <= names


@pytest.mark.parametrize("path", CONTEXTS)
def test_a_page_tells_every_option_and_command(path: str) -> None:
    """Nothing that --help shows is missing."""
    context = CONTEXTS[path]
    text = man.page(context).replace("\\-", "-")
    for parameter in context.command.get_params(context):
        if isinstance(parameter, click.Option):
            assert parameter.opts[-1] in text
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            assert f"\\fB{name}\\fP" in text
    assert text.isascii()


def test_pages_are_read_without_a_warning(run: Run, tmp_path: Path) -> None:
    """What groff itself says: it knows every request, and nothing is lost."""
    groff = require("groff")
    run("man", "--out", tmp_path)
    for page in sorted((tmp_path / "man8").iterdir()):
        done = subprocess.run([groff, "-man", "-ww", "-z", "-Tutf8", page], capture_output=True, text=True, check=True)
        assert (page.name, done.stderr) == (page.name, "")


def test_a_page_on_standard_output(run: Run) -> None:
    """For `man -l -`; a command that does not exist ends with 2."""
    text = run("man", "quarantine", "release").stdout
    assert text.startswith('.TH "DLP-GATEWAY-QUARANTINE-RELEASE" "8"')
    assert "Let mail go" in text
    assert run("man", "quarantine", "eat").exit_code == 2
    assert run("man", "serve", "--out", "x").exit_code == 2


def test_lines_that_must_stay_lines_do(run: Run) -> None:
    """Examples are not filled into a paragraph, and what looks like a request is none."""
    text = run("man", "send-test").stdout
    assert ".nf\nExamples:\n" in text
    assert man._escaped(".so /etc/passwd") == "\\&.so /etc/passwd"
    assert man._escaped("a\\b-c 'ü`") == "a\\eb\\-c \\(aq\\[u00FC]\\(ga"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_for_each_shell(run: Run, shell: str) -> None:
    """It calls the program back by the name under which it is installed."""
    script = run("completion", shell).stdout
    assert "_DLP_GATEWAY_COMPLETE" in script
    assert "dlp-gateway" in script


@pytest.mark.e2e
def test_bash_completes_commands_options_and_words(run: Run, tmp_path: Path) -> None:
    """A real bash, with the script as it is installed, asked as the Tab key asks."""
    bash = require("bash")
    script = tmp_path / "completion"
    script.write_text(run("completion", "bash").stdout)
    program = Path(sys.executable).with_name("dlp-gateway")
    assert program.exists()

    def completed(*words: str) -> set[str]:
        line = " ".join(("dlp-gateway", *words))
        commands = (
            f"source {script}; COMP_WORDS=(dlp-gateway {' '.join(repr(word) for word in words)}); "
            f"COMP_CWORD={len(words)}; COMP_LINE='{line}'; COMP_POINT={len(line)}; "
            "_dlp_gateway_completion dlp-gateway; printf '%s\\n' \"${COMPREPLY[@]}\""
        )
        environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"}
        done = subprocess.run([bash, "-c", commands], capture_output=True, text=True, check=True, env=environment)
        return set(done.stdout.split())

    assert completed("se") == {"serve", "send-test"}
    assert "--live" in completed("check", "--")
    assert completed("schema", "g") == {"gateway"}
    assert completed("quarantine", "list", "--state", "in") == {"in-doubt"}
