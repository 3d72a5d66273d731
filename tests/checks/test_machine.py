"""What this machine gives: ports, folders, custody, a clock."""

import asyncio
import io
import json
import os
import resource
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dlp_gateway.checks import machine
from dlp_gateway.checks.greeting import greet
from dlp_gateway.processes import composition
from dlp_gateway.processes.readiness import custody_mark
from dlp_gateway.settings import Settings
from quarantine import crypto
from quarantine.database import Database
from quarantine.store import StoreError, StoreKeyError
from tests.checks.conftest import Configure

HOST = "gateway.corp.example"


def listening(configure: Configure, address: str) -> Settings:
    """Return settings with a listener at an address."""
    return configure(listeners=[{"address": address, "networks": ["127.0.0.0/8"]}])[1]


@contextmanager
def speaker(*said: bytes) -> Iterator[int]:
    """Listen on a free port of 127.0.0.1 and say the same to everybody who comes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            try:
                while True:
                    client, _ = server.accept()
                    with client:
                        for words in said:
                            client.sendall(words)
                        client.settimeout(2)
                        client.recv(100)
            except OSError:
                return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(3)


def test_a_free_port_is_free(configure: Configure) -> None:
    """And stays free: what was tried is given back."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    settings = listening(configure, f"127.0.0.1:{port}")
    for _ in range(2):
        assert machine.listener(settings.listeners[0], HOST, running=False).says == "The port is free."


@pytest.mark.parametrize(
    ("greeting", "level", "says"),
    [
        (b"220 Gateway.corp.example ESMTP\r\n", "ok", "The gateway is listening there."),
        (b"554-gateway.corp.example no\r\n", "ok", "The gateway is listening there."),
        (
            b"220 mta.example ESMTP \x1b[2J\r\n",
            "problem",
            "Another mail server listens there and says: 220 mta.example",
        ),
        (b"SSH-2.0-x\r\n", "problem", "Another program listens there"),
        (b"2", "problem", "Another program listens there"),
    ],
)
def test_who_else_listens_is_told_by_his_greeting(configure: Configure, greeting: bytes, level: str, says: str) -> None:
    """Our own gateway is no problem, another one is, and nothing of what it says reaches a terminal raw."""
    with speaker(greeting) as port:
        remark = machine.listener(listening(configure, f"127.0.0.1:{port}").listeners[0], HOST, running=True)
    assert remark.level == level
    assert remark.says.startswith(says)
    assert remark.says.isprintable()


def test_another_gateway_of_our_name_is_not_ours(configure: Configure) -> None:
    """Two on one machine call themselves alike; whether ours runs, its admin address says."""
    with speaker(b"220 gateway.corp.example ESMTP\r\n") as port:
        settings = listening(configure, f"127.0.0.1:{port}")
        remark = machine.listener(settings.listeners[0], HOST, running=machine.is_running(settings))
    assert remark.level == "problem"
    assert "not the one of this configuration" in remark.says


def ready(**facts: str) -> bytes:
    """Return what a gateway that is well answers to /readyz."""
    body = json.dumps({"ready": True, "checks": {"custody": "ok"}, "version": "0.1.0", **facts})
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


@pytest.mark.parametrize(("whose", "ours"), [("ours", True), ("another's", False), ("untold", True)])
def test_the_gateway_at_the_admin_address_is_known_by_its_custody(
    configure: Configure,
    whose: str,
    ours: bool,  # noqa: FBT001  a column of the table
) -> None:
    """One with another custody is another gateway, whatever else it says; an older version tells none."""
    custody = {"another's": {"custody": "0" * 16}, "ours": {"custody": custody_mark(configure()[1])}}.get(whose, {})
    with speaker(ready(**custody)) as port:
        settings = configure(admin={"address": f"127.0.0.1:{port}"})[1]
        assert machine.is_running(settings) is ours
        (remark,) = machine.admin(settings)
    assert (remark.level == "ok") is ours
    assert remark.says.startswith("Gateway 0.1.0 runs there." if ours else "Another gateway (0.1.0) runs there")


