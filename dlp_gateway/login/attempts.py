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

_AT_A_TIME: Final = 4  # tries of one network, in this receiver
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
        counted = prepared_name(name)  # in capitals it is the same name
        known = await self._failures(network, counted)
        if await self._is_cut_off(network, known):
            return Denial.CUT_OFF, 0
        try:
            async with self._checks.turn(known.network, _PATIENCE):
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
        # Others were looked at beside it. Where they had the last tries meanwhile, it came too late, and the answer
        # must not tell, nor show by the time it takes, whether this password was right.
        known = await self._failures(network, counted)
        if await self._is_cut_off(network, known):
            return Denial.CUT_OFF, 0
        if login is None:
            return await self._failed(counted, password, client, network)
        if known.both:
            await self._forgive(network, counted)
        return login, 0

    async def _failed(self, name: str, password: str, client: str, network: str) -> tuple[Denial, float]:
        """Count a failure; return what is said of it, which is nothing if other receivers had the last tries."""
        site, around = _site(network), Failures()
        before, after = await self._count(network, name, password)
        if site:
            around, _ = await self._count(site, _ANYBODY, f"{name}\0{password}")
        if self._is_over(before, self._limits.failures) or self._is_over(around, _SITE * self._limits.failures):
            return Denial.CUT_OFF, 0
        log.login_failed(client, after.network)
        if before.network < self._limits.failures <= after.network:
            log.login_cut_off(client, after.network)
        return Denial.WRONG, self._delay(max(after.network, after.name))

    async def _is_cut_off(self, network: str, known: Failures) -> bool:
        """Whether a network with these failures has no more tries now, or the site around it has none."""
        site = _site(network)
        return self._is_over(known, self._limits.failures) or (
            bool(site) and self._is_over(await self._failures(site, _ANYBODY), _SITE * self._limits.failures)
        )

    def _is_over(self, known: Failures, most: int) -> bool:
        # A clock that was ahead and is set back cuts nobody off for longer.
        return known.network >= most and abs(datetime.now(UTC) - known.at) < self._limits.cut_off

    def _delay(self, failures: int) -> float:
        """Return the wait before a refusal: a name under attack from everywhere is slow, and never locked."""
        doublings = min(max(failures - 1, 0), _DOUBLINGS)
        return min(self._limits.delay * float(1 << doublings), self._limits.longest_delay)

    # --- the memory of failures ---------------------------------------------------------------------------------------

    async def _failures(self, network: str, name: str) -> Failures:
        since = datetime.now(UTC) - self._limits.memory
        own = await self._own.failures(network, name, since)
        try:
            return _greater(own, await self._shared.failures(network, name, since))
        except StoreError as error:
            trouble.store_failed(error)
            return own

    async def _count(self, network: str, name: str, password: str) -> tuple[Failures, Failures]:
        now = datetime.now(UTC)
        since = now - self._limits.memory
        shared = Failures(), Failures()
        try:
            shared = await self._shared.count_failure(network, name, password, since, now)
        except StoreError as error:
            trouble.store_failed(error)
        # In the order of the shared count, so that no try is the last one in the one and a later one in the other.
        own = await self._own.count_failure(network, name, password, since, now)
        return _greater(own[0], shared[0]), _greater(own[1], shared[1])

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
