"""A real PostgreSQL in a private directory that only a Unix socket leads to; each test gets a database of its own."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Final
from urllib.parse import quote

_WITHIN: Final = 60.0  # seconds

#: Nothing here need outlive the machine, and a test waits for every commit.
_SETTINGS: Final = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "shared_buffers": "16MB",
    "max_connections": "40",
}


class Postgres:
    """One cluster; it runs as the user `account`, for it refuses to run as root."""

    def __init__(self, postgres: Path, account: str = "postgres") -> None:
        self._programs = postgres.parent
        self._account = pwd.getpwnam(account) if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))  # a socket's path holds some hundred octets
        if self._account is not None:
            os.chown(self._folder, self._account.pw_uid, self._account.pw_gid)
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)

    def start(self) -> None:
        """Make the cluster, and wait until it takes connections."""
        data = str(self._folder / "data")
        self._run("initdb", "-D", data, "-U", "dlp", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            (str(self._programs / "postgres"), "-D", data, "-k", str(self._folder), *settings),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._as_account(),
        )
        end = time.monotonic() + _WITHIN
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("PostgreSQL did not start")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it (SIGINT ends sessions that are open) and take its folder away."""
        if self._process is not None:
            self._process.send_signal(2)
            self._process.wait(_WITHIN)
        shutil.rmtree(self._folder, ignore_errors=True)

    def database(self, template: str = "template1") -> str:
        """Make a database that is a copy of `template`, and return its name."""
        name = f"custody{next(self._numbers)}"
        self._sql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    def drop(self, name: str) -> None:
        """Take a database away, whoever is still connected."""
        self._sql(f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, name: str) -> str:
        """Return the address of a database as it stands in `custody.url`."""
        return f"postgresql://dlp@/{name}?host={quote(str(self._folder), safe='')}"

    def _sql(self, statement: str) -> None:
        self._run("psql", "-h", str(self._folder), "-U", "dlp", "-d", "postgres", "-Xqc", statement)

    def _run(self, program: str, *arguments: str) -> None:
        command = (str(self._programs / program), *arguments)
        ran = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_WITHIN, cwd="/", **self._as_account()
        )
        if ran.returncode:
            raise RuntimeError(f"{program}: {ran.stderr}")

    def _as_account(self) -> dict[str, object]:
        if self._account is None:
            return {}
        return {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}

    def _is_ready(self) -> bool:
        told = self._folder / "data" / "postmaster.pid"
        return told.exists() and told.read_text().rstrip().endswith("ready")
