"""The whole gateway as an operator runs it: two files in a folder, `dlp-gateway serve`, signals."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from tests.e2e.postfix import free_port

POLICY: Final = {"version": 1, "inside": ["corp.example", "*.corp.example"]}

_READY_WITHIN: Final = 90.0  # seconds: imports on a loaded machine
_GONE_WITHIN: Final = 90.0  # more than `processes.ending` lets it take


class Gateway:
    """A gateway in `folder` that forwards to 127.0.0.1:`smarthost`; `settings` go over the ones written here."""

    def __init__(
        self,
        folder: Path,
        smarthost: int,
        *,
        policy: dict[str, Any] | None = None,
        settings: dict[str, Any] | None = None,
        under: tuple[str, ...] = (),
    ) -> None:
        self._under = under  # a program that runs it, such as strace
        self.folder = folder
        self.port, self.admin_port = free_port(), free_port()
        self.config, self.policy = folder / "gateway.yaml", folder / "policy.yaml"
        self.database, self.errors = folder / "custody.db", folder / "stderr.log"
        self.scratch = folder / "scratch"  # every place for files that come and go
        self._process: asyncio.subprocess.Process | None = None
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.write_policy(POLICY if policy is None else policy)
        written: dict[str, Any] = {
            "listeners": [
                {"address": f"127.0.0.1:{self.port}", "tls": "none", "auth": "none", "networks": ["127.0.0.0/8"]}
            ],
            "smarthost": {"host": "127.0.0.1", "port": smarthost, "tls": "none"},
            "custody": {"url": "sqlite:///custody.db", "key_file": "custody.key", "keep": "30d"},
            "journal": {"keep": "90d"},
            "admin": {"address": f"127.0.0.1:{self.admin_port}"},
            "limits": {"message_size": "50MB"},
            "policy": "policy.yaml",
            "hostname": "gateway.corp.example",
            "processes": {"receivers": 1},  # starts faster; tests that need several say so
            "notices": {"authors": "off"},  # tests of other things count mails
        }
        self.config.write_text(yaml.safe_dump(written | (settings or {}), sort_keys=False))

    def write_policy(self, policy: dict[str, Any]) -> None:
        """Write policy.yaml; a running gateway reads it on `reload`."""
        self.policy.write_text(yaml.safe_dump(policy, sort_keys=False))

    # --- its life -----------------------------------------------------------------------------------------------------

    async def start(self, *, parts: tuple[str, ...] = ("receivers", "custody", "smarthost")) -> None:
        """Start `serve` in a session of its own and wait until these `parts` are well in /readyz."""
        with self.errors.open("ab") as errors:
            self._process = await asyncio.create_subprocess_exec(
                *(*self._under, *COMMAND, "serve", "--config", self.config),
                cwd="/",  # relative paths are relative to their file, whatever the folder
                env={**os.environ, **dict.fromkeys(("TMPDIR", "HOME", "RUNTIME_DIRECTORY"), str(self.scratch))},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                start_new_session=True,
            )
        end = time.monotonic() + _READY_WITHIN
        while not await self._well(parts):
            if self._process.returncode is not None or time.monotonic() > end:
                raise RuntimeError(f"serve: status {self._process.returncode}: {self.errors.read_text()[-4000:]}")
            await asyncio.sleep(0.05)

    async def stop(self) -> int:
        """Send SIGTERM, wait, make sure that no process of it is left, and return the exit status."""
        process = self._running()
        if process.returncode is None:
            process.terminate()
        return await self._ended()

    async def kill(self) -> int:
        """Kill the supervisor (-9) and wait until its children are gone by themselves."""
        self._running().kill()
        return await self._ended()

    async def kill_all(self) -> int:
        """Kill every process of it (-9) at once, as a power cut does."""
        os.killpg(self._running().pid, signal.SIGKILL)
        return await self._ended()

    def reload(self) -> None:
        """Send SIGHUP."""
        self._running().send_signal(signal.SIGHUP)

    @property
    def started(self) -> bool:
        """Whether `start` was called and no end of it."""
        return self._process is not None

    @property
    def leader(self) -> int:
        """The supervisor's process id, which names the session of all its processes."""
        return self._running().pid

    def processes(self) -> dict[int, str]:
        """Return every living process of this gateway: id and command line."""
        return session(self.leader)

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError("the gateway does not run")
        return self._process

    async def _ended(self) -> int:
        """Wait for the supervisor's end and for an empty session; who stays is killed and told."""
        process, self._process = self._running(), None
        try:
            status = await asyncio.wait_for(process.wait(), _GONE_WITHIN)
            end = time.monotonic() + _GONE_WITHIN
            while (left := session(process.pid)) and time.monotonic() < end:  # noqa: ASYNC110 - grandchildren set no event
                await asyncio.sleep(0.05)
            assert left == {}, f"processes outlived the gateway: {left}"
        finally:
            if session(process.pid):
                os.killpg(process.pid, signal.SIGKILL)
        return status

    # --- what it says -------------------------------------------------------------------------------------------------

    async def get(self, path: str) -> httpx.Response:
        """Ask the admin HTTP."""
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            return await client.get(f"http://127.0.0.1:{self.admin_port}{path}")

    async def metric(self, sample: str) -> float:
        """Return the value of a sample such as `dlp_messages_total{disposition="hold"}`; 0 if it is not there."""
        for line in (await self.get("/metrics")).text.splitlines():
            name, _, value = line.rpartition(" ")
            if name == sample:
                return float(value)
        return 0.0

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """Return the log's events (all, or those of a name) in order."""
        lines = (line for line in self.errors.read_text().splitlines() if line.startswith("{"))
        return [event for line in lines if name in {"", (event := json.loads(line))["event"]}]

    async def event(self, name: str, count: int = 1, seconds: float = 60.0) -> list[dict[str, Any]]:
        """Wait for `count` events of a name and return them."""
        end = time.monotonic() + seconds
        while len(found := self.events(name)) < count:
            if time.monotonic() > end:
                raise TimeoutError(f"{len(found)} of {count} events {name}: {self.errors.read_text()[-4000:]}")
            await asyncio.sleep(0.05)
        return found

    async def run(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a command of the command line with this gateway's configuration."""
        command = [*COMMAND, *arguments, "--config", self.config]
        return await asyncio.to_thread(subprocess.run, command, input=stdin, capture_output=True, check=False, cwd="/")

    async def _well(self, parts: tuple[str, ...]) -> bool:
        try:
            checks = (await self.get("/readyz")).json()["checks"]
        except httpx.HTTPError:
            return False
        return all(checks[part] == "ok" for part in parts)


def _command() -> tuple[str, ...]:
    script = Path(sys.executable).with_name("dlp-gateway")
    return (str(script),) if script.exists() else (sys.executable, "-m", "dlp_gateway")


COMMAND: Final = _command()


def session(leader: int) -> dict[int, str]:
    """Return the living processes of a session (proc(5): the sixth field of stat), zombies left out."""
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state, _parent, _group, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it ended meanwhile
            continue
        if int(session) == leader and state != "Z":
            found[int(entry.name)] = command
    return found
