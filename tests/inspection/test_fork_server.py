"""Processes that are forked for somebody: what they inherit, how their end is told, and who outlives whom."""

import asyncio
import errno
import os
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from dlp_gateway.detect.registry import Recipe
from dlp_gateway.inspection import fork_server
from dlp_gateway.inspection.fork_server import Forked, ForkServer, ForkServerLost, Newborn
from dlp_gateway.inspection.line import Payer
from dlp_gateway.inspection.workers import Worker, WorkerFault, Workers
from dlp_gateway.ports import Overloaded
from tests.waiting import until

RECIPE = Recipe(inside=("corp.example",))


@pytest_asyncio.fixture
async def forks() -> AsyncIterator[ForkServer]:
    """A server that has loaded little."""
    server = ForkServer.start(RECIPE)
    yield server
    await server.close()


async def worker(forks: ForkServer) -> Worker:
    """Return a worker that is ready."""
    return await Worker.start(forks, memory_bytes=200_000_000, seconds=5)


def pid_of(one: Worker) -> int:
    """Return a worker's process id."""
    return one._process.pid


def children(of: int) -> list[int]:
    """Return the processes that one has started or forked."""
    return [int(pid) for pid in Path(f"/proc/{of}/task/{of}/children").read_text().split()]


def inherited(pid: int) -> tuple[list[str], bytes]:
    """Return what a process has open, and its environment."""
    return [str(one.readlink()) for one in Path(f"/proc/{pid}/fd").iterdir()], Path(f"/proc/{pid}/environ").read_bytes()


def pid_of_server(forks: ForkServer) -> int:
    """Return the process id of a server."""
    assert forks._process is not None
    return forks._process.pid


