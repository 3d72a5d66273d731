"""Standard streams and named files that fail: one sentence and an exit status, never a traceback, nothing half left."""

import errno
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dlp_gateway.cli import streams
from tests.cli.conftest import Kept, Run, lines

COMMAND = [sys.executable, "-m", "dlp_gateway"]
SCAN = ("scan", "--from", "ann@corp.example", "--to", "one@shop.example")
INIT = ("init", "--inside", "corp.example", "--smarthost", "mail.example.net", "--folder", "new")
NO_DISK = "Standard output cannot be written: No space left on device."


def in_shell(redirection: str, *words: object) -> subprocess.CompletedProcess[str]:
    """Run the command line with a redirection of the shell's."""
    script = f'exec "$@" {redirection}'
    command = ["sh", "-c", script, "sh", *COMMAND, *(str(word) for word in words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@contextmanager
def no_room() -> Iterator[None]:
    """Let no file of this process grow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("words", [("--version",), ("check", "--config")], ids=" ".join)
@pytest.mark.parametrize("buffered", ["", "1"])
def test_output_on_a_full_disk_ends_with_74(
    config: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], buffered: str
) -> None:
    """Whether Python writes at once or at the end."""
    monkeypatch.setenv("PYTHONUNBUFFERED", buffered)
    done = in_shell(">/dev/full", *words, *((config,) if len(words) > 1 else ()))
    assert done.returncode == 74
    assert done.stderr.startswith(NO_DISK)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("buffered", ["", "1"])
def test_output_is_not_blamed_for_what_fails_beside_it(monkeypatch: pytest.MonkeyPatch, buffered: str) -> None:
    """Each error of a disk is told of what failed: a file without a name, or standard output inside a named one."""
    monkeypatch.setenv("PYTHONUNBUFFERED", buffered)
    elsewhere = "import os; os.write(os.open('/dev/full', os.O_WRONLY), b'x')"
    itself = "with streams.told_of('a file'):\n        sys.stdout.write('x' * 100_000)"
    for what, told in (
        (elsewhere, "Something that the command needs failed: No space left on device.\n"),
        (itself, f"{NO_DISK} What the command had to do may be done all the same.\n"),
    ):
        script = f"import sys\nfrom dlp_gateway.cli import streams\nwith streams.failures_told():\n    {what}\n"
        with Path("/dev/full").open("w", encoding="ascii") as full:
            done = subprocess.run(
                [sys.executable, "-c", script],
                stdout=full if what == itself else subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert (done.returncode, done.stderr) == (74, told)


def test_errors_that_cannot_be_told_end_with_74_too(config: Path) -> None:
    """Nothing can be said, and nothing is."""
    assert in_shell(">/dev/full 2>&1", "check", "--config", config).returncode == 74


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            OSError(errno.EMFILE, "Too many open files"),
            "Something that the command needs failed: Too many open files.\n",
        ),
        (OSError(errno.EFBIG, "File too large"), "Something that the command needs failed: File too large.\n"),
        (OSError(errno.ENOSPC, "No space left on device", "/tmp/x\x1b"), "/tmp/x?: No space left on device.\n"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), ""),
    ],
    ids=["nameless", "nameless, of a disk", "named", "pipe"],
)
def test_whatever_else_fails_is_a_sentence_too(capsys: pytest.CaptureFixture[str], error: OSError, told: str) -> None:
    """Standard output is not blamed for it; who closed a pipe has read enough."""
    with pytest.raises(SystemExit) as ended, streams.failures_told():
        raise error
    assert ended.value.code == (74 if told else 1)
    assert capsys.readouterr().err == told


def test_a_release_that_cannot_be_told_was_made(run: Run, config: Path, kept: Kept) -> None:
    """The sentence does not say that nothing was done."""
    done = in_shell(">/dev/full", "quarantine", "release", kept.bulk, "--config", config)
    assert done.returncode == 74
    assert done.stderr == f"{NO_DISK} What the command had to do may be done all the same.\n"
    (shown,) = lines(run("quarantine", "show", "--json", kept.bulk))
    assert shown["state"] == "due"


@pytest.mark.parametrize("words", [("detect", "-"), (*SCAN, "-"), ("doctor", "--log", "-")], ids=" ".join)
def test_standard_input_that_is_closed_ends_with_74(config: Path, words: tuple[str, ...]) -> None:
    """Whoever closed it is told so."""
    options = ("--config", config) if words[0] != "detect" else ()
    done = in_shell("<&-", *words, *options)
    assert done.returncode == 74
    assert done.stderr == "Error: Standard input is closed.\n"


def test_a_message_needs_an_output_that_is_open(config: Path, kept: Kept) -> None:
    """Writing it to nowhere would look as if it were saved."""
    done = in_shell(">&-", "quarantine", "export", kept.bulk, "--config", config)
    assert (done.returncode, done.stderr) == (74, "Error: Standard output is closed.\n")


@pytest.mark.parametrize("words", [("detect",), SCAN, ("doctor", "--log")], ids=" ".join)
@pytest.mark.parametrize(
    ("name", "what"), [("/proc/self/mem", "Input/output error"), (".", "Is a directory"), ("no", "No such file")]
)
def test_a_file_that_cannot_be_read_is_named(run: Run, words: tuple[str, ...], name: str, what: str) -> None:
    """At the first octet or later; without the usage, which is not to blame."""
    result = run(*words, name)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {name}: {what}")
    assert result.stderr.count("\n") == 1


def test_a_password_is_not_asked_for_without_a_terminal(run: Run) -> None:
    """A script is told what to write instead."""
    result = run("send-test", "--to", "one@shop.example", "--login", "bob")
    assert result.exit_code == 2
    assert "give it with --password-file" in result.stderr


def test_nothing_is_left_of_a_file_that_cannot_be_whole(run: Run, config: Path, kept: Kept, tmp_path: Path) -> None:
    """It would stand in the way of the next try; the sentence names the file."""
    mail = tmp_path / "mail.eml"
    mail.write_bytes(b"From: ann@corp.example\n\nHello\n")
    for words in ((*SCAN, "--out", "out", mail), ("doctor", "--out", "out")):
        with no_room():
            result = run(*words)
        assert result.exit_code == 2
        assert "Error: out: File too large.\n" in result.stderr
        assert not (tmp_path / "out").exists()


def test_init_leaves_all_files_or_none(run: Run, tmp_path: Path) -> None:
    """With room again it begins anew."""
    with no_room():
        result = run(*INIT)
    assert result.exit_code == 2
    assert f"Error: {tmp_path}/new/gateway.yaml: File too large.\n" in result.stderr
    assert [path for path in (tmp_path / "new").iterdir() if path.is_file()] == []
    assert run(*INIT).exit_code == 0


def test_manual_pages_that_cannot_be_written_are_named(run: Run) -> None:
    """The page, not "None"."""
    with no_room():
        result = run("man", "--out", "pages")
    assert result.exit_code == 2
    assert "Error: pages/man8/dlp-gateway.8: File too large.\n" in result.stderr


def test_a_folder_in_place_of_a_file_is_called_one(run: Run, kept: Kept, tmp_path: Path) -> None:
    """Told that a file exists, one would look for a file."""
    result = run("quarantine", "export", kept.bulk, "--out", tmp_path)
    assert result.exit_code == 2
    assert result.stderr == f"Error: {tmp_path}: this is a folder; name a file in it.\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("rules", "test", "no"), "no: there is no such folder."),
        (("rules", "test", "gateway.yaml"), "gateway.yaml: this is no folder."),
        (("edm", "draft", "no.csv"), "no.csv: there is no such file."),
        (("edm", "build", "."), ".: this is a folder; name a file in it."),
        (("simulate", "--policy", "policy.yaml", "--from", "no"), "no: there is no such file or folder."),
        (("init", "--inside", "corp.example", "--smarthost", "mail.example.net"), "it exists, and init overwrites"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_the_usage_is_for_wrong_usage(run: Run, words: tuple[str, ...], told: str) -> None:
    """A file that is not there is no reason to explain the command."""
    result = run(*words)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")
    assert told in result.stderr
    assert "Usage" not in result.stderr
