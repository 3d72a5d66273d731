"""Receivers at their places: whoever dies is replaced, and one that dies again and again is waited for."""

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dlp_gateway.detect.registry import Recipe
from dlp_gateway.inspection.fork_server import ForkServer
from dlp_gateway.processes import receivers
from dlp_gateway.processes.boot import Boot
from dlp_gateway.processes.child import Child
from dlp_gateway.processes.receivers import Receivers, StartError
from tests.processes.scripts import forked
from tests.waiting import until

DIES_YOUNG = "print('ready', flush=True); raise SystemExit(3)"
NEVER_READY = "raise SystemExit(4)"
Write = Callable[[str], object]
CUT_OFF = "import sys; print('ready', flush=True); print('cut off', flush=True); sys.stdin.readline()"
LIVES = "import sys; print('ready', flush=True); sys.stdin.read()"


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Give a function that writes the program which runs in the place of a receiver."""
    file = tmp_path / "receiver.py"

    class Stub(Child):
        """A process of ours that runs the file."""

        @classmethod
        async def start(cls, forks: ForkServer, boot: Boot, errors: int) -> Child:
            return cls(await forked(str(file)))

    async def loaded(_: Receivers, boots: object) -> ForkServer:
        return ForkServer.start(Recipe(inside=()))

    monkeypatch.setattr(receivers, "Child", Stub)
    monkeypatch.setattr(Receivers, "_loaded", loaded)  # the stub needs none
    return file.write_text


async def test_one_that_dies_again_and_again_is_waited_for(script: Write) -> None:
    """Its place is filled at once, then after pauses that grow; and the end does not wait for them."""
    script(DIES_YOUNG)
    ours = Receivers(None)
    await ours.renew((None,))  # type: ignore[arg-type]  the stub needs no boot
    await until(lambda: ours._pauses.get(0, 0) >= 2.0)
    assert ours.alive == 0
    await asyncio.wait_for(ours.close(), 10)


async def test_one_that_does_not_start_is_tried_until_it_does(script: Write) -> None:
    """Nobody serves meanwhile, and that is said; when the cause is mended its place is filled."""
    script(LIVES)
    ours = Receivers(None)
    await ours.renew((None,))  # type: ignore[arg-type]  as above
    assert ours.alive == 1
    script(NEVER_READY)
    ours._current[0]._process.kill()
    await until(lambda: ours._pauses.get(0, 0) >= 1.0)
    assert ours.alive == 0
    script(LIVES)
    await until(lambda: ours.alive == 1)
    await asyncio.wait_for(ours.close(), 10)


async def test_the_old_ones_stay_if_the_new_do_not_come_up(script: Write) -> None:
    """A reload that cannot be put in force changes nothing."""
    script(LIVES)
    ours = Receivers(None)
    await ours.renew((None, None))  # type: ignore[arg-type]  as above
    before = [child.pid for child in ours._current]
    script(NEVER_READY)
    with pytest.raises(StartError, match="ended with status 4 while it started; what it wrote to standard error"):
        await ours.renew((None, None))  # type: ignore[arg-type]  as above
    assert [child.pid for child in ours._current] == before
    assert ours.alive == 2
    await asyncio.wait_for(ours.close(), 10)


async def test_one_that_is_killed_while_it_starts(script: Write) -> None:
    """It had nothing to write, so the signal is named."""
    script("import os; os.kill(os.getpid(), 9)")
    with pytest.raises(StartError, match=r"ended by signal 9 \(Killed\) while it started"):
        await Receivers(None).renew((None,))  # type: ignore[arg-type]  the stub needs no boot


async def test_none_of_the_new_stays_if_one_cannot_be_started(script: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system has room for one process more: it must not take mail under a policy that is not in force."""
    script(LIVES)
    started: list[Child] = []

    class Scarce(receivers.Child):  # type: ignore[misc,valid-type]  the stub of the fixture
        """A process of ours, where there is room."""

        @classmethod
        async def start(cls, forks: ForkServer, boot: Boot, errors: int) -> Child:
            if len(started) == 3:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            started.append(await super().start(forks, boot, errors))
            return started[-1]

    monkeypatch.setattr(receivers, "Child", Scarce)
    ours = Receivers(None)
    await ours.renew((None, None))  # type: ignore[arg-type]  the stub needs no boot
    with pytest.raises(StartError, match="cannot be started: Resource temporarily unavailable"):
        await ours.renew((None, None))  # type: ignore[arg-type]  as above
    assert [child.alive for child in started] == [True, True, False]
    assert started[2]._process.returncode is not None
    assert ours.alive == 2
    await asyncio.wait_for(ours.close(), 10)


async def test_one_that_gets_no_workers_is_replaced(script: Write) -> None:
    """It lost its own connection to the fork server, which lives: it does not count any more, and is told to go."""
    script(CUT_OFF)
    ours = Receivers(None)
    await ours.renew((None,))  # type: ignore[arg-type]  the stub needs no boot
    (lame,) = ours._current
    script(NEVER_READY)
    await until(lambda: ours._pauses.get(0, 0) >= 1.0)
    assert ours.alive == 0
    assert lame.runs
    script(LIVES)
    await until(lambda: ours.alive == 1)
    await until(lambda: not lame.runs)
    await until(lambda: ours._retiring == set())
    assert ours._current[0].pid != lame.pid
    await asyncio.wait_for(ours.close(), 10)


async def test_the_end_does_not_wait_for_one_that_gets_no_workers(script: Write) -> None:
    """It is drained as all others, whether its place is filled or not."""
    script(CUT_OFF)
    ours = Receivers(None)
    await ours.renew((None,))  # type: ignore[arg-type]  as above
    script(NEVER_READY)
    await until(lambda: ours._pauses.get(0, 0) >= 1.0)
    await asyncio.wait_for(ours.close(), 10)
