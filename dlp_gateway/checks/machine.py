"""What this machine gives now: ports, folders, room on the disk, a clock, a custody that opens."""

import errno
import os
import pwd
import resource
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dlp_gateway.checks.advice import database
from dlp_gateway.checks.greeting import Greeting, greet
from dlp_gateway.checks.remark import Remark, ok, problem, warning
from dlp_gateway.notation import SocketAddress
from dlp_gateway.processes import review
from dlp_gateway.processes.ceiling import LEAST
from dlp_gateway.processes.readiness import custody_mark
from dlp_gateway.settings import Listener, Settings
from quarantine import crypto
from quarantine.model import State
from quarantine.opening import is_empty
from quarantine.store import StoreError

_AHEAD: Final = 120.0  # seconds by which two clocks may differ
_LITTLE: Final = 1_000_000_000  # bytes; less room than that deserves a thought
_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  compared, and connected to as this machine


#: What is said where a reload was refused.
FORMER: Final = (
    "The last reload was refused: the former configuration is in force. The log says why, and so may `check`."
)


def reachable(address: SocketAddress) -> tuple[str, int]:
    """Return where a client on this machine finds what listens at `address`."""
    return _ANYWHERE.get(address.host, address.host), address.port


# --- ports ------------------------------------------------------------------------------------------------------------


def listener(one: Listener, hostname: str, *, running: bool) -> Remark:
    """Say whether a listener's port is free, or held by this very gateway; `running`: whether that is there at all."""
    about = f"listener {one.address}"
    trouble = _bound(one.address)
    if trouble is None:
        return ok(about, "The port is free.")
    if trouble != errno.EADDRINUSE:
        return _cannot_listen(about, one.address, trouble)
    match greet(*reachable(one.address), implicit_tls=one.tls == "implicit"):
        case Greeting(host=host) if host.lower() == hostname.lower():
            if running:
                return ok(about, "The gateway is listening there.")
            return problem(
                about,
                f"A gateway that calls itself {hostname}, too, listens there, and it is not the one of this "
                "configuration, which does not run. Stop it, or take another port.",
            )
        case Greeting(line=line):
            return problem(about, f"Another mail server listens there and says: {line}. Stop it, or take another port.")
        case None:
            return problem(
                about,
                "Another program listens there and does not greet as a mail server. Stop it, or take another port.",
            )


def admin(settings: Settings) -> Iterator[Remark]:
    """Yield whether the admin port is free, or what the running gateway says of itself there."""
    from dlp_gateway.checks.running import readiness  # noqa: PLC0415  with the HTTP client, which `advice` never needs

    address = settings.admin.address
    about = f"admin {address}"
    trouble = _bound(address)
    if trouble is None:
        yield ok(about, "The port is free; no gateway runs with this configuration.")
        return
    if trouble != errno.EADDRINUSE:
        yield _cannot_listen(about, address, trouble)
        return
    told = readiness(address)
    if told is None:
        yield problem(about, "Another program listens there, or the gateway hangs. Stop it, or take another port.")
        return
    if not told.is_of(custody_mark(settings)):
        yield problem(
            about,
            f"Another gateway ({told.version}) runs there, with another custody than {database(settings)}. "
            "Stop it, or write another `admin.address`.",
        )
        return
    yield ok(about, f"Gateway {told.version or 'of an older version'} runs there.")
    if told.former:
        yield warning("running gateway", FORMER)
    for part, word in told.checks:
        if word != "ok":
            yield problem(f"running gateway, {part}", f"It says: {word}.")


def is_running(settings: Settings) -> bool:
    """Tell whether the gateway of these settings runs, as it says itself at its admin address."""
    from dlp_gateway.checks.running import readiness  # noqa: PLC0415  as above

    told = readiness(settings.admin.address)
    return told is not None and told.is_of(custody_mark(settings))


