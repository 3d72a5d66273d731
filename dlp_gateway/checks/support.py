"""What a support engineer would ask for, as one value: versions, system, configuration, checks, state; no secrets."""

import os
import platform
import pwd
import re
import resource
import sqlite3
import ssl
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from dlp_gateway import __version__
from dlp_gateway.checks import masking
from dlp_gateway.checks.advice import advice, database
from dlp_gateway.checks.live import live
from dlp_gateway.checks.remark import Remark
from dlp_gateway.checks.running import readiness, url
from dlp_gateway.console.server import healthcheck
from dlp_gateway.errors import ConfigurationError
from dlp_gateway.policy.explain import explain
from dlp_gateway.policy.model import Policy
from dlp_gateway.processes import policies, review
from dlp_gateway.settings import Settings
from dlp_gateway.settings.container import in_container
from quarantine.store import StoreError

_REQUIREMENT: Final = re.compile(r"[A-Za-z0-9._-]+")
_SAMPLE: Final = re.compile(r"^(dlp_[a-z_]+(?:\{[^}]{0,300}\})?) ([0-9.e+-]{1,30})$", re.MULTILINE)
_SMALL: Final = 4_096  # bytes of a file below /proc and its like


async def report(path: Path | None, missing: ConfigurationError | None = None) -> dict[str, Any]:
    """Return everything by section; a configuration that is wrong or `missing` is told, and the rest goes on."""
    told: dict[str, Any] = {"made_at": datetime.now(UTC).isoformat(timespec="seconds"), "versions": _versions()}
    told["system"] = _system()
    try:
        if path is None:
            raise missing or ConfigurationError([])
        settings, policy = policies.load(path)
        remarks = advice(path, settings, policy)
    except ConfigurationError as error:
        told["configuration"] = {
            "file": str(path or ""),
            "problems": [masking.problem(str(one)) for one in error.problems],
        }
        return told
    told["configuration"] = {
        "file": str(path),
        "problems": [],
        "settings": masking.values(settings.model_dump(mode="json")),
    }
    told["policy"] = _policy(policy)
    told["checks"] = [_remark(one) for one in (*remarks, *await live(settings, policy))]
    told["gateway"] = _gateway(settings)
    told["custody"] = {"files": _files(settings), **await _custody(settings)}
    return told


# --- this machine -----------------------------------------------------------------------------------------------------


def _versions() -> dict[str, Any]:
    names = sorted({found[0] for line in metadata.requires("dlp-gateway") or () if (found := _REQUIREMENT.match(line))})
    return {
        "dlp-gateway": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "openssl": ssl.OPENSSL_VERSION,
        "sqlite": sqlite3.sqlite_version,
        "libraries": {name: _version(name) for name in names},
    }


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _system() -> dict[str, Any]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    memory = dict(re.findall(r"^(MemTotal|MemAvailable):\s*(\d+) kB", _read("/proc/meminfo"), re.MULTILINE))
    system = re.search(r'^PRETTY_NAME="?([^"\n]*)', _read("/etc/os-release"), re.MULTILINE)
    return {
        "system": system[1] if system else platform.system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "container": in_container(),
        "cores": {"all": os.cpu_count(), "usable": len(os.sched_getaffinity(0))},
        "memory_bytes": {
            **{name: int(kilobytes) * 1024 for name, kilobytes in memory.items()},
            "control_group": _read("/sys/fs/cgroup/memory.max").strip() or "none",
        },
        "open_files": {"soft": soft, "hard": hard},
        "user": _user(),
        "time_zone": time.strftime("%z %Z"),
        "file_system_encoding": sys.getfilesystemencoding(),
    }


def _user() -> str:
    """Return who asks, if that is an account of the system; people have no business in a report."""
    try:
        account = pwd.getpwuid(os.geteuid())
    except KeyError:
        return f"uid {os.geteuid()}"
    return account.pw_name if account.pw_uid < 1000 else "a person's account"  # login.defs(5): SYS_UID_MAX


def _read(path: str) -> str:
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as file:
            return file.read(_SMALL)
    except OSError:
        return ""


# --- the gateway ------------------------------------------------------------------------------------------------------


def _policy(policy: Policy) -> dict[str, Any]:
    hidden = masking.policy(policy)
    return {
        "mode": policy.mode,
        "rules": [masking.text(sentence) for sentence in explain(hidden)],
        "packs": [str(folder) for folder in policy.folders],
        "recognizers": list(policy.recognizers),
        "model": policy.model,
    }


def _remark(one: Remark) -> dict[str, str]:
    return {"level": one.level.value, "about": masking.text(one.about), "says": masking.text(one.says)}


def _gateway(settings: Settings) -> dict[str, Any]:
    """Return what the running gateway says of itself, and what it has counted."""
    address = settings.admin.address
    told = readiness(address)
    if told is None:
        return {"running": False}
    _, body = healthcheck(url(address, "/metrics"))
    samples = dict(_SAMPLE.findall(body))
    started = float(samples.get("dlp_start_time_seconds", 0))
    return {
        "running": True,
        "ready": told.ready,
        "version": told.version,
        "mode": told.mode,
        "configuration": "former: the last reload was refused" if told.former else "current",
        "up_for_seconds": round(time.time() - started) if started else None,
        "checks": dict(told.checks),
        "metrics": {masking.text(name): float(value) for name, value in samples.items() if _telling(name, value)},
    }


def _telling(name: str, value: str) -> bool:
    """Whether a sample says something: no pieces of a histogram, and nothing that never happened."""
    return "_bucket" not in name and "_created" not in name and float(value) != 0


def _files(settings: Settings) -> dict[str, Any]:
    base = database(settings)
    return {
        str(file): _file(file)
        for file in (base, base.with_name(f"{base.name}-wal"), settings.custody.key_file, base.parent)
    }


def _file(path: Path) -> Mapping[str, Any] | str:
    try:
        status = path.stat()
    except OSError as error:
        return str(error.strerror)
    return {
        "bytes": status.st_size,
        "mode": f"{status.st_mode & 0o7777:o}",
        "owner_is_us": status.st_uid == os.geteuid(),
    }


async def _custody(settings: Settings) -> dict[str, Any]:
    if not database(settings).exists():
        return {"state": "not made yet"}
    try:
        store = await review.custody(settings)
        try:
            found = await store.statistics()
        finally:
            await store.close()
    except StoreError as error:
        return {"state": masking.text(f"cannot be used: {error}")}
    return {
        "state": "opens",
        "recipients": {state.value: count for state, count in found.recipients.items()},
        "bytes": found.bytes,
        "oldest_held_seconds": _age(found.oldest_held),
        "oldest_due_seconds": _age(found.oldest_due),
    }


def _age(moment: datetime | None) -> int | None:
    return None if moment is None else round((datetime.now(UTC) - moment).total_seconds())
