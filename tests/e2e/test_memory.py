"""How much memory one hostile connection takes from the whole gateway, all its processes together."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.client import Client
from tests.e2e.conftest import Launch
from tests.e2e.gateway import Gateway
from tests.e2e.next_mta import NextMta

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

#: What one connection may take, in MB.
MOST: Final = 96

HEAD: Final = b"From: ada@corp.example\r\nTo: bob@example.org\r\nSubject: hello\r\n"
MB: Final = 1 << 20


def _many(unit: bytes, octets: int) -> bytes:
    return unit * (octets // len(unit))


def _nested(depth: int) -> bytes:
    parts = (b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (one, one) for one in range(depth))
    return b"".join(parts)


_FILE: Final = b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
_QUOTED: Final = b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"

#: What others have fallen over: lines of DATA that become an object each, headers that are parsed in quadratic time,
#: nesting that exhausts the stack.
MESSAGES: Final[dict[str, Callable[[], bytes]]] = {
    "empty lines": lambda: HEAD + b"\r\n" + _many(b"\r\n", 8 * MB),
    "dots": lambda: HEAD + b"\r\n" + _many(b"..\r\n", 8 * MB),
    "short lines": lambda: HEAD + b"\r\n" + _many(b"a\r\n", 8 * MB),
    "one line": lambda: HEAD + b"\r\n" + b"a" * (8 * MB),
    "a line without end": lambda: b"a" * (96 * MB),
    "fields": lambda: _many(b"X: y\r\n", 4 * MB) + HEAD + b"\r\ntext",
    "one folded field": lambda: b"X: y\r\n" + _many(b" y\r\n", 8 * MB) + HEAD + b"\r\ntext",
    "one long field": lambda: b"X: " + b"y" * (8 * MB) + b"\r\n" + HEAD + b"\r\ntext",
    "addresses": lambda: b"Cc: " + _many(b"a@b.example,\r\n ", 5 * MB) + b"c@d.example\r\n" + HEAD + b"\r\ntext",
    "commas": lambda: b"Cc: " + b"," * (2 * MB) + b"\r\n" + HEAD + b"\r\ntext",
    "semicolons": lambda: b"Content-Type: text/plain" + b";" * (2 * MB) + b"\r\n" + HEAD + b"\r\ntext",
    "encoded words": lambda: b"Comments: " + _many(b"=?utf-8?q?a?=\r\n ", 4 * MB) + b"x\r\n" + HEAD + b"\r\ntext",
    "comments": lambda: b"Cc: " + b"(" * MB + b"\r\n" + HEAD + b"\r\ntext",
    "nested multiparts": lambda: HEAD + _nested(3000),
    "nested messages": lambda: HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 3000,
    "a large attachment": lambda: HEAD + _FILE + base64.encodebytes(bytes(range(256)) * 90_000).replace(b"\n", b"\r\n"),
    "a large text": lambda: HEAD + b"\r\n" + _many(b"words and 1234567\r\n", 30 * MB),
    "escapes": lambda: HEAD + _QUOTED + _many(b"=C3=BC=C3=A4=31=32=33\r\n", 30 * MB),
    "a table of one row": lambda: HEAD + b"Content-Type: text/csv\r\n\r\n" + _many(b"ssn,", 10 * MB),
    "deep XML": lambda: HEAD + b"Content-Type: application/xml\r\n\r\n" + _many(b"<a>", 10 * MB),
    "an element of attributes": lambda: (
        HEAD
        + b"Content-Type: application/xml\r\n\r\n<a"
        + b"".join(b' b%d="c"' % one for one in range(700_000))
        + b"/>"
    ),
    "boundaries": lambda: HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + _many(b"--b\r\n", 8 * MB),
}

#: Lines that are said by the hundred thousand, with replies that are not read.
LINES: Final = (b"NOOP\r\n", b"RCPT TO:<bob@example.org>\r\n", b"BDAT 1\r\nx", b"\r\n", b"RSET\r\n", b"EHLO x\r\n")


class Watch:
    """The greatest sum of what the processes of a gateway took, in MB, each shared page counted once."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.most = self.first = self.now()

    def now(self) -> float:
        """Return the sum now (proc_pid_smaps(5): the proportional set size)."""
        found = 0
        for process in self._gateway.processes():
            with contextlib.suppress(OSError):  # it ended meanwhile
                lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
                found += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return found / 1024

    async def run(self) -> None:
        """Look again and again."""
        while True:
            self.most = max(self.most, await asyncio.to_thread(self.now))
            await asyncio.sleep(0.02)


@asynccontextmanager
async def watched(gateway: Gateway) -> AsyncIterator[Watch]:
    """Watch what a gateway takes while something is done to it."""
    watch = Watch(gateway)
    watching = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        watch.most = max(watch.most, await asyncio.to_thread(watch.now))
        watching.cancel()


async def _begun(port: int) -> Client:
    client = Client(port)
    await client.__aenter__()
    await client.command("EHLO client.example")
    await client.command("MAIL FROM:<ada@corp.example>")
    await client.command("RCPT TO:<bob@example.org>")
    return client


async def _sent(port: int, content: bytes) -> str:
    client = await _begun(port)
    await client.command("DATA")
    client.write(content + b"\r\n.\r\n")
    reply = await client.reply()
    client.abort()
    return reply


async def test_one_hostile_message_takes_little(gateway: Launch, next_mta: NextMta) -> None:
    """Of each sort: it gets an answer, and no more than a bound of memory."""
    running = await gateway(next_mta.port)
    for _ in range(3):  # what is taken once and for all, in each process
        await _sent(running.port, HEAD + b"\r\n" + b"hello\r\n" * 40_000)
    taken: dict[str, float] = {}
    for name, content in MESSAGES.items():
        async with watched(running) as watch:
            reply = await _sent(running.port, content())
        taken[name] = watch.most - watch.first
        assert reply[:3] in {"250", "552", "554"}, name
    assert {name: round(most) for name, most in taken.items() if most > MOST} == {}


async def test_one_hostile_dialogue_takes_little(gateway: Launch, next_mta: NextMta) -> None:
    """A client that says the same for ever and reads nothing is not listened to any more, or cut off."""
    running = await gateway(next_mta.port)
    taken: dict[bytes, float] = {}
    for line in LINES:
        client = await _begun(running.port)
        async with watched(running) as watch:
            client._reader._transport.pause_reading()  # type: ignore[attr-defined]
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(2):
                    for _ in range(200):
                        client.write(line * 10_000)
                        await client._writer.drain()
        client.abort()
        taken[line] = watch.most - watch.first
    assert {line: round(most) for line, most in taken.items() if most > MOST} == {}
    async with Client(running.port) as other:
        assert (await other.command("NOOP"))[:3] == "250"