def lives(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_each_end_is_told(forks: ForkServer) -> None:
    """Of several at a time, whose turn it ever is; a killed one's signal, and the status of one that ends itself."""
    first, second, third = await asyncio.gather(*(worker(forks) for _ in range(3)))
    second.kill()
    assert await second.ended() == -signal.SIGKILL
    os.kill(pid_of(first), signal.SIGUSR1)
    assert await first.ended() == -signal.SIGUSR1
    assert third.alive
    third._input.close()
    assert await third.ended() == 0


async def test_a_worker_inherits_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No descriptor but its channel and its desk, and no environment variable that could be a secret."""
    monkeypatch.setenv("DATABASE_PASSWORD", "hidden")
    with (tmp_path / "key").open("wb") as key, socket.create_server(("127.0.0.1", 0)) as listening:
        for one in (key, listening):
            os.set_inheritable(one.fileno(), True)
        forks = ForkServer.start(RECIPE)
        one = await worker(forks)
        opened, environment = inherited(pid_of(one))
        assert {one.partition(":")[0] for one in opened} == {"socket", "/dev/null", "/memfd"}
        assert len({one for one in opened if one.startswith("socket:")}) == 1
        assert b"hidden" not in environment
        assert b"hidden" not in inherited(pid_of_server(forks))[1]
        await forks.close()
        await one.ended()


async def test_workers_end_with_whoever_asked_for_them(forks: ForkServer) -> None:
    """Closing leaves nobody behind, whatever they are doing."""
    workers = [await worker(forks) for _ in range(2)]
    await forks.close()
    assert not any(lives(pid_of(one)) for one in workers)
    assert [await one.ended() for one in workers] == [-signal.SIGKILL] * 2


async def test_workers_end_with_the_server(forks: ForkServer) -> None:
    """It is killed: so are they, their ends are seen without it, and there are no others."""
    one = await worker(forks)
    server = pid_of_server(forks)
    os.kill(server, signal.SIGKILL)
    assert await one.ended() == -signal.SIGKILL
    assert not lives(pid_of(one))
    with pytest.raises(ForkServerLost):
        await worker(forks)


async def test_nobody_waits_for_workers_that_nobody_can_start(forks: ForkServer) -> None:
    """The server was killed: whoever waits, and whoever comes, is told at once to come again."""
    workers = Workers(frozenset(), count=1, queue=8, memory_bytes=200_000_000, seconds=30)
    workers.start(forks)
    await workers.ready()
    payers = [Payer(client="192.0.2.0/24", sender=f"{name}@corp.example") for name in "abc"]
    async with workers._lent():
        waiting = [asyncio.create_task(workers.inspect(b"", b"", payer)) for payer in payers[:2]]
        await asyncio.sleep(0.05)
        os.kill(pid_of_server(forks), signal.SIGKILL)
    async with asyncio.timeout(5):
        for outcome in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(outcome, Overloaded | WorkerFault)
        with pytest.raises(Overloaded):
            await workers.inspect(b"", b"", payers[2])
        await workers.close()


async def test_a_server_that_cannot_load(capfd: pytest.CaptureFixture[str]) -> None:
    """Whoever waits for it hears so at once, and what it wrote says why."""
    forks = ForkServer.start(Recipe(inside=(), rules="/nowhere"))
    with pytest.raises(ForkServerLost):
        await forks.ready()
    assert await forks.close() == 1
    assert "/nowhere" in capfd.readouterr().err


async def test_somebody_who_no_longer_waits_gets_no_worker(forks: ForkServer) -> None:
    """Whenever a start is given up: no process is left without a master, and the next is answered with its own."""
    await forks.ready()
    nothing = os.open(os.devnull, os.O_RDWR)
    server = pid_of_server(forks)
    for turns in range(8):  # of the loop, until the answer is there
        given_up = asyncio.create_task(forks.fork("worker", nothing, (nothing,)))
        for _ in range(turns):
            await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        kept = await worker(forks)
        await until(lambda kept=kept: children(server) == [pid_of(kept)])  # type: ignore[misc]
        kept.kill()
        await kept.ended()
    os.close(nothing)


async def test_an_end_is_seen_whatever_the_server_does(forks: ForkServer) -> None:
    """It was stopped (SIGSTOP): its word is missed for a moment, and it is ended with the rest."""
    one = await worker(forks)
    server = pid_of_server(forks)
    os.kill(server, signal.SIGSTOP)
    os.kill(pid_of(one), signal.SIGKILL)
    assert await one.ended() == -signal.SIGKILL
    os.kill(server, signal.SIGCONT)


async def test_a_server_that_does_not_answer_is_lost(forks: ForkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for it for ever, also not for its end."""
    monkeypatch.setattr(fork_server, "_ANSWER_WITHIN", 0.2)
    await forks.ready()
    server = pid_of_server(forks)
    os.kill(server, signal.SIGSTOP)
    with pytest.raises(ForkServerLost):
        await worker(forks)
    assert await forks.close() == -signal.SIGKILL


async def test_servers_that_one_has_forked_outlive_it() -> None:
    """Each serves on when the other is closed, or killed, and ends when nobody needs it."""
    stem = ForkServer.start(None)
    first, second = await stem.server(RECIPE, 2), await stem.server(RECIPE, 2)
    one = await worker(first)
    await first.close()
    assert await one.ended() == -signal.SIGKILL
    two = await worker(second)
    os.kill(pid_of_server(stem), signal.SIGKILL)
    await stem.lost()
    three = await worker(second)
    two.kill()
    assert await two.ended() == -signal.SIGKILL
    assert three.alive
    await asyncio.gather(stem.close(), second.close(), three.ended())


CROWDED = """
import errno, os, socket, sys
from dlp_gateway.processes import forking

def fork():
    raise BlockingIOError(errno.EAGAIN, "no room")

os.fork = fork
forking._serve(socket.socket(fileno=int(sys.argv[1])))
"""


async def test_no_room_for_a_process() -> None:
    """The system's reason reaches whoever asked, and the server goes on."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        os.set_inheritable(theirs.fileno(), True)
        command = (sys.executable, "-c", CROWDED, str(theirs.fileno()))
        pid = os.posix_spawn(sys.executable, command, os.environ)  # noqa: ASYNC221 - of no duration
    forks = ForkServer.start(RECIPE, newborn=Newborn(control=ours, pid=pid))
    for _ in range(2):
        with pytest.raises(OSError, match="Resource temporarily unavailable") as raised:
            await forks.fork("worker", 2)
        assert raised.value.errno == errno.EAGAIN
    assert await forks.close() == 0


async def test_a_worker_that_ends_before_it_is_ready(forks: ForkServer) -> None:
    """Its status is told with the fault."""
    forked: list[Forked] = []
    fork = forks.fork

    async def fork_and_kill(*arguments: object) -> Forked:
        forked.append(await fork("worker", 2, (2,)))
        forked[0].kill()
        return forked[0]

    forks.fork = fork_and_kill  # type: ignore[method-assign, assignment]  somebody kills it just then
    with pytest.raises(WorkerFault) as raised:
        await worker(forks)
    assert raised.value.status == -signal.SIGKILL


async def test_a_worker_without_a_descriptor_leaves_none_open(forks: ForkServer) -> None:
    """Where the limit leaves room for one file and not for two, the first is closed: it would be lost at every try."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208  names are enough
    probe = os.open(os.devnull, os.O_RDONLY)
    os.close(probe)
    resource.setrlimit(resource.RLIMIT_NOFILE, (probe + 1, hard))
    try:
        for _ in range(3):
            with pytest.raises(OSError, match="Too many open files"):
                await worker(forks)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
