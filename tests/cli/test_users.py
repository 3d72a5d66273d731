"""`dlp-gateway users`: from an empty folder to somebody who can log in, and every mistake on the way."""

import os
import pty
import select
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dlp_gateway.login import file
from dlp_gateway.login.passwords import matches
from tests.cli.conftest import GATEWAY, Run, lines

WORDS = "four words and a dog"
LISTENER = '{address: "127.0.0.1:2587", tls: starttls, certificate: c.pem, key: c.key, auth: required}'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """gateway.yaml with a listener that asks for a login; the gateway never ran."""
    path = tmp_path / "gateway.yaml"
    path.write_text(GATEWAY.replace("listeners: [", f"listeners: [{LISTENER}, ") + "login: {backend: users}\n")
    return path


@pytest.fixture
def users(tmp_path: Path) -> Path:
    """Where the users are."""
    return tmp_path / "users"


def test_from_nothing_to_a_login(run: Run, users: Path) -> None:
    """Added, listed, a new password, removed; the file is there after the first, for its owner only."""
    assert run("users", "list").stdout == f"No users in {users}.\n"
    done = run(
        "users", "add", "ann@corp.example", "--address", "ann@corp.example", "--stdin", stdin=f"{WORDS}\n".encode()
    )
    assert (done.exit_code, done.stdout) == (0, "ann@corp.example: added, bound to ann@corp.example\n")
    assert run("users", "add", "scanner", "--stdin", stdin=WORDS.encode()).stdout == "scanner: added\n"
    assert run("users", "list").stdout == ("ann@corp.example: ann@corp.example\nscanner: may write as anybody\n")
    assert stat.S_IMODE(users.stat().st_mode) == 0o600
    assert matches(WORDS, file.load(users)[0]["ann@corp.example"].password)

    assert run("users", "passwd", "ANN@corp.example", "--stdin", stdin=b"five words and two dogs").exit_code == 0
    ann = file.load(users)[0]["ann@corp.example"]
    assert matches("five words and two dogs", ann.password)
    assert ann.addresses == ("ann@corp.example",)
    assert run("users", "remove", "scanner").stdout == "scanner: removed\n"
    assert lines(run("users", "list", "--json")) == [{"name": "ann@corp.example", "addresses": ["ann@corp.example"]}]


def test_json(run: Run) -> None:
    """One object for what was done; never a password or a hash."""
    done = run("users", "add", "ann", "--address", "corp.example", "--stdin", "--json", stdin=WORDS.encode())
    assert lines(done) == [{"name": "ann", "action": "added", "addresses": ["corp.example"]}]
    done = run("users", "remove", "ann", "--json")
    assert lines(done) == [{"name": "ann", "action": "removed", "addresses": ["corp.example"]}]


@pytest.mark.parametrize(
    ("arguments", "stdin", "status", "told"),
    [
        (("add", "ann", "--stdin"), b"too short\n", 2, "needs 12 characters or more"),
        (("add", "ann", "--stdin"), b"", 2, "needs 12 characters or more"),
        (("add", "ann", "--stdin"), b"\xff" * 20, 2, "not UTF-8"),
        (("add", "ann"), WORDS.encode(), 2, "give it with --stdin"),
        (("add", "a b", "--stdin"), WORDS.encode(), 2, "without blanks"),
        (("add", "#ann", "--stdin"), WORDS.encode(), 2, "must not begin with #"),
        (("add", "ann", "--address", "no address", "--stdin"), WORDS.encode(), 2, "no address is no address"),
        (("add", "ann", "--address", "foo", "--stdin"), WORDS.encode(), 2, "foo is no address and no domain"),
        (("passwd", "ann", "--stdin"), WORDS.encode(), 1, "ann: no such user"),
        (("remove", "ann\x1b[2J"), b"", 1, "ann?[2J: no such user"),
    ],
)
def test_mistakes(run: Run, users: Path, arguments: tuple[str, ...], stdin: bytes, status: int, told: str) -> None:
    """A sentence each, and no file."""
    done = run("users", *arguments, stdin=stdin)
    assert (done.exit_code, told in done.stderr) == (status, True), done.stderr
    assert not users.exists()


def test_a_user_is_added_once(run: Run, users: Path) -> None:
    """In capitals he is the same one, and his password stays."""
    run("users", "add", "ann", "--stdin", stdin=WORDS.encode())
    before = users.read_bytes()
    done = run("users", "add", "ANN", "--stdin", stdin=b"another long password")
    assert (done.exit_code, done.stderr) == (1, "ANN is there already; `users passwd` sets a new password.\n")
    assert users.read_bytes() == before


def test_a_broken_file_is_not_written_over(run: Run, users: Path) -> None:
    """78 and every problem, as for any file of the operator's; his work is not lost."""
    users.write_text("ann\nbob nonsense\n")
    users.chmod(0o600)
    done = run("users", "add", "cy", "--stdin", stdin=WORDS.encode())
    assert done.exit_code == 78
    assert f"{users}:1:1: The hash" in done.stderr
    assert f"{users}:2:5: This is no Argon2id hash" in done.stderr
    assert users.read_text() == "ann\nbob nonsense\n"


@pytest.mark.parametrize(
    ("login", "told"),
    [
        ("", "There is no `login:` section"),
        ("login: {backend: dovecot, dovecot: {socket: /run/auth}}\n", "Users are kept by dovecot"),
    ],
)
def test_users_that_are_kept_elsewhere(run: Run, config: Path, login: str, told: str) -> None:
    """What to write in gateway.yaml, or who keeps them."""
    text = config.read_text().replace("login: {backend: users}\n", login)
    config.write_text(text if login else text.replace(f"{LISTENER}, ", ""))
    done = run("users", "list")
    assert (done.exit_code, told in done.stderr) == (78, True), done.stderr


def test_a_folder_that_cannot_be_written(run: Run, config: Path) -> None:
    """69: it is not the configuration that is wrong."""
    config.write_text(config.read_text().replace("backend: users", "backend: users, users_file: no-such/users"))
    done = run("users", "add", "ann", "--stdin", stdin=WORDS.encode())
    assert (done.exit_code, "this folder cannot be used" in done.stderr) == (69, True), done.stderr


@pytest.mark.slow
def test_a_password_is_asked_for_twice_and_not_shown(config: Path, users: Path) -> None:
    """At a terminal: two different answers are asked for again, and nothing typed is echoed."""
    ours, theirs = pty.openpty()
    command = (sys.executable, "-m", "dlp_gateway", "users", "add", "ann", "--config", str(config))
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        shown = b""
        asked = (b"Password: ", b"confirmation: ")  # what is typed before a question is thrown away
        for question, answer in zip(asked * 2, (WORDS, "something else", WORDS, WORDS), strict=True):
            shown += _until(ours, question, process)
            os.write(ours, f"{answer}\n".encode())
        shown += _until(ours, b"added", process)
    os.close(ours)
    assert process.returncode == 0
    assert b"two entered values do not match" in shown
    assert WORDS.encode() not in shown
    assert matches(WORDS, file.load(users)[0]["ann"].password)


def _until(terminal: int, words: bytes, process: subprocess.Popen[bytes]) -> bytes:
    shown = b""
    while words not in shown:
        if not select.select([terminal], [], [], 30)[0]:
            process.kill()
            pytest.fail(f"nothing more than {shown!r}")
        shown += os.read(terminal, 4096)
    return shown
