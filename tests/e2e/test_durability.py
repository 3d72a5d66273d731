"""A hold is on disk before its 250; where the disk is full or fails, the client is told so and nothing half is kept."""

import asyncio
import json
import os
import re
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.client import send
from tests.e2e.conftest import Launch, missing, require
from tests.e2e.gateway import Gateway
from tests.e2e.next_mta import NextMta

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ADA, BOB = "ada@corp.example", ("bob@shop.example",)
_LICENCE = b"my driver's license number is I1234562 (California)\r\n"
_COMPLETE = re.compile(r"(?P<pid>\d+) +fdatasync\(\d+<(?P<file>[^>]*)>\) += 0")
_BEGUN = re.compile(r"(?P<pid>\d+) +fdatasync\(\d+<(?P<file>[^>]*)> <unfinished")
_RESUMED = re.compile(r"(?P<pid>\d+) +<\.\.\. fdatasync resumed>\) += 0")

Inject = Callable[[int, str], AbstractAsyncContextManager[None]]


def _mail(number: int, text: bytes) -> bytes:
    return b"From: ada@corp.example\r\nTo: bob@shop.example\r\nSubject: %d\r\n\r\n%s" % (number, text)


def _held(number: int, size: int = 0) -> bytes:
    """Return a mail that a rule holds, of at least so many bytes."""
    line = b"Hello Bob, nothing in this line is of any interest.\r\n"
    return _mail(number, _LICENCE + line * (size // len(line)))


async def _kept(running: Gateway) -> list[int]:
    listed = await running.run("quarantine", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    return sorted(int(json.loads(line)["subject"]) for line in listed.stdout.splitlines())


def _synced(trace: str) -> Iterator[tuple[str, str]]:
    """Yield in order what was synced to disk ("sync", file) and what was said to clients ("said", line)."""
    begun: dict[str, str] = {}
    for line in trace.splitlines():
        if found := _COMPLETE.match(line):
            yield "sync", found["file"]
        elif found := _BEGUN.match(line):
            begun[found["pid"]] = found["file"]
        elif (found := _RESUMED.match(line)) and found["pid"] in begun:
            yield "sync", begun.pop(found["pid"])
        elif found := re.search(r'"((?:354|250) [^"]*)', line):
            yield "said", found[1]


async def test_the_disk_has_it_before_the_client_reads_250(gateway: Launch, next_mta: NextMta, tmp_path: Path) -> None:
    """Seen in the system calls: between our 354 and our 250 for a hold, the database's log is synced."""
    trace = tmp_path / "trace"
    calls = "trace=fsync,fdatasync,write,writev,sendto,sendmsg"
    options = ("-DDD", "-f", "--seccomp-bpf", "-qq", "-y", "-s", "120", "-e", "signal=none", "-e", calls)
    running = await gateway(next_mta.port, under=(require("strace"), *options, "-o", str(trace)))
    for number in range(3):
        assert (await send(running.port, ADA, BOB, _held(number)))[:3] == "250"
    await running.stop()
    events = list(_synced(trace.read_text(encoding="utf-8", errors="replace")))
    promises = [place for place, (kind, what) in enumerate(events) if kind == "said" and "held for review" in what]
    assert len(promises) == 3
    for place in promises:
        asked = max(before for before in range(place) if events[before][1].startswith("354"))
        files = [what for kind, what in events[asked:place] if kind == "sync"]
        assert any(file.endswith("custody.db-wal") for file in files), events[asked : place + 1]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of a few megabytes, where we may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        missing("mounting a tmpfs needs root")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def _fill(place: Path) -> Path:
    """Leave no room on a file system; return what takes it."""
    filler = place / "filler"
    with filler.open("wb") as file:
        try:
            while True:
                os.write(file.fileno(), bytes(4096))
        except OSError:
            return filler


async def _custody_says(running: Gateway, word: str) -> bool:
    """Wait until /readyz says so of custody."""
    async with asyncio.timeout(30):
        while (await running.get("/readyz")).json()["checks"]["custody"] != word:  # noqa: ASYNC110  asked over HTTP
            await asyncio.sleep(0.2)
    return True


async def test_a_full_disk_is_told_and_got_over(small_disk: Path, gateway: Launch, next_mta: NextMta) -> None:
    """Mail that must be kept stays with the client, other mail passes, and with room again all is as before."""
    custody = {"url": f"sqlite:///{small_disk}/custody.db", "key_file": "custody.key"}
    running = await gateway(next_mta.port, settings={"custody": custody})
    assert (await send(running.port, ADA, BOB, _held(1, 300_000)))[:3] == "250"
    filler = await asyncio.to_thread(_fill, small_disk)
    for number in range(2, 5):
        assert (await send(running.port, ADA, BOB, _held(number, 300_000)))[:9] == "451 4.3.0"
    assert (await send(running.port, ADA, BOB, _mail(5, b"Hello Bob.\r\n")))[:3] == "250"
    assert {event["why"] for event in running.events("store_unavailable")} <= {"disk-full", "input-output"}
    assert await _custody_says(running, "cannot be used: disk-full")
    filler.unlink()
    assert await _custody_says(running, "ok")
    assert (await send(running.port, ADA, BOB, _held(6, 300_000)))[:3] == "250"
    assert await _kept(running) == [1, 6]
    assert len(next_mta.transactions) == 1
    assert running.events("internal_error") == running.events("receiver_died") == []


async def test_a_limit_on_the_size_of_files_is_told_and_got_over(gateway: Launch, next_mta: NextMta) -> None:
    """As on a full disk, but it is called by its name; without the limit all that was answered 250 is there."""
    running = await gateway(next_mta.port, under=(require("prlimit", "util-linux"), "--fsize=12000000"))
    answers: list[str] = []
    while not answers or (answers[-1] == "250 2.0.0" and len(answers) < 40):
        answers.append((await send(running.port, ADA, BOB, _held(len(answers), 1_000_000)))[:9])
    assert answers[-1] == "451 4.3.0"
    assert (await send(running.port, ADA, BOB, _mail(50, b"Hello Bob.\r\n")))[:3] == "250"
    assert {event["why"] for event in running.events("store_unavailable")} == {"file-size-limit"}
    assert await _custody_says(running, "cannot be used: file-size-limit")
    assert running.events("internal_error") == running.events("receiver_died") == []
    await running.stop()
    lifted = Gateway(running.folder, next_mta.port)
    assert await _kept(lifted) == list(range(len(answers) - 1))


@pytest.fixture
def inject(tmp_path: Path) -> Inject:
    """Give a context manager in which system calls of a process fail."""
    program = require("strace")

    @asynccontextmanager
    async def failing(pid: int, fault: str) -> AsyncIterator[None]:
        call = fault.partition(":")[0]
        options: tuple[Any, ...] = ("-f", "-p", str(pid), "-e", f"trace={call}", "-e", f"inject={fault}")
        tracer = await asyncio.create_subprocess_exec(
            program, *options, "-o", tmp_path / "injected", stderr=asyncio.subprocess.PIPE
        )
        assert tracer.stderr is not None
        async with asyncio.timeout(20):
            told = await tracer.stderr.readline()
        if b"attached" not in told:
            missing(f"strace cannot attach: {told.decode().strip()}")
        try:
            yield
        finally:
            tracer.terminate()
            await tracer.communicate()

    return failing


@pytest.mark.parametrize(
    "fault", ["fdatasync:error=EIO", "pwrite64:error=EIO", "pwrite64:error=ENOSPC"], ids=["sync", "write", "room"]
)
async def test_a_disk_that_fails_is_told_and_got_over(
    gateway: Launch, next_mta: NextMta, inject: Inject, fault: str
) -> None:
    """An error of the kernel's at the commit: 451, nothing is kept, and when the disk works again all is as before."""
    running = await gateway(next_mta.port)
    assert (await send(running.port, ADA, BOB, _held(1)))[:3] == "250"
    (receiver,) = (pid for pid, command in running.processes().items() if "dlp-gateway: receiver" in command)
    async with inject(receiver, fault):
        assert (await send(running.port, ADA, BOB, _held(2)))[:9] == "451 4.3.0"
        assert (await send(running.port, ADA, BOB, _mail(3, b"Hello Bob.\r\n")))[:3] == "250"
    assert (await send(running.port, ADA, BOB, _held(4)))[:3] == "250"
    assert await _kept(running) == [1, 4]
    assert len(next_mta.transactions) == 1
    assert running.events("internal_error") == running.events("receiver_died") == []
