"""The supervisor: owns the listening sockets, custody's private key, delivery, migrations and the admin HTTP.

It starts the receivers, replaces those that die, gives them a new policy on SIGHUP by starting new ones before the old
are drained, and lets nobody outlive it (see `boot`). The listening sockets stay open here, so that clients who connect
while a receiver is replaced wait instead of being refused.
"""

import asyncio
import os
import shutil
import signal
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TextIO

from dlp_gateway import __version__
from dlp_gateway.console.app import Check, application
from dlp_gateway.console.server import Admin
from dlp_gateway.delivery import DeliveryOptions, DeliveryWorker
from dlp_gateway.errors import ConfigurationError, GatewayError, Problem
from dlp_gateway.journal import Generation, SqlJournal
from dlp_gateway.observe import log, metrics
from dlp_gateway.policy.model import Policy
from dlp_gateway.processes import composition, policies
from dlp_gateway.processes.boot import Boot
from dlp_gateway.processes.child import Child
from dlp_gateway.settings import Settings
from quarantine.crypto import PublicKey
from quarantine.store import Store, StoreError

_BACKLOG: Final = 512
_QUICK_DEATH: Final = 5.0  # seconds; a receiver that lived for less is replaced with a pause
_PRUNE: Final = timedelta(hours=1)


