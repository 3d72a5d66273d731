"""The supervisor: owns the listening sockets, custody's private key, delivery, migrations and the admin HTTP.

It starts the receivers and replaces those that die (`receivers`), gives them a new policy on SIGHUP by starting new
ones before the old retire, and lets nobody outlive it (`boot`). The listening sockets stay open here, so that clients
who connect while a receiver is replaced wait instead of being refused.
"""

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TextIO

from dlp_gateway import __version__
from dlp_gateway.console.app import Check, application
from dlp_gateway.console.server import Admin
from dlp_gateway.errors import ConfigurationError, Problem
from dlp_gateway.journal import Generation, SqlJournal
from dlp_gateway.observe import log, metrics
from dlp_gateway.policy.model import Policy
from dlp_gateway.processes import composition, policies
from dlp_gateway.processes.boot import Boot
from dlp_gateway.processes.outbound import Outbound
from dlp_gateway.processes.receivers import Receivers, StartError
from dlp_gateway.settings import Settings
from quarantine.crypto import PublicKey
from quarantine.store import Store, StoreError

__all__ = ["StartError", "Supervisor", "run"]

_BACKLOG: Final = 512
_PRUNE: Final = timedelta(hours=1)
_LEARN: Final = timedelta(seconds=20)


def run(path: Path) -> None:
    """Run the gateway until it is told to stop. Raises `ConfigurationError`, `StartError` and `StoreError`."""
    os.umask(0o077)
    folder = metrics.prepare()
    try:
        settings, policy = policies.load(path)
        log.configure(settings.log.level, settings.log.format)
        log.catch_uncaught()
        asyncio.run(Supervisor(path, settings, policy).run())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Supervisor:
    """One run of the gateway. What receivers write to standard error goes to `errors`, if given."""

    def __init__(self, path: Path, settings: Settings, policy: Policy, errors: TextIO | None = None) -> None:
        self._path = path
        self._settings = settings
        self._policy = policy
        self._hostname = composition.hostname(settings)
        self._places: tuple[tuple[socket.socket, ...], ...] = ()  # one tuple for each receiver
        self._receivers = Receivers(errors)
        self._started = asyncio.Event()
        self._stopping = asyncio.Event()
        self._reloading: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()  # reloads take turns

    def stop(self) -> None:
        """Let `run` finish what is under way and return."""
        self._stopping.set()

    async def stopped(self) -> None:
        """Wait until somebody wants it to stop."""
        await self._stopping.wait()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run it under the block: mail is accepted when the block begins, everything is gone when it is left."""
        task = asyncio.create_task(self.run())
        started = asyncio.create_task(self._started.wait())
        await asyncio.wait({task, started}, return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        try:
            if self._started.is_set():
                yield
        finally:
            self.stop()
            await task

    async def run(self) -> None:
        """Start everything in the order of dependence, run, and stop in the reverse order."""
        composition.verify(self._settings, self._hostname)
        async with AsyncExitStack() as stack:
            key = await composition.prepared_custody(self._settings)
            self._places = self._bind(stack)
            generation = Generation.share()
            stack.callback(os.close, generation)
            store = await composition.custody(self._settings, key.public, key)
            stack.push_async_callback(store.close)
            journal = await composition.journal(self._settings, key.public, None)
            stack.push_async_callback(journal.close)
            outbound = Outbound(store, self._hostname)
            await self._serve_admin(stack, store, outbound)
            self._handle_signals(key.public, generation, outbound)
            stack.push_async_callback(self._receivers.close)
            await self._receivers.renew(self._boots(key.public, generation))
            outbound.begin(self._settings)
            stack.push_async_callback(outbound.close)
            self._say_started()
            housekeeping = asyncio.gather(self._prune(journal), self._learn(journal))
            await self._stopping.wait()
            log.stopping("signal")
            composition.notify("STOPPING=1")
            for place in self._places:  # clients who come now are refused, and try again or elsewhere
                for one in place:
                    one.close()
            # Receivers stop taking mail at once, while deliveries under way are finished.
            await asyncio.gather(self._receivers.close(), outbound.close(), housekeeping, *self._reloading)
        log.stopped(0)

    def _say_started(self) -> None:
        metrics.build(__version__)
        metrics.reloaded(ok=True)
        listening = tuple("{}:{}".format(*one.getsockname()[:2]) for one in self._places[0])
        log.started(__version__, listening, len(self._places), len(self._policy.rules))
        composition.notify("READY=1")
        self._started.set()

    async def _serve_admin(self, stack: AsyncExitStack, store: Store, outbound: Outbound) -> None:
        checks: Mapping[str, Check] = {
            "receivers": self._receivers_ready,
            "custody": lambda: _custody_ready(store),
            "smarthost": outbound.ready,
        }
        address = self._settings.admin.address
        admin = Admin(application(checks, metrics.expose), address.host, address.port)
        try:
            await admin.start()
        except OSError as error:
            raise StartError(f"The admin HTTP cannot listen on {address}: {error.strerror}.") from error
        stack.push_async_callback(admin.stop)

    # --- listening sockets --------------------------------------------------------------------------------------------

    def _bind(self, stack: AsyncExitStack) -> tuple[tuple[socket.socket, ...], ...]:
        """Open every listener once for each receiver; the kernel spreads the clients (SO_REUSEPORT)."""
        places: list[list[socket.socket]] = [[] for _ in range(self._settings.processes.receivers)]
        for listener in self._settings.listeners:
            host, port = listener.address.host, listener.address.port
            for place in places:
                try:
                    one = stack.enter_context(_listening(host, port))
                except OSError as error:
                    raise StartError(
                        f"Cannot listen on {listener.address}: {error.strerror}. Is another gateway or mail server "
                        "running there, or is it a port below 1024 without the right to it?"
                    ) from error
                port = one.getsockname()[1]  # port 0: the first takes a free one, the others join it
                place.append(one)
        return tuple(tuple(place) for place in places)

    def _boots(self, public_key: PublicKey, generation: int) -> tuple[Boot, ...]:
        """Return what each receiver is told, with the settings and the policy in force."""
        return tuple(
            Boot(
                settings=self._settings,
                policy=self._policy,
                public_key=public_key,
                hostname=self._hostname,
                sockets=tuple(one.fileno() for one in place),
                generation=generation,
            )
            for place in self._places
        )

    # --- signals ------------------------------------------------------------------------------------------------------

    def _handle_signals(self, public_key: PublicKey, generation: int, outbound: Outbound) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)

        def on_hangup() -> None:
            task = loop.create_task(self._reload(public_key, generation, outbound))
            self._reloading.add(task)
            task.add_done_callback(self._reloading.discard)

        loop.add_signal_handler(signal.SIGHUP, on_hangup)

    async def _reload(self, public_key: PublicKey, generation: int, outbound: Outbound) -> None:
        """Put a new configuration in force, or leave the old one and say why."""
        async with self._turn:
            composition.notify("RELOADING=1")
            former = self._settings, self._policy
            try:
                settings, policy = await asyncio.to_thread(policies.load, self._path)
                _refuse_restart_only(self._path, self._settings, settings)
                composition.verify(settings, self._hostname)
                self._settings, self._policy = settings, policy
                await self._receivers.renew(self._boots(public_key, generation))
                outbound.begin(settings)
            except ConfigurationError as error:
                log.reload_refused(error.problems)
                metrics.reloaded(ok=False)
            except StartError as error:
                self._settings, self._policy = former
                log.internal_error("reload", "supervisor", error)
                metrics.reloaded(ok=False)
            else:
                log.reloaded(len(policy.rules))
                metrics.reloaded(ok=True)
            composition.notify("READY=1")

    # --- the rest of the house ----------------------------------------------------------------------------------------

    async def _prune(self, journal: SqlJournal) -> None:
        """Forget on schedule what the journal need not keep."""
        while not self._stopping.is_set():
            try:
                await journal.prune(datetime.now(UTC) - self._settings.journal.keep, self._policy.memory.window)
            except StoreError as error:
                log.store_unavailable(error)
            try:
                await asyncio.wait_for(self._stopping.wait(), _PRUNE.total_seconds())
            except TimeoutError:
                continue

    async def _learn(self, journal: SqlJournal) -> None:
        """Learn from mail that reviewers released: what they had no objection to is ordinary."""
        while not self._stopping.is_set():
            try:
                await journal.settle()
            except StoreError as error:
                log.store_unavailable(error)
            try:
                await asyncio.wait_for(self._stopping.wait(), _LEARN.total_seconds())
            except TimeoutError:
                continue

    async def _receivers_ready(self) -> str:
        if self._stopping.is_set():
            return "stopping"
        alive = self._receivers.alive
        return "" if alive == len(self._places) else f"{alive} of {len(self._places)} running"


async def _custody_ready(store: Store) -> str:
    try:
        await store.statistics()
    except StoreError:
        return "cannot be used"
    return ""


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        one.bind((host, port))
        one.listen(_BACKLOG)
        one.setblocking(False)
    except OSError:
        one.close()
        raise
    return one


def _refuse_restart_only(path: Path, old: Settings, new: Settings) -> None:
    """Raise `ConfigurationError` if something changed that only a restart can bring into force."""
    problems = [
        Problem(source=str(path), line=0, column=0, message=f"`{name}` changed; that needs a restart, not a reload.")
        for name, before, after in (
            ("listeners", [one.address for one in old.listeners], [one.address for one in new.listeners]),
            ("custody", (old.custody.url, old.custody.key_file), (new.custody.url, new.custody.key_file)),
            ("admin", old.admin, new.admin),
            ("processes", old.processes, new.processes),
            ("hostname", old.hostname, new.hostname),
            ("log", old.log, new.log),
        )
        if before != after
    ]
    if problems:
        raise ConfigurationError(problems)
