"""The one command of the README: it shows what it promises, stays up to be tried, and leaves nobody behind."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.e2e.client import send
from tests.e2e.gateway import COMMAND, session

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CLEAN = b"From: you@corp.example\r\nTo: me@bakery.example\r\nSubject: Hello\r\n\r\nHello\r\n"


async def _start(folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *COMMAND,
        "demo",
        *arguments,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )


async def test_once_ends_well_and_leaves_nothing(tmp_path: Path) -> None:
    """Exit 0: every mail came out as it should; no file is left in the folder where it was called, and no process."""
    demo = await _start(tmp_path, "--once")
    told, complaints = await asyncio.wait_for(demo.communicate(), 120)
    assert demo.returncode == 0, complaints.decode()[-2000:]
    assert "Every mail came out as it should." in told.decode()
    assert os.listdir(tmp_path) == []
    assert session(demo.pid) == {}


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
    assert session(demo.pid) == {}


async def test_it_empties_no_folder_of_somebody_else(tmp_path: Path) -> None:
    """A folder that no demo made is left alone, with a sentence."""
    (tmp_path / "dlp-gateway-demo").mkdir()
    (tmp_path / "dlp-gateway-demo" / "precious").write_text("mine")
    demo = await _start(tmp_path)
    _, complaints = await asyncio.wait_for(demo.communicate(), 60)
    assert demo.returncode == 2
    assert "--folder" in complaints.decode()
    assert (tmp_path / "dlp-gateway-demo" / "precious").read_text() == "mine"


def test_the_command_is_the_installed_one() -> None:
    """These tests run the console script of this environment."""
    assert Path(COMMAND[0]).parent == Path(sys.executable).parent
