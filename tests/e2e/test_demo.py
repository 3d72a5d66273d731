"""The one command of the README stays up to be tried, and leaves nobody behind (what it shows: `tests/cli`)."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.e2e.client import send
from tests.e2e.gateway import COMMAND, session

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CLEAN = b"From: you@corp.example\r\nTo: me@bakery.example\r\nSubject: Hello\r\n\r\nHello\r\n"


async def _start(folder: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *COMMAND,
        "demo",
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )


async def test_it_stays_up_takes_mail_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    """The table, what to try next, a listener that takes mail; Ctrl-C to the whole group ends it cleanly."""
    demo = await _start(tmp_path)
    assert demo.stdout is not None
    told = b""
    async with asyncio.timeout(120):
        while b"Ctrl-C" not in told:
            line = await demo.stdout.readline()
            assert line, told.decode()
            told += line
    text = told.decode()
    for hint in ("swaks --server 127.0.0.1:", "quarantine list", "quarantine release"):
        assert hint in text
    port = int(text.rpartition("Listener 127.0.0.1:")[2].split(",")[0])
    assert (await send(port, "you@corp.example", ("me@bakery.example",), CLEAN))[:3] == "250"
    os.killpg(demo.pid, signal.SIGINT)
    _, complaints = await asyncio.wait_for(demo.communicate(), 60)
    assert demo.returncode == 0, complaints.decode()[-2000:]
    assert "Traceback" not in complaints.decode()
    async with asyncio.timeout(60):
        while session(demo.pid):  # noqa: ASYNC110 - workers set no event, and hold no pipe
            await asyncio.sleep(0.05)
