"""A real Postfix in a private directory on 127.0.0.1: as the next MTA with a Maildir, or as the MTA in front of us."""

import asyncio
import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MASTER: Final = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

_MAIN: Final = {
    "compatibility_level": "3.6",
    "inet_interfaces": "127.0.0.1",
    "inet_protocols": "ipv4",
    "myhostname": "mta.example",
    "mydestination": "",
    "mynetworks": "127.0.0.0/8",
    "alias_maps": "",
    "alias_database": "",
    "disable_dns_lookups": "yes",
    "smtp_host_lookup": "native",
    "local_header_rewrite_clients": "",  # nothing is added to the header but Received
    "smtpd_relay_restrictions": "permit_mynetworks, reject",
    "message_size_limit": "60000000",
    "mailbox_size_limit": "0",
    "virtual_mailbox_limit": "0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A mail in a recipient's mailbox: the envelope as Postfix noted it, and the content with CRLF line ends."""

    recipient: str
    reverse_path: str
    content: bytes


class Postfix:
    """One instance; `settings` go into main.cf over the ones that keep it private.

    `main` is the text of a main.cf, which may say all but what keeps the instance private.
    """

    def __init__(self, settings: dict[str, str] | None = None, *, main: str = "") -> None:
        self._main = main
        self._master = ""
        self._folder = Path(
            tempfile.mkdtemp(prefix="postfix-")
        )  # not below pytest's: its daemons must be able to read it
        self._settings = settings or {}
        self.port = free_port()
        self.log = self._folder / "data" / "mail.log"

    @classmethod
    def next_mta(cls, *refused: str, main: str = "") -> "Postfix":
        """Return one that puts mail for any address, except for the `refused` ones, into a Maildir."""
        owner = pwd.getpwnam("postfix")
        return cls(
            {
                "virtual_mailbox_domains": "static:all",
                "virtual_mailbox_maps": "static:inbox/",
                "virtual_mailbox_base": "{folder}/mail",
                "virtual_uid_maps": f"static:{owner.pw_uid}",
                "virtual_gid_maps": f"static:{owner.pw_gid}",
                "virtual_minimum_uid": "1",
                "smtpd_recipient_restrictions": f"check_recipient_access inline:{{{{{_refusing(refused)}}}}}, permit",
            },
            main=main,
        )

    @classmethod
    def in_front_of(cls, port: int, **settings: str) -> "Postfix":
        """Return one whose smarthost is 127.0.0.1:`port`."""
        waits = {"minimal_backoff_time": "2s", "queue_run_delay": "2s"}
        return cls({"relayhost": f"[127.0.0.1]:{port}", **waits, **settings})

    def use_master(self, master: str) -> None:
        """Let entries of a master.cf, before the start, replace those here that have the same name and type."""
        self._master = master

    def start(self) -> None:
        """Write the configuration, start, and wait until it greets."""
        folder, system = self._folder, Path("/etc/postfix")
        folder.chmod(0o755)
        for name in ("etc", "etc/postfix-files.d", "spool", "data", "mail"):
            (folder / name).mkdir()
        for name in ("dynamicmaps.cf", "postfix-files"):
            shutil.copy(system / name, folder / "etc" / name)
        if (system / "dynamicmaps.cf.d").is_dir():
            shutil.copytree(system / "dynamicmaps.cf.d", folder / "etc" / "dynamicmaps.cf.d")
        for name in ("data", "mail"):
            shutil.chown(folder / name, "postfix")
        places = {
            "queue_directory": folder / "spool",
            "data_directory": folder / "data",
            "config_directory": folder / "etc",
            "maillog_file": self.log,
            "maillog_file_prefixes": folder,
        }
        private = {"inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4", **places, **self._settings}
        private = {name: str(value).format(folder=folder) for name, value in private.items()}
        # Each name once: of a second one postlogd would warn itself, and wait for itself to read that for ever.
        settings = {**_MAIN, **_settings(self._main), **private}
        (folder / "etc" / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
        (folder / "etc" / "master.cf").write_text(_merged(_MASTER.format(port=self.port), self._master))
        self._run("start")
        self._await_greeting()

    def stop(self) -> None:
        """Stop it and remove everything."""
        self._run("stop", check=False)
        shutil.rmtree(self._folder, ignore_errors=True)

    def shell(self, commands: str, stdin: str = "") -> str:
        """Run an administrator's commands on this instance and return what they say."""
        paths = f"/usr/sbin:/sbin:{os.environ['PATH']}"  # the sendmail of Postfix, not of another
        environment = {**os.environ, "PATH": paths, "MAIL_CONFIG": str(self._folder / "etc")}
        done = subprocess.run(
            ["sh", "-ec", commands],
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode:
            raise RuntimeError(f"{commands}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def sendmail(self, content: bytes, *arguments: str) -> None:
        """Submit a mail as programs on the same machine do."""
        command = ("sendmail", "-C", str(self._folder / "etc"), "-i", *arguments)
        subprocess.run(command, input=content.replace(b"\r\n", b"\n"), check=True, capture_output=True, timeout=60)

    def arrivals(self) -> list[Arrival]:
        """Return what lies in the Maildir now, oldest first."""
        files = [path for path in (self._folder / "mail" / "inbox" / "new").glob("*") if path.is_file()]
        return [_read(path) for path in sorted(files, key=lambda path: (path.stat().st_mtime_ns, path.name))]

    async def until(self, count: int, seconds: float = 60.0) -> list[Arrival]:
        """Wait for at least `count` mails in the Maildir and return them all."""
        end = time.monotonic() + seconds
        while len(found := self.arrivals()) < count:
            if time.monotonic() > end:
                raise TimeoutError(f"{len(found)} of {count} mails arrived; {self.log.read_text()[-2000:]}")
            await asyncio.sleep(0.05)
        return found

    def _run(self, command: str, *, check: bool = True) -> None:
        done = subprocess.run(
            ["postfix", "-c", self._folder / "etc", command],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
        )
        if check and done.returncode:
            raise RuntimeError(f"postfix {command}: {done.stdout}{done.stderr}")

    def _await_greeting(self) -> None:
        end = time.monotonic() + 60
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                    if connection.recv(4) == b"220 ":
                        return
            except OSError:
                if time.monotonic() > end:
                    raise
            time.sleep(0.05)


def _settings(main: str) -> dict[str, str]:
    """Return what a main.cf without continued lines says, by name (postconf(5))."""
    lines = (line for line in main.splitlines() if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in (line.partition("=") for line in lines)}


def _merged(*masters: str) -> str:
    """Return one master.cf in which later entries replace earlier ones of the same name and type (master(5))."""
    entries: dict[tuple[str, ...], str] = {}
    key: tuple[str, ...] = ()
    for line in "\n".join(masters).splitlines():
        if line[:1] in {"#", ""}:
            continue
        if not line[0].isspace():
            key = tuple(line.split()[:2])
            entries[key] = ""
        entries[key] += f"{line}\n"
    return "".join(entries.values())


def _refusing(addresses: tuple[str, ...]) -> str:
    """Return the rows of a table that refuses these addresses; one is always needed."""
    return ", ".join(f"{{{{{one} = 550 5.1.1 no such user}}}}" for one in ("nobody@refused.example", *addresses))


def _read(path: Path) -> Arrival:
    """Split what virtual(8) puts on top (Return-Path, X-Original-To, Delivered-To) from the mail."""
    reverse_path, recipient, _delivered, content = path.read_bytes().split(b"\n", 3)
    return Arrival(
        recipient=recipient.partition(b": ")[2].decode(),
        reverse_path=reverse_path.partition(b"<")[2].partition(b">")[0].decode(),
        content=content.replace(b"\n", b"\r\n"),
    )


#: Below the ports that systems give to clients, any of which may be taken at any moment.
_PORTS: Final = range(12_000, 32_000)
_given: set[int] = set()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody uses now, and that no other worker of this test run is given."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ours = _PORTS[int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) :: workers]
    while True:
        port = random.choice(ours)
        if port in _given:
            continue
        _given.add(port)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
