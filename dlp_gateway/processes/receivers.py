"""The receivers at their places: started, watched, replaced when they die, renewed by a reload, drained at the end."""

import asyncio
import errno
import signal
import sys
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, TextIO

from dlp_gateway.errors import GatewayError
from dlp_gateway.inspection.fork_server import ForkServer, ForkServerLost, Newborn
from dlp_gateway.observe import instruments, log, metrics
from dlp_gateway.policy.model import Policy
from dlp_gateway.processes import policies
from dlp_gateway.processes.boot import Boot
from dlp_gateway.processes.child import Child
from dlp_gateway.smtp.identity import Identity

_QUICK_DEATH: Final = 5.0  # seconds; where receivers live for less, again and again, there are pauses
_FIRST_PAUSE: Final = 0.5  # each further one is twice it
_LONGEST_PAUSE: Final = 30.0
_LOADED_WITHIN: Final = 60.0  # seconds; imports on a cold disk
_RESIGNED_WITHIN: Final = 5.0  # seconds for those that were replaced to stop listening
_OF_FORKS: Final = -1  # the place of the fork server among those that are waited for


class StartError(GatewayError):
    """The gateway cannot start here and now; the text says why and what to do."""


def _fate(who: str, status: int, *, late: bool) -> str:
    """Return a sentence on what became of one that never was ready, by its exit status (negative: a signal)."""
    if late:
        return f"{who} took longer than a minute to start. Is the machine overloaded, or does its disk hang?"
    if status < 0:
        what = signal.strsignal(-status) or "unknown"
        return (
            f"{who} was ended by signal {-status} ({what}) while it started. If nobody sent that, the kernel may "
            "have been short of memory: see dmesg."
        )
    return f"{who} ended with status {status} while it started; what it wrote to standard error says why."


