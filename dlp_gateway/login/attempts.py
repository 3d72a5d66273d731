"""Login attempts: a few at a time from a client's network, counted with all receivers, refused late, then at once.

Why failures are counted so stands in docs/decisions/0012-failed-logins.md.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Network
from typing import Any, Final

from dlp_gateway.login.memory import MemoryFailures
from dlp_gateway.login.passwords import prepared_name
from dlp_gateway.login.turns import Turns
from dlp_gateway.observe import log, metrics, trouble
from dlp_gateway.ports import Authenticator, Denial, Failures, Login, LoginFailures, LoginUnavailable
from quarantine.store import StoreError

#: Tries of one network at a time, in this receiver: as many, at the most, slip through before they are counted.
_AT_A_TIME: Final = 4
#: So many times the failures of one network cut off the whole IPv6 /48 around it, in which an attacker has 65,536.
_SITE: Final = 8
_SITE_BITS: Final = 48
_ANYBODY: Final = "\0"  # is nobody's name
_PATIENCE: Final = 30.0  # seconds for which a password waits to be looked at
_DOUBLINGS: Final = 30  # beyond these any delay is the longest


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLimits:
    """How many tries there are; `failures` of one network and it is cut off for `cut_off` after the last one.

    A failure counts until `memory` after the last. A refusal comes after `delay` seconds, twice that after the next
    failure, up to `longest_delay`; `delayed` sessions wait so at a time, `attempts` in all are under way, a tenth of
    them from one network. `checks` passwords are looked at at a time, those of networks without failures first.
    """

    failures: int = 20
    cut_off: timedelta = timedelta(minutes=15)
    memory: timedelta = timedelta(hours=1)
    delay: float = 1
    longest_delay: float = 20
    delayed: int = 100
    attempts: int = 500
    checks: int = 8


class Attempts:
    """The `Logins` of one receiver."""

    def __init__(self, authenticator: Authenticator, failures: LoginFailures, limits: AttemptLimits) -> None:
        self._authenticator = authenticator
        self._shared = failures
        self._own = MemoryFailures()  # where the shared memory fails, nobody gets tries without end
        self._limits = limits
        self._checks = Turns(limits.checks)
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._waiting: Counter[str] = Counter()
        self._under_way: set[asyncio.Task[Any]] = set()  # the loop itself holds tasks weakly
        self._delayed = 0
        self._available = True

    async def attempt(self, name: str, password: str, *, client: str, network: str) -> Login | Denial:
        """Return who that is, or why not; a refusal comes as late as it should. Never raises.

        It is tried, and a failure counted, in a task that no disconnect cancels: who hangs up before the answer has
        had his try.
        """
        if len(self._under_way) >= self._limits.attempts:
            metrics.login(Denial.UNAVAILABLE)
            return Denial.UNAVAILABLE
        if self._waiting[network] >= max(_AT_A_TIME, self._limits.attempts // 10):
            metrics.login(Denial.CROWDED)
            return Denial.CROWDED
        task = asyncio.get_running_loop().create_task(self._try(name, password, client, network))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        try:
            outcome, delay = await asyncio.shield(task)
            if delay:
                await asyncio.sleep(delay)
        finally:
            self._let_go(task)
        return outcome

    def _let_go(self, task: asyncio.Task[tuple[Login | Denial, float]]) -> None:
        """Give back the place among those who wait, if the try took one; who hangs up may be earlier than it."""
        if not task.done():
            task.add_done_callback(self._let_go)
        elif not task.cancelled() and task.exception() is None and task.result()[1]:
            self._delayed -= 1

    async def close(self) -> None:
        """Let what is under way be counted, and give back what is open."""
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._authenticator.close()

    async def _try(self, name: str, password: str, client: str, network: str) -> tuple[Login | Denial, float]:
        """Try it in the network's turn; return what came of it and how long a refusal has to wait."""
        turn = self._turns.setdefault(network, asyncio.Semaphore(_AT_A_TIME))
        self._waiting[network] += 1
        try:
            async with turn:
                outcome, delay = await self._judged(name, password, client, network)
            if delay and self._delayed >= self._limits.delayed:
                outcome, delay = Denial.CROWDED, 0
            self._delayed += bool(delay)
            metrics.login(outcome if isinstance(outcome, Denial) else "accepted")  # also where the client hung up
            return outcome, delay
        finally:
            self._waiting[network] -= 1
            if not self._waiting[network]:
                del self._waiting[network], self._turns[network]

    async def _judged(self, name: str, password: str, client: str, network: str) -> tuple[Login | Denial, float]:
        now, limits = datetime.now(UTC), self._limits
        counted = prepared_name(name)  # in capitals it is the same name
        before = await self._failures(network, counted, now)
        if before.network >= limits.failures and before.at > now - limits.cut_off:
            return Denial.CUT_OFF, 0
        site = _site(network)
        around = await self._failures(site, _ANYBODY, now) if site else Failures()
        if around.network >= _SITE * limits.failures and around.at > now - limits.cut_off:
            return Denial.CUT_OFF, 0
        try:
            async with self._checks.turn(before.network, _PATIENCE):
                login = await self._authenticator.verify(name, password, client=client)
        except TimeoutError:  # too many others ask
            return Denial.UNAVAILABLE, 0
        except LoginUnavailable as trouble:
            if self._available:
                log.login_unavailable(trouble.why)
            self._available = False
            return Denial.UNAVAILABLE, 0
        if not self._available:
            log.login_available()
        self._available = True
        if login is not None:
            if before.both:
                await self._forgive(network, counted)
            return login, 0
        after = await self._count(network, counted, password)
        if site:
            await self._count(site, _ANYBODY, f"{counted}\0{password}")
        log.login_failed(client, after.network)
        if before.network < limits.failures <= after.network:
            log.login_cut_off(client, after.network)
        return Denial.WRONG, self._delay(max(after.network, after.name))

    def _delay(self, failures: int) -> float:
        """Return the wait before a refusal: a name under attack from everywhere is slow, and never locked."""
        doublings = min(max(failures - 1, 0), _DOUBLINGS)
        return min(self._limits.delay * float(1 << doublings), self._limits.longest_delay)

    # --- the memory of failures ---------------------------------------------------------------------------------------

    async def _failures(self, network: str, name: str, now: datetime) -> Failures:
        since = now - self._limits.memory
        own = await self._own.failures(network, name, since)
        try:
            return _greater(own, await self._shared.failures(network, name, since))
        except StoreError as error:
            trouble.store_failed(error)
            return own

    async def _count(self, network: str, name: str, password: str) -> Failures:
        now = datetime.now(UTC)
        since = now - self._limits.memory
        own = await self._own.count_failure(network, name, password, since, now)
        try:
            return _greater(own, await self._shared.count_failure(network, name, password, since, now))
        except StoreError as error:
            trouble.store_failed(error)
            return own

    async def _forgive(self, network: str, name: str) -> None:
        await self._own.forgive(network, name)
        try:
            await self._shared.forgive(network, name)
        except StoreError as error:
            trouble.store_failed(error)


def _site(network: str) -> str:
    """Return the /48 around an IPv6 network, "" for others."""
    return str(IPv6Network(network).supernet(new_prefix=_SITE_BITS)) if ":" in network else ""


def _greater(one: Failures, other: Failures) -> Failures:
    return Failures(
        network=max(one.network, other.network),
        name=max(one.name, other.name),
        both=max(one.both, other.both),
        at=max(one.at, other.at),
    )