def _bound(address: SocketAddress) -> int | None:
    """Try to take the port for a moment; return None, or the error's number."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the gateway does; ports in TIME_WAIT are free
        try:
            one.bind((address.host, address.port))
            one.listen(1)  # Linux says only now that another socket listens there
        except OSError as error:
            return error.errno or errno.EIO
    return None


def _cannot_listen(about: str, address: SocketAddress, number: int) -> Remark:
    if number == errno.EACCES:
        return warning(
            about,
            f"{_user()} may not open ports below 1024; under systemd the unit gives the right to it "
            "(AmbientCapabilities=CAP_NET_BIND_SERVICE). Check again as root, or take another port.",
        )
    if number == errno.EADDRNOTAVAIL:
        return problem(about, f"This machine has no address {address.host}; `ip address` lists those that it has.")
    return problem(about, f"The port cannot be opened: {os.strerror(number)}.")


# --- custody and its disk ---------------------------------------------------------------------------------------------


async def custody(settings: Settings, *, running: bool) -> tuple[Remark, ...]:
    """Say whether custody opens with its key, or can be made at the first start; `running`: whether that has been."""
    base, key = database(settings), settings.custody.key_file
    folders = tuple(_folders(base.parent, key.parent))
    try:
        if not base.exists() or (not key.exists() and await is_empty(settings.custody.url, folder=Path())):
            return (*folders, *(_gone(base) if running else _before_the_first_start(base, key)))
        store = await review.custody(settings)
        try:
            statistics = await store.statistics()
        finally:
            await store.close()
    except StoreError as error:
        return (*folders, problem("custody", f"It cannot be used: {error}."))
    counts = ", ".join(f"{statistics.recipients[state]} {state}" for state in (State.HELD, State.DUE, State.IN_DOUBT))
    return (*folders, ok("custody", f"It opens, and the key fits ({counts})."))


def _before_the_first_start(base: Path, key: Path) -> Iterator[Remark]:
    try:
        crypto.load(key)
    except FileNotFoundError:
        yield ok("custody", f"The first start makes {base} and the key {key}.")
    except StoreError as error:
        yield problem("custody", f"It cannot be used: {error}.")
    else:
        yield warning(
            "custody",
            f"There is no {base}, but its key {key} is there. If the gateway ever ran, put the database back before "
            "the next start, which would begin with an empty custody.",
        )


def _gone(base: Path) -> Iterator[Remark]:
    yield problem(
        "custody",
        f"{base} is gone, though the gateway runs: mail that must be kept is put off (451). Put it back in its place "
        "(or a backup, and restart); a restart without it begins with an empty custody.",
    )


def _folders(*folders: Path) -> Iterator[Remark]:
    for folder in dict.fromkeys(folders):
        if not folder.is_dir():
            yield problem("custody", f"There is no folder {folder}. Make it: install -d -m 700 -o USER {folder}")
        elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
            yield problem("custody", f"{_user()} may not write in {folder}; check as the user that runs the gateway.")


def disk(settings: Settings) -> Remark:
    """Say how much room there is where custody lies."""
    folder = database(settings).parent
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return problem("disk", f"{folder} cannot be looked at: {error.strerror}.")
    room = f"{_size(free)} are free in {folder}"
    if free < 2 * settings.limits.message_size:  # a message is written to the log first, then to the database
        return problem("disk", f"{room}, less than two of the largest messages. Make room.")
    return (
        warning("disk", f"{room}. Make room, and let an alert tell you.") if free < _LITTLE else ok("disk", f"{room}.")
    )


def file_size() -> Iterator[Remark]:
    """Yield a warning if the system bounds how large a file may become: a gateway started so would have that bound."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if limit != resource.RLIM_INFINITY:
        yield warning(
            "file size",
            f"Files may not grow beyond {_size(limit)} here (RLIMIT_FSIZE). Where that holds for the gateway, too, "
            f"custody ends there, and with less than {_size(LEAST)} nothing starts. See `ulimit -f`, and LimitFSIZE= "
            "of the systemd unit.",
        )


def _size(octets: int) -> str:
    """Return a number of octets in the largest unit of which there is one at least."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "KB")):
        if octets >= unit:
            return f"{octets / unit:.1f} {name}"
    return f"{octets} bytes"


def clock(settings: Settings) -> Remark:
    """Say whether the clock was set back behind what this machine has already written."""
    now, newest = time.time(), Path(__file__).stat().st_mtime
    for file in (database(settings), settings.policy):
        if file.exists():
            newest = max(newest, file.stat().st_mtime)
    if newest - now > _AHEAD:
        return problem(
            "clock",
            f"The clock is {(newest - now) / 3600:.1f} hours behind files on this machine: mail would expire, and "
            "certificates be refused, at the wrong time. Set it (timedatectl set-ntp true).",
        )
    return ok("clock", "It is not behind what was written on this machine.")


def _user() -> str:
    try:
        return f"The user {pwd.getpwuid(os.geteuid()).pw_name}"
    except KeyError:
        return f"The user {os.geteuid()}"
