"""Settings → the parts that they describe: the one place where settings, policy and parts are put together."""

import os
import socket
import ssl
from pathlib import Path

from dlp_gateway import packs, settings as settings_file
from dlp_gateway.detect import registry
from dlp_gateway.inspection.inspector import Inspector, InspectorOptions
from dlp_gateway.journal import SqlJournal
from dlp_gateway.observe import log
from dlp_gateway.policy.model import Policy
from dlp_gateway.settings import Listener, Settings
from dlp_gateway.smtp.listener import ListenerOptions
from dlp_gateway.smtp.smarthost import AioSmarthost, SmarthostOptions
from quarantine.crypto import PrivateKey, PublicKey
from quarantine.store import Store


def load(path: Path) -> tuple[Settings, Policy]:
    """Return settings and policy; raise `ConfigurationError` with every problem of both files."""
    return settings_file.load_all(path, kinds=registry.kinds(), builtin=packs.builtin())


def notify(state: str) -> None:
    """Tell systemd (sd_notify(3)), if it started us: one datagram to the socket that it named."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notifier:
        notifier.connect("\0" + address[1:] if address.startswith("@") else address)
        notifier.sendall(state.encode())
