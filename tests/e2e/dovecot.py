"""A real Dovecot in a private directory that only answers who may log in, over a Unix socket and TCP."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.e2e.postfix import free_port

_CONFIGURATION: Final = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols =
ssl = no
auth_mechanisms = plain
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
service auth {{
  unix_listener auth-client {{
    mode = 0600
  }}
  inet_listener {{
    address = 127.0.0.1
    port = {port}
  }}
}}
"""

_WITHIN: Final = 60.0  # seconds


class Dovecot:
    """One instance with the users that it is given."""

    def __init__(self, users: dict[str, str]) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="dovecot-"))  # its daemons must be able to read it
        self._folder.chmod(0o755)
        self.port = free_port()
        self.socket = self._folder / "run" / "auth-client"
        (self._folder / "users").write_text("".join(f"{name}:{{PLAIN}}{secret}\n" for name, secret in users.items()))
        self._configuration = self._folder / "dovecot.conf"
        self._configuration.write_text(_CONFIGURATION.format(folder=self._folder, port=self.port))

    def start(self) -> None:
        """Start it and wait until it listens, at its socket and its port."""
        self._run()
        end = time.monotonic() + _WITHIN
        while not (_listens(socket.AF_UNIX, str(self.socket)) and _listens(socket.AF_INET, ("127.0.0.1", self.port))):
            if time.monotonic() > end:
                raise RuntimeError(f"Dovecot: {(self._folder / 'log').read_text()}")
            time.sleep(0.05)

    def halt(self) -> None:
        """Kill it with all its processes, as a machine that loses its power; it can be started again.

        Told to stop, it would let its authentication service go on for the clients that are connected.
        """
        pid = int((self._folder / "run" / "master.pid").read_text())
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for one in (pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        end = time.monotonic() + _WITHIN
        while any(Path(f"/proc/{one}/exe").exists() for one in (pid, *children)) and time.monotonic() < end:
            time.sleep(0.05)
        for left in ("master.pid", "auth-client"):
            (self._folder / "run" / left).unlink(missing_ok=True)

    def stop(self) -> None:
        """Stop it, if it runs, and take its folder away."""
        if (self._folder / "run" / "master.pid").exists():
            self.halt()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self) -> None:
        command = (str(shutil.which("dovecot", path="/usr/sbin:/usr/bin")), "-c", str(self._configuration))
        # Its daemons keep what they inherit: a pipe to us would never end.
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=_WITHIN)


def _listens(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    with socket.socket(family) as trial:
        return trial.connect_ex(address) == 0
