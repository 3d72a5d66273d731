"""A load client: so many mails over so many kept sessions, one after the other in each; the latency of every mail.

Written as a bare protocol, so that client and next server leave the two cores to what is measured.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

_ENVELOPE = (b"MAIL FROM:<ada@corp.example>\r\n", b"RCPT TO:<bob@example.net>\r\n", b"DATA\r\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a run took: seconds in all, and the latency of each mail.

    It counts from MAIL to the final reply; in a paced run from when the mail was due, so that nothing that kept the
    client waiting is left out.
    """

    seconds: float
    latencies: tuple[float, ...]

    def percentile(self, share: float) -> float:
        """Return the latency in milliseconds below which this share of the mails stayed."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


@dataclass(slots=True, kw_only=True)
class _Run:
    """What the sessions of a run share: the numbers of the mails that are left, and when it began."""

    messages: tuple[bytes, ...]
    numbers: Iterator[int]
    rate: float
    begun: float
    latencies: list[float]

    def due(self, number: int) -> float:
        return self.begun + number / self.rate if self.rate else time.perf_counter()


class _Session(asyncio.Protocol):
    """One session: each reply leads to the next command; `done` ends with it, or with what went wrong."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[None] = self._loop.create_future()
        self._input = b""
        self._step = -2  # the greeting, EHLO, then the places of a transaction
        self._number = 0
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._input += data
        if not self._input.endswith(b"\r\n"):
            return
        last = self._input[self._input.rfind(b"\n", 0, -1) + 1 :]
        if last[3:4] == b"-":
            return
        self._input = b""
        self._replied(last)

    def _replied(self, line: bytes) -> None:
        expected = {-2: b"220", 2: b"354"}.get(self._step, b"250")
        if not line.startswith(expected):
            self._end(RuntimeError(f"{line!r} instead of {expected!r}"))
            return
        if self._step == -2:
            self._transport.write(b"EHLO client.example\r\n")
        elif self._step in {-1, 3}:
            if self._step == 3:
                self._run.latencies.append(time.perf_counter() - self._due)
            self._next_mail()
            return
        elif self._step == 2:
            identity = b"Message-ID: <%d.%d@corp.example>\r\n" % (time.time_ns(), self._number)
            message = self._run.messages[self._number % len(self._run.messages)]
            self._transport.write(identity + message + b".\r\n")
        else:
            self._transport.write(_ENVELOPE[self._step + 1])
        self._step += 1

    def _next_mail(self) -> None:
        number = next(self._run.numbers, None)
        if number is None:
            self._transport.write(b"QUIT\r\n")
            self._end(None)
            return
        self._number, self._step, self._due = number, 0, self._run.due(number)
        early = self._due - time.perf_counter()
        if early > 0:
            self._loop.call_later(early, self._transport.write, _ENVELOPE[0])
        else:
            self._transport.write(_ENVELOPE[0])

    def _end(self, error: Exception | None) -> None:
        self._transport.close()
        if not self.done.done():
            self.done.set_exception(error) if error else self.done.set_result(None)

    def connection_lost(self, _error: Exception | None) -> None:
        self._end(RuntimeError("the connection was closed"))


async def load(port: int, message: bytes | tuple[bytes, ...], count: int, sessions: int, *, rate: float = 0) -> Load:
    """Send `message` `count` times to 127.0.0.1:`port`; raises if a reply is not as it should be.

    Several are sent in turns. With a `rate`, so many mails are due a second, however long each takes.
    """
    begun = time.perf_counter()
    messages = (message,) if isinstance(message, bytes) else message
    run = _Run(messages=messages, numbers=iter(range(count)), rate=rate, begun=begun, latencies=[])
    connected = [
        await asyncio.get_running_loop().create_connection(lambda: _Session(run), "127.0.0.1", port)
        for _ in range(min(sessions, count))
    ]
    try:
        await asyncio.gather(*(session.done for _transport, session in connected))
    finally:
        for transport, _session in connected:
            transport.close()
    return Load(seconds=time.perf_counter() - begun, latencies=tuple(run.latencies))


async def count(port: int) -> int:
    """Return how many mails the sink at `port` has taken."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readline()
    writer.write(b"VRFY all\r\n")
    answer = await reader.readline()
    writer.close()
    return int(answer.split()[1])