class StartError(GatewayError):
    """The gateway cannot start here and now; the text says why and what to do."""


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
        self._errors = errors
        self._started = asyncio.Event()
        self._settings = settings
        self._policy = policy
        self._hostname = settings.host_name()
        self._places: tuple[tuple[socket.socket, ...], ...] = ()  # one tuple for each receiver
        self._children: list[Child | None] = []
        self._watchers: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._reloading = asyncio.Lock()

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
        async with AsyncExitStack() as stack:
            key = await composition.prepared_custody(self._settings)
            self._places = self._bind()
            for place in self._places:
                for one in place:
                    stack.callback(one.close)
            self._generation = Generation.share()
            stack.callback(os.close, self._generation)
            store = await composition.custody(self._settings, key.public, key)
            stack.push_async_callback(store.close)
            journal = await composition.journal(self._settings, key.public, None)
            stack.push_async_callback(journal.close)
            smarthost = composition.smarthost(self._settings, self._hostname)
            stack.push_async_callback(smarthost.close)
            checks: Mapping[str, Check] = {
                "receivers": self._receivers_ready,
                "custody": lambda: _custody_ready(store),
                "smarthost": lambda: composition.smarthost_ready(smarthost),
            }
            address = self._settings.admin.address
            admin = Admin(application(checks, metrics.expose), address.host, address.port)
            try:
                await admin.start()
            except OSError as error:
                raise StartError(f"The admin HTTP cannot listen on {address}: {error.strerror}.") from error
            stack.push_async_callback(admin.stop)
            self._install_signals()
            self._children = [None] * len(self._places)
            stack.push_async_callback(self._drain_all)
            await self._start_all(key.public)
            metrics.build(__version__)
            metrics.reloaded(ok=True)
            log.started(
                __version__,
                tuple("{}:{}".format(*one.getsockname()[:2]) for one in self._places[0]),
                len(self._places),
                len(self._policy.rules),
            )
            composition.notify("READY=1")
            self._started.set()
            worker = DeliveryWorker(store, smarthost, self._delivery_options())
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(worker.run())
                tasks.create_task(self._prune(journal))
                await self._stopping.wait()
                log.stopping("signal")
                composition.notify("STOPPING=1")
                worker.stop()
        log.stopped(0)

    # --- listening sockets --------------------------------------------------------------------------------------------

    def _bind(self) -> tuple[tuple[socket.socket, ...], ...]:
        """Open every listener once for each receiver; the kernel spreads the clients (SO_REUSEPORT)."""
        places: list[list[socket.socket]] = [[] for _ in range(self._settings.processes.receivers)]
        for listener in self._settings.listeners:
            host, port = listener.address.host, listener.address.port
            for place in places:
                try:
                    one = _listening(host, port)
                except OSError as error:
                    raise StartError(
                        f"Cannot listen on {listener.address}: {error.strerror}. Is another gateway or mail server "
                        "running there, or is it a port below 1024 without the right to it?"
                    ) from error
                port = one.getsockname()[1]  # port 0: the first takes a free one, the others join it
                place.append(one)
        return tuple(tuple(place) for place in places)

    # --- receivers ----------------------------------------------------------------------------------------------------

    def _boot(self, place: int, public_key: PublicKey) -> Boot:
        return Boot(
            settings=self._settings,
            policy=self._policy,
            public_key=public_key,
            hostname=self._hostname,
            sockets=tuple(one.fileno() for one in self._places[place]),
            generation=self._generation,
        )

    async def _start_all(self, public_key: PublicKey) -> None:
        """Start a receiver at every place; those that were there are drained when the new ones are ready."""
        self._public_key = public_key
        children = [
            await Child.start(self._boot(place, public_key), self._errors) for place in range(len(self._places))
        ]
        ready = await asyncio.gather(*(child.ready() for child in children))
        if not all(ready):
            await asyncio.gather(*(child.drain() for child in children))
            raise StartError("A receiver did not start; what it wrote to standard error says why.")
        former, self._children = self._children, list(children)
        for place, child in enumerate(children):
            self._watch(place, child)
        await asyncio.gather(*(child.drain() for child in former if child is not None))
        metrics.receivers(len(children))

    def _watch(self, place: int, child: Child) -> None:
        task = asyncio.create_task(self._replace_when_dead(place, child))
        self._watchers.add(task)
        task.add_done_callback(self._watchers.discard)

    async def _replace_when_dead(self, place: int, child: Child) -> None:
        status = await child.ended()
        metrics.mark_dead(child.pid)
        while not self._stopping.is_set() and not child.draining:
            log.receiver_died(child.pid, status)
            if time.monotonic() - child.started < _QUICK_DEATH:
                await asyncio.sleep(1)
            started = time.monotonic()
            successor = await Child.start(self._boot(place, self._public_key), self._errors)
            if await successor.ready() and self._children[place] is child:
                self._children[place] = successor
                metrics.receiver_restarted()
                log.receiver_restarted(successor.pid, round(time.monotonic() - started, 3))
                self._watch(place, successor)
                return
            status = await successor.drain()
            child.draining = self._children[place] is not child

    async def _drain_all(self) -> None:
        self._stopping.set()
        await asyncio.gather(*(child.drain() for child in self._children if child is not None))
        await asyncio.gather(*self._watchers)

    # --- signals ------------------------------------------------------------------------------------------------------

    def _install_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._on_hangup)

    def _on_hangup(self) -> None:
        task = asyncio.create_task(self._reload())
        self._watchers.add(task)
        task.add_done_callback(self._watchers.discard)

    async def _reload(self) -> None:
        """Put a new configuration in force, or leave the old one and say why."""
        async with self._reloading:
            composition.notify("RELOADING=1")
            try:
                settings, policy = await asyncio.to_thread(policies.load, self._path)
                _refuse_restart_only(self._path, self._settings, settings)
            except ConfigurationError as error:
                log.reload_refused(error.problems)
                metrics.reloaded(ok=False)
            else:
                former = self._settings, self._policy
                self._settings, self._policy = settings, policy
                try:
                    await self._start_all(self._public_key)
                except StartError as error:
                    self._settings, self._policy = former
                    log.internal_error("reload", "supervisor", error)
                    metrics.reloaded(ok=False)
                else:
                    log.reloaded(len(policy.rules))
                    metrics.reloaded(ok=True)
            composition.notify("READY=1")

    # --- the rest of the house ----------------------------------------------------------------------------------------

    def _delivery_options(self) -> DeliveryOptions:
        custody = self._settings.custody
        return DeliveryOptions(
            owner=f"{self._hostname}:{os.getpid()}",
            hostname=self._hostname,
            smarthost=self._settings.smarthost.host,
            first=custody.retry.first,
            longest=custody.retry.longest,
            max_age=custody.retry.max_age,
            retry_in_doubt=custody.in_doubt == "retry",
            keep=custody.keep,
        )

    async def _prune(self, journal: SqlJournal) -> None:
        """Forget on schedule what the journal need not keep."""
        while not self._stopping.is_set():
            try:
                await journal.prune(datetime.now(UTC) - self._settings.journal.keep)
            except StoreError as error:
                log.store_unavailable(error)
            try:
                await asyncio.wait_for(self._stopping.wait(), _PRUNE.total_seconds())
            except TimeoutError:
                continue

    async def _receivers_ready(self) -> str:
        alive = sum(child is not None and not child.draining for child in self._children)
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
        )
        if before != after
    ]
    if problems:
        raise ConfigurationError(problems)
