"""Whether we run in a container, as far as the machine tells."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_MARKS: Final = (".dockerenv", "run/.containerenv")  # made by Docker, and by Podman and CRI-O
_GROUPS: Final = ("/docker", "/kubepods", "/libpod", "/containerd", "/crio", "/lxc")


def in_container(root: Path = Path("/"), environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this process runs under Docker, Podman, Kubernetes or their like; reads a few small files of `root`."""
    if environ.get("KUBERNETES_SERVICE_HOST") or environ.get("container"):
        return True
    if any((root / mark).exists() for mark in _MARKS):
        return True
    try:
        groups = (root / "proc/1/cgroup").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return any(name in groups for name in _GROUPS)  # only where control groups are those of version 1
