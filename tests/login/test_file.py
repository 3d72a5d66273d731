"""The users' file on disk: whole or not at all, for those only who may read it, one writer at a time."""

import fcntl
import os
import resource
import signal
import stat
import threading
from pathlib import Path

import pytest

from dlp_gateway.errors import ConfigurationError
from dlp_gateway.login import file
from dlp_gateway.login.file import UsersFileError
from dlp_gateway.login.users import User

HASH = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$" + "A" * 43


def add(path: Path, name: str) -> None:
    """Add a user."""
    file.change(path, lambda _: {name: User(name=name, password=HASH)})


def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """Mode 600 whatever the umask, and nothing is left beside it."""
    path = tmp_path / "users"
    former = os.umask(0)
    try:
        add(path, "ann")
    finally:
        os.umask(former)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["users"]
    users, version = file.load(path)
    assert list(users) == ["ann"]
    assert version == file.version(path)


def test_a_change_keeps_owner_group_and_mode(tmp_path: Path) -> None:
    """The gateway's group, which may read it, still can."""
    path = tmp_path / "users"
    path.touch(mode=0o600)
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 1, 2)
    before = path.stat()
    add(path, "ann")
    after = path.stat()
    assert (after.st_uid, after.st_gid, stat.S_IMODE(after.st_mode)) == (before.st_uid, before.st_gid, 0o640)
    assert after.st_ino != before.st_ino


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What it leads to is replaced, not the link."""
    (tmp_path / "real").mkdir()
    add(tmp_path / "real" / "users", "ann")
    (tmp_path / "users").symlink_to("real/users")
    add(tmp_path / "users", "bob")
    assert (tmp_path / "users").is_symlink()
    assert list(file.load(tmp_path / "real" / "users")[0]) == ["ann", "bob"]


def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    """Twenty at a time: every change is there at the end."""
    path = tmp_path / "users"
    writers = [threading.Thread(target=add, args=(path, f"user{number}")) for number in range(20)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(file.load(path)[0]) == sorted(f"user{number}" for number in range(20))


def test_a_writer_that_hangs_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits too long for another program is told so, and nothing is changed."""
    monkeypatch.setattr(file, "_PATIENCE", 0.1)
    holder = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    try:
        with pytest.raises(UsersFileError, match="another program is changing the users"):
            add(tmp_path / "users", "ann")
    finally:
        os.close(holder)
    assert list(tmp_path.iterdir()) == []


def test_a_decision_that_fails_changes_nothing(tmp_path: Path) -> None:
    """The file is as it was, and the lock is free."""
    path = tmp_path / "users"
    add(path, "ann")
    before = path.read_bytes()

    def refuse(_: dict[str, User]) -> dict[str, User | None]:
        raise KeyError("no")

    with pytest.raises(KeyError):
        file.change(path, refuse)
    assert path.read_bytes() == before
    add(path, "bob")


def _of(path: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        file.load(path)
    return str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """Missing, for everybody, no file, too large, not UTF-8: a sentence that says what to do."""
    path = tmp_path / "users"
    assert _of(path) == f"{path}: There is no such file; `dlp-gateway users add NAME` makes it."
    path.write_bytes(b"ann\n\xff")
    path.chmod(0o644)
    assert f"chmod o= {path}" in _of(path)
    path.chmod(0o600)
    assert _of(path) == f"{path}:2:1: This is not UTF-8; save the file in that encoding."
    os.truncate(path, 16_000_001)
    assert "larger than 16 MB" in _of(path)
    path.unlink()
    os.mkfifo(path, 0o600)
    assert "This is no file" in _of(path)
    path.unlink()
    path.mkdir(mode=0o700)
    assert "This is no file" in _of(path)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(UsersFileError, match="no-such: this folder cannot be used: No such file or directory"):
        add(tmp_path / "no-such" / "users", "ann")


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """What cannot be written is taken away again, and the sentence says why."""
    path = tmp_path / "users"
    add(path, "ann")
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    former = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(UsersFileError, match="cannot be written: File too large"):
            add(path, "bob")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, former)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["users"]
