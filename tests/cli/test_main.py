"""The command line as a whole: what it lists, how it starts, how it ends."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dlp_gateway import __version__
from dlp_gateway.cli import main

COMMANDS = (
    *("demo", "init", "check", "serve", "send-test", "scan", "detect", "rules", "quarantine", "healthcheck", "doctor"),
    *("schema", "completion", "man"),
)
CALLS = [
    *((name,) for name in COMMANDS),
    ("rules", "test"),
    *(("quarantine", word) for word in ("list", "show", "release", "discard", "export")),
]


def test_the_console_entry_is_installed() -> None:
    """`dlp-gateway` and `python -m dlp_gateway` are the same program."""
    script = Path(sys.executable).with_name("dlp-gateway")
    for command in ([str(script)], [sys.executable, "-m", "dlp_gateway"]):
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True, timeout=60)
        assert f"dlp-gateway, version {__version__}\n" == done.stdout


def test_help_lists_every_command_without_importing_one() -> None:
    """It starts fast because what a command needs is imported when it is called."""
    code = (
        "import sys; from dlp_gateway.cli import main; main(['--help'], standalone_mode=False); "
        "print(sorted(name for name in sys.modules if name.startswith('dlp_gateway.cli.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    for name in COMMANDS:
        assert f"\n  {name} " in done.stdout
    assert done.stdout.endswith("['dlp_gateway.cli.streams']\n")


@pytest.mark.parametrize("words", CALLS, ids=" ".join)
def test_each_command_has_a_help_text(words: tuple[str, ...]) -> None:
    """A sentence on what it does, and a text for every option."""
    result = CliRunner().invoke(main, [*words, "--help"])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: main {' '.join(words)}")
    command: click.Command = main
    for word in words:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None
        command = found
    assert command.help
    assert [one.name for one in command.params if isinstance(one, click.Option) and not one.help] == []


@pytest.mark.parametrize(
    "words", [("no-such-command",), ("check", "--no-such-option"), ("scan",), ("quarantine", "show")]
)
def test_wrong_usage_ends_with_2(words: tuple[str, ...]) -> None:
    """The way of every Unix program."""
    assert CliRunner().invoke(main, words).exit_code == 2


def test_a_misspelt_command_is_guessed() -> None:
    """As options are, though no command is imported before it is called."""
    result = CliRunner().invoke(main, ("chek",))
    assert result.exit_code == 2
    assert "Did you mean" in result.stderr
    assert "'check'" in result.stderr


def test_check_starts_without_database_and_network_libraries() -> None:
    """`check` runs before each start and in editors: it must not load what it does not use."""
    code = (
        "import sys; from dlp_gateway.cli import check; from dlp_gateway.processes import policies; "
        "print([name for name in ('sqlalchemy', 'alembic', 'aiosmtpd', 'aiosmtplib', 'presidio_analyzer', 'starlette')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