def test_a_reload_that_was_refused_is_told(configure: Configure) -> None:
    """What lies in the files is not what is in force."""
    with speaker(ready(configuration="former")) as port:
        remarks = tuple(machine.admin(configure(admin={"address": f"127.0.0.1:{port}"})[1]))
    assert [one.level for one in remarks] == ["ok", "warning"]
    assert remarks[1].says.startswith("The last reload was refused")


def test_a_greeting_without_end_is_cut() -> None:
    """Whoever listens there may be anybody."""
    with speaker(b"220 " + b"x" * 100_000) as port:
        greeting = greet("127.0.0.1", port, implicit_tls=False)
    assert greeting is not None
    assert len(greeting.line) <= 200


def test_an_address_of_another_machine(configure: Configure) -> None:
    """The sentence says where to look."""
    remark = machine.listener(listening(configure, "192.0.2.77:2525").listeners[0], HOST, running=False)
    assert (remark.level, remark.says) == (
        "problem",
        "This machine has no address 192.0.2.77; `ip address` lists those that it has.",
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user without the right to low ports")
def test_a_low_port_needs_a_right(configure: Configure) -> None:
    """Under systemd the unit gives it, so it is a warning."""
    settings = listening(configure, "127.0.0.1:24")
    lowest = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if int(lowest.read_text()) < 25:
        pytest.skip("this kernel gives low ports to everybody")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setuid(65_534)
        remark = machine.listener(settings.listeners[0], HOST, running=False)
        os.write(writer, f"{remark.level}: {remark.says}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    told = os.read(reader, 1_000).decode()
    os.close(reader)
    os.close(writer)
    assert told.startswith("warning: ")
    assert "may not open ports below 1024" in told


def test_the_admin_port(configure: Configure) -> None:
    """Free, or held by somebody who is no gateway."""
    with speaker(b"HTTP/1.1 200 OK\r\n\r\n[1]") as port:
        settings = configure(admin={"address": f"127.0.0.1:{port}"})[1]
        (remark,) = machine.admin(settings)
    assert remark.level == "problem"
    (remark,) = machine.admin(settings)
    assert remark.says == "The port is free; no gateway runs with this configuration."


async def test_custody_before_the_first_start(configure: Configure) -> None:
    """Nothing is made by looking."""
    path, settings, _ = configure()
    (remark,) = await machine.custody(settings, running=False)
    assert (remark.level, remark.says.startswith("The first start makes")) == ("ok", True)
    assert list((path.parent / "custody").iterdir()) == list((path.parent / "keys").iterdir()) == []


async def test_custody_opens_with_its_key_and_with_no_other(configure: Configure) -> None:
    """The same sentences as `serve` would say, before it is started."""
    path, settings, _ = configure()
    await composition.prepared_custody(settings)
    (remark,) = await machine.custody(settings, running=False)
    assert remark.says == "It opens, and the key fits (0 held, 0 due, 0 in-doubt)."
    settings.custody.key_file.rename(path.parent / "elsewhere")
    (remark,) = await machine.custody(settings, running=False)
    assert remark.level == "problem"
    assert "put the key back from" in remark.says


async def test_a_key_without_its_database(configure: Configure, log_lines: io.StringIO) -> None:
    """It was moved or lost: `check` says so beforehand, and to whoever has a gateway running; so does the start."""
    path, settings, _ = configure()
    await composition.prepared_custody(settings)
    database = path.parent / "custody" / "custody.db"
    for file in database.parent.iterdir():
        file.unlink()
    (remark,) = await machine.custody(settings, running=True)
    assert (remark.level, remark.says.startswith(f"{database} is gone, though the gateway runs")) == ("problem", True)
    (remark,) = await machine.custody(settings, running=False)
    assert (remark.level, remark.says.startswith(f"There is no {database}, but its key")) == ("warning", True)
    assert log_lines.getvalue() == ""
    await composition.prepared_custody(settings)
    (told,) = map(json.loads, log_lines.getvalue().splitlines())
    assert (told["event"], told["file"]) == ("custody_began_empty", str(database))


async def test_folders_that_are_not_there(configure: Configure) -> None:
    """Each is named with the command that makes it."""
    path, settings, _ = configure()
    for name in ("custody", "keys"):
        (path.parent / name).rmdir()
    remarks = await machine.custody(settings, running=False)
    assert [remark.level for remark in remarks] == ["problem", "problem", "ok"]
    assert f"install -d -m 700 -o USER {path.parent / 'keys'}" in remarks[1].says


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be nobody for a while, where we are root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65_534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_folders_that_may_not_be_written(configure: Configure) -> None:
    """`check` names folder and user beforehand; the start names the file and says who must be able to write there."""
    folder = Path(tempfile.mkdtemp(prefix="unwritable-", dir="/tmp"))
    folder.chmod(0o555)
    custody = {"url": f"sqlite:///{folder}/custody.db", "key_file": f"{folder}/custody.key"}
    _, settings, _ = configure(custody=custody)
    key = crypto.PrivateKey.generate()
    try:
        with unprivileged():
            remarks = asyncio.run(machine.custody(settings, running=False))
            with pytest.raises(StoreError, match=r"custody\.db: Permission denied; let the user \w+, who runs this"):
                Database(settings.custody.url, folder=folder)
            with pytest.raises(StoreKeyError, match=r"custody\.key: .* Permission denied; let the user"):
                crypto._write(folder / "custody.key", key)
    finally:
        shutil.rmtree(folder)
    assert remarks[0].level == "problem"
    assert f"may not write in {folder}" in remarks[0].says


async def test_a_start_that_could_not_make_its_key_is_no_start(configure: Configure) -> None:
    """The database is there, nothing was sealed yet: the next start makes the key, and nobody looks for a lost one."""
    path, settings, _ = configure()
    (path.parent / "keys").rmdir()
    with pytest.raises(StoreKeyError, match=r"cannot be made: No such file .*; make its folder: install -d"):
        await composition.prepared_custody(settings)
    remarks = await machine.custody(settings, running=False)
    assert [remark.level for remark in remarks] == ["problem", "ok"]
    assert "There is no folder" in remarks[0].says


def test_room_on_the_disk(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    """Little room is a warning, none for two large mails a problem."""
    settings = configure()[1]
    real = shutil.disk_usage(settings.policy.parent)
    for free, level, says in (
        (10**12, "ok", "1000.0 GB are free"),
        (500_000_000, "warning", "500.0 MB are free"),
        (99_000_000, "problem", "99.0 MB are free"),
        (12_300, "problem", "12.3 KB are free"),
        (0, "problem", "0 bytes are free"),
    ):
        usage = real._replace(free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda _folder, usage=usage: usage)
        remark = machine.disk(settings)
        assert (remark.level, remark.says.startswith(says)) == (level, True)


def test_a_bound_on_the_size_of_files() -> None:
    """Told where there is one, for a gateway that is started here would have it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000_000, hard))
        (remark,) = machine.file_size()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert remark.level == "warning"
    assert remark.says.startswith("Files may not grow beyond 500.0 MB here (RLIMIT_FSIZE).")
    assert "less than 10.0 MB nothing starts" in remark.says


def test_a_clock_that_was_set_back(configure: Configure) -> None:
    """Files from the future give it away."""
    path, settings, _ = configure()
    assert machine.clock(settings).level == "ok"
    os.utime(path.parent / "policy.yaml", (time.time() + 7_200,) * 2)
    remark = machine.clock(settings)
    assert remark.level == "problem"
    assert remark.says.startswith("The clock is 2.0 hours behind")
