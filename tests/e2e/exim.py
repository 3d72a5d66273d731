"""A real Exim in a private directory on 127.0.0.1, which is given parts of its configuration and sends to one port."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

_PRIVATE: Final = """\
exim_path = {program}
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/exim.pid
primary_hostname = mail.corp.example
domainlist local_domains = corp.example
keep_environment =
tls_advertise_hosts =
acl_smtp_rcpt = acl_check_rcpt
{main}
begin acl
acl_check_rcpt:
{acl}
  accept hosts = 127.0.0.1
begin routers
{routers}
internet:
  driver = manualroute
  domains = ! +local_domains
  transport = remote_smtp
  route_list = * 127.0.0.1::{internet}
  self = send
  no_more
begin transports
{transports}
begin retry
* * F,1h,1s
"""


class Exim:
    """One instance that listens on `port` and whose internet is a port of 127.0.0.1."""

    def __init__(self, program: str, port: int, internet: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="exim-"))  # not below pytest's: its user must be able to read it
        self.port = port
        self._program, self._internet = program, internet
        self._configuration = self.folder / "exim.conf"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, main: str, acl: str = "", routers: str, transports: str) -> None:
        """Write the configuration, let Exim check it, start, and wait until it greets."""
        self.folder.chmod(0o755)
        user = pwd.getpwnam("Debian-exim")
        for name in ("spool", "log"):
            (self.folder / name).mkdir()
            os.chown(self.folder / name, user.pw_uid, user.pw_gid)
        text = _PRIVATE.format(
            program=self._program,
            folder=self.folder,
            main=main,
            acl=acl,
            routers=routers,
            transports=transports,
            internet=self._internet,
        )
        self._configuration.write_text(text)
        self._configuration.chmod(0o644)
        self.run("-bV")
        command = [self._program, "-C", str(self._configuration), "-bdf", "-q2s"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        end = time.monotonic() + 60
        while not self._greets():
            if time.monotonic() > end:
                raise RuntimeError(f"exim does not greet: {self.log()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it and remove everything."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Run Exim as an administrator does and return what it says."""
        command = [self._program, "-C", str(self._configuration), *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:
            raise RuntimeError(f"exim {arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def log(self) -> str:
        """Return what it wrote."""
        return "\n".join(file.read_text(errors="replace") for file in (self.folder / "log").glob("*"))

    def _greets(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                return connection.recv(4) == b"220 "
        except OSError:
            return False
