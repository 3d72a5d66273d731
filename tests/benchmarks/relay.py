"""The plain relay to compare with: aiosmtpd in, a pool of aiosmtplib clients out, nothing inspected.

`relay.py PORT NEXT_PORT PROCESSES`; the processes share the port (SO_REUSEPORT) and run on uvloop.
"""

import asyncio
import os
import signal
import sys

import aiosmtplib
import uvloop
from aiosmtpd.smtp import SMTP, Envelope, Session

_POOL = 20  # as the gateway's smarthost.connections


class Relay:
    """aiosmtpd's handler: hands each mail to a pooled client before it answers."""

    def __init__(self, next_port: int) -> None:
        self._next_port = next_port
        self._idle: list[aiosmtplib.SMTP] = []
        self._places = asyncio.Semaphore(_POOL)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Relay and answer."""
        async with self._places:
            client = self._idle.pop() if self._idle else await self._connect()
            await client.sendmail(envelope.mail_from or "", envelope.rcpt_tos, envelope.content or b"")
            self._idle.append(client)
        return "250 2.0.0 Ok"

    async def _connect(self) -> aiosmtplib.SMTP:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=self._next_port, start_tls=False, use_tls=False)
        await client.connect()
        return client


async def main(port: int, next_port: int) -> None:
    """Serve until SIGTERM."""
    loop = asyncio.get_running_loop()
    relay = Relay(next_port)
    await loop.create_server(
        lambda: SMTP(relay, data_size_limit=100_000_000, hostname="relay.example", loop=loop),
        "127.0.0.1",
        port,
        reuse_port=True,
        backlog=512,
    )
    stopping = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    await stopping.wait()


if __name__ == "__main__":
    for _ in range(int(sys.argv[3]) - 1):
        if os.fork() == 0:
            break
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
