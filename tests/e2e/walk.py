"""Follow docs/first-hour.md word for word in an empty Debian, and write what it printed into the page.

    python -m tests.e2e.walk MIRROR [--write]

As root; MIRROR is a Debian archive. The machine is made by debootstrap and has nothing but Python. What the page
takes for granted is put there first: a source, a name, the addresses 10.0.0.25 and 10.0.0.26 in a network of its own,
and behind the second one a Postfix, `mail.example.net`, that puts all mail into a Maildir. Exits 1 if a command failed.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "first-hour.md"
_BLOCK: Final = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
_MOST: Final = 34  # lines of one command's output
_DONE: Final = "walked on to"
_ALONE: Final = ("unshare", "--net", "--uts", "--pid", "--mount", "--fork", "--kill-child")
_ENVIRONMENT: Final = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}
_NEXT: Final = """\
inet_interfaces = 10.0.0.26
inet_protocols = ipv4
myhostname = mail.example.net
mydestination =
mynetworks = 10.0.0.0/24
alias_maps =
local_header_rewrite_clients =
smtpd_relay_restrictions = permit_mynetworks, reject
virtual_mailbox_domains = static:all
virtual_mailbox_maps = static:inbox/
virtual_mailbox_base = /var/mail/next
virtual_uid_maps = static:{user}
virtual_gid_maps = static:{user}
virtual_minimum_uid = 1
maillog_file = /var/log/postfix.log
"""


class Shell:
    """A root shell in the empty machine; commands are typed, one after the other."""

    def __init__(self, *command: str) -> None:
        self._process = subprocess.Popen(
            [*command, "/bin/bash", "--norc", "--noediting"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=_ENVIRONMENT,
        )

    def run(self, command: str) -> tuple[int, list[str]]:
        """Type a command; return its exit status and the lines that it printed."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{command}\nprintf '\\n{_DONE} %s\\n' $?\n")
        stdin.flush()
        lines: list[str] = []
        for line in stdout:
            if line.startswith(_DONE):
                return int(line.split()[-1]), "".join(lines).rstrip("\n").splitlines()
            lines.append(line)
        raise RuntimeError(f"the shell ended at: {command}")

    def end(self) -> None:
        """Leave, and take everything along that was started."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.kill()
        self._process.wait()


@contextmanager
def machine(mirror: str) -> Iterator[Path]:
    """Make an empty Debian with Python and our source in it."""
    with tempfile.TemporaryDirectory(prefix="first-hour-") as folder:
        root = Path(folder, "root")
        root.mkdir(mode=0o755)
        Path(folder).chmod(0o755)
        include = "--include=python3,ca-certificates,iproute2"
        subprocess.run(
            ["debootstrap", "--variant=minbase", include, "bookworm", root, mirror],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
        (root / "root" / "dlp-gateway").mkdir()
        subprocess.run(["tar", "-x", "-C", root / "root" / "dlp-gateway"], input=archive, check=True)
        shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
        bundle = Path("etc", "ssl", "certs", "ca-certificates.crt")  # where this machine has authorities of its own
        shutil.copy("/" / bundle, root / bundle)
        (root / "etc" / "hostname").write_text("gateway\n")
        (root / "etc" / "hosts").write_text(
            "127.0.0.1 localhost\n10.0.0.25 gateway.corp.example gateway\n10.0.0.26 mail.example.net\n"
        )
        (root / "usr" / "sbin" / "policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
        (root / "usr" / "sbin" / "policy-rc.d").chmod(0o755)
        mounts = ("proc", "dev")
        for name in mounts:
            subprocess.run(["mount", "--bind", f"/{name}", root / name], check=True)
        try:
            yield root
        finally:
            for name in mounts:
                subprocess.run(["umount", "-l", root / name], check=True)


def next_server(shell: Shell) -> None:
    """Start the Postfix that stands for mail.example.net."""
    user = shell.run("id -u postfix")[1][0]
    for command in (
        f"cat > /etc/postfix/main.cf <<'END'\n{_NEXT.format(user=user)}END",
        "sed -i 's/^smtp  *inet/10.0.0.26:25 inet/' /etc/postfix/master.cf",
        "install -d -o postfix /var/mail/next",
        "postfix start 2>/dev/null",
    ):
        status, lines = shell.run(command)
        if status:
            raise RuntimeError("\n".join(lines))


def commands(block: str) -> Iterator[str]:
    """Yield what is typed in a block: lines behind `# `, with those that a backslash adds."""
    lines = iter(block.splitlines())
    for line in lines:
        if line.startswith("# "):
            typed = line
            while line.endswith("\\"):
                line = next(lines)  # noqa: PLW2901  the command goes on
                typed += f"\n{line}"
            yield typed


def walked(shell: Shell, block: str) -> tuple[str, list[str]]:
    """Return the block with what its commands printed, and which of them failed."""
    written: list[str] = []
    failed: list[str] = []
    for typed in commands(block):
        print(typed, file=sys.stderr)
        status, lines = shell.run(typed.removeprefix("# "))
        print("\n".join(lines), file=sys.stderr)
        if status:
            failed.append(f"exit status {status}: {typed}")
        shown = [line.rstrip() for line in lines]
        if len(shown) > _MOST:
            shown = [*shown[: _MOST - 8], "…", *shown[-7:]]
        written += [typed, *shown]
    return "".join(f"{line}\n" for line in written), failed


def main() -> int:
    """Walk, and compare or write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("mirror")
    parser.add_argument("--write", action="store_true", help="put what was printed into the page")
    options = parser.parse_args()
    page = PAGE.read_text(encoding="utf-8")
    first, rest = page.split("\n## 2.", 1)
    failed: list[str] = []
    os.umask(0o022)
    with machine(options.mirror) as root:
        online = Shell("chroot", str(root))
        online.run("cd /root/dlp-gateway")
        status, lines = online.run("apt-get update -qq && apt-get install -qq -y --no-install-recommends postfix swaks")
        if status:
            raise RuntimeError("\n".join(lines))
        pieces = []

        def replace(shell: Shell, text: str) -> str:
            def one(match: re.Match[str]) -> str:
                block, wrong = walked(shell, match[0])
                failed.extend(wrong)
                return block

            return _BLOCK.sub(one, text)

        pieces.append(replace(online, first))
        online.end()
        alone = Shell(*_ALONE, "chroot", str(root))
        for command in (
            "mount -t proc proc /proc",
            "hostname gateway",
            "ip link set lo up && ip link add inside type dummy && ip link set inside up",
            "ip address add 10.0.0.25/24 dev inside && ip address add 10.0.0.26/24 dev inside",
            "cd /root/dlp-gateway",
        ):
            alone.run(command)
        next_server(alone)
        pieces.append(replace(alone, rest))
        alone.run("kill %1; postfix stop 2>/dev/null; wait")
        alone.end()
    if options.write:
        PAGE.write_text("\n## 2.".join(pieces), encoding="utf-8")
    print("\n".join(failed) or "Every command did what the page says.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
