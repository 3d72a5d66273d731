"""What systemd would read on its socket."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from dlp_gateway.processes.systemd import Systemd


@pytest.fixture
def notifications(tmp_path: Path) -> Iterator[socket.socket]:
    """Give the socket on which systemd would listen, at `tmp_path`/notify."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        yield listening


def test_each_state_is_one_datagram(tmp_path: Path, notifications: socket.socket) -> None:
    """Ready, reloading with the time of the kernel's clock, stopping, and a status line."""
    systemd = Systemd(str(tmp_path / "notify"))
    systemd.status("Preparing.")
    systemd.ready("Accepting mail.")
    systemd.reloading()
    systemd.stopping()
    said = [notifications.recv(4096).decode().split("\n") for _ in range(4)]
    assert said[0] == ["STATUS=Preparing."]
    assert said[1] == ["READY=1", "STATUS=Accepting mail."]
    assert said[2][0] == "RELOADING=1"
    assert said[2][1].removeprefix("MONOTONIC_USEC=").isdigit()
    assert said[3][0] == "STOPPING=1"


def test_an_abstract_socket_is_found() -> None:
    """A name that begins with @ is in the abstract namespace, as in some containers."""
    name = f"dlp-gateway-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        listening.settimeout(5)
        Systemd(f"@{name}").status("Preparing.")
        assert listening.recv(4096) == b"STATUS=Preparing."


def test_a_socket_that_is_gone_or_full_stops_nobody(tmp_path: Path) -> None:
    """Mail passes whether or not systemd reads what it is told."""
    Systemd(str(tmp_path / "nowhere")).ready("Accepting mail.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "full"))
        for number in range(13):  # the kernel keeps ten or so
            Systemd(str(tmp_path / "full")).status(f"{number} " + "x" * 500)
        assert listening.recv(4096).startswith(b"STATUS=0 ")


def test_nobody_inherits_socket_and_watchdog(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Both are taken out of the environment; what was meant for another process is not ours."""
    for process, wanted in ((str(os.getpid()), 2.0), ("", 2.0), ("1", 0.0)):
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "2000000")
        monkeypatch.setenv("WATCHDOG_PID", process)
        systemd = Systemd.from_environment()
        assert systemd._watchdog == wanted
        assert not {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} & set(os.environ)


async def test_signs_of_life_depend_on_life(tmp_path: Path, notifications: socket.socket) -> None:
    """They come while the receivers live, and not while they do not."""
    notifications.setblocking(False)
    loop, alive = asyncio.get_running_loop(), True
    async with Systemd(str(tmp_path / "notify"), watchdog=0.04).watched(lambda: alive), asyncio.timeout(5):
        assert [await loop.sock_recv(notifications, 4096) for _ in range(2)] == [b"WATCHDOG=1"] * 2
        alive = False
        await asyncio.sleep(0.1)
        with suppress(BlockingIOError):
            while True:  # what was said before
                notifications.recv(4096)
        await asyncio.sleep(0.1)
        with pytest.raises(BlockingIOError):
            notifications.recv(4096)
        alive = True
        assert await loop.sock_recv(notifications, 4096) == b"WATCHDOG=1"


async def test_more_time_is_asked_for_while_it_takes_time(tmp_path: Path, notifications: socket.socket) -> None:
    """The first request is made at once, however short the unit's timeout is."""
    async with Systemd(str(tmp_path / "notify")).patient():
        await asyncio.sleep(0)
    assert notifications.recv(4096) == b"EXTEND_TIMEOUT_USEC=15000000"
