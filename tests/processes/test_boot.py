"""A receiver sees that its supervisor is gone, however that ended."""

import select
import socket
import subprocess
import sys

import pytest

from dlp_gateway.processes.boot import READY

_RECEIVER = """
import os, threading
from dlp_gateway.processes.boot import tell_ready, watch_supervisor
drained = threading.Event()
tell_ready()
watch_supervisor(lambda: None, drained.set)
os._exit(0 if drained.wait(20) else 1)
"""


@pytest.mark.parametrize("is_read", [True, False])
def test_the_end_of_the_supervisor_is_seen(*, is_read: bool) -> None:
    """A socket that is closed with a sign of life unread in it is reset, and not at its end."""
    ours, theirs = socket.socketpair()
    with theirs:
        receiver = subprocess.Popen([sys.executable, "-c", _RECEIVER], stdin=theirs, stdout=theirs)
    with ours:
        assert select.select([ours], [], [], 60)[0]
        assert not is_read or ours.recv(4_096) == READY
    assert receiver.wait(60) == 0
