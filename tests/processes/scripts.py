"""Programs of a line or two that stand where a receiver would, as the supervisor sees it."""

import asyncio
import os
import socket
import sys

from dlp_gateway.inspection.fork_server import Forked


async def forked(*arguments: str) -> Forked:
    """Run Python with `arguments`: a process of ours whose standard input and output are one socket."""
    ours, theirs = socket.socketpair()
    with theirs:
        actions = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), number) for number in (0, 1)]
        pid = os.posix_spawn(sys.executable, [sys.executable, *arguments], os.environ, file_actions=actions)  # noqa: ASYNC221
    process = Forked(pid, os.pidfd_open(pid))
    process.output, process.input = await asyncio.open_unix_connection(sock=ours)
    return process
