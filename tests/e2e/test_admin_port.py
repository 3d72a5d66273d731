"""The admin port under clients who connect and say nothing, while mail goes on; and the descriptors of a gateway."""

import asyncio
import itertools
import os
import re
import signal
import socket
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.client import send
from tests.e2e.conftest import Launch, require
from tests.e2e.gateway import Gateway
from tests.e2e.next_mta import NextMta

pytestmark = [pytest.mark.e2e]

_CROWD: Final = 1000  # at a time

MAIL = b"From: ada@corp.example\r\nTo: bob@shop.example\r\nSubject: Hello\r\n\r\nHello Bob.\r\n"


def limits(pid: int) -> tuple[int, int]:
    """Return how many files a process may have open: now, and if it asks."""
    found = re.search(r"^Max open files +(\d+) +(\d+)", Path(f"/proc/{pid}/limits").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]), int(found[2])


def descriptors(pid: int) -> int:
    """Return how many files a process has open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def receivers(running: Gateway) -> list[int]:
    """Return the receivers' process ids."""
    return [pid for pid, command in running.processes().items() if "dlp-gateway: receiver" in command]


async def crowd(port: int, gathered: asyncio.Event) -> None:
    """Connect again and again, each from an address of its own, and begin a request that never ends."""
    clients: deque[socket.socket] = deque()
    try:
        for number in itertools.count():
            one = socket.socket()
            clients.append(one)
            one.setblocking(False)
            one.bind((f"127.77.{number // 250 % 250}.{number % 250 + 1}", 0))
            await asyncio.get_running_loop().sock_connect(one, ("127.0.0.1", port))
            with suppress(ConnectionError):  # cut off already
                one.send(b"GET /metrics HTTP/1.1\r\nHo")
            if number >= _CROWD:
                gathered.set()
                clients.popleft().close()
                await asyncio.sleep(0.01)
    finally:
        for one in clients:
            one.close()


async def test_every_process_takes_the_descriptors_that_it_may_have(gateway: Launch, next_mta: NextMta) -> None:
    """A soft limit as low as a shell's is raised to the hard one, in the supervisor and in receivers."""
    require("prlimit", "util-linux")
    running = await gateway(next_mta.port, under=("prlimit", "--nofile=256:2048"))
    (receiver,) = receivers(running)
    assert [limits(running.leader), limits(receiver)] == [(2048, 2048)] * 2


@pytest.mark.slow
async def test_a_crowd_at_the_admin_port_stops_neither_health_nor_deliveries(
    gateway: Launch, next_mta: NextMta
) -> None:
    """More silent connections than descriptors: probes, metrics and deliveries go on, and the log is short."""
    require("prlimit", "util-linux")
    running = await gateway(next_mta.port, under=("prlimit", "--nofile=400:400"))
    next_mta.script.replies["carol@shop.example"] = "550 5.1.1 Unknown"
    gathered = asyncio.Event()
    crowding = asyncio.create_task(crowd(running.admin_port, gathered))
    await asyncio.wait_for(gathered.wait(), 60)
    assert [(await running.get(path)).status_code for path in ("/livez", "/readyz", "/metrics")] == [200] * 3
    assert (await running.run("healthcheck")).returncode == 0
    assert descriptors(running.leader) < 300
    reply = await send(running.port, "ada@corp.example", ("bob@shop.example", "carol@shop.example"), MAIL)
    assert reply[:3] == "250"
    await next_mta.until(2, seconds=60)
    assert next_mta.transactions[-1].recipients == ("ada@corp.example",)  # what the supervisor delivers out of custody
    (receiver,) = receivers(running)
    os.kill(receiver, signal.SIGKILL)
    await running.event("receiver_restarted")
    assert not crowding.done()
    crowding.cancel()
    await asyncio.gather(crowding, return_exceptions=True)
    assert running.events("library") == running.events("store_unavailable") == []
