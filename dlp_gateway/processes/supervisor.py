"""The supervisor: owns the listening sockets, custody's private key, delivery, migrations and the admin HTTP.

It starts the receivers and replaces those that die (`receivers`), gives them a new policy on SIGHUP by starting new
ones before the old retire, and lets nobody outlive it (`boot`). The listening sockets stay open here, so that clients
who connect while a receiver is replaced wait instead of being refused.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TextIO

from dlp_gateway import __version__
from dlp_gateway.console.app import Check, application
from dlp_gateway.console.server import Admin
from dlp_gateway.errors import ConfigurationError, GatewayError
from dlp_gateway.inspection.fork_server import Newborn
from dlp_gateway.journal import Generation, SqlJournal
from dlp_gateway.observe import instruments, log, metrics
from dlp_gateway.policy.explain import fingerprint
from dlp_gateway.policy.model import Policy
from dlp_gateway.processes import composition, places, policies, readiness, teams
from dlp_gateway.processes.boot import Boot
from dlp_gateway.processes.ceiling import require_file_size
from dlp_gateway.processes.certificates import Watch, in_force
from dlp_gateway.processes.correspondence import Correspondence
from dlp_gateway.processes.descriptors import raise_limit
from dlp_gateway.processes.ending import in_time
from dlp_gateway.processes.housekeeping import regularly
from dlp_gateway.processes.outbound import Outbound
from dlp_gateway.processes.receivers import Receivers, StartError
from dlp_gateway.processes.systemd import Systemd
from dlp_gateway.processes.teams import TeamsUnknown
from dlp_gateway.settings import Settings
from dlp_gateway.smtp.identity import Identity
from dlp_gateway.smtp.listener import Crowd
from quarantine.crypto import PublicKey

__all__ = ["StartError", "Supervisor", "run"]

_FORGET: Final = timedelta(hours=1)
_LEARN: Final = timedelta(seconds=20)


def run(path: Path, newborn: Newborn | None = None) -> None:
    """Run the gateway until it is told to stop, with `newborn` as its first fork server.

    Raises `ConfigurationError`, `StartError` and `StoreError`.
    """
    require_file_size()
    os.umask(0o077)
    raise_limit()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})  # it waits until it can be answered (`_handle_signals`)
    systemd = Systemd.from_environment()
    folder = instruments.prepare()
    try:
        settings, policy = policies.load(path)
        log.configure(settings.log.level, settings.log.format)
        log.catch_uncaught()
        supervisor = Supervisor(path, settings, policy, systemd=systemd, newborn=newborn)
        asyncio.run(in_time(supervisor.run(), supervisor.stopped()))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Supervisor:
    """One run of the gateway. What receivers write to standard error goes to `errors`, if given."""

    def __init__(
        self,
        path: Path,
        settings: Settings,
        policy: Policy,
        errors: TextIO | None = None,
        systemd: Systemd | None = None,
        newborn: Newborn | None = None,
    ) -> None:
        self._path = path
        self._settings = settings
        self._policy = policy
        self._hostname = composition.hostname(settings)
        self._places: places.Places = ()
        self._receivers = Receivers(errors, newborn)
        self._systemd = systemd or Systemd()
        self._current = True  # False after a reload that was refused
        self._started = asyncio.Event()
        self._stopping = asyncio.Event()
        self._reloading: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()  # reloads take turns
        self._identities: tuple[Identity | None, ...] = ()
        self._crowd = -1  # the descriptor of the table of sessions
        self._watching: asyncio.Task[None] | None = None
        self._refreshing: asyncio.Task[None] | None = None

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
        if task.done():
            await task
            raise StartError("It was told to stop before it had started.")
        try:
            yield
        finally:
            self.stop()
            await task

    async def run(self) -> None:
        """Start everything in the order of dependence, run, and stop in the reverse order."""
        self._identities = composition.verify(self._settings, self._hostname)
        try:
            self._policy = await _looked_up(self._settings, self._policy)
        except TeamsUnknown as error:
            raise StartError(str(error)) from error
        try:
            await self._run()
        except StartError:
            if not self._stopping.is_set():
                raise  # else receivers were told to end, as we were, before they could start
        log.stopped(0)

    async def _run(self) -> None:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._receivers.forget)
            async with self._systemd.patient():
                self._systemd.status("Preparing custody and receivers.")
                await self._receivers.load(self._policy)
                key = await composition.prepared_custody(self._settings)
                self._places = places.bind(self._settings, stack)
                generation = Generation.share()
                stack.callback(os.close, generation)
                self._crowd = Crowd.share()
                stack.callback(os.close, self._crowd)
                store = await composition.custody(self._settings, key.public, key)
                stack.push_async_callback(store.close)
                journal = await composition.journal(self._settings, key.public, None)
                stack.push_async_callback(journal.close)
                ledger = await composition.ledger(self._settings, key)
                stack.push_async_callback(ledger.close)
                outbound = Outbound(store, self._hostname)
                correspondence = Correspondence(store, ledger, self._hostname, self._settings, self._policy)
                await correspondence.prepare()
                trial = readiness.Trial(store)
                await trial.once()
                checks = self._checks(trial, outbound)
                await self._serve_admin(stack, checks)
                self._handle_signals(key.public, generation, outbound, correspondence)
                stack.push_async_callback(self._receivers.close)
                await self._receivers.renew(self._boots(key.public, generation))
                self._watch()
                outbound.begin(self._settings)
                stack.push_async_callback(outbound.close)
                correspondence.begin(self._settings, self._policy)
                stack.push_async_callback(correspondence.close)
            self._say_started()
            self._refresh_teams(key.public, generation)
            housekeeping = asyncio.create_task(self._keep_house(journal, trial))
            telling = asyncio.create_task(readiness.keep_told(checks))
            stack.callback(telling.cancel)
            async with self._systemd.watched(self._alive):
                await self._stopping.wait()
                await self._stop(outbound, correspondence)
            await housekeeping

    async def _stop(self, outbound: Outbound, correspondence: Correspondence) -> None:
        """Turn new clients away and let what is under way be finished, within the drain's bound."""
        for task in filter(None, (self._watching, self._refreshing)):
            task.cancel()
        log.stopping("signal")
        self._systemd.stopping()
        async with self._systemd.patient():
            # A reload under way has started receivers on the sockets; the next ones see that there is nothing to do.
            await asyncio.gather(*self._reloading, return_exceptions=True)  # `_reloaded` tells
            for place in self._places:  # clients who come now are refused, and try again or elsewhere
                for one in place:
                    one.close()
            # Receivers stop taking mail at once, while deliveries under way are finished.
            await asyncio.gather(self._receivers.close(), outbound.close(), correspondence.close())

    def _say_started(self) -> None:
        metrics.build(__version__)
        metrics.reloaded(ok=True)
        self._tell_mode()
        listening = tuple("{}:{}".format(*one.getsockname()[:2]) for one in self._places[0])
        log.started(__version__, listening, len(self._places), len(self._policy.rules), self._policy.mode)
        self._systemd.ready(self._status(f"Accepting mail on {', '.join(listening)}"))
        self._started.set()

    def _tell_mode(self) -> None:
        """Say aloud, at each start and reload, that nothing is held or changed."""
        metrics.policy_mode(self._policy.mode)
        if self._policy.mode == "observe":
            log.observing()

    def _status(self, what: str) -> str:
        receivers, rules = _counted(len(self._places), "receiver"), _counted(len(self._policy.rules), "rule")
        return f"{what}; {receivers}, {rules}, mode {self._policy.mode}."

    def _checks(self, trial: readiness.Trial, outbound: Outbound) -> Mapping[str, Check]:
        return {
            "receivers": self._receivers_ready,
            "custody": trial.ready,
            "smarthost": outbound.ready,
        }

    async def _serve_admin(self, stack: AsyncExitStack, checks: Mapping[str, Check]) -> None:
        address = self._settings.admin.address
        mark = readiness.custody_mark(self._settings)
        facts = {
            "version": lambda: __version__,
            "mode": lambda: self._policy.mode,
            "configuration": lambda: "current" if self._current else "former",
            "custody": lambda: mark,
            "policy": lambda: fingerprint(self._policy),
        }
        admin = Admin(application(checks, instruments.expose, facts), address.host, address.port)
        try:
            await admin.start()
        except OSError as error:
            raise StartError(f"The admin HTTP cannot listen on {address}: {error.strerror}.") from error
        stack.push_async_callback(admin.stop)

    # --- receivers ----------------------------------------------------------------------------------------------------

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
                crowd=self._crowd,
                metrics=instruments.held(),
                identities=self._identities,
                environment=tuple(os.environ.items()),
            )
            for place in self._places
        )

    def _watch(self) -> None:
        """Watch the certificates in force, and tell; a receiver that is replaced begins with the last good ones."""
        if self._watching is not None:
            self._watching.cancel()
        watch = Watch(self._settings, in_force(self._identities), tells=True, changed=self._receivers.renew_identities)
        self._watching = asyncio.create_task(watch.run())

    # --- signals ------------------------------------------------------------------------------------------------------

    def _handle_signals(
        self, public_key: PublicKey, generation: int, outbound: Outbound, correspondence: Correspondence
    ) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)

        def on_hangup() -> None:
            task = loop.create_task(self._reload(public_key, generation, outbound, correspondence))
            self._reloading.add(task)
            task.add_done_callback(self._reloaded)

        loop.add_signal_handler(signal.SIGHUP, on_hangup)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})

    async def _reload(
        self, public_key: PublicKey, generation: int, outbound: Outbound, correspondence: Correspondence
    ) -> None:
        """Put a new configuration in force, or leave the old one and say why."""
        async with self._turn:
            await self._started.wait()
            if self._stopping.is_set():
                return
            self._systemd.reloading()
            former = self._settings, self._policy, self._identities
            done, status = False, "The new configuration could not be put in force; the former one is"
            try:
                settings, policy = await asyncio.to_thread(policies.load, self._path)
                policies.refuse_restart_only(self._path, self._settings, settings)
                policy = await _looked_up(settings, policy)
                identities = composition.verify(settings, self._hostname)
                if self._stopping.is_set():
                    return
                self._settings, self._policy, self._identities = settings, policy, identities
                await self._receivers.renew(self._boots(public_key, generation))
                self._watch()
                outbound.begin(settings)
                correspondence.begin(settings, policy)
                self._refresh_teams(public_key, generation)
                log.reloaded(len(policy.rules), policy.mode)
                self._tell_mode()
                done, status = True, "Accepting mail under the new configuration"
            except (ConfigurationError, TeamsUnknown) as error:
                log.reload_refused(error.problems)
                status = "The new configuration was refused (the log says why); the former one is in force"
            except StartError as error:
                log.internal_error("reload", "supervisor", error)
            finally:  # whatever happened: systemd waits for it
                if not done:
                    self._settings, self._policy, self._identities = former
                self._note_reload(done=done)
                if not self._stopping.is_set():  # READY=1 after STOPPING=1 would be a lie
                    self._systemd.ready(self._status(status))

    def _reloaded(self, task: asyncio.Task[None]) -> None:
        self._reloading.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.internal_error("reload", "supervisor", error)

    def _note_reload(self, *, done: bool) -> None:
        self._current = done
        metrics.reloaded(ok=done)

    # --- teams --------------------------------------------------------------------------------------------------------

    def _refresh_teams(self, public_key: PublicKey, generation: int) -> None:
        """Ask the directory again from time to time, by the settings in force."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            self._refreshing = None
        directory = self._settings.directory
        if directory is not None:
            every = directory.refresh.total_seconds()
            self._refreshing = asyncio.create_task(self._keep_teams(every, public_key, generation))

    async def _keep_teams(self, every: float, public_key: PublicKey, generation: int) -> None:
        """Give receivers the members that the directory knows now; only where somebody came or went are they new."""
        while True:
            await asyncio.sleep(every)
            async with self._turn:
                former = self._policy
                try:
                    self._policy = await _looked_up(self._settings, former)
                    if self._policy.teams != former.teams:
                        renewing = asyncio.create_task(self._receivers.renew(self._boots(public_key, generation)))
                        self._reloading.add(renewing)  # whoever stops us waits for it
                        renewing.add_done_callback(self._reloading.discard)
                        await asyncio.shield(renewing)
                        log.reloaded(len(self._policy.rules), self._policy.mode)
                except (GatewayError, OSError, RuntimeError) as error:  # it will be better in a while
                    self._policy = former
                    log.internal_error("teams", "directory", error)

    # --- the rest of the house ----------------------------------------------------------------------------------------

    async def _keep_house(self, journal: SqlJournal, trial: readiness.Trial) -> None:
        """Forget on schedule what the journal need not keep, learn from mail that left custody, and try custody out."""

        async def forget() -> None:
            await journal.prune(datetime.now(UTC) - self._settings.journal.keep, self._policy.memory.window)

        await asyncio.gather(
            regularly(_FORGET, forget, self._stopping),
            regularly(_LEARN, journal.settle, self._stopping),
            regularly(readiness.TRIAL, trial.once, self._stopping),
        )

    def _alive(self) -> bool:
        """Whether going on is better than being started anew."""
        return self._receivers.alive > 0 or self._stopping.is_set()

    async def _receivers_ready(self) -> str:
        if self._stopping.is_set():
            return "stopping"
        alive = self._receivers.alive
        return "" if alive == len(self._places) else f"{alive} of {len(self._places)} running"


async def _looked_up(settings: Settings, policy: Policy) -> Policy:
    return await teams.looked_up(settings, composition.team_directory(settings), policy)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
