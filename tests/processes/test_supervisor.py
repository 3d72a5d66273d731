"""What the supervisor says of a reload that failed in a way that nobody thought of."""

import asyncio
import socket
from pathlib import Path

import pytest

from dlp_gateway import document, packs
from dlp_gateway.policy import load
from dlp_gateway.processes import policies
from dlp_gateway.processes.supervisor import Supervisor
from dlp_gateway.processes.systemd import Systemd
from dlp_gateway.settings import Settings

SETTINGS = """
listeners: [{address: "127.0.0.1:0", networks: [127.0.0.0/8]}]
smarthost: {host: 127.0.0.1, port: 1, tls: none}
custody: {url: "sqlite:///custody.db", key_file: custody.key}
"""


async def test_a_reload_ends_with_a_status_whatever_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What systemd waits for: `systemctl reload` hung, and would have the gateway killed in the end."""

    def broken(_path: Path) -> None:
        raise LookupError("nobody thought of this")

    monkeypatch.setattr(policies, "load", broken)
    settings = document.parse(SETTINGS, Settings, str(tmp_path / "gateway.yaml"))
    policy = load.parse("version: 1\ninside: [corp.example]\npacks: []\n", "policy.yaml", builtin=packs.builtin())
    with (tmp_path / "errors").open("w") as errors, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(2)
        supervisor = Supervisor(tmp_path, settings, policy, errors, Systemd(str(tmp_path / "notify")))
        supervisor._started.set()
        reloading = asyncio.create_task(supervisor._reload(None, 1, None, None))  # type: ignore[arg-type]
        reloading.add_done_callback(supervisor._reloaded)
        await asyncio.wait((reloading,))
        said = [systemd.recv(4096).decode().split("\n") for _ in range(2)]
    assert said[0][0] == "RELOADING=1"
    assert said[1][0] == "READY=1"
    assert "could not be put in force" in said[1][1]
