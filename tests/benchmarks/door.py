"""What the door alone costs: one process with a session for each client and a handler that answers at once.

    python tests/benchmarks/door.py [--size 2000] [--count 20000] [--profile]

Prints the CPU of the serving process for each mail (MAIL, RCPT, DATA, content and reply; the client waits for every
reply) and mails a second, over loopback.
"""

import argparse
import asyncio
import cProfile
import ipaddress
import multiprocessing
import os
import pstats
import signal
import socket
import time
from pathlib import Path
from typing import cast

import uvloop

from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.reply import Reply
from dlp_gateway.smtp.listener import Door, ListenerOptions, listen

_SESSIONS = 8
_TAKEN = Reply(code=250, enhanced="2.0.0", text="Ok")


class Taker:
    """A handler that takes everything at once and keeps nothing."""

    async def handle(self, _envelope: Envelope, _content: bytes) -> Reply:
        """Take it."""
        return _TAKEN

    async def abandoned(self, _envelope: Envelope, _content: bytes) -> None:
        """Nobody asks."""

    async def heard(self, _envelope: Envelope, _content: bytes) -> None:
        """Nobody asks."""

    async def unanswered(self, _envelope: Envelope, _content: bytes, _reply: Reply, *, written: bool) -> None:
        """Nobody asks."""


class Client(asyncio.Protocol):
    """Sends mails one after the other; every reply is one line, but for that to EHLO."""

    left = 0

    def __init__(self, message: bytes) -> None:
        self._commands = (b"MAIL FROM:<ada@corp.example>\r\n", b"RCPT TO:<bob@example.net>\r\n", b"DATA\r\n", message)
        self._next = -2
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the greeting."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Say what comes next."""
        if not data.startswith((b"2", b"3")):
            self.done.set_exception(RuntimeError(repr(data)))
        self._next = (self._next + 1) % 4 if self._next >= 0 else self._next + 1
        if self._next < 0:
            self._transport.write(b"EHLO client.example\r\n")
            return
        if self._next == 0:
            if Client.left <= 0:
                self._transport.write(b"QUIT\r\n")
                self.done.set_result(None)
                return
            Client.left -= 1
        self._transport.write(self._commands[self._next])


async def serve(sock: socket.socket) -> None:
    """Serve until the process is ended."""
    options = ListenerOptions(hostname="gateway.example", networks=(ipaddress.ip_network("127.0.0.0/8"),))
    await listen(Door(options, Taker()), sock)
    await asyncio.sleep(3600)


def served(sock: socket.socket, *, profile: bool) -> None:
    """Run the serving process; with `profile`, print where its time went when it is interrupted."""
    if not profile:
        uvloop.run(serve(sock))
    profiler = cProfile.Profile()
    try:
        profiler.runcall(asyncio.run, serve(sock))
    except KeyboardInterrupt:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(45)


async def load(port: int, message: bytes, count: int) -> float:
    """Return the seconds that `count` mails took."""
    Client.left = count
    begun = time.perf_counter()
    loop = asyncio.get_running_loop()
    clients = [(await loop.create_connection(lambda: Client(message), "127.0.0.1", port))[1] for _ in range(_SESSIONS)]
    await asyncio.gather(*(client.done for client in clients))
    return time.perf_counter() - begun


def cpu(pid: int) -> float:
    """Return the CPU seconds of a process with one thread (its schedstat counts nanoseconds)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description="What the door alone costs.")
    parser.add_argument("--size", type=int, default=2_000, help="octets of a mail")
    parser.add_argument("--count", type=int, default=20_000, help="mails")
    parser.add_argument("--profile", action="store_true", help="show where the time goes (under asyncio)")
    options = parser.parse_args()
    line = b"x" * 74 + b"\r\n"
    message = b"Subject: hello\r\n\r\n" + line * (options.size // len(line)) + b".\r\n"
    sock = socket.create_server(("127.0.0.1", 0))
    server = multiprocessing.get_context("fork").Process(
        target=served, args=(sock,), kwargs={"profile": options.profile}
    )
    server.start()
    pid = cast("int", server.pid)
    try:
        uvloop.run(load(sock.getsockname()[1], message, min(500, options.count)))  # warm up
        begun = cpu(pid)
        seconds = uvloop.run(load(sock.getsockname()[1], message, options.count))
        spent = (cpu(pid) - begun) / options.count * 1e6
        peak = Path(f"/proc/{pid}/status").read_text(encoding="ascii").partition("VmHWM:")[2].split()[0]
        print(
            f"{options.size} octets: {spent:.0f} µs CPU a mail, {options.count / seconds:.0f} mails/s, "
            f"{int(peak) // 1024} MB at the most"
        )
    finally:
        if options.profile:
            os.kill(pid, signal.SIGINT)
            server.join(10)
        server.kill()
        server.join()


if __name__ == "__main__":
    main()