class Receivers:
    """As many receivers as there are boots; all changes take turns.

    They are forked by a server that has loaded what their policy takes, so each policy has a server of its own. What
    they write to standard error goes to `errors` or where ours goes.
    """

    def __init__(self, errors: TextIO | None = None, newborn: Newborn | None = None) -> None:
        self._errors = (sys.stderr if errors is None else errors).fileno()
        self._newborn = newborn
        self._stem: ForkServer | None = None  # of which servers are had
        self._forks: ForkServer | None = None
        self._next: ForkServer | None = None  # one that loads, and is not in force yet
        self._boots: tuple[Boot, ...] = ()
        self._current: list[Child] = []
        self._retiring: set[Child] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        self._closing = False
        self._end = asyncio.Event()
        self._pauses: dict[int, float] = {}  # by place, while receivers there die young

    @property
    def alive(self) -> int:
        """How many take mail, as far as their signs of life tell."""
        return sum(child.alive for child in self._current)

    async def renew(self, boots: tuple[Boot, ...]) -> None:
        """Put receivers with new boots in the places of those that are there, which finish what they are doing.

        Raises `StartError`, and the old ones stay, if a new one does not come up.
        """
        async with self._turn:
            await self._renew(boots)

    async def _renew(self, boots: tuple[Boot, ...]) -> None:
        if self._closing:
            return
        forks, fresh = await self._fresh(boots)
        former, self._current, self._boots = self._current, fresh, boots
        for place, child in enumerate(fresh):
            self._keep_watch(place, child)
        self._retiring.update(former)
        if self._forks is not None:
            self._keep(self._retire(former, self._forks))
        self._forks = forks
        self._keep(self._watch_forks(forks))
        self._pauses.pop(_OF_FORKS, None)
        metrics.receivers(self.alive)
        with suppress(TimeoutError):  # who connects from now on finds the new ones, unless an old one hangs
            async with asyncio.timeout(_RESIGNED_WITHIN):
                await asyncio.gather(*(child.resigned.wait() for child in former))

    def renew_identities(self, identities: tuple[Identity | None, ...]) -> None:
        """Let those that will take the places of dead ones begin with these; the living see to it themselves."""
        self._boots = tuple(replace(boot, identities=identities) for boot in self._boots)

    async def close(self) -> None:
        """Drain all, those that are retiring too, and return when every one is gone."""
        self._closing = True
        self._end.set()
        async with self._turn:
            await asyncio.gather(*(child.drain() for child in (*self._current, *self._retiring)))
            if self._forks is not None:
                await self._forks.close()
        await asyncio.gather(*self._tasks)
        await self.forget()

    async def _fresh(self, boots: tuple[Boot, ...]) -> tuple[ForkServer, list[Child]]:
        """Return new receivers that take mail, all of them; else none stays, for they would do so unwatched."""
        forks, fresh = await self._loaded(boots), list[Child]()
        try:
            for boot in boots:
                fresh.append(await self._started(forks, boot))
            answers = await asyncio.gather(*(child.ready() for child in fresh))
        except BaseException:
            await self._given_up(fresh, forks)
            raise
        if not all(answers):
            statuses = await self._given_up(fresh, forks)
            failed = answers.index(False)
            raise StartError(_fate("A receiver", statuses[failed], late=fresh[failed].late))
        return forks, fresh

    async def _given_up(self, children: list[Child], forks: ForkServer) -> list[int]:
        statuses = await asyncio.gather(*(child.drain() for child in children))
        await forks.close()
        return statuses

    async def load(self, policy: Policy) -> None:
        """Let a server begin to load what a policy takes; the `renew` that follows need not wait as long."""
        try:
            if self._stem is None or self._stem.is_lost:
                self._stem = ForkServer.start(None, receivers=True, errors=self._errors, newborn=self._newborn)
                self._newborn = None
            async with asyncio.timeout(_LOADED_WITHIN):
                self._next = await self._stem.server(policies.recipe(policy), self._errors)
        except TimeoutError as error:
            raise StartError(_fate("The fork server", 0, late=True)) from error
        except OSError as error:
            why = "it needs Linux 5.3 or later" if error.errno == errno.ENOSYS else error.strerror  # pidfd_open(2)
            raise StartError(f"The fork server cannot be started: {why}.") from error

    async def forget(self) -> None:
        """Let go of the server of which others are had, and of one that began to load and is not needed."""
        if self._next is not None:
            forks, self._next = self._next, None
            await forks.close()
        if self._stem is not None:
            await self._stem.close()

    async def _loaded(self, boots: tuple[Boot, ...]) -> ForkServer:
        """Return a server that has loaded all that receivers and workers need for the policy of these."""
        if self._next is None:
            await self.load(boots[0].policy)
        assert self._next is not None  # noqa: S101 - told to mypy
        forks, self._next = self._next, None
        late = False
        try:
            await asyncio.wait_for(forks.ready(), _LOADED_WITHIN)
        except TimeoutError:
            late = True
        except ForkServerLost:
            pass
        else:
            return forks
        raise StartError(_fate("The fork server", await forks.close(), late=late))

    async def _started(self, forks: ForkServer, boot: Boot) -> Child:
        try:
            return await Child.start(forks, boot, self._errors)
        except OSError as error:
            raise StartError(f"A receiver process cannot be started: {error.strerror}.") from error

    async def _watch_forks(self, forks: ForkServer) -> None:
        """Wait for the end of a fork server: receivers that have lost theirs get no workers, so others take over."""
        await forks.lost()
        while True:
            async with self._turn:
                if self._forks is not forks or self._closing:
                    return
                log.fork_server_died()
                try:
                    await self._renew(self._boots)
                except StartError as error:
                    log.internal_error("receiver", "supervisor", error)
                else:
                    return
            await self._pause(_OF_FORKS)

    async def _watch(self, place: int, child: Child) -> None:
        """Wait for the end of a receiver, and put another in its place unless it was told to go."""
        status = await child.ended()
        instruments.mark_dead(child.pid)
        if child.retired:
            return
        metrics.receivers(self.alive)
        log.receiver_died(child.pid, status)
        if time.monotonic() - child.started >= _QUICK_DEATH:
            self._pauses.pop(place, None)
        elif place in self._pauses:
            await self._pause(place)
        else:
            self._pauses[place] = _FIRST_PAUSE  # the first is no sign of more to come: its place is filled at once
        while not await self._replaced(place, child):
            await self._pause(place)

    async def _watch_workers(self, place: int, child: Child) -> None:
        """Replace a receiver that has lost its connection to the fork server; it finishes what it can."""
        await child.cut_off.wait()
        # One that has ended, or lost the server that all have lost, is replaced by others.
        if not child.runs or child.retired or self._forks is None or self._forks.is_lost:
            return
        metrics.receivers(self.alive)
        log.receiver_cut_off(child.pid)
        while not await self._replaced(place, child):
            await self._pause(place)
        if not (self._closing or child.retired):
            self._retiring.add(child)
            await self._gone(child)

    async def _pause(self, place: int) -> None:
        """Wait before the next attempt, longer each time: a cause that stays must not eat the machine."""
        pause = self._pauses.get(place, _FIRST_PAUSE)
        self._pauses[place] = min(2 * pause, _LONGEST_PAUSE)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._end.wait(), pause)

    async def _replaced(self, place: int, child: Child) -> bool:
        """Try once to fill the place of a lost receiver; True if it is filled, or no longer to be filled."""
        forks = self._forks
        if forks is None or not self._wanted(place, child):
            return True
        begun = time.monotonic()
        try:
            successor = await self._started(forks, self._boots[place])
        except StartError as error:
            if not forks.is_lost:  # told already, and all are about to be replaced
                log.internal_error("receiver", "supervisor", error)
            return False
        if not await successor.ready():
            await successor.drain()
            return False
        async with self._turn:
            wanted = self._wanted(place, child)
            if wanted:
                self._current[place] = successor
                self._keep_watch(place, successor)
        if not wanted:  # a reload or the end came first
            await successor.drain()
            return True
        metrics.receivers(self.alive)
        metrics.receiver_restarted()
        log.receiver_restarted(successor.pid, round(time.monotonic() - begun, 3))
        return True

    def _wanted(self, place: int, child: Child) -> bool:
        """Whether such a receiver is still to be replaced."""
        return not self._closing and self._current[place] is child

    async def _retire(self, children: list[Child], forks: ForkServer) -> None:
        """Wait for the end of receivers that have given up their places, then let their server go."""
        await asyncio.gather(*map(self._gone, children))
        await forks.close()

    async def _gone(self, child: Child) -> None:
        await child.retire()
        self._retiring.discard(child)

    def _keep_watch(self, place: int, child: Child) -> None:
        self._keep(self._watch(place, child))
        self._keep(self._watch_workers(place, child))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
