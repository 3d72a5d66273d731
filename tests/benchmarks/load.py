"""A load client: so many mails over so many kept sessions, one after the other in each; the latency of every mail."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

_ENVELOPE = (b"MAIL FROM:<ada@corp.example>\r\n", b"RCPT TO:<bob@example.net>\r\n", b"DATA\r\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a run took: seconds in all, and from MAIL to the final reply for each mail."""

    seconds: float
    latencies: tuple[float, ...]


async def load(port: int, message: bytes, count: int, sessions: int) -> Load:
    """Send `message` `count` times to 127.0.0.1:`port`; raises if a reply is not as it should be."""
    numbers = iter(range(count))
    latencies: list[float] = []
    begun = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(min(sessions, count)):
            tasks.create_task(_session(port, message, numbers, latencies))
    return Load(seconds=time.perf_counter() - begun, latencies=tuple(latencies))


async def _session(port: int, message: bytes, numbers: Iterator[int], latencies: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await _expect(reader, b"220")
    writer.write(b"EHLO client.example\r\n")
    await _expect(reader, b"250")
    for number in numbers:
        begun = time.perf_counter()
        for command, code in zip(_ENVELOPE, (b"250", b"250", b"354"), strict=True):
            writer.write(command)
            await _expect(reader, code)
        identity = b"Message-ID: <%d.%d@corp.example>\r\n" % (time.time_ns(), number)
        writer.write(identity + message + b".\r\n")
        await _expect(reader, b"250")
        latencies.append(time.perf_counter() - begun)
    writer.write(b"QUIT\r\n")
    writer.close()


async def _expect(reader: asyncio.StreamReader, code: bytes) -> None:
    line = await reader.readline()
    while line[3:4] == b"-":
        line = await reader.readline()
    if not line.startswith(code):
        raise RuntimeError(f"{line!r} instead of {code!r}")


async def count(port: int) -> int:
    """Return how many mails the sink at `port` has taken."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readline()
    writer.write(b"VRFY all\r\n")
    answer = await reader.readline()
    writer.close()
    return int(answer.split()[1])
